import json
from pathlib import Path

import pytest

from lightning_ouro.errors import InputError
from lightning_ouro.scenes.splits import procedural_splits, read_splits, refuse_benchmarks, room_id


def ids(scenes):
    return {scene.id for scene in scenes}


def test_procedural_splits_are_disjoint_and_grow_without_changing():
    small, large = procedural_splits(5, 3, 2), procedural_splits(9, 3, 2)
    assert [len(part) for part in (small.train, small.val, small.test)] == [5, 3, 2]
    assert len(ids(small.all_scenes())) == 10
    assert ids(small.train) < ids(large.train) and ids(small.val) == ids(large.val)


def test_an_unlimited_number_of_procedural_scenes_is_refused():
    with pytest.raises(InputError, match=r"data\.num_train_scenes=null"):
        procedural_splits(None, 1, 1)


def test_no_room_is_both_trained_on_and_held_out(shared_data):
    splits = read_splits([str(shared_data / "scenes" / "vsi_bench_meta")], None, 30, 30)
    train, held_out = (
        {room_id(scene) for scene in part} for part in (splits.train, splits.val + splits.test)
    )
    assert not train & held_out
    assert len(splits.val) == len(splits.test) == 30
    assert 238 - 60 - 20 <= len(splits.train) <= 238 - 60


def test_splits_do_not_depend_on_the_order_of_paths(shared_data):
    files = sorted(str(path) for path in Path(shared_data / "scenes" / "vsi_bench_meta").glob("*.json"))
    forwards, backwards = (read_splits(paths, 20, 10, 10) for paths in (files, files[::-1]))
    for part in ("train", "val", "test"):
        assert ids(getattr(forwards, part)) == ids(getattr(backwards, part))


def test_training_on_a_benchmarks_scenes_is_refused_by_name(shared_data):
    refuse_benchmarks(procedural_splits(3, 0, 0).train)
    splits = read_splits([str(shared_data / "scenes" / "vsi_bench_meta")], 8, 10, 10)
    message = r"8 training scenes .* belong to .*VSI-Bench.*benchmark_scenes leave_out"
    with pytest.raises(InputError, match=message):
        refuse_benchmarks(splits.train)


def test_holding_out_all_scenes_is_refused_with_their_number(shared_data):
    with pytest.raises(InputError, match=r"holds 238 usable scenes \(0 skipped\), but 300 are held out"):
        read_splits([str(shared_data / "scenes" / "vsi_bench_meta")], None, 200, 100)


def test_leave_out_removes_benchmark_scenes_from_training_only(tmp_path, shared_data):
    real = str(shared_data / "scenes" / "vsi_bench_meta")
    for name in ("scene0000_00", "scene0001_00"):
        (tmp_path / name).mkdir()
        chair = {"category": "chair", "center": [1, 2, 0.5], "size": [0.4, 0.8, 1]}
        record = {"source": "scannet", "objects": [chair], "floor_area": 12.5}
        (tmp_path / name / "scene.json").write_text(json.dumps(record))
    splits = read_splits([real, str(tmp_path)], None, 30, 30, "leave_out")
    assert ids(splits.train) <= {"scene0000_00", "scene0001_00"} and len(splits.val) == 30
    with pytest.raises(InputError, match=r"belong to benchmarks, and data\.benchmark_scenes=leave_out"):
        read_splits([real], None, 30, 30, "leave_out")


def write_rooms(folder, names, source=None, **fields):
    chair = {"category": "chair", "center": [1, 2, 0.5], "size": [0.4, 0.8, 1]}
    record = {"objects": [chair], "floor_area": 12.5} | ({} if source is None else {"source": source})
    record |= fields
    for name in names:
        (folder / name).mkdir(parents=True)
        (folder / name / "scene.json").write_text(json.dumps(record))


def test_a_number_after_an_id_counts_scans_of_one_room_in_scannet_only(tmp_path):
    write_rooms(tmp_path, [f"office_{number:02d}" for number in range(12)])
    splits = read_splits([str(tmp_path)], None, 3, 2)
    assert (len(splits.train), len(splits.val), len(splits.test)) == (7, 3, 2)
    assert len({room_id(scene) for scene in splits.all_scenes()}) == 12


@pytest.mark.parametrize("source", ["scannet", "ScanNet v2", "exported", None])
def test_scans_of_one_held_out_room_leave_nothing_to_train_on(tmp_path, source):
    write_rooms(tmp_path, [f"scene0568_{number:02d}" for number in range(4)], source)
    with pytest.raises(
        InputError, match=r"are scans of rooms that are \(scene0568\); .* \(data\.num_val_scenes, "
    ):
        read_splits([str(tmp_path)], None, 1, 1)


