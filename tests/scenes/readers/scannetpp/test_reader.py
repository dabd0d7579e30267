import json
import os
import pickle
import shutil
from collections import Counter

import numpy as np
import pytest

from lightning_ouro.errors import BadSceneError
from lightning_ouro.scenes.readers.base import Found
from lightning_ouro.scenes.readers.scannetpp.reader import COMPLETE, ScanNetppReader
from tests.scenes.readers.film import same_box
from tests.scenes.readers.write_scannetpp import ID, RAW_LABELS, filmed, segments_of, write_filmed, write_json

TRUE = filmed()[0].scene
READER = ScanNetppReader()
# A real object that SCENES.md quotes (D5).
FAKE_CEILING = {
    "centroid": [6.650374, 1.900442, 3.092642],
    "axesLengths": [3.630031, 0.299188, 1.279091],
    "normalizedAxes": [-0.0011438, -0.99999935, 0, 0, 0, 1, -0.99999935, 0.0011438, 0],
    "min": [6.008753, 0.084696, 2.943048],
    "max": [7.291996, 3.716188, 3.242236],
}


@pytest.fixture(scope="module")
def scene_folder(tmp_path_factory):
    return write_filmed(tmp_path_factory.mktemp("scannetpp"), depth=None)


@pytest.fixture
def folder(scene_folder, tmp_path):
    """A copy of the scene that a test may change, in a root of its own."""
    return shutil.copytree(scene_folder, tmp_path / "data" / ID)


def read(folder):
    return READER.read(Found(ID, folder))


def change_groups(folder, change):
    """Lets `change` alter the list of objects in place, or return another."""
    path = folder / "scans" / "segments_anno.json"
    content = json.loads(path.read_text())
    write_json(path, content | {"segGroups": change(content["segGroups"]) or content["segGroups"]})


def write_map(folder, text):
    path = folder.parent.parent / "metadata" / "semantic_benchmark" / "map_benchmark.csv"
    path.parent.mkdir(parents=True)
    path.write_text(text)


def test_boxes_categories_and_counts_are_those_of_the_annotation(scene_folder):
    scene = read(scene_folder)
    assert scene.source == "scannetpp" and scene.id == ID and scene.benchmarks == () and scene.floor is None
    assert [thing.category for thing in scene.objects] == [thing.category for thing in TRUE.objects]
    assert [thing.id for thing in scene.objects] == list(range(len(TRUE.objects)))
    assert all(same_box(*pair, 1e-6) for pair in zip(scene.objects, TRUE.objects, strict=True))
    assert all(np.linalg.det(thing.rotation) == pytest.approx(1) for thing in scene.objects)
    assert scene.counts == Counter(thing.category for thing in TRUE.objects)


def test_the_raw_labels_differ_from_the_categories():
    assert {thing.category for thing in TRUE.objects} & RAW_LABELS.keys()


def test_without_boxes_they_come_from_the_vertices_of_the_segments(tmp_path):
    scene = read(write_filmed(tmp_path, boxes=False, depth=None))
    assert all(same_box(*pair, 1e-4) for pair in zip(scene.objects, TRUE.objects, strict=True))
    assert all(thing.rotation[2].tolist() == [0, 0, 1] for thing in scene.objects)


def test_one_missing_box_is_found_from_its_segments_and_the_others_are_the_files(folder):
    change_groups(folder, lambda groups: [one.pop("obb") for one in groups if one["objectId"] == 4] and None)
    scene = read(folder)
    assert all(same_box(*pair, 1e-6 if place != 2 else 1e-4) for place, pair in enumerate(pairs(scene)))


def pairs(scene):
    return zip(scene.objects, TRUE.objects, strict=True)


def test_the_floor_area_is_that_of_the_mesh(scene_folder):
    assert read(scene_folder).floor_area == pytest.approx(TRUE.floor_area, rel=0.03)


def test_a_real_box_has_the_corners_that_the_file_says(folder):
    inside = {"objectId": 90, "label": "fake ceiling", "segments": [], "obb": FAKE_CEILING}
    beside = inside | {"objectId": 91, "label": "canvas", "dominantNormal": [0, 0, -1]}
    beside["obb"] = FAKE_CEILING | {"dominantNormal": [0, 0, -1]}
    change_groups(folder, lambda groups: [inside, beside])
    for thing in read(folder).objects:
        np.testing.assert_allclose(thing.corners().min(axis=0), FAKE_CEILING["min"], atol=2e-6)
        np.testing.assert_allclose(thing.corners().max(axis=0), FAKE_CEILING["max"], atol=2e-6)
        np.testing.assert_allclose(thing.rotation[:, 1], [0, 0, 1], atol=1e-6)


def test_only_categories_that_vsi_bench_counts_are_complete(folder):
    assert len(COMPLETE) == 43 and {"radiator", "trash bin", "ceiling light", "paper bag"} <= COMPLETE
    assert not COMPLETE & {"heater", "trash can", "cabinet", "window", "floor"}
    scene = read(folder)
    assert (
        scene.complete == COMPLETE & scene.counts.keys() and "window" in scene.counts.keys() - scene.complete
    )


