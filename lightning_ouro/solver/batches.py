"""Batches that the datamodule hands to the solver: scenes' videos, each with the questions that share it.

Batches are plain classes, not dataclasses: Lightning's bf16-true and DeepSpeed convert tensors in the fields of a
dataclass, and fail where it is frozen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

from lightning_ouro.programs.questions import Question
from lightning_ouro.scenes.types import Video


@dataclass(frozen=True)
class SceneRow:
    """One scene's video with questions about it.

    Attributes:
        video: The scene's frames.
        questions: At least one.
        chances: Confidence that guessing gives in each question's answer, from which its skill is computed.
    """

    video: Video
    questions: tuple[Question, ...]
    chances: tuple[float, ...]


@dataclass(frozen=True)
class DroppedQuery:
    """A counting question on a video without the objects that it asks for, where the right answer is 0.

    Attributes:
        set: The set that the question belongs to.
        row: The video without the objects, with the one question, whose `answer` is that of the whole scene.
    """

    set: str
    row: SceneRow


def questions_of(rows: Sequence[SceneRow]) -> list[Question]:
    """All questions of the rows, in order."""
    return [question for row in rows for question in row.questions]


@final
class TrainBatch:
    """One micro-batch of a round's plan."""

    def __init__(self, rows: tuple[SceneRow, ...]) -> None:
        self.rows = rows


@final
class EvalBatch:
    """Fixed questions about held-out scenes; a scene's questions of all sets share its video.

    Args:
        rows: The scenes with their own videos.
        sets: For each row, the set of each of its questions.
        other_videos: For each row, the video of a scene in another room, or None if there is none.
        drops: Counting questions, each with a video that does not show what it asks for.
        families: All families of each whole set, the same in every batch and on every rank, so that metrics have one
            shape.
    """

    def __init__(
        self,
        rows: tuple[SceneRow, ...],
        sets: tuple[tuple[str, ...], ...],
        other_videos: tuple[Video | None, ...],
        drops: tuple[DroppedQuery, ...],
        families: Mapping[str, tuple[str, ...]],
    ) -> None:
        self.rows, self.sets, self.other_videos = rows, sets, other_videos
        self.drops, self.families = drops, families

    def questions(self) -> list[tuple[str, Question]]:
        """All questions of the rows, in order, each with the name of its set."""
        names = [name for row in self.sets for name in row]
        return list(zip(names, questions_of(self.rows), strict=True))
