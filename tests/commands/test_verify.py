"""Questions from a file through a round's checks, as a stranger would run them."""

import json
import shutil
import sys

import numpy as np
import pytest

from lightning_ouro.cli import main
from lightning_ouro.commands import verify as verify_module
from lightning_ouro.commands.verify import read_proposals, verify
from lightning_ouro.errors import InputError
from lightning_ouro.loop.files import RoundFiles
from lightning_ouro.programs.families import FAMILIES
from lightning_ouro.programs.questions import Proposal, Question, Rejection
from lightning_ouro.programs.scene_geometry import scene_geometry
from lightning_ouro.proposer.grammar import GrammarProposer
from lightning_ouro.proposer.protocol import Brief
from lightning_ouro.scenes.store import write_scene
from lightning_ouro.scenes.synthetic.procedural import procedural_scenes
from lightning_ouro.scenes.types import FrameBudget

BUDGET = FrameBudget(8, 96, 128)
WRONG = "def answer(scene):\n    return metres(99)\n"


@pytest.fixture(scope="module")
def rooms(tmp_path_factory):
    """Two recorded rooms, and right proposals about them, six each."""
    folder, rows = tmp_path_factory.mktemp("rooms"), []
    for scene in procedural_scenes(3, 2):
        video = scene.footage.load(scene, BUDGET)
        write_scene(scene, video, folder / scene.id)
        brief = Brief(scene, video.views, 6, 0, 0, dict.fromkeys(FAMILIES, 1.0), {}, {}, frozenset())
        for item in GrammarProposer().propose([brief]):
            rows.append({"scene_id": item.scene_id, "text": item.text, "program": item.program})
    return folder, rows


@pytest.fixture
def file_of(tmp_path):
    def write(*rows):
        path = tmp_path / "proposals.jsonl"
        path.write_text(
            "".join(row + "\n" if isinstance(row, str) else json.dumps(row) + "\n" for row in rows)
        )
        return path

    return write


def test_files_in_the_home_folder_are_found_there(rooms, file_of, tmp_path, monkeypatch):
    folder, rows = rooms
    file_of(*rows)
    monkeypatch.setenv("HOME", str(tmp_path))
    main(["verify", str(folder), "--proposals", "~/proposals.jsonl", "--out=~/out"])
    assert lines(tmp_path / "out/questions.jsonl")


def test_no_question_names_a_time_that_two_frames_share(rooms, file_of, tmp_path):
    folder, rows = rooms
    for number in (1, 2):
        verify(folder, proposals=file_of(*rows), out=tmp_path / str(number), frames_per_time=number)
    own, shared = (lines(tmp_path / number / "questions.jsonl") for number in "12")
    assert any(question["family"] == "camera_displacement" for question in own)
    assert shared and not any(question["family"].startswith("camera") for question in shared)


def lines(path):
    return [json.loads(line) for line in path.read_text("utf8").split("\n") if line]


def test_right_questions_are_accepted_and_wrong_ones_rejected_as_in_a_round(rooms, file_of, tmp_path, capsys):
    folder, rows = rooms
    wrong = [row | {"program": WRONG} for row in rows]
    verify(folder, proposals=file_of(*rows, *wrong), out=tmp_path / "out")
    accepted, rejected = (lines(tmp_path / "out" / f"{name}.jsonl") for name in ("questions", "rejections"))
    assert len(accepted) + len(rejected) == 2 * len(rows)
    programs = {row["program"] for row in rows}
    assert len(accepted) >= len(rows) // 2 and {row["program"] for row in accepted} <= programs
    assert sum(row["proposal"]["program"] == WRONG for row in rejected) == len(wrong)
    assert {row["reason"] for row in rejected if row["proposal"]["program"] == WRONG} <= {"disagrees", "type"}
    table = capsys.readouterr().out
    assert "accepted" in table and "disagrees" in table and str(tmp_path / "out")[:40] in table


def test_what_is_written_is_what_a_rounds_files_hold(rooms, file_of, tmp_path):
    folder, rows = rooms
    verify(folder, proposals=file_of(*rows), out=tmp_path / "out")
    questions = [Question.from_json(row) for row in lines(tmp_path / "out" / "questions.jsonl")]
    RoundFiles(tmp_path / "rounds").write_proposed(0, questions, [])
    again = (tmp_path / "rounds" / "000" / "questions.jsonl").read_bytes()
    assert (tmp_path / "out" / "questions.jsonl").read_bytes() == again


def test_a_missing_family_is_read_from_the_text_and_a_wrong_one_disagrees(file_of):
    text, program = "How many chair(s) are in this room?", "def answer(scene): ..."
    row = {"scene_id": "a", "text": text, "program": program}
    first, second, third = read_proposals(file_of(row, row | {"family": "open"}, row | {"text": "Why?"}))
    assert [item.family for item in (first, second, third)] == ["object_counting", "open", "open"]
    assert [item.slot for item in (first, second, third)] == [0, 1, 2]


