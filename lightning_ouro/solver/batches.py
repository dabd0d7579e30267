"""What the datamodule hands to the solver: scenes' videos with the questions that share them."""

from __future__ import annotations

from dataclasses import dataclass

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


@dataclass(frozen=True)
class TrainBatch:
    """One micro-batch of a round's plan."""

    rows: tuple[SceneRow, ...]


@dataclass(frozen=True)
class EvalBatch:
    """Fixed questions on held-out scenes.

    Attributes:
        rows: The scenes with their own videos.
        other_videos: For each row the video of another place, None if there is none: a solver that sees loses by it.
        families: All families of the whole set, the same in every batch and rank, so that metrics have one shape.
    """

    rows: tuple[SceneRow, ...]
    other_videos: tuple[Video | None, ...]
    families: tuple[str, ...]
