import dataclasses
import json
import os
import pickle
import shutil
import struct
import zipfile
import zlib
from collections import Counter

import numpy as np
import pytest

from lightning_ouro.errors import InputError
from lightning_ouro.scenes.readers.base import BadSceneError, Found
from lightning_ouro.scenes.readers.scannet import ScanNetReader
from lightning_ouro.scenes.types import FrameBudget, SceneObject
from tests.scenes.readers.film import clearly, film, mesh_of, same_box
from tests.scenes.readers.write_scannet import (
    LABELS,
    SCAN,
    TEXT,
    group,
    jpeg,
    millimetres,
    png,
    raw_poses,
    segments_of,
    write_exported,
    write_groups,
    write_masks,
    write_matrix,
    write_ply,
    write_posed,
    write_rooms,
    write_scan,
    write_sens,
)

WHOLE = FrameBudget(6, 240, 320, token=16)
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
    """A root with one small scan in every layout at once, to be copied and broken."""
    root = tmp_path_factory.mktemp("good")
    folder = write_scan(root, small)
    write_sens(folder, small)
    write_masks(folder, small)
    write_exported(folder, small)
    write_posed(root, small)
    return root


@pytest.fixture
def root(good, tmp_path):
    return shutil.copytree(good, tmp_path / "scannet")


def scene_of(root, **options):
    reader = ScanNetReader(**options)
    (found,) = reader.find(root)
    return reader.read(found)


def video_of(root, frames=WHOLE):
    scene = scene_of(root)
    return scene.footage.load(scene, frames)


def test_objects_come_back(read, filmed):
    _, scene, _ = read
    assert (scene.id, scene.source, scene.floor, scene.benchmarks) == (SCAN, "scannet", None, ())
    assert [thing.category for thing in scene.objects] == [thing.category for thing in filmed.scene.objects]
    assert [thing.id for thing in scene.objects] == list(range(len(scene.objects)))
    for found, true in zip(scene.objects, filmed.scene.objects, strict=True):
        assert same_box(found, true, 1e-4)
        assert np.linalg.det(found.rotation) == pytest.approx(1)
    assert scene.counts == dict(Counter(thing.category for thing in filmed.scene.objects))
    assert scene.complete == set(scene.counts)
    assert scene.floor_area == pytest.approx(filmed.scene.floor_area, rel=0.03)


def test_cameras_come_back(read, filmed):
    _, _, video = read
    np.testing.assert_allclose(video.views.poses, filmed.poses, atol=1e-5)
    np.testing.assert_allclose(video.views.intrinsics, np.broadcast_to(filmed.intrinsics, (6, 3, 3)), atol=1e-4)


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
    for path in (root, root / "scans", root / "posed_images", tmp_path / "none", root / "posed_images" / SCAN):
        assert ScanNetReader().find(path) == []
    (tmp_path / "file").touch()
    assert ScanNetReader().find(tmp_path / "file") == []


def test_reading_opens_no_frames(root):
    (root / "scans" / SCAN / f"{SCAN}.sens").write_bytes(b"")
    assert scene_of(root).objects


# Which frames.


def test_sens_wins_over_exported_frames_and_these_over_posed_images(root, small):
    folder = root / "scans" / SCAN
    shutil.rmtree(folder / "color")
    write_exported(folder, small, numbers=[0, 3, 6])
    assert video_of(root).views.timestamps[1] == pytest.approx(small.times[1])
    (folder / f"{SCAN}.sens").unlink()
    assert video_of(root).views.timestamps[1] == pytest.approx(3 / 30)
    shutil.rmtree(folder / "color")
    assert video_of(root).views.timestamps[1] == pytest.approx(1 / 30)


def test_lost_frames_are_left_out_and_time_starts_at_the_first_image(root, small):
    poses = raw_poses(small)
    poses[0] = -np.inf
    folder = root / "scans" / SCAN
    write_sens(folder, small, poses=poses)
    write_exported(folder, small, poses=poses)
    found = video_of(root).views
    np.testing.assert_allclose(found.timestamps, small.times[1:], atol=1e-6)
    np.testing.assert_allclose(found.poses, small.poses[1:], atol=1e-5)
    assert "-inf" in (folder / "pose" / "0.txt").read_text()
    (folder / f"{SCAN}.sens").unlink()
    found = video_of(root).views
    np.testing.assert_allclose(found.timestamps, [1 / 30, 2 / 30])
    np.testing.assert_allclose(found.poses, small.poses[1:], atol=1e-5)


