import copy
import json

import numpy as np
import pytest

from lightning_ouro.errors import InputError
from lightning_ouro.scenes.readers.meta_info import read_meta_info
from lightning_ouro.scenes.vocabulary import category_of
from tests.scenes.readers.said import said

COS, SIN = np.cos(0.3), np.sin(0.3)
BOX = {
    "centroid": [1.0, 2.0, 0.5],
    "axesLengths": [0.4, 0.8, 1.0],
    "normalizedAxes": [COS, SIN, 0, -SIN, COS, 0, 0, 0, 1],
}
SCENE = {"room_size": 12.5, "object_counts": {"chair": 2}, "object_bbox": {"chair": [BOX]}}


def write(folder, content, name="meta.json"):
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def changed(**fields):
    return copy.deepcopy(SCENE) | fields


def with_box(**fields):
    return changed(object_bbox={"chair": [BOX, copy.deepcopy(BOX) | {"centroid": [5.0, 0.0, 1.0]} | fields]})


@pytest.fixture(scope="module")
def real(shared_data):
    folder = shared_data / "scenes" / "vsi_bench_meta"
    return {name: folder / f"{name}_meta_info_val.json" for name in ("scannet", "arkitscenes")}


def test_all_238_real_scenes_can_be_used(real):
    for source, num_scenes in (("scannet", 88), ("arkitscenes", 150)):
        scenes, skipped = read_meta_info(real[source])
        assert len(scenes) == num_scenes and skipped == []
        assert {scene.source for scene in scenes} == {source}
        assert {scene.benchmarks for scene in scenes} == {("VSI-Bench",)}


@pytest.mark.parametrize("source", ["scannet", "arkitscenes"])
def test_corners_match_the_min_and_max_in_the_file(real, source):
    content = json.loads(real[source].read_text())
    checked = 0
    for scene in read_meta_info(real[source])[0]:
        for item in scene.objects:
            matches = [
                box
                for label, boxes in content[scene.id]["object_bbox"].items()
                for box in boxes
                if category_of(label) == item.category and box["centroid"] == item.center.tolist()
            ]
            np.testing.assert_allclose(item.corners().min(axis=0), matches[0]["min"], rtol=0, atol=1e-9)
            np.testing.assert_allclose(item.corners().max(axis=0), matches[0]["max"], rtol=0, atol=1e-9)
            assert np.linalg.det(item.rotation) == pytest.approx(1)
            checked += 1
    assert checked == {"scannet": 1212, "arkitscenes": 854}[source]


def test_the_12_duplicate_printers_of_scannet_are_removed(real):
    content = json.loads(real["scannet"].read_text())
    removed = {}
    for scene in read_meta_info(real["scannet"])[0]:
        for category, boxes in content[scene.id]["object_bbox"].items():
            kept = sum(item.category == category_of(category) for item in scene.objects)
            removed[category] = removed.get(category, 0) + len(boxes) - kept
    assert {category: count for category, count in removed.items() if count} == {"printer": 12}


@pytest.mark.parametrize("source", ["scannet", "arkitscenes"])
def test_counts_and_floor_areas_are_those_of_the_file(real, source):
    content = json.loads(real[source].read_text())
    for scene in read_meta_info(real[source])[0]:
        counts = content[scene.id]["object_counts"]
        assert scene.counts == {category_of(label): number for label, number in counts.items()}
        assert scene.unified in ({}, {"washing machine": "washer"})
        assert scene.complete == set(scene.counts)
        assert scene.floor_area == content[scene.id]["room_size"] and scene.floor is None
        assert [item.id for item in scene.objects] == list(range(len(scene.objects)))


def test_counts_in_the_file_take_precedence_over_the_number_of_boxes(tmp_path):
    (scene,), _ = read_meta_info(write(tmp_path, {"a": SCENE}))
    assert scene.counts == {"chair": 2} and len(scene.objects) == 1


def test_a_category_without_a_count_is_counted_by_boxes_but_not_complete(tmp_path):
    record = changed(object_bbox={"chair": [BOX], "lamp": [BOX]})
    (scene,), _ = read_meta_info(write(tmp_path, {"a": record}))
    assert scene.counts == {"chair": 2, "lamp": 1} and scene.complete == {"chair"}


