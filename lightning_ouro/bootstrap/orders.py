"""Briefs as a loop might write them, drawn, and what an obedient proposer would answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np

from lightning_ouro.bootstrap import open_questions
from lightning_ouro.curriculum.skill import BANDS, Band
from lightning_ouro.programs.families import FAMILIES, OPEN, Family, Roles
from lightning_ouro.programs.questions import LETTERS, REASONS, Question
from lightning_ouro.programs.scene_geometry import SceneGeometry
from lightning_ouro.proposer.grammar import draw, evenly
from lightning_ouro.proposer.metadata import References
from lightning_ouro.proposer.protocol import Brief
from lightning_ouro.scenes.types import Scene, Views

_TOLD = 0.8  # of briefs have last round's questions
_MOST_PER_BAND = 2
_KINDS = ("equal", "doubled", "spread", "few")
_KIND_SHARES = (0.1, 0.4, 0.2, 0.3)
# So much likelier is a candidate about whose main object more, or less, should be asked, of whatever family: what the
# grammar does, doubling and quartering within a family, is so rare that it was not learnt.
_MORE, _LESS = 16.0, 0.02


class WrittenProposal(NamedTuple):
    """A proposal in words."""

    family: str
    text: str
    program: str

    @property
    def reply(self) -> str:
        """As the proposer writes it."""
        return f"{self.family}: {self.text}\n```python\n{self.program}```"


def brief(scene: Scene, views: Views, room: SceneGeometry, rng: np.random.Generator, is_short: bool) -> Brief:
    """A brief with drawn weights, rejections and questions of last round, which that round's weights would ask too.

    A short one has a few families and no rejections.
    """
    empty: dict[Band, list[Question]] = {band: [] for band in BANDS}
    weights = few(rng, 1, 5) if is_short else _weights(rng)
    order = Brief(scene, views, 1, 0, 0, weights, {} if is_short else _rejections(rng), empty, frozenset())
    if rng.random() > _TOLD:
        return order
    asked = {name: weight for name, weight in weights.items() if weight > 0 and name != OPEN.name}
    recent: dict[Band, list[Question]] = {band: [] for band in BANDS}
    for band in BANDS:
        for _ in range(int(rng.integers((1 if is_short else _MOST_PER_BAND) + 1))):
            found = draw(dict(asked), room, set(), evenly, rng)
            if found is not None:
                recent[band].append(_question(scene, *found, rng))
    keys = [FAMILIES[q.family].key(scene.id, q.objects) for questions in recent.values() for q in questions]
    return replace(order, recent=recent, asked=frozenset(keys))


def answers(
    order: Brief, room: SceneGeometry, short: References, number: int, rng: np.random.Generator
) -> list[WrittenProposal]:
    """So many proposals that come from one distribution, the brief's, each as if it were the only one.

    Only their families are drawn together, in even strides through the weights: so many replies show what was asked for
    as exactly as they can. They name by short names what has one.
    """
    names = [name for name, weight in order.family_weights.items() if weight > 0]
    shares = np.cumsum([order.family_weights[name] for name in names])
    strides = (np.arange(number) + rng.random()) / number * shares[-1]
    written: list[WrittenProposal] = []
    for place in rng.permutation(np.minimum(np.searchsorted(shares, strides, side="right"), len(names) - 1)):
        answer = _answer(names[int(place)], order, room, short, rng)
        if answer is not None:
            written.append(answer)
    return written


def _answer(
    name: str, order: Brief, room: SceneGeometry, short: References, rng: np.random.Generator
) -> WrittenProposal | None:
    """One of a family, or, where that has nothing to ask, of another by its weight."""
    if name == OPEN.name:
        opened = open_questions.draw(room, short, rng)
        if opened is not None:
            return WrittenProposal(OPEN.name, *opened)
    wanted = {
        other: weight for other, weight in order.family_weights.items() if weight > 0 and other != OPEN.name
    }
    taken, factor = set(order.asked), partial(_factor, order.asked_about)
    found = draw({name: 1.0}, room, taken, factor, rng) if name in wanted else None
    found = found or draw(wanted, room, taken, factor, rng)
    if found is None:
        return None
    family, roles = found
    return _written(family, short.roles(family, roles), rng)


def _factor(asked_about: Mapping[str, bool], family: Family, roles: Roles) -> float:
    said = [asked_about[name] for name in roles.get(family.main_role, ()) if name in asked_about]
    return 1.0 if not said else _MORE if any(said) else _LESS


def _weights(rng: np.random.Generator) -> dict[str, float]:
    names = list(FAMILIES)
    kind = _KINDS[int(rng.choice(len(_KINDS), p=_KIND_SHARES))]
    if kind == "spread":
        values = rng.dirichlet(np.full(len(names), 1.5))
    else:
        values = np.ones(len(names))
        if kind == "doubled":
            values[int(rng.integers(len(names)))] = 2.0
        if kind == "few":
            return few(rng, 1, 8)
    return dict(zip(names, (values / values.sum()).tolist(), strict=True))


def few(rng: np.random.Generator, least: int, below: int) -> dict[str, float]:
    """Equal weights of some families."""
    values = np.ones(len(FAMILIES))
    values[rng.permutation(len(values))[int(rng.integers(least, below)) :]] = 0.0
    return dict(zip(FAMILIES, (values / values.sum()).tolist(), strict=True))


def _rejections(rng: np.random.Generator) -> dict[str, int]:
    chosen = rng.permutation(len(REASONS))[: int(rng.integers(4))]
    return {REASONS[place]: int(rng.integers(1, 200)) for place in chosen}


def _written(family: Family, roles: Roles, rng: np.random.Generator) -> WrittenProposal:
    forms = family.fitting(roles)
    return WrittenProposal(
        family.name, forms[int(rng.integers(len(forms)))].write(roles), family.program(roles)
    )


def _question(scene: Scene, family: Family, roles: Roles, rng: np.random.Generator) -> Question:
    """As the loop shows it; its answer is made up, since an order says nothing by it."""
    said, number = _written(family, roles, rng), f"{rng.uniform(0.2, 9):.1f}"
    options = ("left", "right") if rng.random() < 0.5 else None
    return Question(
        id="",
        scene_id=scene.id,
        family=family.name,
        text=said.text,
        options=options,
        unit=None if options else "m",
        answer=LETTERS[int(rng.integers(2))] if options else number,
        program=said.program,
        margin=1.0,
        objects=family.canonical(roles),
        round=0,
    )
