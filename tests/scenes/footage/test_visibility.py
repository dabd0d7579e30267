import dataclasses
from functools import partial

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from lightning_ouro.errors import BadSceneError
from lightning_ouro.scenes.footage.recording import UNKNOWN, Recording, Shots
from lightning_ouro.scenes.footage.visibility import PIXELS, by_boxes, by_depth, may_show, visible_shares
from lightning_ouro.scenes.synthetic.walks import RenderedFootage
from lightning_ouro.scenes.types import Scene, SceneObject
from tests.scenes.readers.film import clearly, film

THRESHOLD = 0.003
HEIGHT, WIDTH = 240, 320
SIZE = (HEIGHT, WIDTH)


def scene_of(*boxes, floor_area=16.0):
    """A scene of axis-aligned boxes, each (category, centre, size)."""
    objects = tuple(
        SceneObject(index, category, np.array(center, dtype=float), np.array(size, dtype=float), np.eye(3))
        for index, (category, center, size) in enumerate(boxes)
    )
    return Scene("laid out", "test", objects, {}, frozenset(), floor_area, None, RenderedFootage())


@pytest.fixture(scope="module")
def films():
    return [film(index, 3, HEIGHT, WIDTH) for index in (2, 5, 7, 13)]


def shares_of(ids, num_objects):
    return np.bincount(ids[ids >= 0], minlength=num_objects) / ids.size


def shares_by_depth(seen, change=lambda depth: depth, scene=None):
    """`(T, objects)` shares from a film's depth maps, after changing each map."""
    scene = scene or seen.scene
    ids = [
        by_depth(scene, seen.intrinsics, pose, SIZE, change(depth))
        for pose, depth in zip(seen.poses, seen.depth, strict=True)
    ]
    return np.array([shares_of(frame, len(scene.objects)) for frame in ids])


def shares_by_boxes(seen):
    ids = [by_boxes(seen.scene, seen.intrinsics, pose, SIZE) for pose in seen.poses]
    return np.array([shares_of(frame, len(seen.scene.objects)) for frame in ids])


def assert_close(shares, expected, tolerance):
    """Clear cases are on the right side of the threshold, and large shares within a relative tolerance."""
    clear = clearly(expected, THRESHOLD)
    np.testing.assert_array_equal((shares > THRESHOLD)[clear], (expected > THRESHOLD)[clear])
    large = expected >= 0.006
    assert large.any()
    np.testing.assert_allclose(shares[large], expected[large], rtol=tolerance)


def test_shares_by_depth_are_within_a_quarter_of_the_renderers(films):
    for seen in films:
        assert_close(shares_by_depth(seen), seen.shares, 0.25)  # 16 % measured


def test_shares_by_boxes_are_within_a_tenth_of_the_renderers(films):
    for seen in films:
        assert_close(shares_by_boxes(seen), seen.shares, 0.1)  # 5 % measured, due to fewer pixels


