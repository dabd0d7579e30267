import dataclasses
from functools import partial

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from lightning_ouro.errors import BadSceneError
from lightning_ouro.scenes.footage.recording import Recording, Shots
from lightning_ouro.scenes.footage.visibility import PIXELS, by_boxes, by_depth, visible_shares
from lightning_ouro.scenes.synthetic.walks import RenderedFootage
from lightning_ouro.scenes.types import Scene, SceneObject
from tests.scenes.readers.film import clearly, film

THRESHOLD = 0.003
HEIGHT, WIDTH = 240, 320
SIZE = (HEIGHT, WIDTH)


def scene_of(*things, floor_area=16.0):
    """A scene of (category, centre, size), boxes along the axes."""
    objects = tuple(
        SceneObject(place, category, np.array(center, dtype=float), np.array(size, dtype=float), np.eye(3))
        for place, (category, center, size) in enumerate(things)
    )
    return Scene("laid out", "test", objects, {}, frozenset(), floor_area, None, RenderedFootage())


@pytest.fixture(scope="module")
def films():
    return [film(index, 3, HEIGHT, WIDTH) for index in (2, 5, 7, 13)]


def shares_of(ids, objects):
    return np.bincount(ids[ids >= 0], minlength=objects) / ids.size


def shares_by_depth(seen, change=lambda depth: depth, scene=None):
    """`(T, objects)` shares from a film's depth maps, each changed before."""
    scene = scene or seen.scene
    ids = [
        by_depth(scene, seen.intrinsics, pose, SIZE, change(depth))
        for pose, depth in zip(seen.poses, seen.depth, strict=True)
    ]
    return np.array([shares_of(shown, len(scene.objects)) for shown in ids])


def shares_by_boxes(seen):
    ids = [by_boxes(seen.scene, seen.intrinsics, pose, SIZE) for pose in seen.poses]
    return np.array([shares_of(shown, len(seen.scene.objects)) for shown in ids])


def compare(true, found, tolerance):
    """Seen and unseen are told apart wherever that is clear, and shares are right to a relative tolerance."""
    clear = clearly(true, THRESHOLD)
    np.testing.assert_array_equal((found > THRESHOLD)[clear], (true > THRESHOLD)[clear])
    large = true >= 0.006
    assert large.any()
    np.testing.assert_allclose(found[large], true[large], rtol=tolerance)


def test_shares_by_depth_are_the_renderers_within_a_quarter(films):
    for seen in films:
        compare(seen.shares, shares_by_depth(seen), 0.25)  # 16 % measured


def test_shares_by_boxes_are_the_renderers_within_a_tenth(films):
    for seen in films:
        compare(seen.shares, shares_by_boxes(seen), 0.1)  # the thinning out: 5 % measured


