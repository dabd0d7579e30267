"""Two real recordings become plain folders, and their boxes lie where depth was measured."""

import imageio.v3 as iio
import numpy as np
import own_recordings
import pytest

from lightning_ouro.scenes.contact_sheet import contact_sheet
from lightning_ouro.scenes.reading import read_one
from lightning_ouro.scenes.types import FrameBudget

WALK = FrameBudget(32, 96, 128)
FLOOR = -1.54  # height of the office's floor, metres
QUARTER_TURN = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])


@pytest.fixture(scope="module")
def office(shared_data, tmp_path_factory):
    out = tmp_path_factory.mktemp("own") / "office"
    own_recordings.main(["--hololens", str(shared_data / "scenes" / "hololens_office"), "--out", str(out)])
    return read_one(out, None), out


@pytest.fixture(scope="module")
def cabinet(shared_data, tmp_path_factory):
    out = tmp_path_factory.mktemp("own") / "cabinet"
    own_recordings.main(["--tum", str(shared_data / "scenes" / "tum_fr3_cabinet"), "--out", str(out)])
    return read_one(out, None), out


def depth_points(folder, video, unit, camera):
    """The points that the depth maps of a video's frames show, in world coordinates."""
    points = []
    for file, pose in zip(sorted((folder / "depth").iterdir()), video.views.poses, strict=True):
        depth = iio.imread(file)[::8, ::8] * unit
        rows, columns = np.mgrid[: depth.shape[0], : depth.shape[1]] * 8
        x, y = (columns - camera[0][2]) / camera[0][0] * depth, (rows - camera[1][2]) / camera[1][1] * depth
        visible = np.stack([x, y, depth], axis=-1)[depth > 0.2]
        points.append(visible @ pose[:3, :3].T + pose[:3, 3])
    return np.concatenate(points)


def points_inside(item, points):
    offsets = np.abs((points - item.center) @ item.rotation)
    return (offsets <= item.size / 2).all(axis=1).sum()


def test_the_office_boxes_lie_on_measured_points(office, shared_data):
    scene, folder = office
    assert len(scene.objects) == 11 and scene.counts["fruit basket"] == 2 and "plant" not in scene.complete
    video = scene.footage.load(scene, FrameBudget(10_000, 96, 128))
    assert len(video.frames) == 94  # those with depth
    camera = np.loadtxt(shared_data / "scenes" / "hololens_office" / "K.txt")
    points = depth_points(folder, video, 0.001, camera)
    inside = {item.category: points_inside(item, points) for item in scene.objects}
    assert min(inside.values()) > 100, inside
    turned = points @ QUARTER_TURN  # in a wrong world the boxes are empty
    assert sum(points_inside(item, turned) for item in scene.objects) < sum(inside.values()) / 4
    bottoms = {item.category: item.corners()[:, 2].min() for item in scene.objects}
    assert all(abs(bottoms[name] - FLOOR) < 0.05 for name in ("sofa", "round table", "kitchen counter"))
    assert 25 < scene.floor_area < 60


def test_the_walk_shows_every_object_of_the_office(office):
    scene, _ = office
    video = scene.footage.load(scene, WALK)
    assert video.frames.shape == (32, 64, 128, 3)
    assert (video.views.visibility.max(axis=0) > 0.003).all()
    assert video.views.timestamps[0] == 0.1 and video.views.timestamps[-1] == pytest.approx(12.5, abs=0.1)


def test_the_cabinet_has_the_size_that_the_depth_maps_show(cabinet):
    scene, _ = cabinet
    (item,) = scene.objects
    assert sorted(item.size.round(1)) == pytest.approx([0.5, 0.6, 0.8], abs=0.11)
    assert item.corners()[:, 2].min() == pytest.approx(0, abs=0.02)
    video = scene.footage.load(scene, WALK)
    assert np.median(video.views.visibility[:, 0]) > 0.1  # it is what was filmed


def test_both_scenes_can_be_drawn(office, cabinet):
    for scene, _ in (office, cabinet):
        assert contact_sheet(scene, scene.footage.load(scene, FrameBudget(4, 192, 256)), 800).size[0] > 600


def test_a_recording_has_to_be_named(tmp_path):
    with pytest.raises(SystemExit):
        own_recordings.main(["--out", str(tmp_path)])
