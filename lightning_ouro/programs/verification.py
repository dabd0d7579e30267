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

from lightning_ouro.plain_text import folded, lower_case
from lightning_ouro.programs import clearness, open_conditions, open_text, source
from lightning_ouro.programs.answers import LENGTHS, TypedAnswer, described
from lightning_ouro.programs.families import FAMILIES, OPEN, Family, Key, Roles, read
from lightning_ouro.programs.families.wording import asks_like, foreign_letter, named
from lightning_ouro.programs.margins import FOR_ALL, FamilyMargins
from lightning_ouro.programs.open_law import OpenLaw
from lightning_ouro.programs.questions import Failure, Proposal, Reason, Rejection
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


@dataclass(frozen=True)
class _Problem:
    reason: Reason
    detail: str


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
        verdicts: list[Verified | Rejection] = []
        for proposal, parsed, outcome in zip(proposals, sources, outcomes, strict=True):
            second = second_programs.get(proposal, ())
            verdict = self._verify(context, proposal, parsed, outcome, second)
            verdicts.append(
                Rejection(proposal, verdict.reason, verdict.detail)
                if isinstance(verdict, _Problem)
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

    def _verify(
        self,
        context: _Context,
        proposal: Proposal,
        parsed: Source | Failure,
        outcome: Outcome,
        second_programs: Sequence[str],
    ) -> Verified | _Problem:
        if outcome.failure is not None or isinstance(parsed, Failure):
            failure = outcome.failure
            assert failure is not None, "a program that does not parse has failed"
            return _Problem(failure.reason, failure.detail)
        answer = outcome.answers[0]
        assert answer is not None, "the first answer of a success is in range"
        match = self._match(context, proposal, parsed, outcome)
        if isinstance(match, _Problem):
            return match
        family, roles = match
        detail = family.check(context.geometry, roles, answer)
        detail = detail or clearness.which_room(context.geometry, family, proposal.text)
        if detail is None and answer.kind in LENGTHS:
            detail = context.no_metres
        if detail is not None:
            return _Problem("rules", detail)
        if (unseen := clearness.unseen(context.geometry, family, roles)) is not None:
            return _Problem("unseen", unseen)
        margin = clearness.margin(context.geometry, family, roles, outcome)
        if (unstable := clearness.unstable(outcome, margin, _is_free(family, roles))) is not None:
            return _Problem("unstable", unstable)
        if _is_free(family, roles):
            broken = context.open_law.broken(proposal, roles["objects"], outcome, second_programs)
            if broken is not None:
                return _Problem(*broken)
        return Verified(
            proposal=replace(proposal, text=family.rewritten(proposal.text, roles)),
            id=source.identity(proposal.scene_id, family.name, _meaning(family, roles, parsed)),
            family=family.name,
            answer=answer,
            options=None if answer.among is None else tuple(sorted(answer.among)),
            margin=margin,
            objects=family.canonical(roles),
            key=family.key(proposal.scene_id, roles),
        )

    def _match(
        self, context: _Context, proposal: Proposal, parsed: Source, outcome: Outcome
    ) -> tuple[Family, Roles] | _Problem:
        """The family and roles that the text means, if the family's own program gives the same answers.

        Compared on every draw under noise: a program that guesses a distance right is found out.
        """
        asked = read(proposal.text, proposal.family)
        if asked is None:
            return _match_open(context, proposal, parsed, outcome)
        family, names = asked
        if family.name != proposal.family:
            return _Problem("disagrees", f"claims {proposal.family}, but the text asks for {family.name}")
        roles = _as_the_scene_spells(context, family, names)
        if isinstance(roles, _Problem):
            return roles
        own = family.program(roles)
        if own == proposal.program or (own_source := _parsed(own)).canonical == parsed.canonical:
            return family, roles
        problem = _unnamed(context, parsed, own_source.quoted)
        if problem is not None:
            return problem
        expected = self._sandbox.run(own, context.loaded)
        if expected.failure is not None:
            return _Problem("disagrees", f"the text has no answer here: {expected.failure.detail}")
        for given, meant in zip(outcome.answers, expected.answers, strict=True):
            if (given is not None or meant is not None) and (given is None or not given.equals(meant)):
                detail = f"the text means {described(meant)}, the program says {described(given)}"
                return _Problem("disagrees", detail)
        return family, roles


def _as_the_scene_spells(context: _Context, family: Family, names: Roles) -> Roles | _Problem:
    """The roles with the scene's own spelling of each category, or the first one that the scene lacks."""
    roles: dict[str, tuple[str, ...]] = {}
    for role, written in names.items():
        if role in family.words:
            roles[role] = written
            continue
        unknown = [name for name in written if lower_case(name) not in context.categories]
        if unknown:
            return _Problem("disagrees", f"the text names {unknown[0]!r}, which the scene does not have")
        roles[role] = tuple(context.categories[lower_case(name)] for name in written)
    return roles


def _parsed(own: str) -> Source:
    parsed = source.read(own)
    assert isinstance(parsed, Source), "a family's own program parses"
    return parsed


def _meaning(family: Family, roles: Roles, parsed: Source) -> Source:
    """The program that stands for what a question means: the family's own, or an open question's."""
    if _is_free(family, roles):
        return parsed
    own = family.program(family.canonical(roles))
    return parsed if own == parsed.text else _parsed(own)


def _is_free(family: Family, roles: Roles) -> bool:
    """Whether a question is open and follows no form."""
    return family is OPEN and "kind" not in roles


def _match_open(
    context: _Context, proposal: Proposal, parsed: Source, outcome: Outcome
) -> tuple[Family, Roles] | _Problem:
    """The categories that an open question names, or why the text cannot be an open question with this program."""
    if proposal.family != OPEN.name:
        return _Problem("disagrees", "the text follows no form of any family")
    text, categories = folded(proposal.text), tuple(context.categories.values())
    if len(text) > open_text.LONGEST_TEXT:  # before anything searches it
        return _Problem("rules", f"an open question has at most {open_text.LONGEST_TEXT} characters")
    letter = foreign_letter(text, categories)
    if letter is not None:
        return _Problem("rules", f"{letter!r} stands outside of the scene's names and could pass for another")
    family = asks_like(text, categories, [family for family in FAMILIES.values() if family is not OPEN])
    if family is not None:
        return _Problem(
            "disagrees", f"claims to be open, but asks for {family.name} in words that are none of its own"
        )
    names, answer = named(text, categories), outcome.answers[0]
    assert answer is not None, "the first answer of a success is in range"
    problem = open_text.problem(text, answer, names, context.geometry)
    if problem is not None:
        return _Problem("rules", problem)
    unnamed = _unnamed(context, parsed, frozenset(map(lower_case, names)))
    left_out = open_conditions.left_out(text, names, parsed)
    if unnamed is None and left_out is not None:
        return _Problem("disagrees", left_out)
    return unnamed or (OPEN, {"objects": names})


def _unnamed(context: _Context, parsed: Source, named_in_text: frozenset[str]) -> _Problem | None:
    """That the program quotes a category which is not named; what options name does not count."""
    unnamed = sorted((parsed.quoted & context.categories.keys()) - named_in_text)
    if not unnamed:
        return None
    return _Problem("unnamed", f"the program uses {unnamed[0]!r}, which the text does not name")
