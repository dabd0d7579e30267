import math

import numpy as np
import pytest

from lightning_ouro.scenes.synthetic.renderer import render
from lightning_ouro.scenes.synthetic.types import PaintedBoxes, Room

H, W, FOCAL = 48, 64, 40.0
K = np.array([[FOCAL, 0, W / 2], [0, FOCAL, H / 2], [0, 0, 1.0]])
ROOM = Room(np.array([0, 0, 1.5]), np.array([8.0, 6.0, 3.0]), np.eye(3), (200, 200, 200), (120, 90, 60))


def yawed(angle):
    cos, sin = math.cos(angle), math.sin(angle)
    return np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1.0]])


def camera(position, target):
    forward = np.subtract(target, position) / np.linalg.norm(np.subtract(target, position))
    right = np.cross(forward, [0, 0, 1.0])
    right /= np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3, :3] = np.stack([right, np.cross(forward, right), forward], axis=1)
    pose[:3, 3] = position
    return pose


def boxes(*parts):
    """Boxes, each given as (centre, size, rotation)."""
    centers, sizes, rotations = (np.array(column, dtype=float) for column in zip(*parts, strict=True))
    colours = np.linspace(60, 200, 3 * len(parts)).reshape(-1, 3)
    return PaintedBoxes(centers, sizes, rotations, colours, ("plain",) * len(parts))


def no_boxes():
    empty = np.zeros((0, 3))
    return PaintedBoxes(empty, empty, np.zeros((0, 3, 3)), empty, ())


def draw(painted, pose, room=ROOM):
    return render(painted, room, K[None], pose[None], H, W)


def rays(pose):
    """Directions `(H, W, 3)` in the world with z = 1 in the camera's frame."""
    u, v = np.meshgrid(np.arange(W) + 0.5, np.arange(H) + 0.5)
    return np.stack([(u - W / 2) / FOCAL, (v - H / 2) / FOCAL, np.ones_like(u)], axis=-1) @ pose[:3, :3].T


def outside(points, center, size, rotation):
    """How far points are outside a box along the worst of its axes, metres; negative inside."""
    return (np.abs((points - center) @ rotation) - size / 2).max(-1)


def test_the_floor_has_the_depth_of_its_plane():
    pose = camera([0.3, -0.2, 1.6], [1.5, 0.5, 0.0])
    seen, direction = draw(no_boxes(), pose), rays(pose)
    plane = -1.6 / direction[..., 2]
    points = pose[:3, 3] + plane[..., None] * direction
    on_floor = (plane > 0) & (np.abs(points[..., 0]) < 4) & (np.abs(points[..., 1]) < 3)
    assert on_floor.sum() > 1000
    np.testing.assert_allclose(seen.depth[0][on_floor], plane[on_floor], rtol=1e-5)
    assert (seen.ids == -1).all()


def test_a_wall_straight_ahead_has_one_depth():
    seen = draw(no_boxes(), camera([-1.0, 0, 1.5], [4.0, 0, 1.5]))
    np.testing.assert_allclose(seen.depth[0, 20:28, 20:44], 5.0, rtol=1e-6)


def test_an_axis_aligned_box_covers_the_rectangle_of_its_front_face():
    seen = draw(boxes(([2.0, 0, 1.5], [1.0, 1.0, 0.8], np.eye(3))), camera([-1.0, 0, 1.5], [4.0, 0, 1.5]))
    rows, columns = np.nonzero(seen.ids[0] == 0)
    half_width, half_height = FOCAL * 0.5 / 2.5, FOCAL * 0.4 / 2.5  # front face 2.5 m ahead
    for covered, middle, half in ((columns, W / 2, half_width), (rows, H / 2, half_height)):
        assert [covered.min(), covered.max()] == [np.ceil(middle - half - 0.5), np.floor(middle + half - 0.5)]
    np.testing.assert_allclose(seen.depth[0][rows, columns], 2.5, rtol=1e-6)


