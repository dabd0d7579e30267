"""Families whose questions lie on the frontier are asked for more.

This kind weights families in what is asked for, by the band *frontier*, which is skill from 0.1 to 0.9
(`curriculum.skill`); `sampling.frontier` weights questions in what a round trains on, `loss_weights.frontier`
weights samples in the loss.

A family's weight is the share, among its questions seen in training, of those in that band, shrunk by ten
pseudo-questions towards the overall share, normalised, and never below 1 / (4 * families): a family that is
mastered or hopeless is asked for less, never forgotten. Weights are equal before any training.
"""

from __future__ import annotations

from collections.abc import Sequence

from lightning_ouro.curriculum.ledger import Ledger
from lightning_ouro.curriculum.mixture import equal
from lightning_ouro.programs.questions import Question

PSEUDO_QUESTIONS = (
    10  # shrinkage, about what a rare family gets in a round of the default run; chosen by hand
)
FLOOR_DIVISOR = 4  # no family falls below a quarter of an equal share; chosen by hand


def family_weights(
    families: Sequence[str], questions: Sequence[Question], ledger: Ledger
) -> dict[str, float]:
    bands = [(question.family, ledger.band(question)) for question in questions]
    trained = [(family, band == "frontier") for family, band in bands if band is not None]
    overall = sum(hit for _, hit in trained) / len(trained) if trained else 0.0
    if overall == 0:
        return equal.family_weights(families, questions, ledger)
    rates = {}
    for family in families:
        hits = [hit for name, hit in trained if name == family]
        rates[family] = (sum(hits) + PSEUDO_QUESTIONS * overall) / (len(hits) + PSEUDO_QUESTIONS)
    return with_floor(rates, 1 / (FLOOR_DIVISOR * len(families)))


def with_floor(rates: dict[str, float], floor: float) -> dict[str, float]:
    """Rates scaled to sum to 1, none below `floor`.

    The rates above it pay for those lifted, in proportion.
    """
    lifted: set[str] = set()
    while True:
        free = {name: rate for name, rate in rates.items() if name not in lifted}
        scale = (1 - floor * len(lifted)) / sum(free.values())
        low = {name for name, rate in free.items() if rate * scale < floor}
        if not low:
            return {name: floor if name in lifted else rate * scale for name, rate in rates.items()}
        lifted |= low
