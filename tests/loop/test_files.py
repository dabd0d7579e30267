import json
from dataclasses import replace

import pytest

from lightning_ouro.errors import InputError
from lightning_ouro.loop.files import RoundFiles
from lightning_ouro.programs.questions import Proposal, Question, Rejection

QUESTION = Question(
    "id1", "scène", "object_rel_distance", "which?", ("a", "b"), None, "B", "p", 0.75, {"target": ("tv",)}, 0
)


def test_questions_come_back_as_they_were_written(tmp_path):
    files = RoundFiles(tmp_path)
    rejection = Rejection(Proposal("s", "f", "t", "p", "grammar", 0, 1), "runtime", "line 2: no")
    digest = files.write_proposed(0, [QUESTION], [rejection])
    assert files.read_questions(0, digest) == [QUESTION]
    assert json.loads((tmp_path / "000" / "rejections.jsonl").read_text())["reason"] == "runtime"


def test_a_separator_of_unicode_ends_no_row(tmp_path):
    files = RoundFiles(tmp_path)
    odd = replace(QUESTION, text="which?\u2028\u2029\x85\x1c\v\f\r\n", program="# \u2028\n")
    digest = files.write_proposed(0, [odd, QUESTION], [])
    assert files.read_questions(0, digest) == [odd, QUESTION]
    assert files.read_questions(1, files.write_proposed(1, [], [])) == []


def test_a_file_that_changed_since_or_is_gone_is_refused(tmp_path):
    files = RoundFiles(tmp_path)
    digest = files.write_proposed(0, [QUESTION], [])
    path = files.path(0, "questions")
    path.write_text(path.read_text().replace("which", "what"))
    with pytest.raises(InputError, match="has changed since the checkpoint was written"):
        files.read_questions(0, digest)
    path.unlink()
    with pytest.raises(InputError, match="is missing"):
        files.read_questions(0, digest)


IDENTITY = {"seed": 0, "loop.blind": "none"}
REJECTION = Rejection(Proposal("s", "f", "t", "p", "grammar", 0, 1), "runtime", "line 2: no")


def test_a_proposed_round_is_read_back(tmp_path):
    files = RoundFiles(tmp_path)
    assert files.read_proposed(0, IDENTITY) is None
    files.write_proposed(0, [QUESTION], [REJECTION], IDENTITY)
    assert files.read_proposed(0, IDENTITY) == ([QUESTION], [REJECTION])
    with pytest.raises(InputError, match=r"000 belongs to another run or to other settings.*\(loop.blind\)"):
        files.read_proposed(0, IDENTITY | {"loop.blind": "judge"})


@pytest.mark.parametrize("name", ["questions", "rejections"])
def test_a_round_whose_writing_was_cut_short_is_not_read_back(tmp_path, name):
    files = RoundFiles(tmp_path)
    files.write_proposed(0, [QUESTION], [REJECTION], IDENTITY)
    files.path(0, name).unlink()
    assert files.read_proposed(0, IDENTITY) is None
    files.write_proposed(0, [QUESTION], [REJECTION], IDENTITY)  # the same bytes
    assert files.read_proposed(0, IDENTITY) is not None


def test_a_round_of_an_earlier_version_without_a_request_is_read_back(tmp_path):
    RoundFiles(tmp_path).write_proposed(0, [QUESTION], [])
    assert RoundFiles(tmp_path).read_proposed(0, IDENTITY) == ([QUESTION], [])


def test_statistics_of_a_round_that_is_trained_again_stay_beside_the_earlier_ones(tmp_path):
    files = RoundFiles(tmp_path)
    for rows in ([{"p": 1}], [{"p": 1}], [{"p": 2}], [{"p": 3}]):
        files.write_selection(0, rows)
    names = ("selection.jsonl", "selection.1.jsonl", "selection.2.jsonl")
    assert [json.loads((tmp_path / "000" / name).read_text())["p"] for name in names] == [3, 1, 2]
    assert len(list((tmp_path / "000").iterdir())) == 3


def test_other_ranks_and_readers_write_no_rounds(tmp_path):
    for rank in (1, None):
        files = RoundFiles(tmp_path, rank)
        assert files.write_proposed(0, [QUESTION], [], IDENTITY) == RoundFiles(tmp_path / "x").write_proposed(
            0, [QUESTION], []
        )
        files.write_selection(0, [{"p": 1}])
        assert not files.path(0, "questions").exists() and not files.path(0, "selection").exists()
    assert RoundFiles(tmp_path, None).journal(0, IDENTITY) is None
