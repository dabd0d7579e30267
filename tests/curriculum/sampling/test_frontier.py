import numpy as np
import pytest

from lightning_ouro.curriculum.sampling.frontier import sampling_weights


def test_before_any_training_all_questions_weigh_the_same(make_questions, ledger_with):
    assert sampling_weights(make_questions(5), ledger_with({}), 0).tolist() == [1.0] * 5


def test_weights_follow_skill_as_computed_by_hand(make_questions, ledger_with):
    questions = make_questions(4)
    # Two questions share the bin of 0.5, one has 0.95, one is new: shares of the known 2/3 and 1/3, 1/|pool| = 1/4.
    ledger = ledger_with({questions[0].id: 0.5, questions[1].id: 0.52, questions[2].id: 0.95})
    half = 1.0 / (2 / 3 + 1 / 4)
    near_half = 4 * 0.52 * 0.48 / (2 / 3 + 1 / 4)
    easy = 4 * 0.95 * 0.05 / (1 / 3 + 1 / 4)
    new = np.median([half, near_half, easy])
    found = sampling_weights(questions, ledger, 1)
    np.testing.assert_allclose(found, [half, near_half, easy, new], rtol=1e-12)


def test_hard_and_easy_ends_keep_the_floor(make_questions, ledger_with):
    questions = make_questions(2)
    ledger = ledger_with({questions[0].id: 0.0, questions[1].id: 1.0})
    np.testing.assert_allclose(sampling_weights(questions, ledger, 1), [0.1 / (1 / 2 + 1 / 2)] * 2)


def test_a_question_that_rounds_passed_by_gains_a_quarter_each(make_questions, ledger_with):
    questions = make_questions(2)
    ledger = ledger_with({questions[0].id: 0.5}, round=0)
    ledger.observe(2, {questions[1].id: 0.5}, {questions[1].id: 1})
    stale, fresh = sampling_weights(questions, ledger, 3)
    assert stale / fresh == pytest.approx(1.5)


def test_a_new_question_takes_the_median_of_its_family_before_that_of_all(make_questions, ledger_with):
    counting, sizes = make_questions(3), make_questions(2, family="room_size_estimation")
    questions = counting + sizes
    ledger = ledger_with({counting[0].id: 0.5, counting[1].id: 0.5, sizes[0].id: 0.9})
    weights = sampling_weights(questions, ledger, 1)
    assert weights[2] == weights[0] and weights[4] == weights[3]


def test_weights_are_clipped_around_their_mean(make_questions, ledger_with):
    questions = make_questions(100)
    skills = {question.id: 0.0 for question in questions[:99]} | {questions[99].id: 0.5}
    weights = sampling_weights(questions, ledger_with(skills), 1)
    raw = np.array([0.1 / (0.99 + 0.01)] * 99 + [1 / (0.01 + 0.01)])
    np.testing.assert_allclose(weights, np.clip(raw, 0.1 * raw.mean(), 4 * raw.mean()))


def test_ambiguous_questions_are_not_drawn(make_questions, ledger_with):
    questions = make_questions(2, margin=0.6)
    ledger = ledger_with({q.id: 0.05 for q in questions}, round=0)
    ledger.observe(1, {questions[0].id: 0.05, questions[1].id: 0.6}, {q.id: 1 for q in questions})
    weights = sampling_weights(questions, ledger, 2)
    assert weights[0] == 0 and weights[1] > 0
