import numpy as np
import pytest

from lightning_ouro.scenes.contact_sheet import colour_of, contact_sheet, floor_plan, projected_edges
from lightning_ouro.scenes.synthetic.procedural import procedural_scene
from lightning_ouro.scenes.types import FrameBudget


@pytest.fixture(scope="module")
def scene():
    return procedural_scene(4)


@pytest.fixture(scope="module")
def video(scene):
    return scene.footage.load(scene, FrameBudget(4, 192, 256))


def test_edges_connect_the_corners_that_a_pinhole_projects(scene, video):
    pose, intrinsics = video.views.poses[0], video.views.intrinsics[0]
    corners = scene.objects[video.views.visibility[0].argmax()].corners()
    edges = projected_edges(corners, intrinsics, pose)
    # By the textbook: world to camera, then pinhole.
    in_camera = np.c_[corners, np.ones(8)] @ np.linalg.inv(pose).T
    projected = in_camera[:, :3] @ intrinsics.T
    expected = projected[:, :2] / projected[:, 2:]
    assert len(edges) == 12
    ends = np.concatenate(edges)
    assert np.linalg.norm(ends[:, None] - expected, axis=-1).min(axis=1).max() < 1e-6


def test_edges_behind_the_camera_are_dropped_and_crossing_ones_clipped():
    pose, camera = np.eye(4), np.diag([100.0, 100, 1])
    cube = np.array(list(np.ndindex(2, 2, 2)), float) - 0.5
    assert projected_edges(cube - np.array([0, 0, 5]), camera, pose) == []
    crossing = projected_edges(cube * np.array([1, 1, 4]), camera, pose)
    assert len(crossing) == 8 and np.isfinite(np.concatenate(crossing)).all()


def test_the_sheet_shows_the_frames_and_a_plan_with_every_category(scene, video):
    sheet = np.asarray(contact_sheet(scene, video, 900))
    assert sheet.ndim == 3 and 880 <= sheet.shape[1] <= 1200
    np.testing.assert_array_equal(sheet[22 + 4, 200:250], video.frames[0][4, 200:250])  # below the title
    plan = np.asarray(floor_plan(scene, video, 400, 400)).reshape(-1, 3)
    for category in {item.category for item in scene.objects}:
        assert (plan == colour_of(category)).all(axis=1).any(), category