@pytest.mark.parametrize("bad", [np.zeros((4, 4)), np.diag([2.0, 2, 2, 1]), np.diag([1.0, 1, -1, 1]), np.ones((4, 4))])
def test_frames_whose_pose_deforms_are_left_out(root, small, bad):
    poses = raw_poses(small)
    poses[1] = bad
    write_sens(root / "scans" / SCAN, small, poses=poses)
    np.testing.assert_allclose(video_of(root).views.poses, small.poses[[0, 2]], atol=1e-5)


def test_poses_that_are_rounded_are_kept(root, small):
    write_sens(root / "scans" / SCAN, small, poses=raw_poses(small).round(3))
    assert len(video_of(root).frames) == 3


def test_frames_without_colour_are_left_out_and_time_starts_at_the_first_with(root, small):
    whole = (jpeg(small.rgb[0]), zlib.compress(millimetres(small.depth[0]).tobytes()))
    write_sens(root / "scans" / SCAN, small, payloads=[(b"", b""), whole, (whole[0], b"")])
    views = video_of(root).views
    np.testing.assert_allclose(views.timestamps, [0, small.times[2] - small.times[1]], atol=1e-6)
    np.testing.assert_allclose(views.poses, small.poses[1:], atol=1e-5)


def test_of_frames_taken_at_the_same_time_the_first_is_kept(root, small):
    write_sens(root / "scans" / SCAN, small, stamps=[1_000_000, 1_000_000, 3_000_000])
    np.testing.assert_allclose(video_of(root).views.timestamps, [0, 2])


def test_sensors_that_write_no_times_count_frames_at_30_hz(root, small):
    write_sens(root / "scans" / SCAN, small, stamps=[0, 0, 0])
    np.testing.assert_allclose(video_of(root).views.timestamps, [0, 1 / 30, 2 / 30])


@pytest.mark.parametrize("numbers", [[9, 10, 100], [99_998, 99_999, 100_000], [0, 2, 1000]])
def test_unpadded_names_are_numbers(root, small, numbers):
    folder = root / "scans" / SCAN
    for name in ("color", "depth", "pose"):
        shutil.rmtree(folder / name)
    (folder / f"{SCAN}.sens").unlink()
    write_exported(folder, small, numbers=numbers)
    found = video_of(root).views
    np.testing.assert_allclose(found.timestamps, (np.array(numbers) - numbers[0]) / 30)
    np.testing.assert_allclose(found.poses, small.poses, atol=1e-5)


def test_padded_names_are_numbers_and_other_files_are_not_looked_at(tmp_path, small):
    write_scan(tmp_path, small)
    folder = write_posed(tmp_path, small, numbers=[0, 10, 12345])
    (folder / "depth_intrinsic.txt").write_text("no matrix")
    (folder / "notes.jpg").write_text("no image")
    np.testing.assert_allclose(video_of(tmp_path).views.timestamps, [0, 10 / 30, 12345 / 30])


def test_images_without_a_pose_file_are_left_out(root, small):
    folder = root / "scans" / SCAN
    (folder / f"{SCAN}.sens").unlink()
    (folder / "pose" / "1.txt").unlink()
    (folder / "depth" / "2.png").unlink()
    np.testing.assert_allclose(video_of(root).views.poses, small.poses[[0, 2]], atol=1e-5)


@pytest.mark.parametrize("own", [False, True])
def test_colour_may_have_been_made_smaller_with_the_intrinsics_or_without(root, small, own):
    folder = root / "scans" / SCAN
    (folder / f"{SCAN}.sens").unlink()
    (folder / f"{SCAN}.txt").write_text(TEXT.replace("= 240", "= 60").replace("= 320", "= 80"))
    write_exported(folder, small, shrink=2)
    if own:
        matrix = np.eye(4)
        matrix[:3, :3] = np.diag([0.5, 0.5, 1]) @ small.intrinsics
        matrix[:2, 2] -= 0.5
        write_matrix(folder / "intrinsic" / "intrinsic_color.txt", matrix)
    found = video_of(root, FrameBudget(3, 30, 40, token=10))
    assert found.frames.shape == (3, 30, 40, 3)
    np.testing.assert_allclose(found.views.intrinsics[0], np.diag([0.5, 0.5, 1]) @ small.intrinsics, atol=1e-4)


