"""Verifies proposals: each passes a fixed sequence of checks, or is rejected at the first one that it fails.

The program parses, does nothing forbidden and fits the API's types; it runs within its limits; its answer is
typed, finite, in range and the same twice; the categories that the program quotes are named in the text; text
and program agree; the family's conditions hold; all that is needed is shown; the answer is stable under noise;
the answer of an open question is derived a second time. What is kept is written again from what was read, so two
proposals of a family that mean the same have the same id and key. Whatever depends on other questions (asked
before, too common) is up to the pool.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType
from typing import final

from lightning_ouro.plain_text import lower_case
from lightning_ouro.programs import clearness, source
from lightning_ouro.programs.answers import LENGTHS, TypedAnswer
from lightning_ouro.programs.families import Key
from lightning_ouro.programs.margins import FOR_ALL, FamilyMargins
from lightning_ouro.programs.matching import Match, Problem, disagreement, matched
from lightning_ouro.programs.open_law import OpenLaw
from lightning_ouro.programs.questions import Failure, Proposal, Rejection
from lightning_ouro.programs.sandbox import LoadedScene, Outcome, Sandbox
from lightning_ouro.programs.scene_geometry import SceneGeometry, exact_and_jittered
from lightning_ouro.programs.source import Source
from lightning_ouro.programs.unit import no_metres
from lightning_ouro.scenes.types import Scene, Views


@dataclass(frozen=True)
class Verified:
    """A proposal that passed every check that concerns it alone.

    Attributes:
        proposal: What was proposed, with the text as it is written about what was read.
        id: The question's id: hash of scene, family and the canonical syntax tree of the family's own program
            for what the text names, or of the program that was proposed if the question is open.
        family: The family that its text belongs to.
        answer: What the program returned, unrounded.
        options: The choices, sorted, since the pool assigns the letters; None for a number.
        margin: Share of the draws under noise in which the answer stands, lower near a condition's limit: 0.5
            to 1.
        objects: The categories and times that it names, by role; symmetric roles are sorted.
        key: What it is compared by to tell whether it was asked before.
    """

    proposal: Proposal
    id: str
    family: str
    answer: TypedAnswer
    options: tuple[str, ...] | None
    margin: float
    objects: Mapping[str, tuple[str, ...]]
    key: Key


@dataclass(frozen=True, eq=False)
class _Context:
    """A scene with everything that its proposals are checked against."""

    geometry: SceneGeometry
    loaded: LoadedScene
    categories: Mapping[str, str]  # as the scene spells them, by lower case
    open_law: OpenLaw

    @cached_property
    def no_metres(self) -> str | None:
        return no_metres(self.geometry)


@final
class Verifier:
    """Checks proposals scene by scene.

    Args:
        sandbox: Where programs run; its owner closes it.
        draws: Number of draws under noise from which the margin is computed.
        margins: How clear answers have to be, by family.
    """

    def __init__(self, sandbox: Sandbox, draws: int = 8, margins: FamilyMargins = FOR_ALL) -> None:
        self._sandbox = sandbox
        self._draws = draws
        self._margins = margins

    def verify(
        self,
        scene: Scene,
        views: Views,
        proposals: Sequence[Proposal],
        second_programs: Mapping[Proposal, Sequence[str]] = MappingProxyType({}),
    ) -> list[Verified | Rejection]:
        """Verifies proposals about one scene, in their order.

        An open question without second programs whose text follows no form is rejected as `unconfirmed` if
        nothing else is wrong with it; with them, it may be verified again.

        Args:
            scene: The scene they ask about.
            views: How the frames that the model is shown were taken, and what they show.
            proposals: Proposals that all have this scene's id.
            second_programs: Programs that were written from an open question's text alone.
        """
        if not proposals:
            return []
        assert all(proposal.scene_id == scene.id for proposal in proposals)
        context = self._context(scene, views)
        sources = [source.read(proposal.program) for proposal in proposals]
        outcomes = self._sandbox.run_all(sources, context.loaded)
        matches = self._match(context, proposals, sources, outcomes)
        verdicts: list[Verified | Rejection] = []
        for proposal, outcome, match in zip(proposals, outcomes, matches, strict=True):
            second = second_programs.get(proposal, ())
            verdict = (
                match if isinstance(match, Problem) else _verify(context, proposal, match, outcome, second)
            )
            verdicts.append(
                Rejection(proposal, verdict.reason, verdict.detail)
                if isinstance(verdict, Problem)
                else verdict
            )
        return verdicts

    def _context(self, scene: Scene, views: Views) -> _Context:
        draws = exact_and_jittered(scene, views, self._draws, margins=self._margins)
        names = {obj.category for obj in scene.objects} | set(scene.counts)
        loaded = LoadedScene(draws)
        return _Context(
            geometry=draws[0],
            loaded=loaded,
            categories={lower_case(name): name for name in sorted(names)},
            open_law=OpenLaw(self._sandbox, draws, loaded),
        )

    def _match(
        self,
        context: _Context,
        proposals: Sequence[Proposal],
        sources: Sequence[Source | Failure],
        outcomes: Sequence[Outcome],
    ) -> list[Match | Problem]:
        """What each text means, or that its program failed or does not agree with it.

        Where a program is none of the family's own, the family's own program runs too. They are compared on every
        draw under noise: a program that guesses a distance right is found out.
        """
        matches = [
            matched(context.geometry, context.categories, *each)
            for each in zip(proposals, sources, outcomes, strict=True)
        ]
        own = {
            index: match.own
            for index, match in enumerate(matches)
            if isinstance(match, Match) and match.own is not None
        }
        expected = self._sandbox.run_all(list(own.values()), context.loaded)
        for index, meant in zip(own, expected, strict=True):
            matches[index] = disagreement(outcomes[index], meant) or matches[index]
        return matches


def _verify(
    context: _Context, proposal: Proposal, match: Match, outcome: Outcome, second_programs: Sequence[str]
) -> Verified | Problem:
    """The verdict on a proposal whose program agrees with its text."""
    family, roles, answer = match.family, match.roles, outcome.answers[0]
    assert answer is not None, "the first answer of a success is in range"
    is_free = match.is_free
    detail = family.check(context.geometry, roles, answer)
    detail = detail or clearness.which_room(context.geometry, family, proposal.text)
    if detail is None and answer.kind in LENGTHS:
        detail = context.no_metres
    if detail is not None:
        return Problem("rules", detail)
    if (unseen := clearness.unseen(context.geometry, family, roles)) is not None:
        return Problem("unseen", unseen)
    margin = clearness.margin(context.geometry, family, roles, outcome)
    if (unstable := clearness.unstable(outcome, margin, is_free)) is not None:
        return Problem("unstable", unstable)
    if is_free:
        broken = context.open_law.broken(proposal, roles["objects"], outcome, second_programs)
        if broken is not None:
            return Problem(*broken)
    return Verified(
        proposal=replace(proposal, text=family.rewritten(proposal.text, roles)),
        id=source.identity(proposal.scene_id, family.name, match.meaning),
        family=family.name,
        answer=answer,
        options=None if answer.among is None else tuple(sorted(answer.among)),
        margin=margin,
        objects=family.canonical(roles),
        key=family.key(proposal.scene_id, roles),
    )