@pytest.mark.parametrize("step", [2, 4])
def test_depth_maps_smaller_than_the_image_are_as_good(films, step):
    for seen in films[:2]:
        shares = shares_by_depth(seen, lambda depth: depth[step // 2 :: step, step // 2 :: step])
        assert_close(shares, seen.shares, 0.25)


def test_depth_maps_larger_than_the_image_are_as_good(films):
    shares = shares_by_depth(films[0], lambda depth: depth.repeat(2, axis=0).repeat(2, axis=1))
    assert_close(shares, films[0].shares, 0.25)


def test_depth_maps_with_1_percent_of_noise_are_as_good(films):
    rng = np.random.default_rng(0)

    def with_noise(depth):
        return depth * rng.normal(1, 0.01, depth.shape).astype(np.float32)

    for seen in films:
        assert_close(shares_by_depth(seen, with_noise), seen.shares, 0.25)  # 19 % measured


def test_depth_maps_with_noise_and_holes_still_tell_seen_from_unseen(films):
    """Pixels without depth show nothing, so shares are lower by as much: by 35 % at most with 20 % of holes."""
    rng = np.random.default_rng(1)

    def with_noise_and_holes(depth):
        holes = rng.random(depth.shape) < 0.2
        return np.where(holes, 0, depth * rng.normal(1, 0.01, depth.shape)).astype(np.float32)

    for seen in films:
        assert_close(shares_by_depth(seen, with_noise_and_holes), seen.shares, 0.4)


def test_unknown_depth_shows_nothing(films):
    for unknown in (0.0, np.nan, np.inf, -np.inf, -1.0):
        assert not shares_by_depth(films[0], partial(np.full_like, fill_value=unknown)).any()


def test_objects_on_top_of_others_are_told_apart():
    scene = scene_of(
        ("bed", (0, 0, 0.25), (2.0, 1.6, 0.5)),
        ("pillow", (-0.7, 0.3, 0.56), (0.45, 0.6, 0.12)),
        ("table", (1.6, 1.2, 0.37), (0.9, 0.9, 0.74)),
        ("monitor", (1.6, 1.3, 0.97), (0.6, 0.2, 0.45)),
        ("keyboard", (1.6, 1.0, 0.755), (0.45, 0.15, 0.03)),
    )
    seen = film(frames=6, height=HEIGHT, width=WIDTH, scene=scene)
    assert (seen.shares > 0.006).any(axis=0).all()
    assert_close(shares_by_depth(seen), seen.shares, 0.25)
    assert_close(shares_by_boxes(seen), seen.shares, 0.1)


def test_of_nested_boxes_the_smaller_one_is_seen():
    pillow = ("pillow", (-0.7, 0.3, 0.56), (0.45, 0.6, 0.12))
    scene = scene_of(("bed", (0, 0, 0.25), (2.0, 1.6, 0.5)), pillow)
    seen = film(frames=4, height=HEIGHT, width=WIDTH, scene=scene)
    annotated = scene_of(("bed", (0, 0, 0.31), (2.0, 1.6, 0.62)), pillow)  # with the bedding
    assert (seen.shares[:, 1] > 0.006).any()
    assert_close(shares_by_depth(seen, scene=annotated), seen.shares, 0.25)


def test_flat_objects_on_the_floor_are_seen_but_not_floor_between_legs():
    top = ("table", (1.2, 1.2, 0.735), (0.8, 0.8, 0.03))
    flat = (("rug", (0, 0, 0.005), (2.0, 1.5, 0.01)), ("scale", (-1.2, -1.0, 0.03), (0.4, 0.4, 0.06)))
    seen = film(frames=6, height=HEIGHT, width=WIDTH, scene=scene_of(*flat, top))
    annotated = scene_of(*flat, ("table", (1.2, 1.2, 0.375), (0.8, 0.8, 0.75)))  # with the legs
    assert (seen.shares > 0.006).any(axis=0).all()
    assert_close(shares_by_depth(seen, scene=annotated), seen.shares, 0.25)


def test_flat_objects_on_an_unannotated_table_are_seen():
    scene = scene_of(
        ("keyboard", (0, 0, 0.76), (0.45, 0.15, 0.02)),
        ("computer mouse", (0.4, 0, 0.765), (0.1, 0.06, 0.03)),
        ("monitor", (0, 0.3, 1.0), (0.6, 0.2, 0.5)),
        floor_area=5.0,
    )
    seen = film(frames=4, height=HEIGHT, width=WIDTH, scene=scene)
    assert (seen.shares[:, 0] > 0.006).any()
    assert_close(shares_by_depth(seen), seen.shares, 0.25)


def test_a_box_around_the_camera_hides_nothing_and_is_not_seen(films):
    seen = films[0]
    objects = seen.scene.objects
    around = SceneObject(len(objects), "closet", seen.poses[0, :3, 3], np.full(3, 0.4), np.eye(3))
    scene = dataclasses.replace(seen.scene, objects=(*objects, around))
    for ids in (
        by_depth(scene, seen.intrinsics, seen.poses[0], SIZE, seen.depth[0]),
        by_boxes(scene, seen.intrinsics, seen.poses[0], SIZE),
    ):
        shares = shares_of(ids, len(scene.objects))[None]
        assert shares[0, -1] == 0
        assert_close(shares[:, :-1], seen.shares[:1], 0.25)


def test_an_object_behind_the_camera_is_not_seen():
    scene = scene_of(("chair", (0, 0, 3.0), (1, 1, 1)), ("sofa", (0, 0, -3.0), (1, 1, 1)))
    pinhole = np.array([[160.0, 0, 160], [0, 160, 120], [0, 0, 1]])
    expected = [64**2 / (HEIGHT * WIDTH), 0]  # 1 m at a distance of 2.5 m has 64 pixels
    ids = by_boxes(scene, pinhole, np.eye(4), SIZE)
    assert set(np.unique(ids)) == {-1, 0}
    np.testing.assert_allclose(shares_of(ids, 2), expected, rtol=0.03)
    ids = by_depth(scene, pinhole, np.eye(4), SIZE, np.full(SIZE, 2.5, dtype=np.float32))
    np.testing.assert_allclose(shares_of(ids, 2), expected, rtol=0.03)


def test_a_rotated_and_translated_scene_has_the_same_shares(films):
    seen = films[1]
    turn, shift = Rotation.from_euler("z", 130, degrees=True).as_matrix(), np.array([12.0, -7.0, 3.0])
    objects = tuple(
        dataclasses.replace(item, center=turn @ item.center + shift, rotation=turn @ item.rotation)
        for item in seen.scene.objects
    )
    poses = seen.poses.copy()
    poses[:, :3, :3] = turn @ seen.poses[:, :3, :3]
    poses[:, :3, 3] = seen.poses[:, :3, 3] @ turn.T + shift
    moved = dataclasses.replace(seen, scene=dataclasses.replace(seen.scene, objects=objects), poses=poses)
    # A ray that grazes a corner may fall on either side: one or two of 19,200 pixels.
    np.testing.assert_allclose(shares_by_depth(moved), shares_by_depth(seen), rtol=0, atol=5 / PIXELS)
    np.testing.assert_allclose(shares_by_boxes(moved), shares_by_boxes(seen), rtol=0, atol=5 / PIXELS)


def test_the_order_and_the_signs_of_a_boxes_axes_do_not_matter(films):
    seen = films[2]
    order, signs = [1, 2, 0], [1, -1, -1]
    objects = tuple(
        dataclasses.replace(item, size=item.size[order], rotation=item.rotation[:, order] * signs)
        for item in seen.scene.objects
    )
    reordered = dataclasses.replace(seen, scene=dataclasses.replace(seen.scene, objects=objects))
    np.testing.assert_allclose(shares_by_depth(reordered), shares_by_depth(seen), rtol=0, atol=5 / PIXELS)


class Filmed(Recording):
    """A film as a recording that has masks, or depth maps, or neither."""

    def __init__(self, seen, masks=None, depths=None):
        intrinsics = np.tile(seen.intrinsics, (len(seen.times), 1, 1))
        self.shots = Shots(seen.times, intrinsics, seen.poses, SIZE)
        self.masks, self.depths = masks, depths

    def images(self, frame_indices):
        raise BadSceneError("the images should not be read")

    def mask(self, frame_index):
        return None if self.masks is None else self.masks[frame_index]

    def depth(self, frame_index):
        return None if self.depths is None else self.depths[frame_index]


def shares_of_recording(seen, recording):
    return np.array(
        [shares.certain for shares in visible_shares(seen.scene, recording, range(len(seen.times)))]
    )


def possible_shares(seen, recording):
    return np.array(
        [shares.possible for shares in visible_shares(seen.scene, recording, range(len(seen.times)))]
    )


def test_an_object_whose_depth_is_unknown_is_possible_but_not_certain(films):
    seen = films[0]
    hidden = int(seen.shares[0].argmax())
    depths = np.where(seen.ids == hidden, np.float32(0), seen.depth)
    recording = Filmed(seen, depths=depths)
    assert not shares_of_recording(seen, recording)[:, hidden].any()
    possible = possible_shares(seen, recording)
    assert (possible[:, hidden] >= 0.95 * seen.shares[:, hidden] - 2 / PIXELS).all()


@pytest.mark.parametrize("unknown", [0.0, np.nan, np.inf, -1.0])
def test_where_no_depth_is_known_all_in_view_is_possible(films, unknown):
    seen = films[0]
    recording = Filmed(seen, depths=np.full_like(seen.depth, unknown))
    assert not shares_of_recording(seen, recording).any()
    assert (possible_shares(seen, recording)[seen.shares > 0] > 0).all()


def test_what_lies_behind_unknown_pixels_is_possible_and_nothing_beside_them():
    places = ((0, 2, 0), (0, 4, 0), (3, 4, 0))
    scene = scene_of(*(("box", place, (1, 1, 1)) for place in places))
    pose = np.eye(4)
    pose[:3, :3] = [[1, 0, 0], [0, 0, 1], [0, -1, 0]]  # looks along y
    pinhole = np.array([[100.0, 0, 80], [0, 100, 60], [0, 0, 1]])
    unknown = np.zeros((120, 160), bool)
    unknown[40:80, 60:100] = True
    front, behind, beside = may_show(scene, pinhole, pose, (120, 160), unknown)
    assert front == pytest.approx(1600 / 19200, rel=0.01)  # its front covers all of them
    assert behind == pytest.approx(28**2 / 19200, rel=0.1) and beside == 0


def test_where_all_is_known_nothing_else_is_possible(films):
    seen = films[0]
    for recording in (Filmed(seen, depths=seen.depth), Filmed(seen, masks=seen.ids), Filmed(seen)):
        certain = shares_of_recording(seen, recording)
        np.testing.assert_array_equal(possible_shares(seen, recording), certain)


def test_pixels_without_a_label_may_show_what_lies_on_their_rays(films):
    seen = films[0]
    hidden = int(seen.shares[0].argmax())
    masks = np.where(seen.ids == hidden, UNKNOWN, seen.ids)
    recording = Filmed(seen, masks=masks)
    assert not shares_of_recording(seen, recording)[:, hidden].any()
    assert (possible_shares(seen, recording)[:, hidden] >= 0.95 * seen.shares[:, hidden] - 2 / PIXELS).all()


def test_a_frame_without_a_depth_map_among_others_shows_nothing_for_certain(films):
    seen = films[0]
    recording = Filmed(seen, depths=[None, *seen.depth[1:]])
    certain, possible = shares_of_recording(seen, recording), possible_shares(seen, recording)
    assert not certain[0].any() and certain[1].any()
    np.testing.assert_allclose(possible[0], shares_by_boxes(seen)[0], atol=1e-7)


@pytest.mark.parametrize("step", [1, 2, 3])
def test_shares_by_masks_of_any_size_are_within_a_tenth_of_the_renderers(films, step):
    for seen in films:
        recording = Filmed(seen, masks=seen.ids[:, step // 2 :: step, step // 2 :: step])
        shares = shares_of_recording(seen, recording)
        assert shares.dtype == np.float32 and shares.shape == seen.shares.shape
        assert_close(shares, seen.shares, 1e-6 if step == 1 else 0.1)


def test_shares_come_from_depth_or_else_from_boxes(films):
    seen = films[3]
    with_depth = shares_of_recording(seen, Filmed(seen, depths=seen.depth))
    np.testing.assert_allclose(with_depth, shares_by_depth(seen), atol=1e-7)
    np.testing.assert_allclose(shares_of_recording(seen, Filmed(seen)), shares_by_boxes(seen), atol=1e-7)


def test_boxes_are_rendered_with_few_pixels_whatever_the_images_size(films):
    seen = films[0]
    scale = np.array([6.0, 6.0, 1.0])
    ids = by_boxes(seen.scene, seen.intrinsics * scale[:, None], seen.poses[0], (6 * HEIGHT, 6 * WIDTH))
    assert ids.size <= PIXELS * 1.02 and ids.dtype == np.int32
    np.testing.assert_array_equal(ids, by_boxes(seen.scene, seen.intrinsics, seen.poses[0], SIZE))
    tall = by_boxes(seen.scene, seen.intrinsics, seen.poses[0], (2000, 3))
    assert tall.shape[1] == 3
