"""Which families the proposer is asked for next.

A family's weight is the share of its questions that lie on the frontier, shrunk by ten pseudo-questions to the overall
share, normalised, and never below 1 / (4 * families): a family that is mastered or hopeless is asked for less, never
forgotten.
"""

from __future__ import annotations

from collections.abc import Sequence

from lightning_ouro.curriculum.ledger import Ledger
from lightning_ouro.programs.questions import Question

PSEUDO_QUESTIONS = 10


def family_weights(
    families: Sequence[str], questions: Sequence[Question], ledger: Ledger
) -> dict[str, float]:
    """Weights that sum to 1, equal before anything was trained.

    Args:
        families: All families that the proposer knows.
        questions: The pool.
        ledger: What training has shown of them.
    """
    bands = [(question.family, ledger.band(question)) for question in questions]
    trained = [(family, band == "frontier") for family, band in bands if band is not None]
    overall = sum(hit for _, hit in trained) / len(trained) if trained else 0.0
    if overall == 0:
        return {family: 1 / len(families) for family in families}
    rates = {}
    for family in families:
        hits = [hit for name, hit in trained if name == family]
        rates[family] = (sum(hits) + PSEUDO_QUESTIONS * overall) / (len(hits) + PSEUDO_QUESTIONS)
    return with_floor(rates, 1 / (4 * len(families)))


def with_floor(rates: dict[str, float], floor: float) -> dict[str, float]:
    """Rates scaled to sum to 1, none below the floor; what the floor lifts, the others pay in proportion."""
    lifted: set[str] = set()
    while True:
        free = {name: rate for name, rate in rates.items() if name not in lifted}
        scale = (1 - floor * len(lifted)) / sum(free.values())
        low = {name for name, rate in free.items() if rate * scale < floor}
        if not low:
            return {name: floor if name in lifted else rate * scale for name, rate in rates.items()}
        lifted |= low
