"""A run's split wins over what lies on disk later, and over the options of a later command."""

import pytest

from lightning_ouro.errors import InputError
from lightning_ouro.loop.recorded_split import RecordedSplit
from lightning_ouro.scenes.splits import Splits
from lightning_ouro.scenes.synthetic.procedural import procedural_scenes

SCENES = {scene.id[-1]: scene for scene in procedural_scenes(0, 10)}  # by the last digit of their ids


def scenes(digits):
    return tuple(SCENES[digit] for digit in digits)


def digits(part):
    return "".join(scene.id[-1] for scene in part)


@pytest.fixture
def record():
    """Trained on 0 to 3, held out 4 and 5, and 6."""
    return RecordedSplit.of(Splits(scenes("0123"), scenes("45"), scenes("6")), ["/scans"])


def split(record, on_disk, limits=(None, 2, 1), is_training=False):
    """The digits of training, validation and test, and the lines."""
    found = Splits(scenes(on_disk), (), ())
    applied, lines = record.applied(found, limits, is_training)
    return digits(applied.train), digits(applied.val), digits(applied.test), lines


def test_the_record_comes_back_from_its_file_and_never_changes(record, tmp_path):
    assert RecordedSplit.read(tmp_path) is None
    record.write(tmp_path)
    RecordedSplit.of(Splits(scenes("9"), (), ()), []).write(tmp_path)
    assert RecordedSplit.read(tmp_path) == record
    (tmp_path / "splits.json").write_text('{"train": [], "trained": []}')
    with pytest.raises(InputError, match=r"splits.json cannot be read .*trained.* restore it"):
        RecordedSplit.read(tmp_path)


@pytest.mark.parametrize("on_disk", ["0123456", "6543210", "3406152"])
def test_the_split_is_the_recorded_one_in_any_order_on_disk(record, on_disk):
    for is_training in (True, False):
        assert split(record, on_disk, is_training=is_training) == ("0123", "45", "6", [])


@pytest.mark.parametrize("limits", [(None, 6, 6), (1, 6, 6), (None, 7, 0), (None, 0, 7)])
def test_no_scene_that_was_trained_on_is_held_out_whatever_is_asked(record, limits):
    for is_training in (True, False):
        for on_disk in ("0123456", "01236", "0123", "01234"):
            train, val, test, _ = split(record, on_disk, limits, is_training)
            assert not set("0123") & set(val + test) and not set("456") & set(train)


def test_what_is_gone_is_named(record):
    train, val, _, lines = split(record, "01245", is_training=True)
    assert (train, val) == ("012", "45")
    assert lines == [
        f"1 of the run's 4 train scenes are gone: {SCENES['3'].id}",
        f"1 of the run's 1 test scenes are gone: {SCENES['6'].id}",
        "data.num_test_scenes=1: the run holds out 0 that are there",
    ]
    assert split(record, "01245")[3] == lines[1:], "whoever evaluates needs no training scenes"


def test_new_scenes_are_evaluated_where_more_are_asked_for_and_never_trained_on(record):
    assert split(record, "0123456789", (None, 4, 1)) == ("0123", "4578", "6", [])
    train, val, test, lines = split(record, "0123456789", (None, 4, 1), is_training=True)
    assert (train, val, test) == ("0123", "45", "6")
    assert lines[0] == f"not in the run's split, so not used: {', '.join(SCENES[d].id for d in '789')}"


def test_other_scans_of_rooms_that_were_trained_on_are_not_evaluated(record, monkeypatch):
    rooms = {"7": "room 0"}
    monkeypatch.setattr(
        "lightning_ouro.loop.recorded_split.room_id",
        lambda scene: rooms.get(scene.id[-1], f"room {scene.id[-1]}"),
    )
    record = RecordedSplit.of(Splits(scenes("0123"), scenes("45"), scenes("6")), [])
    assert split(record, "0123456789", (None, 4, 1))[1] == "4589"


def test_a_run_whose_training_scenes_are_all_gone_does_not_go_on(record):
    with pytest.raises(InputError, match=r"none of the 4 scenes that the run trained on is left.*/scans"):
        split(record, "456789", is_training=True)
    assert split(record, "456")[1:3] == ("45", "6")
