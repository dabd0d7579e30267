"""The last rule: a question whose answer can be guessed without looking is mostly turned down.

Kind `confidence`: b is the frozen base's confidence in the answer without the video, for choices the mean over cyclic
orders of the options; the question is kept with probability `min(1, t / b)`, drawn from its id, with t = 1.5/k for k
options and 0.2 for numbers. That flattens how answers are spread instead of cutting their peak off. Kind `judge` is the
paper's (arXiv 2606.11719): the base, shown frames, question and answer, says whether the question takes looking and
whether the answer is right; it is kept if "yes" is likelier than "no".
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal, Protocol

import numpy as np

from lightning_ouro.programs.families import FAMILIES
from lightning_ouro.programs.questions import LETTERS, VIDEO_PROMPT, Question
from lightning_ouro.scenes.types import Video
from lightning_ouro.solver.encoding import Row, RowEncoder

BlindKind = Literal["confidence", "judge", "none"]
NUMBER = 0.2
CHOICE = 1.5  # over the number of options
JUDGING = """\
Someone wrote this question about the frames, with its answer.

{question}

Answer: {answer}

Does one have to look at the frames to answer it, rather than guess from the words alone, and is the answer right? \
Reply with yes or no."""


class Base(Protocol):
    """What the filter needs of the solver."""

    encoder: RowEncoder

    def base_confidences(self, rows: Sequence[Row]) -> list[float]:
        """The base's confidence in each answer of the rows."""


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


def guessed(solver: Base, questions: Sequence[Question]) -> list[float]:
    """How confident the base is in each answer without the video."""
    every = [turned(question) for question in questions]
    flat = [order for orders in every for order in orders]
    row = solver.encoder.row(
        None, [question.prompt for question in flat], [question.answer for question in flat]
    )
    found = iter(solver.base_confidences([row]))
    return [float(np.mean([next(found) for _ in orders])) for orders in every]


def is_kept(question: Question, confidence: float) -> bool:
    """Whether the question survives a confidence without video."""
    threshold = NUMBER if question.options is None else CHOICE / len(question.options)
    digest = hashlib.sha256(f"blind {question.id}".encode()).digest()
    return int.from_bytes(digest[:8]) / 2**64 < threshold / max(confidence, 1e-9)


def by_confidence(solver: Base, questions: Sequence[Question]) -> list[str | None]:
    """Why each question is turned down, None where it is kept."""
    return [
        None if is_kept(question, b) else f"confidence {b:.2f} in its answer without the video"
        for question, b in zip(questions, guessed(solver, questions), strict=True)
    ]


def by_judge(solver: Base, questions: Sequence[Question], video: Callable[[str], Video]) -> list[str | None]:
    """The same by the base as a judge.

    Args:
        solver: Whose base judges.
        questions: What is judged.
        video: Gives a scene's frames by its id.
    """
    by_scene: dict[str, list[Question]] = defaultdict(list)
    for question in questions:
        by_scene[question.scene_id].append(question)
    rows = [_judged(solver, video(scene_id), asked) for scene_id, asked in by_scene.items()]
    found = iter(solver.base_confidences(rows))
    verdicts: dict[str, str | None] = {}
    for question in (question for asked in by_scene.values() for question in asked):
        yes, no = next(found), next(found)
        verdicts[question.id] = None if yes >= no else f"the judge says no ({no:.2f} against {yes:.2f})"
    return [verdicts[question.id] for question in questions]


def _judged(solver: Base, video: Video, questions: Sequence[Question]) -> Row:
    """A scene's questions behind its video, each with yes and with no."""
    prompts = []
    for question in questions:
        answer = question.answer
        if question.options is not None:
            answer = f"{answer}. {question.options[LETTERS.index(answer)]}"
        asked = question.prompt.removeprefix(VIDEO_PROMPT)
        prompts += [VIDEO_PROMPT + JUDGING.format(question=asked, answer=answer)] * 2
    return solver.encoder.row(video, prompts, ["yes", "no"] * len(questions))
