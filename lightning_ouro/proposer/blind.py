"""The last rule: a question whose answer can be guessed without looking is mostly turned down.

Kind `confidence`: b is the frozen base's confidence in the answer without the video, for choices the mean over cyclic
orders of the options; the question is kept with probability `min(1, t / b)`, drawn from its id, with t = 1.5/k for k
options and 0.2 for numbers. That flattens how answers are spread instead of cutting their peak off. Kind `judge` is the
paper's (arXiv 2606.11719): the base, shown frames, question and answer, says whether the question can only be answered
by looking and whether the answer is right.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, Protocol

import numpy as np

from lightning_ouro.programs.families import FAMILIES
from lightning_ouro.programs.questions import LETTERS, Question

BlindKind = Literal["confidence", "judge", "off"]
NUMBER = 0.2
CHOICE = 1.5  # over the number of options


class Guesser(Protocol):
    """What the filter needs of the solver."""

    def blind_confidences(self, questions: Sequence[Question]) -> list[float]:
        """The base's confidence in each answer without the video."""


def turned(question: Question) -> list[Question]:
    """The question with its options in each cyclic order; itself if it has none."""
    if question.options is None:
        return [question]
    k, right = len(question.options), LETTERS.index(question.answer)
    found = []
    for shift in range(k):
        options = question.options[shift:] + question.options[:shift]
        text = FAMILIES[question.family].relisted(question.text, options)
        found.append(replace(question, text=text, options=options, answer=LETTERS[(right - shift) % k]))
    return found


def guessed(solver: Guesser, questions: Sequence[Question]) -> list[float]:
    """How confident the base is in each answer without the video."""
    every = [turned(question) for question in questions]
    flat = iter(solver.blind_confidences([order for orders in every for order in orders]))
    return [float(np.mean([next(flat) for _ in orders])) for orders in every]


def is_kept(question: Question, confidence: float) -> bool:
    """Whether the question survives a confidence without video."""
    threshold = NUMBER if question.options is None else CHOICE / len(question.options)
    digest = hashlib.sha256(f"blind {question.id}".encode()).digest()
    return int.from_bytes(digest[:8]) / 2**64 < threshold / max(confidence, 1e-9)
