"""VSI-Bench's scores, bit for bit: accuracy of letters, mean relative accuracy of numbers.

Source: vision-x-nyu/thinking-in-space @51e089c, lmms_eval/tasks/vsibench/utils.py. It computes the number of thresholds
as `(.95 - .5) / .05 + 2`, which is 10.999999999999998 and is truncated to ten; it compares by <=, the paper by <.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lightning_ouro.programs.questions import Question, Unit

THRESHOLDS = np.linspace(0.5, 0.95, 10)


def fuzzy_matching(reply: str) -> str:
    """The reply up to the first space (a line break does not end it), without trailing dots."""
    return reply.split(" ")[0].rstrip(".").strip()


def accuracy(reply: str, answer: str) -> float:
    """1 if the reply's first word is the answer's letter, ignoring case; else 0."""
    return float(fuzzy_matching(reply).lower() == answer.lower())


def mean_relative_accuracy(predicted: float, target: float) -> float:
    """Share of thresholds theta in .50, .55, ..., .95 with `|predicted - target| / target <= 1 - theta`.

    A target of 0, which VSI-Bench does not have, must be met exactly.
    """
    if target == 0:
        return float(predicted == 0)
    return float((abs(predicted - target) / target <= 1 - THRESHOLDS).mean())


def score(reply: str, answer: str, unit: Unit | None) -> float:
    """Score of a reply in [0, 1]: mean relative accuracy for an answer with a unit, else accuracy of the letter.

    Where a number is expected, a reply that does not begin with one scores 0.
    """
    if unit is None:
        return accuracy(reply, answer)
    predicted = number(reply)
    return 0.0 if predicted is None else mean_relative_accuracy(predicted, float(answer))


def number(reply: str) -> float | None:
    """The number that the reply begins with, as the score reads it; None if it begins with none."""
    try:
        return float(fuzzy_matching(reply))
    except ValueError:
        return None


def reply_record(question: Question, set_name: str, reply: str) -> dict[str, Any]:
    """A question with its set, its prompt, the reply to it and the reply's score, in plain types."""
    evaluated = {
        "set": set_name,
        "prompt": question.prompt,
        "reply": reply,
        "score": score(reply, question.answer, question.unit),
    }
    return question.to_json() | evaluated