@pytest.mark.parametrize(
    ("line", "detail"),
    [
        ("{broken", "line 2: Expecting property name"),
        ("[1]", "line 2: is not a JSON object"),
        ('{"scene_id": "a", "text": "b"}', "line 2: program is missing"),
        ('{"scene_id": 1, "text": "b", "program": "c"}', "line 2: scene_id is missing or is not a text"),
        (
            '{"scene_id": "a", "text": "b", "program": "c", "family": 7}',
            "line 2: family is missing or is not",
        ),
        ("[" * 100_000, "line 2: "),
        ('"' + "x" * 300_000 + '"', "more than 200000 characters"),
        ("\x00\x01", "line 2: "),
    ],
)
def test_a_bad_line_is_rejected_by_its_number_and_the_others_count(file_of, line, detail):
    good = {"scene_id": "a", "text": "b", "program": "c"}
    first, bad, last = read_proposals(file_of(good, line, good))
    assert isinstance(first, Proposal) and isinstance(last, Proposal)
    assert isinstance(bad, Rejection) and bad.reason == "unusable" and detail in bad.detail


def test_an_unknown_or_broken_scene_costs_its_own_proposals_only(rooms, file_of, tmp_path):
    folder, rows = rooms
    verify(folder, proposals=file_of(*rows, rows[0] | {"scene_id": "elsewhere"}), out=tmp_path / "out")
    (row,) = (row for row in lines(tmp_path / "out" / "rejections.jsonl") if row["reason"] == "unusable")
    assert row["detail"].startswith(
        "scene elsewhere: there is no such scene, but procedural-000003, procedural-"
    )


def test_a_scene_in_a_folder_of_another_name_goes_by_its_own(rooms, file_of, tmp_path, capsys):
    folder, rows = rooms
    for scene in folder.iterdir():
        shutil.copytree(scene, tmp_path / "store" / f"copy-of-{scene.name}")
    own = [row for row in rows if row["scene_id"] == rows[0]["scene_id"]]
    verify(tmp_path / "store", proposals=file_of(*own))
    assert "there is no such scene" not in capsys.readouterr().out
    folder_name = own[0] | {"scene_id": f"copy-of-{own[0]['scene_id']}"}
    with pytest.raises(InputError, match=r"asks about copy-of-procedural-000003, but .* holds no such scene"):
        verify(tmp_path / "store", proposals=file_of(folder_name))


def test_the_frames_decide_what_can_be_asked(rooms, file_of, tmp_path):
    folder, rows = rooms
    numbers = []
    for num_frames in (1, 8):
        out = tmp_path / str(num_frames)
        verify(folder, proposals=file_of(*rows), out=out, num_frames=num_frames)
        numbers.append(len(lines(out / "questions.jsonl")))
    assert numbers[0] < numbers[1]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ((), "holds no proposal"),
        (("{",), "holds no proposal"),
        (
            ({"scene_id": "elsewhere", "text": "b", "program": "c"},),
            r"asks about elsewhere, but .* holds no such scene; there procedural-000003, procedural-000004 can be",
        ),
    ],
)
def test_a_file_without_anything_to_verify_is_refused(rooms, file_of, rows, message):
    with pytest.raises(InputError, match=message):
        verify(rooms[0], proposals=file_of(*rows))


def test_earlier_results_are_not_overwritten(rooms, file_of, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "questions.jsonl").write_text("mine")
    with pytest.raises(InputError, match="already holds verified questions"):
        verify(rooms[0], proposals=file_of(*rooms[1]), out=tmp_path / "out")
    assert (tmp_path / "out" / "questions.jsonl").read_text() == "mine"


def test_the_command_line_needs_scenes_and_proposals(monkeypatch, capsys, rooms, file_of):
    monkeypatch.setattr(sys, "argv", ["lightning_ouro", "verify", str(rooms[0])])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2 and "proposals" in capsys.readouterr().err
    monkeypatch.setattr(sys, "argv", [*sys.argv, "--proposals", str(file_of(*rooms[1]))])
    main()
    assert "accepted" in capsys.readouterr().out


def test_a_room_with_one_kind_of_object_gives_a_known_answer(file_of, tmp_path):
    (scene,) = procedural_scenes(3, 1)
    write_scene(scene, scene.footage.load(scene, BUDGET), tmp_path / "scenes" / scene.id)
    area = float(np.round(scene_geometry(scene).floor_area, 1))
    program = "def answer(scene):\n    return square_metres(scene.floor_area)\n"
    text = "What is the size of this room (in square meters)? If multiple rooms are shown, estimate the size of the combined space."
    verify(
        tmp_path / "scenes",
        proposals=file_of({"scene_id": scene.id, "text": text, "program": program}),
        out=tmp_path / "out",
    )
    (row,) = lines(tmp_path / "out" / "questions.jsonl")
    assert (row["family"], float(row["answer"]), row["unit"]) == ("room_size_estimation", area, "m2")


def test_a_full_disk_leaves_neither_file_so_that_it_can_be_run_again(
    rooms, file_of, tmp_path, monkeypatch, capsys
):
    folder, rows = rooms
    write = verify_module.write_jsonl

    def full(path, written):
        if path.name == "questions.jsonl":
            raise OSError(28, "No space left on device", str(path))
        write(path, written)

    args = ["verify", str(folder), "--proposals", str(file_of(*rows[:2])), "--out", str(tmp_path / "out")]
    with monkeypatch.context() as patch, pytest.raises(SystemExit) as stop:
        patch.setattr(verify_module, "write_jsonl", full)
        main(args)
    assert stop.value.code == 2 and "questions.jsonl: cannot be written" in capsys.readouterr().err
    assert list((tmp_path / "out").iterdir()) == []
    main(args)
    assert (tmp_path / "out" / "questions.jsonl").is_file()
