"""A round: the request for it, one rank's share of the work, and its result."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from rich.progress import track

from lightning_ouro.curriculum.feedback import Feedback
from lightning_ouro.programs.questions import Question, Rejection
from lightning_ouro.proposer.blind import BlindKind
from lightning_ouro.scenes.types import SkippedScene

T = TypeVar("T")


@dataclass(frozen=True)
class RoundRequest:
    """Input of a round.

    Attributes:
        round_index: From 0.
        feedback: Feedback from the previous round.
        proposals_per_scene: Proposals wanted for each scene.
        blind: How questions that can be answered without the video are detected.
        seed: The run's seed.
    """

    round_index: int
    feedback: Feedback
    proposals_per_scene: int
    blind: BlindKind
    seed: int


@dataclass(frozen=True)
class RankShard:
    """This rank's share of the work, and whether it shows progress bars."""

    rank: int = 0
    num_ranks: int = 1
    show_progress: bool = False

    def of(self, items: Sequence[T]) -> Sequence[T]:
        """This rank's share of the items."""
        return items[self.rank :: self.num_ranks]

    def track(self, items: Sequence[T], title: str) -> Iterable[T]:
        """The items, with a progress bar that disappears when they are done."""
        return track(items, title, transient=True, disable=not self.show_progress)


@dataclass(frozen=True)
class RoundResult:
    """What came of a round's proposals, the same on every rank.

    Attributes:
        accepted: New questions of the pool.
        rejected: Rejected proposals.
        skipped: Scenes whose footage could not be opened.
    """

    accepted: Sequence[Question]
    rejected: Sequence[Rejection]
    skipped: Sequence[SkippedScene] = ()
