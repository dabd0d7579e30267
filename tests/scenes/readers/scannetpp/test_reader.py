import pickle
from collections import Counter

import numpy as np
import pytest

from lightning_ouro.scenes.readers.base import Found
from lightning_ouro.scenes.readers.scannetpp.reader import COMPLETE
from lightning_ouro.scenes.room_kinds import absent_categories
from tests.scenes.readers.film import absent, same_box, there
from tests.scenes.readers.read_scannetpp import FAKE_CEILING, READER, change_groups, read, write_map
from tests.scenes.readers.write_scannetpp import ID, RAW_LABELS, filmed, segments_of, write_filmed

TRUTH = filmed()[0].scene


def test_boxes_categories_and_counts_match_the_annotation(scene_folder):
    scene = read(scene_folder)
    assert scene.source == "scannetpp" and scene.id == ID and scene.benchmarks == () and scene.floor is None
    assert [item.category for item in scene.objects] == [item.category for item in TRUTH.objects]
    assert [item.id for item in scene.objects] == list(range(len(TRUTH.objects)))
    assert all(same_box(*pair, 1e-6) for pair in zip(scene.objects, TRUTH.objects, strict=True))
    assert all(np.linalg.det(item.rotation) == pytest.approx(1) for item in scene.objects)
    assert there(scene) == Counter(item.category for item in TRUTH.objects)
    assert absent(scene) == absent_categories(COMPLETE, there(scene))


def test_the_raw_labels_differ_from_the_categories():
    assert {item.category for item in TRUTH.objects} & RAW_LABELS.keys()


def test_missing_boxes_are_fitted_to_the_vertices_of_the_segments(tmp_path):
    scene = read(write_filmed(tmp_path, boxes=False, depth=None))
    assert all(same_box(*pair, 1e-4) for pair in zip(scene.objects, TRUTH.objects, strict=True))
    assert all(item.rotation[2].tolist() == [0, 0, 1] for item in scene.objects)


def test_a_single_missing_box_is_fitted_and_the_rest_is_read(folder):
    change_groups(
        folder, lambda groups: [group.pop("obb") for group in groups if group["objectId"] == 4] and None
    )
    scene = read(folder)
    pairs = zip(scene.objects, TRUTH.objects, strict=True)
    assert all(same_box(*pair, 1e-6 if index != 2 else 1e-4) for index, pair in enumerate(pairs))


def test_the_floor_area_is_that_of_the_mesh(scene_folder):
    assert read(scene_folder).floor_area == pytest.approx(TRUTH.floor_area, rel=0.03)


def test_a_real_box_has_the_corners_that_the_file_states(folder):
    plain = {"objectId": 90, "label": "fake ceiling", "segments": [], "obb": FAKE_CEILING}
    with_normals = plain | {"objectId": 91, "label": "canvas", "dominantNormal": [0, 0, -1]}
    with_normals["obb"] = FAKE_CEILING | {"dominantNormal": [0, 0, -1]}
    change_groups(folder, lambda groups: [plain, with_normals])
    for item in read(folder).objects:
        np.testing.assert_allclose(item.corners().min(axis=0), FAKE_CEILING["min"], atol=2e-6)
        np.testing.assert_allclose(item.corners().max(axis=0), FAKE_CEILING["max"], atol=2e-6)
        np.testing.assert_allclose(item.rotation[:, 1], [0, 0, 1], atol=1e-6)


def test_only_categories_that_vsi_bench_counts_are_complete(folder):
    assert len(COMPLETE) == 43 and {"radiator", "trash bin", "ceiling light", "paper bag"} <= COMPLETE
    assert not COMPLETE & {"heater", "trash can", "cabinet", "window", "floor"}
    scene = read(folder)
    assert (
        scene.complete == COMPLETE & scene.counts.keys() and "window" in scene.counts.keys() - scene.complete
    )


def test_an_object_that_is_listed_twice_is_one(folder):
    change_groups(folder, lambda groups: [*groups, groups[1] | {"objectId": 99}])
    assert len(read(folder).objects) == len(TRUTH.objects)


def test_labels_are_mapped_by_the_benchmarks_list(folder):
    write_map(
        folder,
        "class,count,semantic_map_to,instance_map_to\n"
        "window,3,None,None\n"
        'door,2,,"wooden door"\n'
        "sofa,1,furniture,\n"
        "heater,1,None,radiator\n",
    )
    expected = [item.category for item in TRUTH.objects if item.category != "window"]
    expected = ["wooden door" if name == "door" else name for name in expected]
    assert {"wooden door", "sofa", "radiator"} <= set(expected)
    assert [item.category for item in read(folder).objects] == expected


def test_labels_that_name_no_object_are_dropped(folder):
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
    groups = [{"objectId": 50 + index, "label": label, "segments": []} for index, label in enumerate(labels)]
    for index, group in enumerate(groups):
        group["obb"] = FAKE_CEILING | {"centroid": [index, 0, 0]}
    change_groups(folder, lambda _: groups)
    with pytest.warns(UserWarning, match=r"objects called '画画.*, 'xxx.*, 'object;' are left out"):
        scene = read(folder)
    assert [item.category for item in scene.objects] == ["stühle", "monitor stand"]


def test_a_group_that_names_no_object_needs_no_box(folder):
    change_groups(folder, lambda groups: [*groups, {"label": "wall", "obb": "none"}])
    assert len(read(folder).objects) == len(TRUTH.objects)


def test_a_scene_is_found_from_the_root_its_parent_and_its_own_folder(scene_folder, monkeypatch):
    root = scene_folder.parent.parent
    expected = [Found(ID, scene_folder)]
    assert READER.find(root) == READER.find(root / "data") == READER.find(scene_folder) == expected
    monkeypatch.chdir(scene_folder)
    assert [location.id for location in READER.find(type(root)())] == [ID]


def test_only_scenes_with_valid_names_are_found_in_order(tmp_path):
    for name in ("ff00000000", "0000000000", "0a5c01343", "0A5C013435", "scene0000_00", "41069021"):
        (tmp_path / "data" / name / "scans").mkdir(parents=True)
    (tmp_path / "data" / "1111111111").mkdir()
    (tmp_path / "data" / "2222222222").write_text("")
    assert [location.id for location in READER.find(tmp_path)] == ["0000000000", "ff00000000"]


def test_nothing_is_found_in_other_layouts_or_circular_links(tmp_path):
    (tmp_path / "data").symlink_to(tmp_path)
    (tmp_path / "0123456789").symlink_to(tmp_path)
    (tmp_path / "file").write_text("")
    assert READER.find(tmp_path) == READER.find(tmp_path / "file") == READER.find(tmp_path / "none") == []


def test_a_scene_is_picklable_and_small(scene_folder):
    assert len(pickle.dumps(read(scene_folder))) < 20_000


def test_the_writer_splits_objects_into_several_segments():
    owners = np.repeat([-1, 0, 1], [100, 90, 30])
    segments = segments_of(owners)
    assert all(len(set(owners[segments == segment])) == 1 for segment in segments) and len(set(segments)) == 8
