import dataclasses
import pickle
import shutil
from collections import Counter

import numpy as np
import pytest

from lightning_ouro.errors import BadSceneError
from lightning_ouro.scenes.readers.base import Found
from lightning_ouro.scenes.readers.scannet.annotation import COMPLETE, NYU40
from lightning_ouro.scenes.readers.scannet.reader import ScanNetReader
from lightning_ouro.scenes.room_kinds import absent_categories
from lightning_ouro.scenes.types import SceneObject
from tests.scenes.readers.film import absent, clearly, film, mesh_of, same_box, there
from tests.scenes.readers.read_scannet import FULL_SIZE, scene_of
from tests.scenes.readers.write_scannet import (
    SCAN,
    TEXT,
    raw_poses,
    write_exported,
    write_masks,
    write_posed,
    write_rooms,
    write_scan,
    write_sens,
)

LAYOUTS = ("masks", "sens", "exported", "exported masks", "posed", "posed without depth")


@pytest.fixture(scope="module")
def filmed():
    return film()


def write_layout(root, filmed, layout):
    folder = write_scan(root, filmed)
    if layout in ("masks", "sens"):
        write_sens(folder, filmed)
    if layout.startswith("exported"):
        write_exported(folder, filmed)
    if layout.startswith("posed"):
        write_posed(root, filmed, depth=layout == "posed")
    if layout.endswith("masks"):
        write_masks(folder, filmed)
    return folder


@pytest.fixture(scope="module", params=LAYOUTS)
def read(request, filmed, tmp_path_factory):
    """The name of a layout, and the scene and video read from it."""
    root = tmp_path_factory.mktemp("scannet")
    write_layout(root, filmed, request.param)
    scene = scene_of(root)
    return request.param, scene, scene.footage.load(scene, FULL_SIZE)


def test_objects_come_back(read, filmed):
    _, scene, _ = read
    assert (scene.id, scene.source, scene.floor, scene.benchmarks) == (SCAN, "scannet", None, ())
    assert [item.category for item in scene.objects] == [item.category for item in filmed.scene.objects]
    assert [item.id for item in scene.objects] == list(range(len(scene.objects)))
    for item, truth in zip(scene.objects, filmed.scene.objects, strict=True):
        assert same_box(item, truth, 1e-4)
        assert np.linalg.det(item.rotation) == pytest.approx(1)
    assert there(scene) == dict(Counter(item.category for item in filmed.scene.objects))
    assert absent(scene) == absent_categories(COMPLETE - NYU40, there(scene))
    # Without the table of labels it is unknown that a "coffee table" is a table, so tables cannot be counted.
    nyu40 = {"bed", "chair", "sofa", "table", "window", "bookshelf", "counter", "refrigerator"}
    assert scene.complete == scene.counts.keys() - nyu40
    assert scene.floor_area == pytest.approx(filmed.scene.floor_area, rel=0.03)


def test_cameras_come_back(read, filmed):
    _, _, video = read
    np.testing.assert_allclose(video.views.poses, filmed.poses, atol=1e-5)
    np.testing.assert_allclose(
        video.views.intrinsics, np.broadcast_to(filmed.intrinsics, (6, 3, 3)), atol=1e-4
    )


def test_frames_come_back(read, filmed):
    _, _, video = read
    assert video.frames.shape == filmed.rgb.shape
    assert np.abs(video.frames.astype(int) - filmed.rgb).mean(axis=(1, 2, 3)).max() < 2


def test_times_come_back(read, filmed):
    layout, _, video = read
    truth = filmed.times if layout in ("masks", "sens") else np.arange(6) / 30
    np.testing.assert_allclose(video.views.timestamps, truth, atol=1e-6)


def test_visibility_comes_back(read, filmed):
    layout, _, video = read
    shares, truth = video.views.visibility, filmed.shares
    is_clear, large = clearly(truth), truth >= 0.006
    assert ((shares >= 0.003) == (truth >= 0.003))[is_clear].all()
    np.testing.assert_allclose(shares[large], truth[large], rtol=0.1 if layout.endswith("masks") else 0.25)


