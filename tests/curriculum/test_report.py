import math

import numpy as np
import pytest

from lightning_ouro.curriculum.report import (
    effective_sample_size,
    selection_rows,
    summarise_pool,
    summarise_proposals,
)
from lightning_ouro.programs.questions import REASONS, Proposal, Rejection


def test_proposals_are_counted_with_every_reason_named(make_questions):
    proposal = Proposal("s", "f", "t", "p", "grammar", 0, 0)
    rejected = [
        Rejection(proposal, "unseen", "x"),
        Rejection(proposal, "unseen", "y"),
        Rejection(proposal, "range", "z"),
    ]
    found = summarise_proposals(10, make_questions(4), rejected, {"f": 1.0})
    assert (found.requested, found.proposed, found.accepted) == (10, 7, 4)
    assert set(found.rejected) == set(REASONS)
    assert found.rejected["unseen"] == 2 and sum(found.rejected.values()) == 3


def test_the_pool_is_summed_up_as_computed_by_hand(make_questions, ledger_with):
    counting, sizes = make_questions(4), make_questions(1, family="room_size_estimation")
    ledger = ledger_with({q.id: s for q, s in zip(counting, (0.05, 0.5, 0.95), strict=False)})
    weights = np.array([1.0, 2.0, 1.0, 4.0, 2.0])
    families = ["object_counting", "room_size_estimation"]
    found = summarise_pool(counting + sizes, weights, ledger, families, "uniform")
    assert (found.num_questions, found.trained, found.median_skill) == (5, 3, 0.5)
    assert found.bands == {"easy": 1 / 3, "frontier": 1 / 3, "hard": 1 / 3, "ambiguous": 0}
    assert found.family_skill["object_counting"] == pytest.approx(0.5)
    assert math.isnan(found.family_skill["room_size_estimation"])
    assert found.weight_by_bin[[1, 10, 19]] == pytest.approx([0.5, 1.0, 0.5])
    assert found.weight_by_bin.sum() == pytest.approx(2.0)
    assert found.effective_sample_size == pytest.approx(16 / 6 / 3)


def test_an_untrained_pool_has_no_skill(make_questions, ledger_with):
    found = summarise_pool(make_questions(2), np.ones(2), ledger_with({}), ["object_counting"], "focal")
    assert found.trained == 0 and math.isnan(found.median_skill) and found.effective_sample_size == 0


def test_curves_are_named_the_same_whatever_was_trained(make_questions, ledger_with):
    questions, families = make_questions(2), ["object_counting"]
    before, after = (
        summarise_pool(questions, np.ones(2), ledger, families, "focal").metrics()
        for ledger in (ledger_with({}), ledger_with({questions[0].id: 0.5}))
    )
    assert before.keys() == after.keys()


def test_equal_weights_are_all_effective_and_one_weight_is_one_question():
    assert effective_sample_size(np.ones(8)) == pytest.approx(1)
    assert effective_sample_size(np.eye(8)[0]) == pytest.approx(1 / 8)
    assert effective_sample_size(np.zeros(0)) == 0


def test_a_selections_row_says_how_the_question_was_drawn_and_how_it_stands(make_questions, ledger_with):
    questions = make_questions(2)
    ledger = ledger_with({questions[0].id: 0.5}, round=3)
    rows = selection_rows(questions, ledger, np.array([2.0, 1.0]), np.array([2, 0]), {questions[0].id: 1})
    assert [row["drawn"] for row in rows] == [2, 0] and [row["trained"] for row in rows] == [1, 0]
    assert rows[0]["confidence"] == {"3": 0.5} and rows[0]["band"] == "frontier"
    assert rows[1]["skill"] is None and rows[1]["band"] is None
