"""Annotations become objects, and videos are found at every level."""

import json
from collections import Counter

import numpy as np
import pytest

from lightning_ouro.scenes.readers.base import Found
from lightning_ouro.scenes.vocabulary import category_of
from tests.scenes.readers.film import absent, film, same_box, there
from tests.scenes.readers.read_arkitscenes import KITCHEN, READER, annotation_of, kept
from tests.scenes.readers.write_arkitscenes import VIDEO, annotated, write_3dod, write_annotation


@pytest.mark.parametrize("held", range(4))
def test_the_scene_comes_back_however_the_device_was_held(kitchen, tmp_path, held):
    scene = READER.read(*READER.find(write_3dod(tmp_path, kitchen, held=held)))
    assert (scene.id, scene.source, scene.floor, scene.benchmarks) == (VIDEO, "arkitscenes", None, ())
    truth = kept(kitchen.scene)
    assert [item.id for item in scene.objects] == list(range(len(truth)))
    assert [item.category for item in scene.objects] == [category_of(item.category) for item in truth]
    assert all(same_box(*pair, 1e-6) for pair in zip(scene.objects, truth, strict=True))
    assert there(scene) == Counter(category_of(item.category) for item in truth)
    assert scene.complete == set(scene.counts) and "oven" not in scene.counts
    assert {category_of("washer"), "trash bin", "table"} <= scene.complete
    assert scene.floor_area == pytest.approx(kitchen.scene.floor_area, rel=0.03)


def test_labels_become_categories_and_unevenly_annotated_ones_are_dropped(folder):
    def entry(index, label):
        return annotated(label, [index, 1, 0.5], [0.5, 0.6, 0.7], np.eye(3), str(index))

    labels = [
        "tv_monitor",
        "TV-Monitor",
        "tv/monitor",
        "tv monitor",
        "cabinet",
        "sink",
        "shelf",
        "oven",
        "washer",
    ]
    labels += ["refrigerator", "sofa", "Stool", "floor", "", "椅" * 500, "椅子"]
    write_annotation(annotation_of(folder), [], data=[entry(*pair) for pair in enumerate(labels)])
    with pytest.warns(UserWarning, match="objects called '椅椅椅椅"):
        scene = READER.read(*READER.find(folder))
    assert [item.category for item in scene.objects] == ["tv"] * 4 + [
        category_of("washer"),
        "refrigerator",
        "sofa",
        "stool",
        "椅子",
    ]
    assert scene.counts["tv"] == 4 and scene.complete == set(scene.counts)
    assert [item.id for item in scene.objects] == list(range(9))


def test_an_object_that_is_listed_twice_is_one(folder):
    record = json.loads(annotation_of(folder).read_text())
    copy = json.loads(json.dumps(record["data"][1]))
    copy["segments"]["obbAligned"]["centroid"][0] += 1e-8
    record["data"] += [copy, copy | {"label": "toilet"}]
    annotation_of(folder).write_text(json.dumps(record))
    truth = kept(film(KITCHEN, 3, 48, 64).scene)
    assert len(READER.read(*READER.find(folder)).objects) == len(truth) + 1


def write_empty_annotations(root, *paths):
    for path in paths:
        folder = root / path
        folder.mkdir(parents=True)
        (folder / f"{folder.name}_3dod_annotation.json").write_text("{}")


def test_videos_are_found_at_every_level(tmp_path, monkeypatch):
    write_empty_annotations(
        tmp_path, "3dod/Training/41000002", "3dod/Training/41000001", "3dod/Validation/42000001"
    )
    write_empty_annotations(tmp_path, "raw/Training/41000003")
    all_videos = ["41000001", "41000002", "41000003", "42000001"]
    assert [location.id for location in READER.find(tmp_path)] == all_videos
    assert [location.id for location in READER.find(tmp_path / "3dod")] == [
        "41000001",
        "41000002",
        "42000001",
    ]
    assert [location.id for location in READER.find(tmp_path / "3dod" / "Training")] == all_videos[:2]
    folder = tmp_path / "3dod" / "Training" / "41000002"
    assert READER.find(folder) == [Found("41000002", folder)]
    monkeypatch.chdir(folder)
    (location,) = READER.find(type(folder)())  # "."
    assert location.id == "41000002" and location.path.resolve() == folder.resolve()


def test_a_video_in_both_data_sets_is_found_once_in_3dod(tmp_path):
    write_empty_annotations(
        tmp_path, "raw/Training/41000001", "3dod/Training/41000001", "raw/Training/41000002"
    )
    assert [location.path.relative_to(tmp_path).parts[0] for location in READER.find(tmp_path)] == [
        "3dod",
        "raw",
    ]


def test_folders_without_an_annotation_are_not_scenes(tmp_path):
    write_empty_annotations(tmp_path, "raw/Training/41000001")
    for name in ("47334522", "42897421"):  # two of raw's videos without an annotation
        (tmp_path / "raw" / "Training" / name / "lowres_wide").mkdir(parents=True)
    (tmp_path / "raw" / "metadata.csv").write_text(
        "video_id,visit_id,fold,sky_direction\n41000001,NA,Training,Left\n"
    )
    (tmp_path / "upsampling" / "Training" / "41000009").mkdir(parents=True)
    assert [location.id for location in READER.find(tmp_path)] == ["41000001"]


def test_nothing_is_found_in_other_folders(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "loop").symlink_to(tmp_path)
    write_empty_annotations(tmp_path, "somewhere/deep/in/41000001", "not_eight_digits")
    for path in (
        tmp_path,
        tmp_path / "file",
        tmp_path / "missing",
        tmp_path / "loop",
        tmp_path / "not_eight_digits",
    ):
        assert READER.find(path) == []


def test_classes_without_an_object_are_absent_where_rooms_like_it_have_them(folder):
    def scene(*labels):
        boxes = [
            annotated(label, [2 * i, 1, 0.5], [0.5, 0.6, 0.7], np.eye(3), str(i))
            for i, label in enumerate(labels)
        ]
        write_annotation(annotation_of(folder), [], data=boxes)
        return READER.read(*READER.find(folder))

    assert absent(scene("toilet", "sink")) == {"bathtub", "stool", "washer"}
    assert absent(scene("stove", "sink", "refrigerator")) == {
        "chair",
        "dishwasher",
        "stool",
        "table",
        "washer",
    }
    assert "stove" in absent(scene("refrigerator")) and "stove" not in absent(scene("refrigerator", "oven"))
    assert absent(scene("stool")) == set()  # that could be any room


@pytest.mark.parametrize("place", [".", "3dod"])
def test_videos_of_one_visit_are_recordings_of_one_room(folder, place):
    root = folder.parents[2]
    table = (
        "video_id,visit_id,fold\n{0},417892.0,Training\n41069022,417892.0,Training\n41069023,NA,Training\n"
    )
    (root / place / "metadata.csv").write_text(table.format(VIDEO))
    (scene,) = [READER.read(found) for found in READER.find(root)]
    assert scene.room == "visit 417892"
    assert root / place / "metadata.csv" in READER.inputs(*READER.find(root))


def test_without_a_table_of_visits_the_video_is_the_room(folder):
    assert READER.read(*READER.find(folder)).room == ""
