"""The blind filter: turns down most questions whose answer can be guessed without looking at the video.

It is the last rule that a question has to pass. Its kinds:

- `confidence`: b is the frozen base's confidence in the answer without the video (for choices, the mean over
  cyclic orders of the options). A question is kept with probability `min(1, t / b)`, drawn from its id, with
  t = 1.5/k for k options and t = 0.2 for numbers. This flattens the distribution of answers instead of
  cutting off its peak.
- `judge`, the paper's filter (arXiv 2606.11719): the base sees frames, question and answer and says whether
  answering takes looking and whether the answer is right. A question is kept unless "no" is likelier than
  "yes".
- `none` keeps every question.
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
# Confidence up to which every question is kept; both chosen by hand.
NUMBER_THRESHOLD = 0.2
CHOICE_THRESHOLD = 1.5  # times 1/k, what a guess among k options gives
# Our wording: the text of the paper's own prompt was not at hand.
JUDGING = """\
Someone wrote this question about the frames, with its answer.

{question}

Answer: {answer}

Does one have to look at the frames to answer it, rather than guess from the words alone, and is the answer right? \
Reply with yes or no."""


class Base(Protocol):
    """The part of the solver that the filter needs."""

    encoder: RowEncoder

    def base_confidences(self, rows: Sequence[Row]) -> list[float]:
        """The frozen base's confidence in each answer of the rows."""


def rotations(question: Question) -> list[Question]:
    """The question with its options in each cyclic order; only the question itself if it has no options."""
    if question.options is None:
        return [question]
    k, correct = len(question.options), LETTERS.index(question.answer)
    rotated = []
    for shift in range(k):
        options = question.options[shift:] + question.options[:shift]
        text = FAMILIES[question.family].relisted(question.text, options)
        answer = LETTERS[(correct - shift) % k]
        rotated.append(replace(question, text=text, options=options, answer=answer))
    return rotated


def blind_confidences(solver: Base, questions: Sequence[Question]) -> list[float]:
    """The base's confidence in each answer without the video, averaged over a question's rotations."""
    by_question = [rotations(question) for question in questions]
    flat = [rotated for of_question in by_question for rotated in of_question]
    row = solver.encoder.row(
        None, [question.prompt for question in flat], [question.answer for question in flat]
    )
    confidences = iter(solver.base_confidences([row]))
    return [float(np.mean([next(confidences) for _ in of_question])) for of_question in by_question]


def is_kept(question: Question, confidence: float) -> bool:
    """Whether a question stays, given the base's confidence in its answer without the video."""
    threshold = NUMBER_THRESHOLD if question.options is None else CHOICE_THRESHOLD / len(question.options)
    digest = hashlib.sha256(f"blind {question.id}".encode()).digest()
    return int.from_bytes(digest[:8]) / 2**64 < threshold / max(confidence, 1e-9)


def by_confidence(solver: Base, questions: Sequence[Question]) -> list[str | None]:
    """Kind `confidence`: for each question why it is turned down, or None if it is kept."""
    return [
        None if is_kept(question, b) else f"confidence {b:.2f} in its answer without the video"
        for question, b in zip(questions, blind_confidences(solver, questions), strict=True)
    ]


def by_judge(solver: Base, questions: Sequence[Question], video: Callable[[str], Video]) -> list[str | None]:
    """Kind `judge`: for each question why it is turned down, or None if it is kept.

    Args:
        solver: The solver whose base judges.
        questions: The questions to judge.
        video: Returns the frames of a scene, given its id.
    """
    by_scene: dict[str, list[Question]] = defaultdict(list)
    for question in questions:
        by_scene[question.scene_id].append(question)
    rows = [_judging_row(solver, video(scene_id), of_scene) for scene_id, of_scene in by_scene.items()]
    confidences = iter(solver.base_confidences(rows))
    verdicts: dict[str, str | None] = {}
    for question in (question for of_scene in by_scene.values() for question in of_scene):
        yes, no = next(confidences), next(confidences)
        verdicts[question.id] = None if yes >= no else f"the judge says no ({no:.2f} against {yes:.2f})"
    return [verdicts[question.id] for question in questions]


def _judging_row(solver: Base, video: Video, questions: Sequence[Question]) -> Row:
    """A scene's questions after its video, each once with the reply yes and once with the reply no."""
    prompts = []
    for question in questions:
        answer = question.answer
        if question.options is not None:
            answer = f"{answer}. {question.options[LETTERS.index(answer)]}"
        text = question.prompt.removeprefix(VIDEO_PROMPT)
        prompts += [VIDEO_PROMPT + JUDGING.format(question=text, answer=answer)] * 2
    return solver.encoder.row(video, prompts, ["yes", "no"] * len(questions))
