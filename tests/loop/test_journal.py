"""What a proposer wrote survives a kill, scene by scene."""

import pytest

from lightning_ouro.loop.journal import Journal
from lightning_ouro.programs.questions import Proposal, Rejection

ASKED = b'{"seed": 0}'


def proposal(scene, slot=0, text="How many chair(s)\u2028 are in this room?"):
    return Proposal(scene, "object_counting", text, "def answer(scene):\n    ...\n", "test", 0, slot)


BY_SCENE = {
    "a": [proposal("a"), Rejection(proposal("a", 1), "unusable", "line 3: no program")],
    "scène 2": [],
    "c": [proposal("c", text="\ud800")],
}


def test_what_was_noted_is_read_in_any_order_of_sessions(tmp_path):
    journal = Journal(tmp_path / "000", 0, ASKED)
    assert journal.read() == {}
    journal.add({"a": BY_SCENE["a"]})
    Journal(tmp_path / "000", 1, ASKED).add({"c": BY_SCENE["c"]})
    again = Journal(tmp_path / "000", 0, ASKED)
    again.add({"scène 2": []})
    assert again.read() == Journal(tmp_path / "000", 5, ASKED).read() == BY_SCENE


@pytest.mark.parametrize("cut", [1, 5, 40, 80])
def test_a_line_that_a_kill_cut_off_is_lost_alone(tmp_path, cut):
    journal = Journal(tmp_path, 0, ASKED)
    journal.add({"a": BY_SCENE["a"]})
    journal.add({"b": [proposal("b")]})
    path = tmp_path / "proposals.0.jsonl"
    path.write_bytes(path.read_bytes()[:-cut])
    kept = {"a": BY_SCENE["a"]} | ({"b": [proposal("b")]} if cut == 1 else {})
    assert journal.read() == kept
    journal.add({"c": [proposal("c")]})
    assert journal.read() == kept | {"c": [proposal("c")]}


def test_notes_about_another_request_do_not_count_and_make_room(tmp_path):
    Journal(tmp_path, 0, ASKED).add(BY_SCENE)
    other = Journal(tmp_path, 0, b'{"seed": 1}')
    assert other.read() == {}
    other.add({"d": []})
    assert other.read() == {"d": []}
    assert Journal(tmp_path, 0, ASKED).read() == {}


def test_notes_are_removed_with_all_ranks(tmp_path):
    for rank in range(3):
        Journal(tmp_path, rank, ASKED).add(BY_SCENE)
    (tmp_path / "questions.jsonl").touch()
    Journal.remove_all(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["questions.jsonl"]
