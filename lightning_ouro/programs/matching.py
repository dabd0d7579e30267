"""What the text of a proposal means, and whether its program agrees with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lightning_ouro.plain_text import folded, lower_case
from lightning_ouro.programs import open_conditions, open_text, source
from lightning_ouro.programs.answers import described
from lightning_ouro.programs.families import FAMILIES, OPEN, Family, Roles, read
from lightning_ouro.programs.families.wording import asks_like, foreign_letter, named
from lightning_ouro.programs.outcomes import Outcome
from lightning_ouro.programs.questions import Failure, Proposal, Reason
from lightning_ouro.programs.scene_geometry import SceneGeometry
from lightning_ouro.programs.source import Source

Categories = Mapping[str, str]
"""A scene's categories as it spells them, by lower case."""


@dataclass(frozen=True)
class Problem:
    """Why a proposal is rejected."""

    reason: Reason
    detail: str


@dataclass(frozen=True)
class Match:
    """What a text means.

    Attributes:
        family: The family that it belongs to.
        roles: What it names.
        parsed: The program that was proposed.
        own: The family's own program, if that is another one.
    """

    family: Family
    roles: Roles
    parsed: Source
    own: Source | None = None

    @property
    def is_free(self) -> bool:
        """Whether the question is open and follows no form."""
        return self.family is OPEN and "kind" not in self.roles

    @property
    def meaning(self) -> Source:
        """The program that stands for what the question means: the family's own, or a free question's."""
        if self.is_free:
            return self.parsed
        own = self.family.program(self.family.canonical(self.roles))
        return self.parsed if own == self.parsed.text else _parsed(own)


def matched(
    geometry: SceneGeometry,
    categories: Categories,
    proposal: Proposal,
    parsed: Source | Failure,
    outcome: Outcome,
) -> Match | Problem:
    """What a text means, if its program did not fail; nothing is run."""
    if outcome.failure is not None or isinstance(parsed, Failure):
        failure = outcome.failure
        assert failure is not None, "a program that does not parse has failed"
        return Problem(failure.reason, failure.detail)
    asked = read(proposal.text, proposal.family)
    if asked is None:
        return _match_open(geometry, categories, proposal, parsed, outcome)
    family, names = asked
    if family.name != proposal.family:
        return Problem("disagrees", f"claims {proposal.family}, but the text asks for {family.name}")
    roles = _as_the_scene_spells(categories, family, names)
    if isinstance(roles, Problem):
        return roles
    own = family.program(roles)
    if own == proposal.program or (own_source := _parsed(own)).canonical == parsed.canonical:
        return Match(family, roles, parsed)
    return _unnamed(categories, parsed, own_source.quoted) or Match(family, roles, parsed, own_source)


def disagreement(outcome: Outcome, expected: Outcome) -> Problem | None:
    """That a program does not answer what the family's own program says that its text means, or None."""
    if expected.failure is not None:
        return Problem("disagrees", f"the text has no answer here: {expected.failure.detail}")
    for given, meant in zip(outcome.answers, expected.answers, strict=True):
        if (given is not None or meant is not None) and (given is None or not given.equals(meant)):
            detail = f"the text means {described(meant)}, the program says {described(given)}"
            return Problem("disagrees", detail)
    return None


def _as_the_scene_spells(categories: Categories, family: Family, names: Roles) -> Roles | Problem:
    """The roles with the scene's own spelling of each category, or the first one that the scene lacks."""
    roles: dict[str, tuple[str, ...]] = {}
    for role, written in names.items():
        if role in family.words:
            roles[role] = written
            continue
        unknown = [name for name in written if lower_case(name) not in categories]
        if unknown:
            return Problem("disagrees", f"the text names {unknown[0]!r}, which the scene does not have")
        roles[role] = tuple(categories[lower_case(name)] for name in written)
    return roles


def _parsed(own: str) -> Source:
    parsed = source.read(own)
    assert isinstance(parsed, Source), "a family's own program parses"
    return parsed


def _match_open(
    geometry: SceneGeometry, categories: Categories, proposal: Proposal, parsed: Source, outcome: Outcome
) -> Match | Problem:
    """The categories that an open question names, or why the text cannot be an open question with this program."""
    if proposal.family != OPEN.name:
        return Problem("disagrees", "the text follows no form of any family")
    text, there = folded(proposal.text), tuple(categories.values())
    if len(text) > open_text.LONGEST_TEXT:  # before anything searches it
        return Problem("rules", f"an open question has at most {open_text.LONGEST_TEXT} characters")
    letter = foreign_letter(text, there)
    if letter is not None:
        return Problem("rules", f"{letter!r} stands outside of the scene's names and could pass for another")
    family = asks_like(text, there, [family for family in FAMILIES.values() if family is not OPEN])
    if family is not None:
        return Problem(
            "disagrees", f"claims to be open, but asks for {family.name} in words that are none of its own"
        )
    names, answer = named(text, there), outcome.answers[0]
    assert answer is not None, "the first answer of a success is in range"
    problem = open_text.problem(text, answer, names, geometry)
    if problem is not None:
        return Problem("rules", problem)
    unnamed = _unnamed(categories, parsed, frozenset(map(lower_case, names)))
    left_out = open_conditions.left_out(text, names, parsed)
    if unnamed is None and left_out is not None:
        return Problem("disagrees", left_out)
    return unnamed or Match(OPEN, {"objects": names}, parsed)


def _unnamed(categories: Categories, parsed: Source, named_in_text: frozenset[str]) -> Problem | None:
    """That the program quotes a category which is not named; what options name does not count."""
    unnamed = sorted((parsed.quoted & categories.keys()) - named_in_text)
    if not unnamed:
        return None
    return Problem("unnamed", f"the program uses {unnamed[0]!r}, which the text does not name")
