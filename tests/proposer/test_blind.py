from dataclasses import replace

import numpy as np
import pytest

from lightning_ouro.programs.questions import LETTERS, Question
from lightning_ouro.proposer import blind
from lightning_ouro.solver.module import SolverModule

TEXT = "Which of these objects (bed, door, lamp, sofa) is nearest to the sink?"
CHOICE = Question(
    "c", "s", "object_rel_distance", TEXT, ("bed", "door", "lamp", "sofa"), None, "C", "", 1.0, {}, 0
)
NUMBER = Question("n", "s", "object_counting", "How many chair(s)?", None, "count", "3", "", 1.0, {}, 0)


class FakeBase:
    """Returns prepared confidences and keeps the rows that it was given."""

    def __init__(self, solver, confidences):
        self.encoder, self.confidences, self.rows = solver.encoder, confidences, []

    def base_confidences(self, rows):
        self.rows += rows
        return [self.confidences.pop(0) for row in rows for _ in row.suffixes]


@pytest.fixture(scope="module")
def solver():
    module = SolverModule(init="random")
    module.configure_model()
    return module


def test_options_are_rotated_through_every_letter_and_so_is_the_text():
    rotations = blind.rotations(CHOICE)
    assert sorted(rotated.answer for rotated in rotations) == list("ABCD")
    for rotated in rotations:
        assert rotated.options[LETTERS.index(rotated.answer)] == "lamp"
        assert ", ".join(rotated.options) in rotated.text
    assert blind.rotations(NUMBER) == [NUMBER]


def test_confidence_is_the_mean_over_rotations(solver):
    base = FakeBase(solver, [0.1, 0.2, 0.3, 0.4, 0.9])
    assert blind.blind_confidences(base, [CHOICE, NUMBER]) == pytest.approx([0.25, 0.9])
    assert all(row.video is None for row in base.rows)


@pytest.mark.parametrize(("question", "threshold"), [(CHOICE, 1.5 / 4), (NUMBER, 0.2)])
def test_the_share_of_kept_questions_is_threshold_over_confidence(question, threshold):
    for confidence in (0.1, 0.3, 0.6, 0.95):
        kept = np.mean([blind.is_kept(replace(question, id=str(i)), confidence) for i in range(4000)])
        assert kept == pytest.approx(min(1.0, threshold / confidence), abs=0.03)


def test_the_same_question_always_gets_the_same_verdict(solver):
    verdicts = [blind.by_confidence(FakeBase(solver, [0.25] * 5), [CHOICE, NUMBER]) for _ in range(3)]
    assert verdicts[0] == verdicts[1] == verdicts[2]
    assert blind.by_confidence(FakeBase(solver, [1e-6]), [NUMBER]) == [None]


def test_the_judge_sees_frames_question_and_answer(solver, filmed):
    _, video = filmed
    base = FakeBase(solver, [0.6, 0.3])
    blind.by_judge(base, [CHOICE], lambda scene_id: video)
    prompt = solver.loaded.tokenizer.decode(base.rows[0].suffixes[0].ids)
    assert TEXT in prompt and "C. lamp" in prompt and base.rows[0].video is video


def test_the_judge_turns_down_what_is_likelier_no_than_yes(solver, filmed):
    _, video = filmed
    questions = [CHOICE, replace(NUMBER, scene_id="t")]
    kept, turned_down = blind.by_judge(FakeBase(solver, [0.6, 0.3, 0.2, 0.5]), questions, lambda _: video)
    assert kept is None and "0.50 against 0.20" in turned_down
