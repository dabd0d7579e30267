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


def write_rooms(folder, names, source=None):
    chair = {"category": "chair", "center": [1, 2, 0.5], "size": [0.4, 0.8, 1]}
    record = {"objects": [chair], "floor_area": 12.5} | ({} if source is None else {"source": source})
    for name in names:
        (folder / name).mkdir()
        (folder / name / "scene.json").write_text(json.dumps(record))


def test_a_number_after_an_id_counts_scans_of_one_room_in_scannet_only(tmp_path):
    write_rooms(tmp_path, [f"office_{number:02d}" for number in range(12)])
    splits = read_splits([str(tmp_path)], None, 3, 2)
    assert (len(splits.train), len(splits.val), len(splits.test)) == (7, 3, 2)
    assert len({room_id(scene) for scene in splits.all_scenes()}) == 12


@pytest.mark.parametrize("source", ["scannet", "ScanNet"])
def test_scans_of_one_held_out_room_leave_nothing_to_train_on(tmp_path, source):
    write_rooms(tmp_path, [f"scene0568_{number:02d}" for number in range(4)], source)
    with pytest.raises(InputError, match=r"are scans of rooms that are; .* \(data\.num_val_scenes, "):
        read_splits([str(tmp_path)], None, 1, 1)


def test_revsis_scenes_are_left_out_where_its_file_is_given(tmp_path):
    scenes = tmp_path / "scenes"
    scenes.mkdir()
    write_rooms(scenes, [f"scene{number:04d}_00" for number in range(12, 24)], "scannet")
    listed = tmp_path / "3d_annotation.json"
    listed.write_text(
        json.dumps([{"dataset": "scannet", "scene_id": f"scene{n:04d}_01"} for n in range(12, 22)])
    )
    arguments = ([str(scenes)], None, 1, 1, "leave_out")
    before = read_splits(*arguments)
    after = read_splits(*arguments, revsi_annotation=str(listed))
    assert ids(after.train) == ids(before.train) - {f"scene{number:04d}_00" for number in range(12, 22)}
