"""What boxes should fill of frames, compared with what the renderer draws, and by rays that are followed in small steps."""

import numpy as np
import pytest

from lightning_ouro.programs.expected_shares import expected_shares
from lightning_ouro.programs.occlusion import Occluders
from lightning_ouro.programs.scene_geometry import scene_geometry
from lightning_ouro.scenes.synthetic.procedural import procedural_scene
from lightning_ouro.scenes.synthetic.walks import rendered_walk
from lightning_ouro.scenes.types import FrameBudget, Views

INTRINSICS = np.array([[40, 0, 64], [0, 40, 48], [0, 0, 1]], float)
SIZE = (96, 128)


@pytest.mark.parametrize("index", range(661_000, 661_006))
def test_rendered_boxes_fill_what_they_should(index):
    scene = procedural_scene(index)
    rendering, views = rendered_walk(scene, FrameBudget(height=192, width=256))
    expected = scene_geometry(scene, views).pictures.expected
    for frame, ids in enumerate(rendering.ids):
        for obj in scene.objects:
            filled = (ids == obj.id).mean()
            assert expected[frame, obj.id] <= filled * 1.15 + 0.001
            if not any(
                np.allclose(obj.center, other.center, atol=1.5) for other in scene.objects if other is not obj
            ):
                assert expected[frame, obj.id] == pytest.approx(filled, rel=0.15, abs=0.002)


def boxes_of(*given):
    centers, sizes = (np.array(column, float) for column in zip(*given, strict=True))
    return centers, sizes, np.tile(np.eye(3), (len(centers), 1, 1))


def alone(views, boxes, walls=None, ground=None):
    return expected_shares(views, SIZE, Occluders(*boxes, walls, ground))[0]


@pytest.fixture
def view():
    """A camera above the origin, 1.5 m up, that looks along y."""
    pose = np.eye(4)
    pose[:3] = np.array([(1, 0, 0, 0), (0, 0, 1, 0), (0, -1, 0, 1.5)])
    return Views(np.zeros(1), INTRINSICS[None], pose[None], np.zeros((1, 0), np.float32), SIZE)


FRONT = ((0, 4, 1.5), (2, 0.4, 2))


def test_a_box_ahead_fills_its_nearest_face(view):
    (share,) = alone(view, boxes_of(FRONT))
    assert share == pytest.approx((40 * 2 / 3.8) ** 2 / (96 * 128), rel=0.15)


def test_neither_behind_another_box_nor_with_one_in_it_is_a_box_expected(view):
    before, within, after = (((0, y, 1.5), (4, 0.36, 4)) for y in (2, 4, 8))
    for other, share in ((before, 0), (within, 0), (after, 0.036)):
        assert alone(view, boxes_of(FRONT, other))[0] == pytest.approx(share, abs=0.005)


def test_nothing_is_expected_behind_the_camera_beyond_walls_or_below_the_floor(view):
    box, square = boxes_of(FRONT), np.array([(-5, -5), (5, -5), (5, 3), (-5, 3)], float)
    assert alone(view, boxes_of(((0, -4, 1.5), (1, 0.4, 1))))[0] == 0
    assert alone(view, box, square)[0] == 0 and alone(view, box, square + 1)[0] > 0.005
    assert alone(view, box, ground=2.5)[0] > 0.005  # a camera below the floor tells nothing of it
    assert alone(view, boxes_of(((0, 4, -1.5), (1, 0.4, 1))), ground=0.0)[0] == 0


def test_a_box_around_the_camera_is_not_expected_nor_is_what_is_behind_its_walls(view):
    assert alone(view, boxes_of(FRONT, ((0, 0, 1.5), (2, 2, 2)))).tolist() == [0, 0]


def test_a_box_that_reaches_behind_the_camera_fills_what_is_ahead_of_it(view):
    (share,) = alone(view, boxes_of(((0, 0, 0), (100, 100, 1))))
    assert share == pytest.approx((48 - 40 / 50) / 96, rel=0.05)