@pytest.mark.parametrize("source", [None, "scannet", "ScanNet"])
@pytest.mark.parametrize("name", ["scan_{:02d}", "scene_{:02d}", "room{:04d}_01", "scene{:02d}_00"])
def test_numbers_in_own_names_leave_every_room_its_own(tmp_path, name, source):
    write_rooms(tmp_path, [name.format(number) for number in range(6)], source)
    splits = read_splits([str(tmp_path)], None, 1, 1)
    assert (len(splits.train), len(splits.val), len(splits.test)) == (4, 1, 1)


def test_recordings_that_say_they_are_of_one_room_are_on_one_side(tmp_path):
    write_rooms(tmp_path, [f"walk{number}" for number in range(4)], room="kitchen")
    write_rooms(tmp_path, ["hall"])
    splits = read_splits([str(tmp_path)], None, 1, 0)
    kitchens = {scene.id for scene in splits.val if scene.room} | {scene.id for scene in splits.train}
    assert {room_id(scene) for scene in splits.train}.isdisjoint({room_id(scene) for scene in splits.val})
    assert kitchens


def test_a_scan_is_known_by_its_folder_where_its_id_says_nothing(tmp_path):
    for number in range(3):
        (tmp_path / f"scene0191_{number:02d}").mkdir()
        write_rooms(tmp_path / f"scene0191_{number:02d}", [f"walk{number}"])
    paths = [str(path) for path in tmp_path.iterdir()]
    with pytest.raises(InputError, match=r"scans of rooms that are \(scene0191\)"):
        read_splits(paths, None, 1, 0)


LEAKS = {
    "an id without a source": ("scene0011_00", {}),
    "an id with a version of the source": ("scene0011_00", {"source": "scannetv2"}),
    "an id under a source that is not its own": ("scene0011_00", {"source": "arkitscenes"}),
    "an id within a longer one": ("export-scene0011_00-small", {}),
    "a folder with another id": ("scene0011_00", {"id": "office"}),
    "a parent folder": ("scans/scene0011_00/plain/office", {}),
    "a video of another data set": ("Validation/41069025/plain", {}),
    "hexadecimal digits": ("7B6477CB95", {"source": "own"}),
    "what it was stored from": ("office", {"known_as": ["/old/scans/scene0011_00"]}),
    "what its owner knows": ("office", {"benchmarks": ["my own test"]}),
}


@pytest.mark.parametrize(("path", "fields"), LEAKS.values(), ids=LEAKS)
def test_no_other_name_lets_a_benchmarks_scene_into_training(tmp_path, path, fields):
    write_rooms(tmp_path, [path], **fields)
    splits = read_splits([str((tmp_path / path).parent)], None, 0, 0)
    with pytest.raises(
        InputError, match=r"1 training scenes .* belong to .*(ScanNet validation|VSI-Bench|my own test)"
    ):
        refuse_benchmarks(splits.train)


def test_a_link_and_the_name_of_an_image_tell_what_a_scene_is(tmp_path):
    write_rooms(tmp_path, ["hidden/scene0011_00", "office"])
    (tmp_path / "rooms").mkdir()
    (tmp_path / "rooms" / "mine").symlink_to(tmp_path / "hidden" / "scene0011_00")
    image = {"image": "scene0011_00/color/0.jpg", "time": 0, "pose": None}
    (tmp_path / "office" / "frames.json").write_text(json.dumps({"frames": [image]}))
    for path in ("rooms", "office"):
        with pytest.raises(InputError, match="ScanNet validation split"):
            refuse_benchmarks(read_splits([str(tmp_path / path)], None, 0, 0).train)


def test_a_folder_may_say_that_it_is_no_benchmarks_scene(tmp_path):
    write_rooms(tmp_path, ["scene0011_00", "scene0011_01", "scene0011_02"], not_benchmark=True)
    splits = read_splits([str(tmp_path)], None, 1, 0, "leave_out")
    refuse_benchmarks(splits.train)
    assert len(splits.train) == 2


@pytest.mark.parametrize("folder", [None, "~"])
def test_revsis_scenes_are_left_out_where_its_file_is_given(tmp_path, monkeypatch, folder):
    monkeypatch.setenv("HOME", str(tmp_path))
    scenes = tmp_path / "scenes"
    scenes.mkdir()
    write_rooms(scenes, [f"scene{number:04d}_00" for number in range(12, 24)], "scannet")
    listed = tmp_path / "3d_annotation.json"
    listed.write_text(
        json.dumps([{"dataset": "scannet", "scene_id": f"scene{n:04d}_01"} for n in range(12, 22)])
    )
    arguments = ([str(scenes)], None, 1, 1, "leave_out")
    before = read_splits(*arguments)
    after = read_splits(*arguments, revsi_annotation=f"{folder or tmp_path}/{listed.name}")
    assert ids(after.train) == ids(before.train) - {f"scene{number:04d}_00" for number in range(12, 22)}