@pytest.mark.parametrize("step", [2, 4])
def test_depth_of_fewer_pixels_than_the_image_tells_the_same(films, step):
    for seen in films[:2]:
        compare(
            seen.shares,
            shares_by_depth(seen, lambda depth: depth[step // 2 :: step, step // 2 :: step]),
            0.25,
        )


def test_depth_of_more_pixels_than_the_image_tells_the_same(films):
    for seen in films[:1]:
        compare(
            seen.shares, shares_by_depth(seen, lambda depth: depth.repeat(2, axis=0).repeat(2, axis=1)), 0.25
        )


def test_depth_with_1_percent_of_noise_tells_the_same(films):
    rng = np.random.default_rng(0)
    for seen in films:
        noisy = shares_by_depth(
            seen, lambda depth: depth * rng.normal(1, 0.01, depth.shape).astype(np.float32)
        )
        compare(seen.shares, noisy, 0.25)  # 19 % measured


def test_depth_with_noise_and_holes_still_tells_seen_from_unseen(films):
    """Pixels without depth show nothing, so shares are lower by as much: 35 % at most with 20 % of holes."""
    rng = np.random.default_rng(1)

    def spoilt(depth):
        holes = rng.random(depth.shape) < 0.2
        return np.where(holes, 0, depth * rng.normal(1, 0.01, depth.shape)).astype(np.float32)

    for seen in films:
        compare(seen.shares, shares_by_depth(seen, spoilt), 0.4)


def test_depth_that_is_not_finite_shows_nothing(films):
    for nothing in (0.0, np.nan, np.inf, -np.inf, -1.0):
        assert not shares_by_depth(films[0], partial(np.full_like, fill_value=nothing)).any()


def test_things_on_other_things_are_not_those():
    scene = scene_of(
        ("bed", (0, 0, 0.25), (2.0, 1.6, 0.5)),
        ("pillow", (-0.7, 0.3, 0.56), (0.45, 0.6, 0.12)),
        ("table", (1.6, 1.2, 0.37), (0.9, 0.9, 0.74)),
        ("monitor", (1.6, 1.3, 0.97), (0.6, 0.2, 0.45)),
        ("keyboard", (1.6, 1.0, 0.755), (0.45, 0.15, 0.03)),
    )
    seen = film(frames=6, height=HEIGHT, width=WIDTH, scene=scene)
    assert (seen.shares > 0.006).any(axis=0).all()
    compare(seen.shares, shares_by_depth(seen), 0.25)
    compare(seen.shares, shares_by_boxes(seen), 0.1)


def test_where_a_box_holds_another_the_smaller_one_is_seen():
    pillow = ("pillow", (-0.7, 0.3, 0.56), (0.45, 0.6, 0.12))
    seen = film(
        frames=4, height=HEIGHT, width=WIDTH, scene=scene_of(("bed", (0, 0, 0.25), (2.0, 1.6, 0.5)), pillow)
    )
    annotated = scene_of(("bed", (0, 0, 0.31), (2.0, 1.6, 0.62)), pillow)  # bedding and all
    assert (seen.shares[:, 1] > 0.006).any()
    compare(seen.shares, shares_by_depth(seen, scene=annotated), 0.25)


def test_what_lies_flat_on_the_floor_is_seen_and_the_floor_between_legs_is_not():
    top = ("table", (1.2, 1.2, 0.735), (0.8, 0.8, 0.03))
    things = (("rug", (0, 0, 0.005), (2.0, 1.5, 0.01)), ("scale", (-1.2, -1.0, 0.03), (0.4, 0.4, 0.06)), top)
    seen = film(frames=6, height=HEIGHT, width=WIDTH, scene=scene_of(*things))
    annotated = scene_of(*things[:2], ("table", (1.2, 1.2, 0.375), (0.8, 0.8, 0.75)))  # legs and all
    assert (seen.shares > 0.006).any(axis=0).all()
    compare(seen.shares, shares_by_depth(seen, scene=annotated), 0.25)


def test_where_all_things_lie_on_a_table_that_is_not_annotated_flat_ones_are_seen():
    scene = scene_of(
        ("keyboard", (0, 0, 0.76), (0.45, 0.15, 0.02)),
        ("computer mouse", (0.4, 0, 0.765), (0.1, 0.06, 0.03)),
        ("monitor", (0, 0.3, 1.0), (0.6, 0.2, 0.5)),
        floor_area=5.0,
    )
    seen = film(frames=4, height=HEIGHT, width=WIDTH, scene=scene)
    assert (seen.shares[:, 0] > 0.006).any()
    compare(seen.shares, shares_by_depth(seen), 0.25)


def test_a_box_that_holds_the_camera_hides_nothing_and_is_not_seen(films):
    seen = films[0]
    things = seen.scene.objects
    around = SceneObject(len(things), "closet", seen.poses[0, :3, 3], np.full(3, 0.4), np.eye(3))
    scene = dataclasses.replace(seen.scene, objects=(*things, around))
    for shown in (
        by_depth(scene, seen.intrinsics, seen.poses[0], SIZE, seen.depth[0]),
        by_boxes(scene, seen.intrinsics, seen.poses[0], SIZE),
    ):
        found = shares_of(shown, len(scene.objects))[None]
        assert found[0, -1] == 0
        compare(seen.shares[:1], found[:, :-1], 0.25)


def test_a_thing_behind_the_camera_is_not_seen():
    scene = scene_of(("chair", (0, 0, 3.0), (1, 1, 1)), ("sofa", (0, 0, -3.0), (1, 1, 1)))
    pinhole = np.array([[160.0, 0, 160], [0, 160, 120], [0, 0, 1]])
    shown = by_boxes(scene, pinhole, np.eye(4), SIZE)
    assert set(np.unique(shown)) == {-1, 0}
    # 1 m at 2.5 m: 64 pixels a side.
    np.testing.assert_allclose(shares_of(shown, 2)[0], 64**2 / (HEIGHT * WIDTH), rtol=0.03)
    measured = np.full(SIZE, 2.5, dtype=np.float32)
    np.testing.assert_allclose(
        shares_of(by_depth(scene, pinhole, np.eye(4), SIZE, measured), 2),
        [64**2 / (HEIGHT * WIDTH), 0],
        rtol=0.03,
    )


def test_a_scene_turned_and_moved_has_the_same_shares(films):
    seen = films[1]
    turn, shift = Rotation.from_euler("z", 130, degrees=True).as_matrix(), np.array([12.0, -7.0, 3.0])
    moved = tuple(
        dataclasses.replace(thing, center=turn @ thing.center + shift, rotation=turn @ thing.rotation)
        for thing in seen.scene.objects
    )
    poses = seen.poses.copy()
    poses[:, :3, :3] = turn @ seen.poses[:, :3, :3]
    poses[:, :3, 3] = seen.poses[:, :3, 3] @ turn.T + shift
    elsewhere = dataclasses.replace(seen, scene=dataclasses.replace(seen.scene, objects=moved), poses=poses)
    # A ray that grazes a corner may fall to either side: a pixel or two of 19,200.
    np.testing.assert_allclose(shares_by_depth(elsewhere), shares_by_depth(seen), rtol=0, atol=5 / PIXELS)
    np.testing.assert_allclose(shares_by_boxes(elsewhere), shares_by_boxes(seen), rtol=0, atol=5 / PIXELS)


def test_the_order_of_axes_and_their_handedness_by_two_turned_round_do_not_matter(films):
    seen = films[2]
    other = tuple(
        dataclasses.replace(
            thing, size=thing.size[[1, 2, 0]], rotation=thing.rotation[:, [1, 2, 0]] * [1, -1, -1]
        )
        for thing in seen.scene.objects
    )
    renamed = dataclasses.replace(seen, scene=dataclasses.replace(seen.scene, objects=other))
    np.testing.assert_allclose(shares_by_depth(renamed), shares_by_depth(seen), rtol=0, atol=5 / PIXELS)


class Filmed(Recording):
    """A film as a recording that has masks or depth of some size, or neither."""

    def __init__(self, seen, masks=None, depths=None):
        every = np.tile(seen.intrinsics, (len(seen.times), 1, 1))
        self.shots = Shots(seen.times, every, seen.poses, SIZE)
        self.masks, self.depths = masks, depths

    def images(self, places):
        raise BadSceneError("nobody should look at the images")

    def mask(self, place):
        return None if self.masks is None else self.masks[place]

    def depth(self, place):
        return None if self.depths is None else self.depths[place]


@pytest.mark.parametrize("step", [1, 2, 3])
def test_shares_by_masks_of_any_size_are_the_renderers_within_a_tenth(films, step):
    for seen in films:
        recording = Filmed(seen, masks=seen.ids[:, step // 2 :: step, step // 2 :: step])
        found = np.array([visible_shares(seen.scene, recording, place) for place in range(len(seen.times))])
        assert found.dtype == np.float32 and found.shape == seen.shares.shape
        compare(seen.shares, found, 1e-6 if step == 1 else 0.1)


def test_the_shares_of_a_recording_are_those_of_its_depth_or_else_of_its_boxes(films):
    seen = films[3]
    for recording, expected in (
        (Filmed(seen, depths=seen.depth), shares_by_depth(seen)),
        (Filmed(seen), shares_by_boxes(seen)),
    ):
        found = [visible_shares(seen.scene, recording, place) for place in range(len(seen.times))]
        np.testing.assert_allclose(found, expected, atol=1e-7)


def test_boxes_are_looked_at_in_few_pixels_whatever_the_image(films):
    seen = films[0]
    scale = np.array([6.0, 6.0, 1.0])
    shown = by_boxes(seen.scene, seen.intrinsics * scale[:, None], seen.poses[0], (6 * HEIGHT, 6 * WIDTH))
    assert shown.size <= PIXELS * 1.02 and shown.dtype == np.int32
    np.testing.assert_array_equal(shown, by_boxes(seen.scene, seen.intrinsics, seen.poses[0], SIZE))
    tall = by_boxes(seen.scene, seen.intrinsics, seen.poses[0], (2000, 3))
    assert tall.shape[1] == 3
