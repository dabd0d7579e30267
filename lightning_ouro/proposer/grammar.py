"""A proposer without a model: each family's own sentences and programs, about objects that the frames show.

It draws only from what a family can ask and has not asked yet, so nearly all of its proposals are accepted.
Each slot has its own random generator, seeded by (seed, round, scene, slot).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Literal, TypeVar, final

import numpy as np
from typing_extensions import override

from lightning_ouro.curriculum.skill import Band
from lightning_ouro.programs.families import FAMILIES, OPEN, Family, Key, Roles
from lightning_ouro.programs.questions import Proposal, Question, Rejection
from lightning_ouro.programs.scene_geometry import SceneGeometry
from lightning_ouro.proposer.protocol import Brief, Proposer, frozen_base
from lightning_ouro.seeding import generator_named

if TYPE_CHECKING:  # this proposer works without torch
    from lightning_ouro.solver.module import SolverModule

# Feedback: how much likelier a candidate becomes that repeats the family and main object of one of last
# round's questions. Chosen by hand: frontier and hard up, easy down, and ambiguous nearly out, as
# prompts/full.txt asks.
BAND_FACTORS: Mapping[Band, float] = {"easy": 0.25, "frontier": 2.0, "hard": 2.0, "ambiguous": 0.05}
# Candidates that a slot chooses from; chosen by hand, so that the factors above have something to act on.
NUM_CANDIDATES = 16
Item = TypeVar("Item")
Style = Literal["vsi_bench", "mixed"]


@final
class GrammarProposer(Proposer):
    """Draws a family by its weight, then a question of it, then one of its sentences; needs no model.

    Feedback: a candidate question that shares its family and main object with one of last round's questions is
    0.25 times as likely if that question was easy, 2 times if it was at the frontier or hard, and 0.05 times if it
    was ambiguous. The factors of several bands multiply.

    Args:
        style: What to ask: vsi_bench (what that benchmark asks, in its exact wording) or mixed (in any of the
            family's sentences, and also for what is farthest, away from what one faces, counted together, or absent).
    """

    name = "grammar"

    def __init__(self, style: Style = "mixed") -> None:
        self._style: Style = style

    @override
    def attach(self, solver: SolverModule) -> None:
        pass

    @override
    def base(self, solver: SolverModule) -> SolverModule | None:
        return frozen_base(solver)

    @override
    def propose(
        self, briefs: Sequence[Brief], title: str = "", show_progress: bool = False
    ) -> list[Proposal | Rejection]:
        return [proposal for brief in briefs for proposal in self.write(brief)]

    def write(self, brief: Brief) -> Iterator[Proposal]:
        """The proposals for one brief; ends early when no family has anything left to ask."""
        geometry, taken = brief.geometry(), set(brief.asked)
        weights = {
            name: weight for name, weight in brief.family_weights.items() if weight > 0 and name in FAMILIES
        }
        for slot in range(brief.slots):
            rng = _generator(brief, slot)
            factor = partial(_feedback_factor, brief.recent)
            drawn = draw(weights, geometry, taken, factor, rng, self._style)
            if drawn is None:
                return
            taken.add(drawn[0].key(brief.scene.id, drawn[1]))
            yield self._written(brief, slot, *drawn, rng)

    def _written(
        self, brief: Brief, slot: int, family: Family, roles: Roles, rng: np.random.Generator
    ) -> Proposal:
        forms = family.fitting(roles)
        form = forms[0 if self._style == "vsi_bench" else int(rng.integers(len(forms)))]
        return Proposal(
            scene_id=brief.scene.id,
            family=family.name,
            text=form.write(roles),
            program=family.program(roles),
            proposer=self.name,
            round=brief.round,
            slot=slot,
        )


def draw(
    weights: dict[str, float],
    geometry: SceneGeometry,
    taken: Set[Key],
    factor: Callable[[Family, Roles], float],
    rng: np.random.Generator,
    style: Style = "mixed",
) -> tuple[Family, Roles] | None:
    """Draws a family by its weight and a new question of it; None if no family has one left.

    Args:
        weights: By family, all above 0. Families that turn out to have nothing left to ask are removed from
            it.
        geometry: The scene.
        taken: Keys of the questions that were asked already.
        factor: Relative likelihood of a candidate question.
        rng: Source of all random draws.
        style: Whether to ask all that a family has, or only what VSI-Bench asks.
    """
    while weights:
        family = FAMILIES[_weighted(sorted(weights), [weights[name] for name in sorted(weights)], rng)]
        roles = _draw_roles(family, geometry, taken, factor, rng, style)
        if roles is not None:
            return family, roles
        del weights[family.name]
    return None


def askable(
    weights: Mapping[str, float], geometry: SceneGeometry, taken: Set[Key], style: Style = "mixed"
) -> dict[str, float]:
    """The weights of the families that still have something new to ask; `open` always has."""
    return {
        name: weight
        for name, weight in weights.items()
        if name == OPEN.name
        or any(True for _ in _new(FAMILIES[name], geometry, taken, _first_found(), style))
    }


def _first_found() -> np.random.Generator:
    """Decides only which candidate is found first: each family starts anew, whatever the others have drawn."""
    return np.random.default_rng(0)


def evenly(family: Family, roles: Roles) -> float:
    """The factor by which all candidates are equally likely."""
    return 1.0


def _draw_roles(
    family: Family,
    geometry: SceneGeometry,
    taken: Set[Key],
    factor: Callable[[Family, Roles], float],
    rng: np.random.Generator,
    style: Style,
) -> Roles | None:
    """Draws from the first candidates that are new and visible, by their factors; None if there is none.

    The first is taken unless another one's factor is larger: then it is only as likely as its factor in relation to
    the largest, and else the next one's turn. So kinds of questions stay as equal as the family offers them.
    """
    candidates = list(islice(_new(family, geometry, taken, rng, style), NUM_CANDIDATES))
    if not candidates:
        return None
    factors = [factor(family, roles) for roles in candidates]
    return next(
        roles for roles, each in zip(candidates, factors, strict=True) if rng.random() * max(factors) < each
    )


def _new(
    family: Family, geometry: SceneGeometry, taken: Set[Key], rng: np.random.Generator, style: Style
) -> Iterator[Roles]:
    """The candidates that are new and visible, one after another."""
    return (
        roles
        for roles in family.candidates(geometry, rng)
        if not (style == "vsi_bench" and family.is_extra(geometry, roles))
        and family.key(geometry.scene.id, roles) not in taken
        and family.must_show(geometry, roles) <= geometry.shown(family.least_share(roles))
    )


def _feedback_factor(recent: Mapping[Band, Sequence[Question]], family: Family, roles: Roles) -> float:
    role, factor = family.main_role, 1.0
    main_objects = set(roles.get(role, ()))
    for band, questions in recent.items():
        of_family = (question for question in questions if question.family == family.name)
        if any(main_objects & set(question.objects.get(role, ())) for question in of_family):
            factor *= BAND_FACTORS[band]
    return factor


def _weighted(items: Sequence[Item], weights: Sequence[float], rng: np.random.Generator) -> Item:
    cumulative = np.cumsum(weights)
    return items[int(np.searchsorted(cumulative, rng.random() * cumulative[-1], side="right"))]


def _generator(brief: Brief, slot: int) -> np.random.Generator:
    name = f"grammar {brief.seed} {brief.round} {brief.scene.id} {slot}"
    return generator_named(name)