def test_the_same_object_twice_is_one_object(folder):
    change_groups(folder, lambda groups: [*groups, groups[1] | {"objectId": 99}])
    assert len(read(folder).objects) == len(TRUE.objects)


def test_labels_become_what_the_benchmarks_list_maps_them_to(folder):
    write_map(
        folder,
        "class,count,semantic_map_to,instance_map_to\n"
        "window,3,None,None\n"
        'door,2,,"wooden door"\n'
        "sofa,1,furniture,\n"
        "heater,1,None,radiator\n",
    )
    expected = [name for name in (thing.category for thing in TRUE.objects) if name != "window"]
    expected = ["wooden door" if name == "door" else name for name in expected]
    assert {"wooden door", "sofa", "radiator"} <= set(expected)
    assert [thing.category for thing in read(folder).objects] == expected


def test_labels_that_name_no_object_are_left_out(folder):
    labels = [
        "wall",
        "CEILING",
        "remove",
        "split",
        "画" * 500,
        "x" * 5000,
        "\n",
        "object;",
        "Stühle",
        "monitor_stand",
    ]
    groups = [{"objectId": 50 + place, "label": label, "segments": []} for place, label in enumerate(labels)]
    for place, group in enumerate(groups):
        group["obb"] = FAKE_CEILING | {"centroid": [place, 0, 0]}
    change_groups(folder, lambda old: groups)
    assert [thing.category for thing in read(folder).objects] == ["stühle", "monitor stand"]


def test_what_names_no_object_needs_no_box(folder):
    change_groups(folder, lambda groups: [*groups, {"label": "wall", "obb": "none"}])
    assert len(read(folder).objects) == len(TRUE.objects)


def test_scenes_are_found_from_the_root_the_folder_of_scenes_and_a_scene(scene_folder, monkeypatch):
    root = scene_folder.parent.parent
    found = [Found(ID, scene_folder)]
    assert READER.find(root) == READER.find(root / "data") == READER.find(scene_folder) == found
    monkeypatch.chdir(scene_folder)
    assert [one.id for one in READER.find(type(root)())] == [ID]


def test_scenes_are_found_in_order_and_only_those_named_like_one(tmp_path):
    for name in ("ff00000000", "0000000000", "0a5c01343", "0A5C013435", "scene0000_00", "41069021"):
        (tmp_path / "data" / name / "scans").mkdir(parents=True)
    (tmp_path / "data" / "1111111111").mkdir()
    (tmp_path / "data" / "2222222222").write_text("")
    assert [one.id for one in READER.find(tmp_path)] == ["0000000000", "ff00000000"]


def test_nothing_is_found_elsewhere_and_links_in_circles_end(tmp_path):
    (tmp_path / "data").symlink_to(tmp_path)
    (tmp_path / "0123456789").symlink_to(tmp_path)
    (tmp_path / "file").write_text("")
    assert READER.find(tmp_path) == READER.find(tmp_path / "file") == READER.find(tmp_path / "none") == []


def test_a_scene_is_picklable_and_small(scene_folder):
    assert len(pickle.dumps(read(scene_folder))) < 20_000


def in_scans(name, content):
    return lambda folder: (folder / "scans" / name).write_bytes(content)


def without(name):
    return lambda folder: (folder / name).unlink()


def with_group(place, **fields):
    return lambda folder: change_groups(folder, lambda groups: groups[place].update(fields))


def with_box(**fields):
    return lambda folder: change_groups(folder, lambda groups: groups[1]["obb"].update(fields))


def cut(name, share):
    def cut_off(folder):
        path = folder / "scans" / name
        path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])

    return cut_off


def without_boxes(*then):
    def change(folder):
        change_groups(folder, lambda groups: [one.pop("obb", None) for one in groups] and None)
        for step in then:
            step(folder)

    return change


def made_a_folder(name):
    def make(folder):
        (folder / "scans" / name).unlink()
        (folder / "scans" / name).mkdir()

    return make


def flat_mesh(folder):
    path = folder / "scans" / MESH
    lines = b"ply\nformat ascii 1.0\nelement vertex 4\nproperty float x\nproperty float y\nproperty float z\nend_header\n"
    path.write_bytes(lines + b"0 0 0\n1 0 0\n2 0 1\n3 0 0\n")


