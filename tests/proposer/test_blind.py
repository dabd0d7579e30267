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


class Base:
    """Confident in letters and numbers as it is told."""

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


def test_options_are_turned_through_every_letter_with_the_text_that_lists_them():
    orders = blind.turned(CHOICE)
    assert sorted(order.answer for order in orders) == list("ABCD")
    for order in orders:
        assert order.options[LETTERS.index(order.answer)] == "lamp"
        assert ", ".join(order.options) in order.text
    assert blind.turned(NUMBER) == [NUMBER]


def test_confidence_is_the_mean_over_orders(solver):
    base = Base(solver, [0.1, 0.2, 0.3, 0.4, 0.9])
    assert blind.guessed(base, [CHOICE, NUMBER]) == pytest.approx([0.25, 0.9])
    assert all(row.video is None for row in base.rows)


@pytest.mark.parametrize(("question", "threshold"), [(CHOICE, 1.5 / 4), (NUMBER, 0.2)])
def test_the_share_that_is_kept_falls_with_confidence(question, threshold):
    for confidence in (0.1, 0.3, 0.6, 0.95):
        kept = np.mean([blind.is_kept(replace(question, id=str(i)), confidence) for i in range(4000)])
        assert kept == pytest.approx(min(1.0, threshold / confidence), abs=0.03)


def test_the_same_question_meets_the_same_verdict(solver):
    verdicts = [blind.by_confidence(Base(solver, [0.25] * 5), [CHOICE, NUMBER]) for _ in range(3)]
    assert verdicts[0] == verdicts[1] == verdicts[2]
    assert blind.by_confidence(Base(solver, [1e-6]), [NUMBER]) == [None]


def test_the_judge_is_shown_frames_question_and_answer_and_decides_by_the_likelier_word(solver, filmed):
    _, video = filmed
    base = Base(solver, [0.6, 0.3, 0.2, 0.5])
    asked = [CHOICE, replace(NUMBER, scene_id="t")]
    found = blind.by_judge(base, asked, lambda scene_id: video)
    assert found[0] is None and "0.50 against 0.20" in found[1]
    said = solver.loaded.tokenizer.decode(base.rows[0].suffixes[0].ids)
    assert TEXT in said and "C. lamp" in said and base.rows[0].video is video
