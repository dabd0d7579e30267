"""A round: the request for it, one rank's share of the work, and its result."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from lightning_ouro.curriculum.feedback import Feedback
from lightning_ouro.programs.families import FAMILIES
from lightning_ouro.programs.margins import FOR_ALL, FamilyMargins
from lightning_ouro.programs.questions import Question, Rejection
from lightning_ouro.progress import track
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
        margins: How clear answers have to be, by family.
    """

    round_index: int
    feedback: Feedback
    proposals_per_scene: int
    blind: BlindKind
    seed: int
    margins: FamilyMargins = FOR_ALL

    def identity(self, proposer: str) -> dict[str, Any]:
        """What a round's proposals depend on, by the names of the options; not what the solver answered before.

        That may differ in its last digits when a round is trained again.
        """
        margins = {name: asdict(self.margins.of(name)) for name in FAMILIES}
        limits = {
            name: {
                key: sorted(value) if isinstance(value, frozenset) else value for key, value in limit.items()
            }
            for name, limit in margins.items()
        }
        return {
            "seed": self.seed,
            "loop.proposer": proposer,
            "loop.proposals_per_scene": self.proposals_per_scene,
            "loop.blind": self.blind,
            "loop.margins": limits,
        }


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
        """The items, with their progress."""
        return track(items, title, show=self.show_progress)


@dataclass(frozen=True)
class RoundResult:
    """What came of a round's proposals, the same on every rank.

    Attributes:
        accepted: New questions of the pool.
        rejected: Rejected proposals.
        skipped: Scenes whose footage could not be opened.
        identity: What the proposals depend on, but for what the solver answered before.
        is_read_back: Whether the round had been proposed before, and was read back.
    """

    accepted: Sequence[Question]
    rejected: Sequence[Rejection]
    skipped: Sequence[SkippedScene] = ()
    identity: Mapping[str, Any] | None = None
    is_read_back: bool = False