# Masks.


def test_masks_are_values_less_one_and_the_filtered_ones_are_preferred(tmp_path, filmed):
    folder = write_scan(tmp_path, filmed)
    write_sens(folder, filmed)
    number = len(filmed.scene.objects)
    write_masks(folder, filmed, filtered=False)
    np.testing.assert_allclose(video_of(tmp_path).views.visibility, filmed.shares, rtol=1e-6)
    write_masks(folder, filmed, changed={"instance-filt/0.png": png(np.full((24, 32), number, np.uint8))})
    shares = video_of(tmp_path).views.visibility
    assert shares[0].tolist() == [0] * (number - 1) + [1]
    np.testing.assert_allclose(shares[1:], filmed.shares[1:], rtol=1e-6)


def test_masks_follow_the_objects_where_groups_are_dropped_or_listed_twice(tmp_path, filmed):
    folder = write_scan(tmp_path, filmed)
    write_sens(folder, filmed)
    write_masks(folder, filmed)
    path = folder / f"{SCAN}.aggregation.json"
    groups = json.loads(path.read_text())["segGroups"]
    groups[0]["label"] = "wall"
    groups[2]["segments"].append(123_456)
    twice = group(90, groups[3]["label"], groups[3]["segments"])
    write_groups(folder, [*groups, twice])
    mask = png(np.full((24, 32), 91, np.uint8))
    write_masks(folder, filmed, changed={"instance-filt/5.png": mask})
    scene = scene_of(tmp_path)
    kept = [place for place in range(len(filmed.scene.objects)) if place not in (0, 2)]
    assert len(scene.objects) == len(kept)
    shares = scene.footage.load(scene, WHOLE).views.visibility
    np.testing.assert_allclose(shares[:5], filmed.shares[:5][:, kept], rtol=1e-6)
    assert shares[5].tolist() == [float(place == 3) for place in kept]


def test_frames_without_a_mask_go_by_depth(root, small):
    write_masks(root / "scans" / SCAN, small, numbers=[100, 101, 102])
    without = video_of(root).views.visibility
    (root / "scans" / SCAN / f"{SCAN}_2d-instance-filt.zip").unlink()
    assert (without == video_of(root).views.visibility).all()


def test_masks_are_not_joined_with_posed_images_whose_numbers_may_be_new(root, small):
    folder = root / "scans" / SCAN
    (folder / f"{SCAN}.sens").unlink()
    shutil.rmtree(folder / "color")
    full = png(np.full((9, 9), 1, np.uint8))
    write_masks(folder, small, changed={f"instance-filt/{frame}.png": full for frame in range(3)})
    assert video_of(root).views.visibility[:, 0].max() < 1


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
    labels = ["coffee table", "desk", "mini fridge", "stack of chairs", "cabinets", "trash can", "closet", "doors"]
    labels += ["book", "Sofa-Chair"]
    write_posed(tmp_path, small)
    write_scan(tmp_path, small, labels=labels)
    plain = [thing.category for thing in scene_of(tmp_path).objects]
    assert plain == ["coffee table", "table", "mini fridge", *labels[3:5], "trash bin", *labels[6:9], "sofa chair"]
    (tmp_path / where / "scannetv2-labels.combined.tsv").write_text(LABELS)
    scene = scene_of(tmp_path)
    named = [thing.category for thing in scene.objects]
    assert named == ["table", "table", "refrigerator", "chair", "cabinets", "trash bin", *labels[6:9], "sofa chair"]
    assert scene.counts["table"] == 2
    assert scene.complete == {"table", "refrigerator", "chair", "trash bin", "closet"}


def test_labels_that_name_nothing_are_no_objects(tmp_path, small):
    labels = ["object", "wall", "x" * 5000, "стол", "家具 " * 40, "", "remove", "unknown", "\u202echair\u0000", "bed "]
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
    folder = write_rooms(tmp_path / "scans" / SCAN, points, owners, [thing.category for thing in small.scene.objects])
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
    with pytest.raises(ValueError, match="boxes='tight' must be one of upright, minimal"):
        ScanNetReader(boxes="tight")


def test_scan_of_the_test_set_has_no_annotation_and_says_so(root):
    (root / "scans" / SCAN / f"{SCAN}.aggregation.json").unlink()
    (root / "scans").rename(root / "scans_test")
    with pytest.raises(BadSceneError, match=rf"{SCAN}\.aggregation\.json: cannot be read \(No such file"):
        scene_of(root)