def test_reader_and_scene_can_be_sent_to_other_processes(root):
    reader = pickle.loads(pickle.dumps(ScanNetReader(boxes="minimal")))
    scene = pickle.loads(pickle.dumps(reader.read(reader.find(root)[0])))
    assert len(scene.footage.load(scene, FULL_SIZE).frames) == 3


def test_a_scan_is_found_from_the_root_its_parent_and_its_own_folder(root, monkeypatch):
    folder = root / "scans" / SCAN
    for path in (root, root / "scans", folder):
        assert ScanNetReader().find(path) == [Found(SCAN, folder)]
    for current in (root, root / "scans", folder):
        monkeypatch.chdir(current)
        assert ScanNetReader().find(type(root)()) == [Found(SCAN, folder)]


def test_scans_are_found_in_order_of_names_in_both_folders(tmp_path):
    for name in ("scans/scene0011_00", "scans/scene0002_01", "scans_test/scene0707_00", "scans/other_00"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / f"{name.split('/')[1]}.txt").touch()
    locations = ScanNetReader().find(tmp_path)
    assert [location.id for location in locations] == ["scene0002_01", "scene0011_00", "scene0707_00"]


def test_nothing_is_found_in_other_layouts(root, tmp_path):
    shutil.rmtree(root / "scans" / SCAN)
    (root / "scans" / "loop").symlink_to(root)
    (root / "scans" / SCAN).symlink_to(root / "scans" / SCAN)
    for path in (
        root,
        root / "scans",
        root / "posed_images",
        tmp_path / "none",
        root / "posed_images" / SCAN,
    ):
        assert ScanNetReader().find(path) == []
    (tmp_path / "file").touch()
    assert ScanNetReader().find(tmp_path / "file") == []


def test_reading_opens_no_frames(root):
    (root / "scans" / SCAN / f"{SCAN}.sens").write_bytes(b"")
    assert scene_of(root).objects


def test_a_scan_without_an_alignment_stays_in_its_raw_frame(root, small):
    folder = root / "scans" / SCAN
    text = "\n".join(line for line in TEXT.splitlines() if "axisAlignment" not in line)
    (folder / f"{SCAN}.txt").write_text(text)
    scene = scene_of(root)
    np.testing.assert_allclose(scene.footage.load(scene, FULL_SIZE).views.poses, raw_poses(small), atol=1e-5)
    centers = np.array([item.center for item in scene.objects])
    to_raw = raw_poses(small)[0] @ np.linalg.inv(small.poses[0])
    truth = np.array([item.center for item in small.scene.objects]) @ to_raw[:3, :3].T + to_raw[:3, 3]
    np.testing.assert_allclose(centers, truth, atol=1e-4)


def test_minimal_boxes_tilt_with_the_object(tmp_path, small):
    lean, yaw = np.deg2rad([25.0, 50.0])
    about_x = np.array([[1, 0, 0], [0, np.cos(lean), -np.sin(lean)], [0, np.sin(lean), np.cos(lean)]])
    about_z = np.array([[np.cos(yaw), -np.sin(yaw), 0], [np.sin(yaw), np.cos(yaw), 0], [0, 0, 1]])
    truth = SceneObject(0, "chair", np.array([0.5, 0.2, 0.9]), np.array([0.6, 0.3, 1.1]), about_z @ about_x)
    points, owners = mesh_of(dataclasses.replace(small.scene, objects=(truth,)))
    write_rooms(tmp_path / "scans" / SCAN, points, owners, ["chair"])
    write_posed(tmp_path, small)
    assert same_box(scene_of(tmp_path, boxes="minimal").objects[0], truth, 1e-4)
    upright = scene_of(tmp_path).objects[0]
    assert upright.rotation[:, 2].tolist() == [0, 0, 1] and upright.size.prod() > 1.2 * truth.size.prod()


def test_a_scan_of_the_test_set_has_no_annotation_and_is_refused(root):
    (root / "scans" / SCAN / f"{SCAN}.aggregation.json").unlink()
    (root / "scans").rename(root / "scans_test")
    with pytest.raises(BadSceneError, match=rf"{SCAN}\.aggregation\.json: cannot be read \(No such file"):
        scene_of(root)
