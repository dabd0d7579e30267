"""Random briefs as the loop might write them, and the proposals with which an obedient proposer would answer.

A lesson in proposing is a prompt made from such a brief with these proposals as replies. Shares and factors
are chosen by hand, unless stated otherwise.
"""

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
from lightning_ouro.proposer.grammar import Style, draw, evenly
from lightning_ouro.proposer.protocol import Brief
from lightning_ouro.proposer.short_names import ShortNames
from lightning_ouro.scenes.types import Scene, Views

_FEEDBACK_SHARE = 0.8  # of briefs: with questions of a last round
_MAX_PER_BAND = 2  # of these questions; the default of loop.feedback_per_band
_WEIGHT_KINDS = ("equal", "doubled", "spread", "few")
_WEIGHT_SHARES = (0.1, 0.4, 0.2, 0.3)
_DIRICHLET = 1.5  # concentration of the kind `spread`
# How much likelier a candidate of any family becomes if more, or less, should be asked about its main object.
# Stronger than GrammarProposer's factors, whose effect within one family is so rare that it was not learnt.
_ASK_MORE_FACTOR, _ASK_LESS_FACTOR = 16.0, 0.02
# The shipped tokenizer has no tokens for the sentences that VSI-Bench lacks, so these are not taught.
_STYLE: Style = "vsi_bench"


class WrittenProposal(NamedTuple):
    """A proposal in words."""

    family: str
    text: str
    program: str

    @property
    def reply(self) -> str:
        """The proposal as a proposer writes it."""
        return f"{self.family}: {self.text}\n```python\n{self.program}```"


def draw_brief(
    scene: Scene, views: Views, geometry: SceneGeometry, rng: np.random.Generator, is_short: bool
) -> Brief:
    """A brief with random weights and rejections, and questions of a last round that had the same weights.

    A short brief wants few families and lists no rejections.
    """
    empty: dict[Band, list[Question]] = {band: [] for band in BANDS}
    weights = _few_families(rng, 1, 5) if is_short else _draw_weights(rng)
    rejections = {} if is_short else _draw_rejections(rng)
    brief = Brief(scene, views, 1, 0, 0, weights, rejections, empty, frozenset())
    if rng.random() > _FEEDBACK_SHARE:
        return brief
    askable = {name: weight for name, weight in weights.items() if weight > 0 and name != OPEN.name}
    recent: dict[Band, list[Question]] = {band: [] for band in BANDS}
    for band in BANDS:
        for _ in range(int(rng.integers((1 if is_short else _MAX_PER_BAND) + 1))):
            drawn = draw(dict(askable), geometry, set(), evenly, rng, _STYLE)
            if drawn is not None:
                recent[band].append(made_up_question(scene, *drawn, rng))
    keys = [FAMILIES[q.family].key(scene.id, q.objects) for questions in recent.values() for q in questions]
    return replace(brief, recent=recent, asked=frozenset(keys))


def obedient_proposals(
    brief: Brief, geometry: SceneGeometry, short: ShortNames, number: int, rng: np.random.Generator
) -> list[WrittenProposal]:
    """At most `number` proposals with short names, each drawn independently from the brief's distribution.

    Only their families are drawn together, by systematic sampling, so that their frequencies show the weights
    as exactly as `number` replies can.
    """
    names = [name for name, weight in brief.family_weights.items() if weight > 0]
    cumulative = np.cumsum([brief.family_weights[name] for name in names])
    strides = (np.arange(number) + rng.random()) / number * cumulative[-1]
    chosen = np.minimum(np.searchsorted(cumulative, strides, side="right"), len(names) - 1)
    proposals = [
        _obedient_proposal(names[int(index)], brief, geometry, short, rng)
        for index in rng.permutation(chosen)
    ]
    return [proposal for proposal in proposals if proposal is not None]


def _obedient_proposal(
    name: str, brief: Brief, geometry: SceneGeometry, short: ShortNames, rng: np.random.Generator
) -> WrittenProposal | None:
    """A proposal of a family or, if that has nothing to ask, of another one drawn by its weight."""
    if name == OPEN.name:
        opened = open_questions.draw(geometry, short, rng)
        if opened is not None:
            return WrittenProposal(OPEN.name, *opened)
    wanted = {
        family: weight
        for family, weight in brief.family_weights.items()
        if weight > 0 and family != OPEN.name
    }
    taken, factor = set(brief.asked), partial(_feedback_factor, brief.asked_about)
    drawn = draw({name: 1.0}, geometry, taken, factor, rng, _STYLE) if name in wanted else None
    drawn = drawn or draw(wanted, geometry, taken, factor, rng, _STYLE)
    if drawn is None:
        return None
    family, roles = drawn
    return _write(family, short.shorten_roles(family, roles), rng)


def _feedback_factor(asked_about: Mapping[str, bool], family: Family, roles: Roles) -> float:
    ask_more = [asked_about[name] for name in roles.get(family.main_role, ()) if name in asked_about]
    return 1.0 if not ask_more else _ASK_MORE_FACTOR if any(ask_more) else _ASK_LESS_FACTOR


def _draw_weights(rng: np.random.Generator) -> dict[str, float]:
    names = list(FAMILIES)
    kind = _WEIGHT_KINDS[int(rng.choice(len(_WEIGHT_KINDS), p=_WEIGHT_SHARES))]
    if kind == "spread":
        values = rng.dirichlet(np.full(len(names), _DIRICHLET))
    else:
        values = np.ones(len(names))
        if kind == "doubled":
            values[int(rng.integers(len(names)))] = 2.0
        if kind == "few":
            return _few_families(rng, 1, 8)
    return dict(zip(names, (values / values.sum()).tolist(), strict=True))


def _few_families(rng: np.random.Generator, at_least: int, below: int) -> dict[str, float]:
    """Equal weights for a random few of the families, 0 for the others."""
    values = np.ones(len(FAMILIES))
    values[rng.permutation(len(values))[int(rng.integers(at_least, below)) :]] = 0.0
    return dict(zip(FAMILIES, (values / values.sum()).tolist(), strict=True))


def _draw_rejections(rng: np.random.Generator) -> dict[str, int]:
    chosen = rng.permutation(len(REASONS))[: int(rng.integers(4))]
    return {REASONS[index]: int(rng.integers(1, 200)) for index in chosen}


def _write(family: Family, roles: Roles, rng: np.random.Generator) -> WrittenProposal:
    forms = family.fitting(roles)
    form = forms[int(rng.integers(len(forms)))]
    return WrittenProposal(family.name, form.write(roles), family.program(roles))


def made_up_question(scene: Scene, family: Family, roles: Roles, rng: np.random.Generator) -> Question:
    """A question as the loop shows it; its answer is random, since obedient proposals do not depend on it."""
    written, number = _write(family, roles, rng), f"{rng.uniform(0.2, 9):.1f}"
    options = ("left", "right") if rng.random() < 0.5 else None
    return Question(
        id="",
        scene_id=scene.id,
        family=family.name,
        text=written.text,
        options=options,
        unit=None if options else "m",
        answer=LETTERS[int(rng.integers(2))] if options else number,
        program=written.program,
        margin=1.0,
        objects=family.canonical(roles),
        round=0,
    )
