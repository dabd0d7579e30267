import dataclasses
import json

import pytest

from lightning_ouro.errors import InputError
from lightning_ouro.scenes import reading
from lightning_ouro.scenes.reading import locate, read_one, read_scenes
from lightning_ouro.scenes.store import write_scene
from lightning_ouro.scenes.synthetic.procedural import procedural_scenes
from lightning_ouro.scenes.types import FrameBudget

BOX = {"centroid": [1, 2, 0.5], "axesLengths": [0.4, 0.8, 1], "normalizedAxes": [1, 0, 0, 0, 1, 0, 0, 0, 1]}
GOOD = {"room_size": 12.5, "object_counts": {"chair": 1}, "object_bbox": {"chair": [BOX]}}
BAD = GOOD | {"room_size": -1.0}


def write(path, content):
    path.write_text(json.dumps(content))
    return path


def ids(scenes):
    return [scene.id for scene in scenes]


def test_files_keep_their_order_and_folders_are_read_by_name(tmp_path):
    folder = tmp_path / "folder"
    (folder / "deeper").mkdir(parents=True)
    write(folder / "b.json", {"b2": GOOD, "b1": GOOD})
    write(folder / "a.json", {"a": GOOD})
    write(folder / "deeper" / "c.json", {"c": GOOD})
    (folder / "notes.txt").write_text("not read")
    last = write(tmp_path / "last.json", {"last": GOOD})
    assert ids(read_scenes([folder, last])[0]) == ["a", "b2", "b1", "last"]
    assert ids(read_scenes([last, folder])[0]) == ["last", "a", "b2", "b1"]


def test_the_real_folder_has_238_scenes(shared_data):
    scenes, skipped = read_scenes([shared_data / "scenes" / "vsi_bench_meta"])
    assert len(scenes) == len({scene.id for scene in scenes}) == 238 and skipped == []


def test_the_second_of_two_scenes_with_one_id_is_skipped_naming_both_files(tmp_path):
    first = write(tmp_path / "first.json", {"a": GOOD, "b": GOOD})
    second = write(tmp_path / "second.json", {"b": GOOD | {"room_size": 3.0}, "c": GOOD})
    scenes, (skipped,) = read_scenes([first, second])
    assert ids(scenes) == ["a", "b", "c"] and scenes[1].floor_area == 12.5
    assert skipped.id == "b" and str(first) in skipped.reason and str(second) in skipped.reason


def test_a_file_given_twice_is_read_once(tmp_path):
    path = write(tmp_path / "x.json", {"a": GOOD})
    scenes, (skipped,) = read_scenes([path, path])
    assert ids(scenes) == ["a"] and skipped.id == "a"


def test_bad_scenes_are_returned_as_skipped(tmp_path):
    scenes, (skipped,) = read_scenes([write(tmp_path / "x.json", {"a": GOOD, "b": BAD})])
    assert ids(scenes) == ["a"] and "room_size is -1.0" in skipped.reason


def test_a_missing_path_is_refused_with_the_known_layouts(tmp_path):
    message = r"none: does not exist; give one of: .*meta_info json files; .*scene\.json"
    with pytest.raises(InputError, match=message):
        read_scenes([tmp_path / "none"])


def test_a_folder_without_scenes_is_refused_with_the_known_layouts(tmp_path):
    (tmp_path / "x.txt").write_text("")
    with pytest.raises(InputError, match=r"holds no scene in a known layout; give one of: "):
        read_scenes([tmp_path])


def test_a_json_file_that_is_not_meta_info_is_named_in_one_line(tmp_path):
    write(tmp_path / "a.json", {"a": GOOD})
    write(tmp_path / "config.json", {"model": "x"})
    with pytest.raises(InputError) as error:
        read_scenes([tmp_path])
    assert "config.json" in str(error.value) and "\n" not in str(error.value)


def test_if_nothing_is_usable_three_reasons_are_listed(tmp_path):
    path = write(tmp_path / "x.json", {name: BAD for name in "abcde"})
    with pytest.raises(InputError) as error:
        read_scenes([path])
    message = str(error.value)
    assert "5 skipped" in message and "\n" not in message
    assert "scene a" in message and "scene c" in message and "scene d" not in message


def test_an_empty_list_of_paths_is_refused():
    with pytest.raises(InputError, match="no path was given"):
        read_scenes([])


@pytest.fixture
def rooms(tmp_path):
    for scene, name in zip(procedural_scenes(0, 3), ("b", "a", "c"), strict=True):
        scene = dataclasses.replace(scene, id=name, source="scannet" if name == "c" else scene.source)
        write_scene(scene, scene.footage.load(scene, FrameBudget(2, 32, 32)), tmp_path / "rooms" / name)
    return tmp_path / "rooms"


def test_paths_of_all_kinds_are_read_in_order(rooms, tmp_path):
    file = write(tmp_path / "x.json", {"meta": GOOD})
    assert ids(read_scenes([file, rooms])[0]) == ["meta", "a", "b", "c"]
    assert ids(read_scenes([rooms / "b", file, rooms / "a"])[0]) == ["b", "meta", "a"]
    assert [scene.found.id for scene in locate([rooms / "c", rooms])[0]] == ["c", "a", "b"]


def test_a_scene_is_read_by_id_without_reading_the_others(rooms, tmp_path):
    (rooms / "a" / "scene.json").write_text("broken")
    assert read_one(rooms, "b").id == "b"
    assert read_one(rooms / "c", None).id == "c"
    assert read_one(write(tmp_path / "x.json", {"m": GOOD, "n": GOOD}), "n").id == "n"
    for scene_id, message in (("x", "holds no scene x"), ("a", "a/scene.json: is not JSON")):
        with pytest.raises(InputError, match=message):
            read_one(rooms, scene_id)


def test_a_benchmarks_scene_carries_its_name_wherever_it_is_stored(rooms):
    record = json.loads((rooms / "c" / "scene.json").read_text())
    (rooms / "c" / "scene.json").write_text(json.dumps(record | {"id": "scene0568_01"}))
    (rooms / "c").rename(rooms / "scene0568_01")
    scenes, _ = read_scenes([rooms])
    assert [bool(scene.benchmarks) for scene in scenes] == [False, False, True]
    assert {"VSI-Bench", "ScanNet validation split"} <= set(scenes[2].benchmarks)


def test_brackets_in_a_folders_name_are_no_markup(tmp_path, monkeypatch):
    titles = []
    monkeypatch.setattr(reading, "track", lambda items, title, **_: titles.append(title) or items)
    (tmp_path / "[old]").mkdir()
    write(tmp_path / "[old]" / "a.json", {"a": GOOD})
    read_scenes([tmp_path / "[old]"])
    assert titles == ["reading [old]"]  # `progress.track` takes plain text
