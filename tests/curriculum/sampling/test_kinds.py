"""The registry: what is registered is what the command line offers."""

from typing import get_args

import numpy as np
import pytest

from lightning_ouro.curriculum.sampling import SAMPLING, SamplingKind


def test_the_command_line_offers_the_registered_kinds():
    assert get_args(SamplingKind) == tuple(SAMPLING) == ("uniform", "frontier")


@pytest.mark.parametrize("kind", SAMPLING)
def test_a_kind_weighs_each_question_and_nothing_below_zero(make_questions, ledger_with, kind):
    questions = make_questions(6)
    ledger = ledger_with({q.id: s for q, s in zip(questions, (0.0, 0.3, 0.9, 1.0), strict=False)})
    weights = SAMPLING[kind](questions, ledger, 1)
    assert weights.shape == (6,) and weights.dtype == np.float64
    assert np.isfinite(weights).all() and (weights >= 0).all() and weights.any()


def test_uniform_weights_are_equal_whatever_training_showed(make_questions, ledger_with):
    questions = make_questions(3)
    assert SAMPLING["uniform"](questions, ledger_with({questions[0].id: 1.0}), 5).tolist() == [1.0] * 3
