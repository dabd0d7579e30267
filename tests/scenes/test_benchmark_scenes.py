import json
import re
from importlib.resources import files

import pytest

from lightning_ouro.errors import InputError
from lightning_ouro.scenes.benchmark_scenes import benchmarks_of, data_set, is_listed, revsi_rooms

LISTS = json.loads(files("lightning_ouro.scenes").joinpath("benchmark_scenes.json").read_text("utf8"))
SHAPES = {"scannet": r"scene\d{4}_\d\d", "scannetpp": r"[0-9a-f]{10}", "arkitscenes": r"\d{8}"}
SHAPES["arkitscenes_same_visit"] = SHAPES["arkitscenes"]
ALL_LISTS = [(benchmark, source) for benchmark in LISTS for source in LISTS[benchmark]]


@pytest.mark.parametrize(
    ("benchmark", "source", "count"),
    [
        ("VSI-Bench", "scannet", 88),
        ("VSI-Bench", "scannetpp", 50),
        ("VSI-Bench", "arkitscenes", 150),
        ("ViewSpatial-Bench", "scannet", 279),
        ("MindCube-Tiny", "scannet", 5),
        ("MindCube-Tiny", "arkitscenes", 4),
        ("SpatialScore-Hard", "scannet", 56),
        ("SpatialScore-Hard", "scannetpp", 37),
        ("SpatialScore-Hard", "arkitscenes", 42),
        ("SQA3D", "scannet", 67),
        ("ScanQA", "scannet", 238),
        ("ScanNet validation split", "scannet", 312),
        ("ScanNet test split", "scannet", 100),
        ("ScanNet++ validation split", "scannetpp", 50),
        ("ARKitScenes validation split", "arkitscenes", 551),
    ],
)
def test_every_list_has_the_official_number_of_scenes(benchmark, source, count):
    assert len(LISTS[benchmark][source]) == count


@pytest.mark.parametrize(("benchmark", "source"), ALL_LISTS)
def test_ids_are_sorted_well_formed_and_recognized(benchmark, source):
    ids = LISTS[benchmark][source]
    assert ids == sorted(set(ids))
    assert all(re.fullmatch(SHAPES[source], scene) for scene in ids)
    assert all(benchmark in benchmarks_of(scene) for scene in ids)


def test_vsi_bench_consists_of_validation_scenes():
    for source, split in {
        "scannet": "ScanNet",
        "scannetpp": "ScanNet++",
        "arkitscenes": "ARKitScenes",
    }.items():
        assert set(LISTS["VSI-Bench"][source]) <= set(LISTS[f"{split} validation split"][source])


@pytest.mark.parametrize("source", ["scannet", "arkitscenes"])
def test_every_scene_of_the_official_vsi_bench_files_is_recognized(shared_data, source):
    path = shared_data / "scenes" / "vsi_bench_meta" / f"{source}_meta_info_val.json"
    if not path.is_file():
        pytest.skip(f"real data is missing: no file {path}")
    scenes = json.loads(path.read_text("utf8"))
    assert sorted(scenes) == LISTS["VSI-Bench"][source]
    assert all("VSI-Bench" in benchmarks_of(scene) for scene in scenes)


def test_every_scene_of_the_official_viewspatial_file_is_recognized(shared_data):
    path = shared_data / "benchmarks" / "viewspatial" / "ViewSpatial-Bench.json"
    if not path.is_file():
        pytest.skip(f"real data is missing: no file {path}")
    scenes = set(re.findall(r"scannetv2_val/(\w+)/", path.read_text("utf8")))
    assert len(scenes) == 279
    assert all("ViewSpatial-Bench" in benchmarks_of(scene) for scene in scenes)


def test_benchmarks_are_sorted_by_name():
    names = ("ScanNet validation split", "ScanQA", "ViewSpatial-Bench")
    assert benchmarks_of("scene0131_02") == names


def test_a_rescan_of_a_listed_scannet_room_is_recognized():
    assert "scene0122_01" in LISTS["MindCube-Tiny"]["scannet"]
    assert "scene0122_00" not in LISTS["MindCube-Tiny"]["scannet"]
    assert benchmarks_of("scene0122_00") == ("MindCube-Tiny",)