@pytest.mark.parametrize("words", [("couch", "sofa"), ("sofa", "couch")])
def test_two_words_for_one_category_are_counted_together_in_any_order(tmp_path, words):
    numbers, places = {"couch": 1, "sofa": 2}, {"couch": [0.0], "sofa": [4.0, 8.0]}
    boxes = {word: [BOX | {"centroid": [x, 0.0, 1.0]} for x in places[word]] for word in words}
    record = changed(object_bbox=boxes, object_counts={word: numbers[word] for word in words})
    (scene,), _ = read_meta_info(write(tmp_path, {"a": record}))
    assert scene.counts == {"sofa": 3} and scene.complete == {"sofa"} and len(scene.objects) == 3
    assert scene.unified == {"couch": "sofa"}


def test_what_has_two_words_for_itself_is_one_object(tmp_path):
    record = changed(object_bbox={"couch": [BOX], "sofa": [BOX]}, object_counts={})
    (scene,), _ = read_meta_info(write(tmp_path, {"a": record}))
    assert scene.counts == {"sofa": 1} and len(scene.objects) == 1


def test_all_desks_of_a_file_are_not_all_tables(tmp_path):
    record = changed(object_bbox={"desk": [BOX]}, object_counts={"desk": 2})
    (scene,), _ = read_meta_info(write(tmp_path, {"a": record}))
    assert scene.counts == {"table": 2} and scene.complete == set()


def test_both_keys_for_boxes_are_read(tmp_path):
    record = changed()
    record["object_bboxes"] = record.pop("object_bbox")
    (scene,), _ = read_meta_info(write(tmp_path, {"a": record}))
    np.testing.assert_allclose(scene.objects[0].rotation[:, 0], [COS, SIN, 0])


def test_left_handed_axes_become_right_handed_with_the_same_corners(tmp_path):
    mirrored = [*BOX["normalizedAxes"][:6], 0, 0, -1]
    (scene,), _ = read_meta_info(
        write(tmp_path, {"a": with_box(centroid=[1.0, 2.0, 3.0], normalizedAxes=mirrored)})
    )
    plain, mirror = scene.objects
    assert np.linalg.det(mirror.rotation) == pytest.approx(1)
    np.testing.assert_allclose(np.ptp(mirror.corners(), axis=0), np.ptp(plain.corners(), axis=0))


