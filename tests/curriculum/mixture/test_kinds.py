"""The registry of mixtures, and that every kind is a distribution over families."""

from typing import get_args

import pytest

from lightning_ouro.curriculum.mixture import MIXTURES, MixtureKind


def test_the_command_line_offers_the_registered_kinds():
    assert get_args(MixtureKind) == tuple(MIXTURES) == ("equal", "frontier")


@pytest.mark.parametrize("kind", MIXTURES)
def test_every_family_has_a_weight_and_all_sum_to_one(make_questions, ledger_with, kind):
    questions = make_questions(10, family="a") + make_questions(5, family="b")
    ledger = ledger_with({question.id: 0.5 for question in questions[:12]})
    weights = MIXTURES[kind](["a", "b", "c"], questions, ledger)
    assert list(weights) == ["a", "b", "c"] and sum(weights.values()) == pytest.approx(1)
    assert min(weights.values()) > 0


def test_the_equal_mixture_is_equal_whatever_training_showed(make_questions, ledger_with):
    questions = make_questions(10, family="a")
    ledger = ledger_with({question.id: 0.5 for question in questions})
    assert MIXTURES["equal"](["a", "b"], questions, ledger) == {"a": 0.5, "b": 0.5}