# Ways to break a scene. Each changes one file below the scan's folder.


def replaced(ending, change):
    def broken(folder):
        path = folder / f"{SCAN}{ending}"
        content = path.read_bytes()
        path.unlink()
        result = change(content)
        if result is not None:
            path.write_bytes(result)

    return broken


def as_folder(ending):
    def broken(folder):
        (folder / f"{SCAN}{ending}").unlink()
        (folder / f"{SCAN}{ending}").mkdir()

    return broken


def edited(ending, **fields):
    return replaced(ending, lambda content: json.dumps({**json.loads(content), **fields}).encode())


def grouped(**fields):
    return edited(AGG, segGroups=[group(0, "chair", [5]) | fields])


def aligned(value):
    return replaced(".txt", lambda _: f"axisAlignment = {value}\n".encode())


def flat_mesh(folder):
    points, owners = np.zeros((50, 3)), np.zeros(50, int)
    points[:, 0] = np.linspace(0, 3, 50)
    write_ply(folder / f"{SCAN}{PLY}", points)
    (folder / f"{SCAN}{SEGS}").write_text(json.dumps({"segIndices": segments_of(points, owners).tolist()}))
    write_groups(folder, [group(0, "chair", np.unique(segments_of(points, owners)))])


def many_objects(folder):
    path = folder / f"{SCAN}{AGG}"
    segments = json.loads(path.read_text())["segGroups"][0]["segments"]
    words = [f"{chr(97 + place % 26)}{chr(97 + place // 26)}" for place in range(300)]
    write_groups(folder, [group(place, word, segments) for place, word in enumerate(words)])


def no_frames(folder):
    (folder / f"{SCAN}.sens").unlink()
    shutil.rmtree(folder / "pose")
    shutil.rmtree(folder.parent.parent / "posed_images")


AGG, PLY, SEGS = ".aggregation.json", "_vh_clean_2.ply", "_vh_clean_2.0.010000.segs.json"
TSV = "scannetv2-labels.combined.tsv"
BROKEN = {
    "text missing": (replaced(".txt", lambda _: None), ".txt"),
    "text empty": (replaced(".txt", lambda _: b""), ".txt"),
    "text is a page": (replaced(".txt", lambda _: b"<html><a href='x'>gone</a></html>"), ".txt"),
    "text is no text": (replaced(".txt", lambda _: b"a = \xff\xfe"), ".txt"),
    "text is a folder": (as_folder(".txt"), ".txt"),
    "alignment is words": (aligned("a b c"), "axisAlignment is 'a b c'"),
    "alignment is short": (aligned("1 0 0 0 0 1 0 0 0 0 1 0"), "axisAlignment"),
    "alignment is not finite": (aligned(" ".join(["nan"] * 16)), "axisAlignment"),
    "alignment mirrors": (aligned("1 0 0 0 0 1 0 0 0 0 -1 0 0 0 0 1"), "axisAlignment"),
    "alignment by columns": (aligned("1 0 0 0 0 1 0 0 0 0 1 0 2 3 4 1"), "axisAlignment"),
    "colour size": (replaced(".txt", lambda _: b"colorWidth = wide\ncolorHeight = 3"), "colorWidth"),
    "mesh missing": (replaced(PLY, lambda _: None), PLY),
    "mesh cut off": (replaced(PLY, lambda content: content[:5000]), PLY),
    "mesh is no mesh": (replaced(PLY, lambda _: b"solid"), PLY),
    "mesh is a folder": (as_folder(PLY), PLY),
    "mesh of giga vertices": (replaced(PLY, lambda content: content.replace(b"vertex ", b"vertex 99999")), PLY),
    "mesh is flat": (flat_mesh, f"{PLY}: seen from above it has no area"),
    "segments missing": (replaced(SEGS, lambda _: None), SEGS),
    "segments cut off": (replaced(SEGS, lambda content: content[:700]), SEGS),
    "segments of another mesh": (edited(SEGS, segIndices=[1, 2, 3]), "segIndices is 3 numbers, expected one for each"),
    "segments are none": (edited(SEGS, segIndices=None), "segIndices is missing"),
    "segments are a list": (replaced(SEGS, lambda _: b"[]"), "segIndices"),
    "segments are words": (
        replaced(SEGS, lambda content: content.replace(b"[", b'["x", ', 1).rsplit(b",", 1)[0] + b"]}"),
        "segIndices has 'x'",
    ),
    "objects missing": (replaced(AGG, lambda _: None), AGG),
    "objects empty": (replaced(AGG, lambda _: b""), AGG),
    "objects nested": (replaced(AGG, lambda _: b"[" * 100_000), AGG),
    "objects are none": (edited(AGG, segGroups=[]), "holds no object"),
    "objects are a word": (edited(AGG, segGroups="all"), "segGroups is 'all'"),
    "objects are all walls": (grouped(label="wall"), "holds no object"),
    "object is a number": (edited(AGG, segGroups=[3]), "segGroups 0 is 3"),
    "object without id": (grouped(objectId=None), "objectId is missing"),
    "object with a huge id": (grouped(objectId=10**40), "objectId"),
    "object with a truth for id": (grouped(objectId=True), "objectId is True"),
    "object without label": (grouped(label=7), "label is 7"),
    "object with text for segments": (grouped(segments=["5"]), "segments is"),
    "object with parts of segments": (grouped(segments=[5.5]), "segments is"),
    "ids twice": (edited(AGG, segGroups=[group(4, "a", [5]), group(4, "b", [5])]), "objectId 4 2 times"),
    "too many objects": (many_objects, "holds 300 objects"),
    "labels are another table": (lambda folder: (folder.parent / TSV).write_text("id\tname\n1\tchair\n"), TSV),
    "labels empty": (lambda folder: (folder.parent / TSV).write_text(""), TSV),
    "labels are a folder": (lambda folder: (folder.parent / TSV).mkdir(), TSV),
    "no frames": (no_frames, "has no frames"),
}


