"""Batches that the datamodule hands to the solver: scenes' videos, each with the questions that share it.

Batches are plain classes, not dataclasses: Lightning's bf16-true and DeepSpeed convert tensors in the fields of a
dataclass, and fail where it is frozen.
"""

from __future__ import annotations

from collections.abc import Sequence
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
    """Fixed questions about held-out scenes.

    Args:
        rows: The scenes with their own videos.
        other_videos: For each row, the video of a scene in another room, or None if there is none.
        families: All families of the whole set, the same in every batch and on every rank, so that metrics have one
            shape.
    """

    def __init__(
        self, rows: tuple[SceneRow, ...], other_videos: tuple[Video | None, ...], families: tuple[str, ...]
    ) -> None:
        self.rows, self.other_videos, self.families = rows, other_videos, families
