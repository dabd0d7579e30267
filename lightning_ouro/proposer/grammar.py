"""A proposer without a model: every family's own sentences and programs about objects that the frames show.

It asks what may be asked and was not, so nearly all that it writes is accepted. Each slot has a generator of its own,
seeded by (seed, round, scene, slot).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from functools import partial
from itertools import islice
from typing import Literal, TypeVar, final

import numpy as np
from typing_extensions import override

from lightning_ouro.curriculum.skill import Band
from lightning_ouro.programs.families import FAMILIES, OPEN, Family, Key, Roles
from lightning_ouro.programs.questions import Proposal, Question, Rejection
from lightning_ouro.programs.scene_geometry import SceneGeometry, scene_geometry
from lightning_ouro.proposer.protocol import Brief, Proposer

FACTORS: Mapping[Band, float] = {"easy": 0.25, "frontier": 2.0, "hard": 2.0, "ambiguous": 0.05}
CHOICE_OF = 16  # candidates that a slot weighs against each other
Drawn = TypeVar("Drawn")


@final
class GrammarProposer(Proposer):
    """Draws a family by its weight, then what to ask, then how to say it.

    Feedback: a candidate that shares its family and main object with one of last round's questions is drawn with 0.25
    times the weight if that was easy, 2 times if it was at the frontier or hard, 0.05 times if it was ambiguous;
    factors multiply, one per band.

    Args:
        style: "vsi_bench" writes that benchmark's exact sentences, "mixed" any of a family's forms.
    """

    name = "grammar"

    def __init__(self, style: Literal["vsi_bench", "mixed"] = "mixed") -> None:
        self._style = style

    @override
    def propose(
        self, briefs: Sequence[Brief], title: str = "", show_progress: bool = False
    ) -> list[Proposal | Rejection]:
        return [proposal for brief in briefs for proposal in self.write(brief)]

    def write(self, brief: Brief) -> Iterator[Proposal]:
        """The proposals of one brief."""
        room, taken = scene_geometry(brief.scene, brief.views), set(brief.asked)
        weights = {
            name: weight for name, weight in brief.family_weights.items() if weight > 0 and name in FAMILIES
        }
        for slot in range(brief.slots):
            rng = _generator(brief, slot)
            drawn = draw(weights, room, taken, partial(_factor, brief.recent), rng)
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
    room: SceneGeometry,
    taken: Set[Key],
    factor: Callable[[Family, Roles], float],
    rng: np.random.Generator,
) -> tuple[Family, Roles] | None:
    """A family by its weight and what to ask in it; None if nothing new is left.

    Args:
        weights: All above 0; families that have nothing left to ask are taken out.
        room: The scene.
        taken: What was asked before.
        factor: How much likelier than others a candidate is drawn.
        rng: Decides.
    """
    while weights:
        family = FAMILIES[_weighted(sorted(weights), [weights[name] for name in sorted(weights)], rng)]
        roles = _roles(family, room, taken, factor, rng)
        if roles is not None:
            return family, roles
        del weights[family.name]
    return None


def askable(weights: Mapping[str, float], room: SceneGeometry, taken: Set[Key]) -> dict[str, float]:
    """The weights of those families that have something new to ask; `open` always has."""
    rng = np.random.default_rng(0)  # decides only which candidate is found first
    return {
        name: weight
        for name, weight in weights.items()
        if name == OPEN.name or draw({name: 1.0}, room, taken, evenly, rng) is not None
    }


def evenly(family: Family, roles: Roles) -> float:
    """A factor by which all candidates are alike."""
    return 1.0


def _roles(
    family: Family,
    room: SceneGeometry,
    taken: Set[Key],
    factor: Callable[[Family, Roles], float],
    rng: np.random.Generator,
) -> Roles | None:
    """One of the first candidates that are new and shown, by their factors; None if there is none."""
    new = (
        roles
        for roles in family.candidates(room, rng)
        if family.key(room.scene.id, roles) not in taken and family.must_show(room, roles) <= room.seen
    )
    candidates = list(islice(new, CHOICE_OF))
    if not candidates:
        return None
    return _weighted(candidates, [factor(family, roles) for roles in candidates], rng)


def _factor(recent: Mapping[Band, Sequence[Question]], family: Family, roles: Roles) -> float:
    mine = set(roles.get(family.main_role, ()))
    factor = 1.0
    for band, questions in recent.items():
        if any(mine & set(q.objects.get(family.main_role, ())) for q in questions if q.family == family.name):
            factor *= FACTORS[band]
    return factor


def _weighted(items: Sequence[Drawn], weights: Sequence[float], rng: np.random.Generator) -> Drawn:
    shares = np.cumsum(weights)
    return items[int(np.searchsorted(shares, rng.random() * shares[-1], side="right"))]


def _generator(brief: Brief, slot: int) -> np.random.Generator:
    name = f"grammar {brief.seed} {brief.round} {brief.scene.id} {slot}"
    return np.random.default_rng(list(hashlib.sha256(name.encode()).digest()))
