"""What a proposer is told about a scene, and what it has to do: write proposals, which nobody trusts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lightning_ouro.curriculum.skill import Band
from lightning_ouro.programs.families import FAMILIES, Key
from lightning_ouro.programs.questions import Proposal, Question, Rejection
from lightning_ouro.scenes.types import Scene, Video, Views

MORE: frozenset[Band] = frozenset({"frontier", "hard"})


@dataclass(frozen=True, eq=False)
class Brief:
    """One scene's order for one round.

    Attributes:
        scene: What to ask about.
        views: How the frames that the model is shown were taken, and what they show.
        slots: How many proposals are wanted.
        round: The round that they are for, from 0.
        seed: The run's seed; with round, scene and slot it decides everything that is drawn.
        family_weights: How often each family is wanted, in any scale; families that are not named are not wanted.
        rejections: How often each reason turned proposals down in the last round.
        recent: Last round's questions about this scene by how the solver fared.
        asked: Keys of everything that was asked about this scene before.
        video: Gives the frames.
    """

    scene: Scene
    views: Views
    slots: int
    round: int
    seed: int
    family_weights: Mapping[str, float]
    rejections: Mapping[str, int]
    recent: Mapping[Band, Sequence[Question]]
    asked: frozenset[Key]
    video: Callable[[], Video | None] = lambda: None

    @property
    def asked_about(self) -> dict[str, bool]:
        """Main objects of last round's questions: whether more should be asked about them, or less.

        More, where one was hard or at the frontier; less, where all were easy or ambiguous.
        """
        found: dict[str, bool] = {}
        for band, questions in self.recent.items():
            for question in questions:
                for name in question.objects.get(FAMILIES[question.family].main_role, ()):
                    found[name] = found.get(name, False) or band in MORE
        return found


class Proposer(ABC):
    """Writes questions with the programs that answer them.

    Attributes:
        name: The kind of proposer, as proposals carry it.
    """

    name: str

    def attach(self, solver: Any) -> None:  # noqa: B027  most proposers need no model
        """Is told the solver whose base it may write with, a `model.Writer`, before it is first asked."""

    def base(self, solver: Any) -> Any:
        """What judges questions without video and never learns: the solver with its adapter off; None without one."""
        return None if solver.lora is None else solver

    @abstractmethod
    def propose(
        self, briefs: Sequence[Brief], title: str = "", show_progress: bool = False
    ) -> list[Proposal | Rejection]:
        """At most `slots` proposals per brief, brief by brief; fewer where there is nothing left to ask.

        What it cannot even read as a proposal it gives as a rejection.

        Args:
            briefs: What is wanted.
            title: Stands before a progress bar.
            show_progress: Whether it is drawn.
        """