@pytest.mark.parametrize("way", BROKEN)
def test_broken_scene_is_told_in_one_line(root, way):
    broken, message = BROKEN[way]
    broken(root / "scans" / SCAN)
    with pytest.raises(BadSceneError) as problem:
        scene_of(root)
    assert message in str(problem.value) and "\n" not in str(problem.value) and len(str(problem.value)) < 600


def sens_part(start, end):
    return replaced(".sens", lambda content: content[start:end])


def patched(offset, values):
    def change(content):
        changed = bytearray(content)
        changed[offset : offset + len(values)] = values
        return bytes(changed)

    return replaced(".sens", change)


NAME = 12 + len("StructureSensor")
FRAME = NAME + 256 + 8 + 16 + 4 + 8
SENS_BROKEN = {
    "empty": (sens_part(0, 0), ".sens"),
    "header cut off": (sens_part(0, 100), ".sens"),
    "frame cut off": (sens_part(0, FRAME + 50), ".sens"),
    "payload cut off": (sens_part(0, FRAME + 300), ".sens"),
    "version": (patched(0, b"\x05"), "version is 5"),
    "frames of gigabytes": (patched(FRAME + 80, struct.pack("<Q", 1 << 36)), "68719476736 bytes of colour"),
    "intrinsics are zero": (patched(NAME, bytes(64)), "intrinsics of colour"),
    "intrinsics are not finite": (patched(NAME, struct.pack("<f", np.nan)), "intrinsics of colour"),
    "intrinsics of another size": (patched(NAME + 8, struct.pack("<f", 640.0)), "principal point"),
    "colour is no image": (patched(FRAME + 96, bytes(20)), "frame 0: colour"),
    "a folder": (as_folder(".sens"), ".sens"),
    "masks are no archive": (replaced("_2d-instance-filt.zip", lambda _: b"x"), "_2d-instance-filt.zip"),
    "masks cut off": (replaced("_2d-instance-filt.zip", lambda content: content[:-30]), "_2d-instance-filt.zip"),
    "masks are a folder": (as_folder("_2d-instance-filt.zip"), "_2d-instance-filt.zip"),
    "masks are damaged": (
        replaced("_2d-instance-filt.zip", lambda content: content[:90] + bytes(60) + content[150:]),
        "_2d-instance-filt.zip",
    ),
}


def told(root, message):
    scene = scene_of(root)
    with pytest.raises(InputError, match=f"^scene {SCAN}: ") as problem:
        scene.footage.load(scene, WHOLE)
    assert message in str(problem.value) and "\n" not in str(problem.value) and len(str(problem.value)) < 600


