"""The interface of proposers: one brief per scene goes in, unverified proposals come out.

To add a proposer, write a final class that implements `Proposer` and import it in `all_proposers.py`. The
rule: a proposer is never trusted. Every proposal is executed and verified afterwards, so no proposer has to
check its own work.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from lightning_ouro.curriculum.skill import Band
from lightning_ouro.programs.families import FAMILIES, Key
from lightning_ouro.programs.margins import FOR_ALL, FamilyMargins
from lightning_ouro.programs.questions import Proposal, Question, Rejection
from lightning_ouro.programs.scene_geometry import SceneGeometry, scene_geometry
from lightning_ouro.scenes.types import Scene, Video, Views

if TYPE_CHECKING:  # a proposer without a model should not have to import torch
    from lightning_ouro.solver.module import SolverModule

# The bands whose objects should be asked about more often; prompts/full.txt says the same in words.
ASK_MORE: frozenset[Band] = frozenset({"frontier", "hard"})


@dataclass(frozen=True, eq=False)
class Brief:
    """What a proposer needs to know to write one round's proposals about one scene.

    Attributes:
        scene: The scene to ask about.
        views: Cameras and visibility of the frames that the solver is shown.
        slots: Number of proposals wanted.
        round: The round that the proposals are for, from 0.
        seed: The run's seed. Together with round, scene and slot it determines every random draw.
        family_weights: How often each family is wanted, on any scale; families that are missing are not
            wanted.
        rejections: Last round's most frequent rejection reasons, with their counts over all scenes.
        recent: Last round's questions about this scene, by how well the solver answered them.
        asked: Keys of all questions that were asked about this scene in earlier rounds.
        video: Loads the frames; returns None where there are none to show.
        margins: How clear answers have to be, by family.
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
    margins: FamilyMargins = FOR_ALL

    def geometry(self) -> SceneGeometry:
        """The exact geometry of the scene."""
        return scene_geometry(self.scene, self.views, self.margins)

    @property
    def asked_about(self) -> dict[str, bool]:
        """The main objects of last round's questions, each with whether to ask more (True) or less about it.

        More if at least one of its questions was hard or at the frontier, less if all were easy or ambiguous.
        """
        ask_more: dict[str, bool] = {}
        for band, questions in self.recent.items():
            for question in questions:
                for name in question.objects.get(FAMILIES[question.family].main_role, ()):
                    ask_more[name] = ask_more.get(name, False) or band in ASK_MORE
        return ask_more


class OpenProposal(NamedTuple):
    """An open question to derive a second time, with the brief that it was written for."""

    brief: Brief
    proposal: Proposal


class Proposer(ABC):
    """Writes questions, each with a program that computes its answer.

    Attributes:
        name: The kind of proposer; recorded in every `Proposal`.
    """

    name: str

    @abstractmethod
    def attach(self, solver: SolverModule) -> None:
        """Receives the solver once, before the first call of `propose` and before its weights are loaded.

        A proposer that does not need the solver ignores it.

        Raises:
            InputError: the proposer cannot work with this solver.
        """

    @abstractmethod
    def base(self, solver: SolverModule) -> SolverModule | None:
        """The model that judges questions in the blind filter and never learns, or None if there is none.

        Only FrozenCopyProposer owns such a model; the others return `frozen_base(solver)`.
        """

    @abstractmethod
    def propose(
        self, briefs: Sequence[Brief], title: str = "", show_progress: bool = False
    ) -> list[Proposal | Rejection]:
        """Writes at most `slots` proposals per brief, brief by brief; fewer if nothing is left to ask about.

        Text that cannot even be read as a proposal is returned as a rejection with the reason `unusable`.

        Args:
            briefs: One per scene.
            title: Label of the progress bar, such as "round 2".
            show_progress: Whether to show the progress bar.
        """


class GradualProposer(Proposer):
    """A proposer whose answers come one by one, so that those that came are kept when proposing ends early."""

    @abstractmethod
    def propose_gradually(
        self, briefs: Sequence[Brief], title: str = "", show_progress: bool = False
    ) -> Generator[Proposal | Rejection, None, None]:
        """What `propose` returns, in any order; one for each slot of each brief.

        If proposing ends early, by an error or by Ctrl-C, what was answered by then comes first.
        """


class Deriver(ABC):
    """A proposer that can also answer open questions with programs of its own.

    An interface apart, since a proposer without a model cannot: then the only open questions that are kept are
    those whose wording the package knows.
    """

    @abstractmethod
    def derive(
        self, questions: Sequence[OpenProposal], title: str = "", show_progress: bool = False
    ) -> list[list[str]]:
        """Programs for each question, written from its text alone; most of them must give the question's answer.

        Args:
            questions: Open questions that passed all other checks.
            title: Label of the progress bar.
            show_progress: Whether to show the progress bar.
        """


def frozen_base(solver: SolverModule) -> SolverModule | None:
    """The solver if it trains only an adapter on weights that stay frozen; None if it trains the weights."""
    return None if solver.lora is None else solver