def test_another_video_of_a_listed_arkitscenes_visit_is_recognized():
    assert benchmarks_of("41126518") == ("MindCube-Tiny",)
    assert benchmarks_of("41126521") == ("MindCube-Tiny",)  # visit 382971 as well
    same_visit = benchmarks_of("41159521")  # whose own fold is Training
    assert "ARKitScenes validation split" in same_visit


@pytest.mark.parametrize(
    ("source", "scene"),
    [
        ("scannet", "scene0191_00"),
        ("scannetpp", "00777c41d4"),
        ("arkitscenes", "40777060"),
        ("arkitscenes", "40753686"),
    ],
)
def test_training_scenes_belong_to_no_benchmark(source, scene):
    assert benchmarks_of(scene) == ()


@pytest.mark.parametrize(
    ("source", "scene"),
    [
        ("ScanNet", "scene0568_00"),
        ("scannet", "scans/scene0568_00"),
        ("scannet", "scene0568_00_vh_clean_2.ply"),
        ("ScanNet++", "7b6477cb95"),
        ("scannetpp", "data/7b6477cb95/iphone"),
        ("ARkitScenes", "arkitscenes/Validation/41069025"),
        ("arkitscenes", "20240131/arkitscenes_41069025"),
    ],
)
def test_ids_are_recognized_in_any_layouts_spelling(source, scene):
    assert "VSI-Bench" in benchmarks_of(scene)


@pytest.mark.parametrize("scene", ["scene05680", "410690250", "7b6477cb950", "procedural-000568", ""])
def test_ids_of_other_lengths_are_not_confused_with_listed_ones(scene):
    assert benchmarks_of(scene) == ()


@pytest.mark.parametrize(
    ("source", "known"),
    [
        ("ScanNet v2", "scannet"),
        ("scannetv2", "scannet"),
        ("scannet_200", "scannet"),
        ("ScanNet++", "scannetpp"),
        ("scannet-plusplus v2", "scannetpp"),
        ("ScanNetPP", "scannetpp"),
        ("ARKit Scenes (3dod)", "arkitscenes"),
        ("apple/ARKitScenes", "arkitscenes"),
        ("my office", "my office"),
    ],
)
def test_a_data_set_is_known_by_every_way_to_write_its_name(source, known):
    assert data_set(source) == known


REVSI_SCENES = [
    {"dataset": "scannet", "scene_id": "scene0191_00", "objects": []},
    {"dataset": "scannetpp", "scene_id": "00777c41d4"},
    {"dataset": "ARKitScenes", "scene_id": "40777060"},
    {"dataset": "3rscan", "scene_id": "0cac7642-8d6f-2d13-8c5e-5b8a8d5f7b6d"},
]


@pytest.mark.parametrize(
    ("source", "scene"),
    [
        ("ScanNet", "scene0191_01"),  # a rescan of the room
        ("scannet++", "data/00777c41d4"),
        ("arkitscenes", "Training/40777060"),
        ("3RScan", "0cac7642-8d6f-2d13-8c5e-5b8a8d5f7b6d"),
    ],
)
def test_revsis_own_file_lists_its_rooms(tmp_path, source, scene):
    file = tmp_path / "3d_annotation.json"
    file.write_text(json.dumps(REVSI_SCENES))
    rooms = revsi_rooms(file)
    assert is_listed(rooms, source, scene)
    assert not is_listed(rooms, "scannet", "scene0192_00")
    assert not is_listed(rooms, "procedural", "40777061")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{}", "expected a list of scenes"),
        ("[]", "expected a list of scenes"),
        ("[1]", "scene 0 is 1, expected the texts dataset and scene_id"),
        ('[{"dataset": "scannet", "scene_id": 191}]', "expected the texts dataset and scene_id"),
        ("[", "is not JSON"),
        (None, "cannot be read"),
    ],
)
def test_a_file_that_lists_no_scenes_is_named(tmp_path, text, expected):
    file = tmp_path / "3d_annotation.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(InputError, match=f"data.revsi_annotation: .*{re.escape(expected)}"):
        revsi_rooms(file)
