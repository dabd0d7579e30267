"""What the datamodule hands to the solver: scenes' videos with the questions that share them.

Batches are plain classes: Lightning's bf16-true and DeepSpeed look for tensors in the fields of a dataclass, and fail
where it is frozen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from lightning_ouro.programs.questions import Question
from lightning_ouro.scenes.types import Video


@dataclass(frozen=True)
class SceneRow:
    """Questions of one scene behind its video.

    Attributes:
        video: The scene's frames.
        questions: At least one.
        chances: What chance gives each question, for its skill.
    """

    video: Video
    questions: tuple[Question, ...]
    chances: tuple[float, ...]


@final
class TrainBatch:
    """One micro-batch of a round's plan."""

    def __init__(self, rows: tuple[SceneRow, ...]) -> None:
        self.rows = rows


@final
class EvalBatch:
    """Fixed questions on held-out scenes.

    Args:
        rows: The scenes with their own videos.
        other_videos: For each row the video of another place, None if there is none: a solver that sees loses by it.
        families: All families of the whole set, the same in every batch and rank, so that metrics have one shape.
    """

    def __init__(
        self, rows: tuple[SceneRow, ...], other_videos: tuple[Video | None, ...], families: tuple[str, ...]
    ) -> None:
        self.rows, self.other_videos, self.families = rows, other_videos, families
