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
