import dataclasses
import json
import pickle
import shutil
from collections import Counter

import numpy as np
import pytest

from lightning_ouro.errors import BadSceneError
from lightning_ouro.scenes.readers.base import Found
from lightning_ouro.scenes.readers.scannet.reader import ScanNetReader
from lightning_ouro.scenes.types import SceneObject
from tests.scenes.readers.film import clearly, film, mesh_of, same_box
from tests.scenes.readers.read_scannet import WHOLE, scene_of
from tests.scenes.readers.write_scannet import (
    LABELS,
    SCAN,
    TEXT,
    group,
    raw_poses,
    write_everything,
    write_exported,
    write_groups,
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


@pytest.fixture(scope="module")
def small():
    return film(frames=3, height=60, width=80)


def lay_out(root, filmed, layout):
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
    """Layout, scene and video."""
    root = tmp_path_factory.mktemp("scannet")
    lay_out(root, filmed, request.param)
    scene = scene_of(root)
    return request.param, scene, scene.footage.load(scene, WHOLE)


@pytest.fixture(scope="module")
def good(small, tmp_path_factory):
    return write_everything(tmp_path_factory.mktemp("good"), small)


@pytest.fixture
def root(good, tmp_path):
    return shutil.copytree(good, tmp_path / "scannet")


def test_objects_come_back(read, filmed):
    _, scene, _ = read
    assert (scene.id, scene.source, scene.floor, scene.benchmarks) == (SCAN, "scannet", None, ())
    assert [thing.category for thing in scene.objects] == [thing.category for thing in filmed.scene.objects]
    assert [thing.id for thing in scene.objects] == list(range(len(scene.objects)))
    for found, true in zip(scene.objects, filmed.scene.objects, strict=True):
        assert same_box(found, true, 1e-4)
        assert np.linalg.det(found.rotation) == pytest.approx(1)
    assert scene.counts == dict(Counter(thing.category for thing in filmed.scene.objects))
    # Without the table of labels nothing says that a "coffee table" is a table, so tables can't be counted.
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
    true = filmed.times if layout in ("masks", "sens") else np.arange(6) / 30
    np.testing.assert_allclose(video.views.timestamps, true, atol=1e-6)


def test_what_frames_show_comes_back(read, filmed):
    layout, _, video = read
    found, true = video.views.visibility, filmed.shares
    sure, large = clearly(true), true >= 0.006
    assert ((found >= 0.003) == (true >= 0.003))[sure].all()
    np.testing.assert_allclose(found[large], true[large], rtol=0.1 if layout.endswith("masks") else 0.25)


def test_reader_and_scene_go_to_other_processes(root):
    reader = pickle.loads(pickle.dumps(ScanNetReader(boxes="minimal")))
    scene = pickle.loads(pickle.dumps(reader.read(reader.find(root)[0])))
    assert len(scene.footage.load(scene, WHOLE).frames) == 3


# Where scans are found.


def test_found_from_the_root_the_folder_of_scans_and_the_scan(root, monkeypatch):
    folder = root / "scans" / SCAN
    for path in (root, root / "scans", folder):
        assert ScanNetReader().find(path) == [Found(SCAN, folder)]
    for inside in (root, root / "scans", folder):
        monkeypatch.chdir(inside)
        assert ScanNetReader().find(type(root)()) == [Found(SCAN, folder)]


def test_found_in_order_of_names_in_both_folders(tmp_path):
    for name in ("scans/scene0011_00", "scans/scene0002_01", "scans_test/scene0707_00", "scans/other_00"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / f"{name.split('/')[1]}.txt").touch()
    found = ScanNetReader().find(tmp_path)
    assert [one.id for one in found] == ["scene0002_01", "scene0011_00", "scene0707_00"]


def test_nothing_is_found_where_nothing_is_laid_out_so(root, tmp_path):
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


# Annotation.


def test_scan_without_an_alignment_stays_as_it_is(root, small):
    folder = root / "scans" / SCAN
    text = "\n".join(line for line in TEXT.splitlines() if "axisAlignment" not in line)
    (folder / f"{SCAN}.txt").write_text(text)
    scene = scene_of(root)
    np.testing.assert_allclose(scene.footage.load(scene, WHOLE).views.poses, raw_poses(small), atol=1e-5)
    centers = np.array([thing.center for thing in scene.objects])
    turned = raw_poses(small)[0] @ np.linalg.inv(small.poses[0])
    true = np.array([thing.center for thing in small.scene.objects]) @ turned[:3, :3].T + turned[:3, 3]
    np.testing.assert_allclose(centers, true, atol=1e-4)


@pytest.mark.parametrize("where", [".", "scans"])
def test_labels_become_nyu40_classes_by_name(tmp_path, small, where):
    labels = [
        "coffee table",
        "desk",
        "mini fridge",
        "stack of chairs",
        "cabinets",
        "trash can",
        "closet",
        "doors",
    ]
    labels += ["book", "Sofa-Chair"]
    write_posed(tmp_path, small)
    write_scan(tmp_path, small, labels=labels)
    plain = [thing.category for thing in scene_of(tmp_path).objects]
    known = ["cabinet", "trash bin", "closet", "door", "book", "sofa chair"]
    assert plain == ["coffee table", "table", "mini fridge", "stack of chairs", *known]
    (tmp_path / where / "scannetv2-labels.combined.tsv").write_text(LABELS)
    scene = scene_of(tmp_path)
    named = [thing.category for thing in scene.objects]
    assert named == ["table", "table", "refrigerator", "chair", *known]
    assert scene.counts["table"] == 2
    assert scene.complete == {"table", "refrigerator", "chair", "trash bin", "closet", "door"}


def test_labels_that_name_nothing_are_no_objects(tmp_path, small):
    labels = [
        "object",
        "wall",
        "x" * 5000,
        "стол",
        "家具 " * 40,
        "",
        "remove",
        "unknown",
        "\u202echair\u0000",
        "bed ",
    ]
    write_posed(tmp_path, small)
    write_scan(tmp_path, small, labels=labels)
    assert [thing.category for thing in scene_of(tmp_path).objects] == ["стол", "bed"]


def test_aggregation_of_the_other_mesh_is_not_used(root):
    folder = root / "scans" / SCAN
    other = folder / f"{SCAN}_vh_clean.aggregation.json"
    other.write_text(json.dumps({"segGroups": [], "segmentsFile": f"scannet.{SCAN}_vh_clean.segs.json"}))
    assert scene_of(root).objects
    shutil.move(other, folder / f"{SCAN}.aggregation.json")
    with pytest.raises(BadSceneError, match=r"aggregation\.json: segmentsFile is .*_vh_clean\.segs\.json"):
        scene_of(root)
    (folder / f"{SCAN}.aggregation.json").rename(other)
    with pytest.raises(BadSceneError, match=rf"{SCAN}\.aggregation\.json: cannot be read"):
        scene_of(root)


def test_objects_listed_twice_are_one(tmp_path, small):
    folder = write_scan(tmp_path, small)
    write_posed(tmp_path, small)
    groups = json.loads((folder / f"{SCAN}.aggregation.json").read_text())["segGroups"]
    once = scene_of(tmp_path)
    again = [group(50 + place, one["label"], one["segments"]) for place, one in enumerate(groups)]
    write_groups(folder, [*groups, *again])
    twice = scene_of(tmp_path)
    assert len(twice.objects) == len(once.objects) and twice.counts == once.counts


def test_groups_of_few_vertices_or_foreign_segments_are_dropped(tmp_path, small):
    points, owners = mesh_of(small.scene)
    owners = owners.copy()
    owners[np.flatnonzero(owners == 4)[3:]] = -1
    folder = write_rooms(
        tmp_path / "scans" / SCAN, points, owners, [thing.category for thing in small.scene.objects]
    )
    write_posed(tmp_path, small)
    groups = json.loads((folder / f"{SCAN}.aggregation.json").read_text())["segGroups"]
    groups[1]["segments"].append(999_999)
    write_groups(folder, [*groups, group(77, "chair", [])])
    kept = [thing for thing in small.scene.objects if thing.id not in (1, 4)]
    found = scene_of(tmp_path).objects
    assert [thing.category for thing in found] == [thing.category for thing in kept]
    assert all(same_box(*pair, 1e-4) for pair in zip(found, kept, strict=True))


def test_minimal_boxes_tilt_with_the_object(tmp_path, small):
    lean, yaw = np.deg2rad([25.0, 50.0])
    about_x = np.array([[1, 0, 0], [0, np.cos(lean), -np.sin(lean)], [0, np.sin(lean), np.cos(lean)]])
    about_z = np.array([[np.cos(yaw), -np.sin(yaw), 0], [np.sin(yaw), np.cos(yaw), 0], [0, 0, 1]])
    true = SceneObject(0, "chair", np.array([0.5, 0.2, 0.9]), np.array([0.6, 0.3, 1.1]), about_z @ about_x)
    points, owners = mesh_of(dataclasses.replace(small.scene, objects=(true,)))
    write_rooms(tmp_path / "scans" / SCAN, points, owners, ["chair"])
    write_posed(tmp_path, small)
    assert same_box(scene_of(tmp_path, boxes="minimal").objects[0], true, 1e-4)
    upright = scene_of(tmp_path).objects[0]
    assert upright.rotation[:, 2].tolist() == [0, 0, 1] and upright.size.prod() > 1.2 * true.size.prod()


def test_scan_of_the_test_set_has_no_annotation_and_says_so(root):
    (root / "scans" / SCAN / f"{SCAN}.aggregation.json").unlink()
    (root / "scans").rename(root / "scans_test")
    with pytest.raises(BadSceneError, match=rf"{SCAN}\.aggregation\.json: cannot be read \(No such file"):
        scene_of(root)