@pytest.mark.parametrize(
    ("scene_id", "fields", "source"),
    [
        ("scene0011_00", {}, "scannet"),
        ("41069021", {}, "arkitscenes"),
        ("09c1414f1b", {}, "scannetpp"),
        ("x", {"video_path": "/data/ScanNet/v2/x.mp4"}, "scannet"),
        ("x", {"video_path": "/data/scannetpp/data/x/iphone/rgb.mp4"}, "scannetpp"),
        ("x", {"video_path": "/data/ScanNet++/data/x/iphone/rgb.mp4"}, "scannetpp"),
        ("x", {"video_path": "/data/ARKitScenes/x.mov"}, "arkitscenes"),
        ("41069021", {"dataset": "mine"}, "mine"),
        ("x", {}, "meta_info"),
    ],
)
def test_the_source_comes_from_dataset_then_video_path_then_id(tmp_path, scene_id, fields, source):
    (scene,), _ = read_meta_info(write(tmp_path, {scene_id: changed(**fields)}))
    assert scene.source == source


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (with_box(centroid=[float("nan"), 0, 0]), ["chair 1", "centroid", "nan"]),
        (with_box(centroid=[0, 0]), ["chair 1", "centroid", "[0, 0]"]),
        (with_box(centroid=["1", 0, 0]), ["chair 1", "centroid", "'1'"]),
        (with_box(centroid=[True, 0, 0]), ["chair 1", "centroid", "True"]),
        (with_box(centroid=[10**400, 0, 0]), ["chair 1", "centroid", "1000"]),
        (with_box(axesLengths=[0.4, 0.0, 1]), ["chair 1", "axesLengths", "0.0"]),
        (with_box(axesLengths=[0.4, -1, 1]), ["chair 1", "axesLengths", "-1"]),
        (with_box(axesLengths=[400, 1200, 900]), ["chair 1", "axesLengths", "1200"]),
        (with_box(normalizedAxes=[1, 0, 0, 0, 1, 0, 0, 0, 1.01]), ["chair 1", "normalizedAxes", "1.01"]),
        (with_box(normalizedAxes=[1, 0, 0, 0, 1, 0]), ["chair 1", "normalizedAxes", "[1, 0, 0, 0, 1, 0]"]),
        (with_box(normalizedAxes=[0] * 9), ["chair 1", "normalizedAxes", "0.0"]),
    ],
)
def test_a_broken_box_costs_itself_and_that_its_category_is_complete(tmp_path, record, words):
    path = write(tmp_path, {"bad": record})
    is_refused, text = said(lambda: read_meta_info(path))
    assert not is_refused and all(word in text for word in ["scene bad: 1 of 2 boxes left out", *words])
    with pytest.warns(UserWarning):
        (scene,), _ = read_meta_info(path)
    assert len(scene.objects) == 1 and "chair" not in scene.complete


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (changed(object_bbox={"chair": [{"centroid": [0, 0, 0]}]}), ["chair 0", "axesLengths", "missing"]),
        (changed(object_bbox={"chair": [7]}), ["chair 0", "7"]),
        (changed(object_bbox={"chair": 7}), ["chair", "7"]),
        (changed(object_bbox={" ": [BOX]}), ["object_bbox", "no objects that a question could name"]),
        (changed(object_bbox={}), ["object_bbox", "no objects"]),
        (changed(object_bbox={"chair": []}), ["object_bbox", "no objects"]),
        (changed(object_bbox=[BOX]), ["object_bbox", "[{"]),
        (changed(room_size=-1.0), ["room_size", "-1.0"]),
        (changed(room_size=float("nan")), ["room_size", "nan"]),
        (changed(room_size=None), ["room_size", "missing"]),
        (changed(object_counts={"chair": -1}), ["object_counts", "chair", "-1"]),
        (changed(object_counts={"chair": 1.5}), ["object_counts", "chair", "1.5"]),
        (changed(object_counts=None), ["object_counts", "missing"]),
        ("text", ["'text'"]),
        ({"room_size": 1.0, "object_counts": {}}, ["object_bbox", "missing"]),
    ],
)
def test_a_bad_scene_is_skipped_with_a_reason_and_the_rest_is_read(tmp_path, record, words):
    path = write(tmp_path, {"good": SCENE, "bad": record, "last": SCENE})
    scenes, (skipped,) = read_meta_info(path)
    assert [scene.id for scene in scenes] == ["good", "last"]
    assert skipped.id == "bad"
    assert all(word in skipped.reason for word in [str(path), "scene bad", *words]), skipped.reason
    assert "\n" not in skipped.reason


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", ["not JSON"]),
        ("", ["not JSON"]),
        ("[" * 100_000, ["not JSON"]),
        ([SCENE], ["list"]),
        ({}, ["0 entries", "object_bbox"]),
        ({"model_type": "qwen", "layers": {"a": 1}}, ["2 entries", "object_bbox"]),
    ],
)
def test_a_file_that_is_not_meta_info_is_an_input_error(tmp_path, content, words):
    path = write(tmp_path, content)
    with pytest.raises(InputError) as error:
        read_meta_info(path)
    message = str(error.value)
    assert all(word in message for word in [str(path), "expected VSI-Bench meta_info", *words])
    assert "\n" not in message


def test_a_binary_or_missing_file_is_an_input_error(tmp_path):
    (tmp_path / "x.json").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(InputError, match="is not JSON"):
        read_meta_info(tmp_path / "x.json")
    with pytest.raises(InputError, match=r"none\.json: cannot be read \(No such file or directory\)"):
        read_meta_info(tmp_path / "none.json")