@pytest.mark.parametrize("way", SENS_BROKEN)
def test_broken_sens_or_masks_are_told_in_one_line(root, way):
    broken, message = SENS_BROKEN[way]
    broken(root / "scans" / SCAN)
    told(root, message)


def test_recording_that_was_lost_all_along_is_told(root, small):
    write_sens(root / "scans" / SCAN, small, poses=np.full((3, 4, 4), -np.inf))
    told(root, "no frame with a valid pose")


def test_depth_that_unpacks_to_gigabytes_is_told(root, small):
    (root / "scans" / SCAN / f"{SCAN}_2d-instance-filt.zip").unlink()
    packed = zlib.compress(bytes(10_000_000))
    write_sens(root / "scans" / SCAN, small, payloads=[(jpeg(small.rgb[0]), packed)] * 3)
    told(root, "depth has 2401 bytes or more, expected 2400")


@pytest.mark.parametrize(
    "mask", [png(np.zeros((9, 9, 3), np.uint8)), png(np.zeros((9, 9), np.uint16)), b"x", bytes(20_000_000)]
)
def test_masks_of_other_kinds_are_told(root, small, mask):
    write_masks(root / "scans" / SCAN, small, changed={"instance-filt/1.png": mask})
    told(root, "instance-filt/1.png")


def test_masks_packed_in_unknown_ways_are_told(root):
    path = root / "scans" / SCAN / f"{SCAN}_2d-instance-filt.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("0.png", b"x")
    told(root, "packed by method 14")


def wrote(name, content):
    def broken(folder):
        path = folder / name
        path.unlink()
        path.write_bytes(content)

    return broken


def no_images(folder):
    for path in (folder / "color").iterdir():
        path.unlink()


ROWS = "1 0 0 0\n0 1 0 0\n0 0 1 0\n"
EXPORT_BROKEN = {
    "no images": (no_images, "color: holds no image named by a number"),
    "image is none": (wrote("color/0.jpg", b"x"), "color/0.jpg"),
    "image is empty": (wrote("color/1.jpg", b""), "color/1.jpg"),
    "image cut off": (lambda folder: cut(folder / "color/1.jpg", 900), "color/1.jpg"),
    "image of another size": (wrote("color/2.jpg", jpeg(np.zeros((10, 10, 3), np.uint8))), "color/2.jpg"),
    "two images of one number": (lambda folder: shutil.copy(folder / "color/1.jpg", folder / "color/001.jpg"), "1.jpg"),
    "depth is colour": (wrote("depth/1.png", png(np.zeros((9, 9, 3), np.uint8))), "depth/1.png"),
    "depth is 8 bits": (wrote("depth/1.png", png(np.zeros((9, 9), np.uint8))), "depth/1.png"),
    "pose is empty": (wrote("pose/1.txt", b""), "pose/1.txt"),
    "pose is short": (wrote("pose/1.txt", ROWS.encode()), "pose/1.txt"),
    "pose is words": (wrote("pose/1.txt", (ROWS + "a b c d").encode()), "pose/1.txt"),
    "pose in one line": (wrote("pose/1.txt", " ".join(["1"] * 16).encode()), "pose/1.txt"),
    "intrinsics missing": (lambda folder: (folder / "intrinsic/intrinsic_color.txt").unlink(), "intrinsic_color.txt"),
    "intrinsics are not finite": (wrote("intrinsic/intrinsic_color.txt", f"nan 0 0 0\n{ROWS}".encode()), "intrinsic"),
    "intrinsics of another size": (wrote("intrinsic/intrinsic_color.txt", f"{ROWS}0 0 0 1".encode()), "principal"),
}


def cut(path, length):
    path.write_bytes(path.read_bytes()[:length])


@pytest.mark.parametrize("way", EXPORT_BROKEN)
def test_broken_exported_frames_are_told_in_one_line(root, way):
    folder = root / "scans" / SCAN
    (folder / f"{SCAN}.sens").unlink()
    (folder / f"{SCAN}_2d-instance-filt.zip").unlink()
    broken, message = EXPORT_BROKEN[way]
    broken(folder)
    told(root, message)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_scan_without_permission_is_told(root):
    (root / "scans" / SCAN / f"{SCAN}.txt").chmod(0)
    with pytest.raises(BadSceneError, match="Permission denied"):
        scene_of(root)