def test_a_turned_box_has_the_depth_of_its_two_near_faces():
    painted = boxes(([2.0, 0, 1.5], [1.0, 1.0, 1.0], yawed(math.pi / 4)))
    seen = draw(painted, camera([-1.0, 0, 1.5], [4.0, 0, 1.5]))
    slope = np.abs(np.arange(W) + 0.5 - W / 2) / FOCAL
    # On the faces z = 3 - sqrt(0.5) + |y|, on the ray |y| = slope * z.
    expected = (3 - math.sqrt(0.5)) / (1 - slope)
    hit = seen.ids[0, H // 2] == 0
    assert hit.sum() > 10
    np.testing.assert_allclose(seen.depth[0, H // 2, hit], expected[hit], rtol=1e-5)


def random_part(rng):
    center, size = rng.uniform([-3, -2, 0.3], [3, 2, 2]), rng.uniform(0.1, 1.2, 3)
    return center, size, np.linalg.qr(rng.normal(size=(3, 3)))[0]


@pytest.mark.parametrize("seed", range(15))
def test_rays_hit_no_box_before_their_depth_and_end_on_the_named_box(seed):
    rng = np.random.default_rng(seed)
    parts = [random_part(rng) for _ in range(6)]
    pose = camera(rng.uniform([-2, -2, 1], [2, 2, 2]), [0.1, 0.1, 0.5])
    seen, direction = draw(boxes(*parts), pose), rays(pose)
    steps = np.linspace(0, 1, 60)[:-1, None, None, None] * (seen.depth[0][..., None] - 2e-3)
    for index, (center, size, rotation) in enumerate(parts):
        if outside(pose[:3, 3], center, size, rotation) <= 1e-3:
            assert not (seen.ids == index).any()
            continue
        assert (outside(pose[:3, 3] + steps * direction, center, size, rotation) > -1e-4).all()
        ends = pose[:3, 3] + seen.depth[0][..., None] * direction
        assert (np.abs(outside(ends, center, size, rotation))[seen.ids[0] == index] < 1e-4).all()


def test_the_nearer_box_hides_the_farther_one_in_any_order():
    near, far = ([1.0, 0, 1.5], [0.5, 1, 1], np.eye(3)), ([2.5, 0, 1.5], [0.5, 1, 1], np.eye(3))
    pose = camera([-1.0, 0, 1.5], [4.0, 0, 1.5])
    assert draw(boxes(near, far), pose).ids[0, H // 2, W // 2] == 0
    assert draw(boxes(far, near), pose).ids[0, H // 2, W // 2] == 1
    np.testing.assert_array_equal(draw(boxes(near, far), pose).depth, draw(boxes(far, near), pose).depth)


def test_the_centre_of_a_free_standing_box_projects_onto_its_pixels():
    rng = np.random.default_rng(4)
    for _ in range(20):
        center, rotation = rng.uniform([-3, -2, 0.5], [3, 2, 1.5]), np.linalg.qr(rng.normal(size=(3, 3)))[0]
        pose = camera([-3.5, -2.5, 2.2], center + rng.uniform(-0.3, 0.3, 3))
        z = pose[:3, :3].T @ (center - pose[:3, 3])
        if z[2] < 1:
            continue
        u, v, _ = K @ z / z[2]
        assert draw(boxes((center, [0.5, 0.4, 0.6], rotation)), pose).ids[0, int(v), int(u)] == 0


def test_boxes_around_or_behind_the_camera_are_not_drawn():
    pose = camera([0, 0, 1.5], [4.0, 0, 1.5])
    around, behind = ([0, 0, 1.5], [1, 1, 1], np.eye(3)), ([-2, 0, 1.5], [1, 1, 1], np.eye(3))
    seen = draw(boxes(around, behind), pose)
    assert (seen.ids == -1).all()
    np.testing.assert_array_equal(seen.depth, draw(no_boxes(), pose).depth)


def test_a_box_that_crosses_the_image_plane_is_drawn_where_it_is_in_front():
    seen = draw(boxes(([0.5, 1.5, 1.5], [4.0, 1.0, 1.0], np.eye(3))), camera([0, 0, 1.5], [4.0, 0, 1.5]))
    left = seen.ids[0, H // 2]
    assert left[0] == 0 and left[-1] == -1
    np.testing.assert_allclose(seen.depth[0, H // 2, 0], 1.0 / (31.5 / FOCAL), rtol=1e-5)  # its face y = 1


def test_a_plank_from_ahead_to_behind_the_camera_fills_the_frame_to_its_side():
    # It leaves the view where it is still 0.2 m to the left, though its far end lies behind and to the right.
    plank = ([-0.5, 0.1, 1.5], [math.hypot(3.0, 0.8), 0.02, 1.0], yawed(math.atan2(0.8, 3.0)))
    seen = draw(boxes(plank), camera([0, 0, 1.5], [4.0, 0, 1.5]))
    assert (seen.ids[0, H // 2, :12] == 0).all() and (seen.ids[0, H // 2, 13:] == -1).all()


def test_a_box_outside_the_walls_is_drawn():
    seen = draw(boxes(([4.6, 0, 1.5], [0.4, 1, 1], np.eye(3))), camera([0, 0, 1.5], [4.0, 0, 1.5]))
    assert seen.ids[0, H // 2, W // 2] == 0
    assert seen.depth[0, H // 2, W // 2] == pytest.approx(4.4)
    assert np.isfinite(seen.depth).all() and (seen.depth > 0).all()


def test_faces_of_a_box_differ_in_brightness_and_edges_are_darker():
    painted = boxes(([1.5, 0, 0.6], [1.2, 1.2, 1.2], yawed(0.6)))
    pose = camera([-1.5, 0, 2.2], [1.5, 0, 0.6])
    seen, direction = draw(painted, pose), rays(pose)
    local = (pose[:3, 3] + seen.depth[0][..., None] * direction - painted.centers[0]) @ painted.rotations[0]
    inner = np.sort(np.abs(local), axis=-1)[..., 1] < 0.45
    faces = np.abs(local).argmax(-1)
    hit = seen.ids[0] == 0
    red = seen.rgb[0, ..., 0].astype(int)
    plain = [set(red[hit & inner & (faces == face)]) for face in range(3)]
    assert all(len(values) == 1 for values in plain) and len(set.union(*plain)) == 3
    edge = np.sort(np.abs(local), axis=-1)[..., 1] > 0.595
    assert red[hit & edge].mean() < 0.8 * red[hit & inner].mean()


def test_the_floor_has_tiles_and_a_texture_changes_the_colours():
    pose = camera([-1.5, 0, 2.2], [1.5, 0, 0.6])
    assert len(np.unique(draw(no_boxes(), pose).rgb[0, -1, :, 0])) >= 2
    plain = boxes(([1.5, 0, 0.6], [1.2, 1.2, 1.2], yawed(0.6)))
    dotted = PaintedBoxes(plain.centers, plain.sizes, plain.rotations, plain.colours, ("dots",))
    without, with_dots = draw(plain, pose), draw(dotted, pose)
    changed = (without.rgb != with_dots.rgb).any(-1)
    assert changed.any() and (without.ids[changed] == 0).all()


def test_a_texture_does_not_depend_on_the_order_of_the_boxs_axes():
    plain = boxes(([1.5, 0, 0.6], [1.2, 0.8, 1.0], yawed(0.6)))
    seen = []
    for axes in ([0, 1, 2], [1, 2, 0]):
        painted = PaintedBoxes(
            plain.centers, plain.sizes[:, axes], plain.rotations[:, :, axes], plain.colours, ("stripes",)
        )
        seen.append(draw(painted, camera([-1.5, 0, 2.2], [1.5, 0, 0.6])))
    assert (seen[0].ids != seen[1].ids).mean() < 1e-3
    assert (seen[0].rgb != seen[1].rgb).mean() < 0.02


def test_renderings_are_bit_identical_and_frames_are_independent():
    painted = boxes(([1.5, 0, 0.6], [1.2, 1.2, 1.2], yawed(0.6)), ([0, 1, 0.6], [0.4, 0.4, 1.2], yawed(0.1)))
    poses = np.stack([camera([-1.5, 0, 2.2], [1.5, 0, 0.6]), camera([-1.5, 1, 2.2], [1.5, 0, 0.6])])
    both = [render(painted, ROOM, np.stack([K, K]), poses, H, W) for _ in range(2)]
    alone = draw(painted, poses[1])
    for name in ("rgb", "depth", "ids"):
        np.testing.assert_array_equal(getattr(both[0], name), getattr(both[1], name))
        np.testing.assert_array_equal(getattr(both[0], name)[1], getattr(alone, name)[0])


def test_shapes_and_dtypes_are_as_documented():
    seen = draw(no_boxes(), camera([0, 0, 1.5], [4.0, 0, 1.5]))
    assert seen.rgb.shape == (1, H, W, 3) and seen.rgb.dtype == np.uint8
    assert seen.depth.shape == (1, H, W) and seen.depth.dtype == np.float32
    assert seen.ids.shape == (1, H, W) and seen.ids.dtype == np.int32
