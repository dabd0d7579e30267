"""VSI-Bench's scores, bit for bit: accuracy of letters, mean relative accuracy of numbers.

Source: vision-x-nyu/thinking-in-space @51e089c, lmms_eval/tasks/vsibench/utils.py. Its `(.95 - .5) / .05 + 2` is
10.999999999999998 and cut to ten thresholds; it compares with <=, not the paper's <.
"""

from __future__ import annotations

import numpy as np

from lightning_ouro.programs.questions import Unit

THRESHOLDS = np.linspace(0.5, 0.95, 10)


def fuzzy_matching(reply: str) -> str:
    """The first word up to a space character (a line break does not end it), without dots at its end."""
    return reply.split(" ")[0].rstrip(".").strip()


def accuracy(reply: str, answer: str) -> float:
    """1 if the reply's first word is the answer's letter, in either case; else 0."""
    return float(fuzzy_matching(reply).lower() == answer.lower())


def mean_relative_accuracy(predicted: float, target: float) -> float:
    """Share of thresholds theta in .50, .55, ..., .95 with `|predicted - target| / target <= 1 - theta`.

    A target of 0, which VSI-Bench does not have, is only met exactly.
    """
    if target == 0:
        return float(predicted == 0)
    return float((abs(predicted - target) / target <= 1 - THRESHOLDS).mean())


def score(reply: str, answer: str, unit: Unit | None) -> float:
    """Score in [0, 1] of a reply: mean relative accuracy if there is a unit, accuracy of the letter if there is none.

    A reply that does not begin with a number scores 0 against a number.
    """
    if unit is None:
        return accuracy(reply, answer)
    try:
        predicted = float(fuzzy_matching(reply))
    except ValueError:
        return 0.0
    return mean_relative_accuracy(predicted, float(answer))