ANNOTATION, SEGMENTS, MESH, CSV = (
    "segments_anno.json",
    "segments.json",
    "mesh_aligned_0.05.ply",
    "map_benchmark.csv",
)


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        (without("iphone/rgb.mkv"), ["rgb.mkv", "rgb.mp4", "missing", "cannot be shown"]),
        (without("iphone/pose_intrinsic_imu.json"), ["pose_intrinsic_imu.json", "cannot be shown"]),
        (lambda folder: shutil.rmtree(folder / "iphone"), ["rgb.mkv", "cannot be shown"]),
        (without(f"scans/{ANNOTATION}"), [ANNOTATION, "No such file"]),
        (without(f"scans/{MESH}"), [MESH, "No such file"]),
        (made_a_folder(ANNOTATION), [ANNOTATION, "directory"]),
        (made_a_folder(MESH), [MESH, "directory"]),
        (in_scans(ANNOTATION, b""), [ANNOTATION, "JSON"]),
        (cut(ANNOTATION, 0.7), [ANNOTATION, "JSON"]),
        (in_scans(ANNOTATION, b"\x80\x81"), [ANNOTATION, "text"]),
        (in_scans(ANNOTATION, b"[]"), [ANNOTATION, "segGroups", "missing"]),
        (in_scans(ANNOTATION, b'{"segGroups": {"0": 1}}'), [ANNOTATION, "segGroups", "list"]),
        (in_scans(ANNOTATION, b'{"segGroups": []}'), [ANNOTATION, "none of its 0"]),
        (lambda folder: change_groups(folder, lambda groups: groups[:1]), [ANNOTATION, "none of its 1"]),
        (with_group(1, label=7), [ANNOTATION, "segGroups[1]", "label"]),
        (with_group(1, label=None), [ANNOTATION, "segGroups[1]", "label"]),
        (lambda folder: change_groups(folder, lambda groups: [*groups, "chair"]), [ANNOTATION, "'chair'"]),
        (with_group(1, obb=[]), [ANNOTATION, "segGroups[1]", "obb", "centroid"]),
        (with_box(centroid=[0.0, float("nan"), 0.0]), [ANNOTATION, "segGroups[1]", "centroid", "nan"]),
        (with_box(centroid=["1", "2", "3"]), [ANNOTATION, "segGroups[1]", "centroid", "'1'"]),
        (with_box(axesLengths=[1.0, 0.0, 1.0]), [ANNOTATION, "segGroups[1]", "axesLengths", "0.0"]),
        (with_box(normalizedAxes=np.eye(3).tolist()), [ANNOTATION, "segGroups[1]", "normalizedAxes"]),
        (with_box(normalizedAxes=[1, 0, 0, 0, 1, 0, 0, 1, 0]), [ANNOTATION, "normalizedAxes", "orthonormal"]),
        (without_boxes(with_group(1, segments=[])), [ANNOTATION, "segGroups[1]", "0 points"]),
        (without_boxes(with_group(1, segments=["a"])), [ANNOTATION, "segGroups[1]", "['a']"]),
        (without_boxes(with_group(1, segments=[10**30])), [ANNOTATION, "segGroups[1]", "segments"]),
        (without_boxes(with_group(1, segments=None)), [ANNOTATION, "segGroups[1]", "missing"]),
        (without_boxes(without(f"scans/{SEGMENTS}")), [SEGMENTS, "No such file"]),
        (without_boxes(cut(SEGMENTS, 0.5)), [SEGMENTS, "JSON"]),
        (without_boxes(in_scans(SEGMENTS, b'{"segIndices": [1, 2]}')), [SEGMENTS, "a list of 2", "vertex"]),
        (without_boxes(in_scans(SEGMENTS, b'{"segIndices": "abc"}')), [SEGMENTS, "'abc'"]),
        (without_boxes(in_scans(SEGMENTS, b"[1.5]")), [SEGMENTS, "missing"]),
        (in_scans(MESH, b""), [MESH, "PLY"]),
        (cut(MESH, 0.9), [MESH, "cut off"]),
        (cut(MESH, 0.001), [MESH, "PLY"]),
        (flat_mesh, [MESH, "covers no floor"]),
        (lambda folder: write_map(folder, "raw,target\na,b\n"), [CSV, "instance_map_to"]),
        (lambda folder: write_map(folder, ""), [CSV, "instance_map_to"]),
        (lambda folder: write_map(folder, 'class,instance_map_to\na,"b" c\n'), [CSV, "CSV"]),
        (lambda folder: write_map(folder, f"class,instance_map_to\na,{'b' * 200_000}\n"), [CSV, "CSV"]),
    ],
)
def test_a_broken_scene_is_refused_in_one_line_that_names_the_file(folder, break_it, words):
    break_it(folder)
    with pytest.raises(BadSceneError) as error:
        read(folder)
    message = str(error.value)
    assert all(word in message for word in words) and "\n" not in message and len(message) < 600, message


def test_more_objects_than_can_be_used_are_refused(folder):
    many = [
        {"label": "chair", "segments": [], "obb": FAKE_CEILING | {"centroid": [place, 0, 0]}}
        for place in range(300)
    ]
    change_groups(folder, lambda groups: many)
    with pytest.raises(BadSceneError, match="300 objects"):
        read(folder)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
@pytest.mark.parametrize("name", ["scans/segments_anno.json", "scans", "iphone"])
def test_what_one_may_not_read_is_refused(folder, name):
    (folder / name).chmod(0)
    try:
        with pytest.raises(BadSceneError, match="Permission denied"):
            read(folder)
    finally:
        (folder / name).chmod(0o755)


def test_the_writers_segments_cut_objects_into_pieces():
    owners = np.repeat([-1, 0, 1], [100, 90, 30])
    segments = segments_of(owners)
    assert all(len(set(owners[segments == one])) == 1 for one in segments) and len(set(segments)) == 8
