"""From proposals to verified ones: each passes a fixed order of checks, or is rejected at the first that it fails.

parses, does nothing forbidden, fits the API's types · runs within its limits, twice to the same answer · typed, finite,
in range · the categories that it quotes are in its text or options · text and program agree · the family's rules ·
everything needed is shown · stable under jitter. What depends on other questions (asked before, common) is the pool's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from lightning_ouro.programs import source
from lightning_ouro.programs.answers import TypedAnswer, is_readable
from lightning_ouro.programs.families import FAMILIES, OPEN, Family, Key, Roles, read
from lightning_ouro.programs.families.wording import asks_like, mention, named
from lightning_ouro.programs.first_seen import VISIBLE
from lightning_ouro.programs.questions import Failure, Proposal, Reason, Rejection
from lightning_ouro.programs.sandbox import LoadedScene, Outcome, Sandbox
from lightning_ouro.programs.scene_geometry import SceneGeometry, jittered, scene_geometry
from lightning_ouro.programs.source import Source
from lightning_ouro.scenes.types import Scene, Views

LEAST_MARGIN = 0.5
LONGEST_TEXT = 400  # characters of an open question


@dataclass(frozen=True)
class Verified:
    """A proposal that passed every check that concerns it alone.

    Attributes:
        proposal: What was proposed.
        id: The question's id: hash of scene, family and the program's canonical syntax tree.
        family: Its question type: the one that its text belongs to.
        answer: What the program returned, unrounded.
        options: The choices, sorted: letters are dealt by the pool. None for a number.
        margin: Share of jittered metadata under which the answer stands, less near a rule's limit: 0.5 to 1.
        objects: What it names by role; symmetric roles are sorted.
        key: What "asked before" compares.
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
class _Stage:
    """A scene with everything that its proposals are checked against."""

    geometry: SceneGeometry
    loaded: LoadedScene
    categories: Mapping[str, str]  # as the scene writes them, by lower case


@dataclass(frozen=True)
class _Problem:
    reason: Reason
    detail: str


@final
class Verifier:
    """Checks proposals scene by scene.

    Args:
        sandbox: Where programs run; its owner closes it.
        draws: How many readings of jittered metadata the margin is taken from.
    """

    def __init__(self, sandbox: Sandbox, draws: int = 8) -> None:
        self._sandbox = sandbox
        self._draws = draws

    def verify(self, scene: Scene, views: Views, proposals: Sequence[Proposal]) -> list[Verified | Rejection]:
        """Verifies proposals about one scene, in their order.

        Args:
            scene: What they ask about.
            views: How the frames that the model is shown were taken, and what they show.
            proposals: All with this scene's id.
        """
        if not proposals:
            return []
        assert all(proposal.scene_id == scene.id for proposal in proposals)
        stage = self._stage(scene, views)
        sources = [source.read(proposal.program) for proposal in proposals]
        outcomes = self._sandbox.run_all(sources, stage.loaded)
        verdicts: list[Verified | Rejection] = []
        for proposal, parsed, outcome in zip(proposals, sources, outcomes, strict=True):
            found = self._verify(stage, proposal, parsed, outcome)
            verdicts.append(
                Rejection(proposal, found.reason, found.detail) if isinstance(found, _Problem) else found
            )
        return verdicts

    def _stage(self, scene: Scene, views: Views) -> _Stage:
        exact = scene_geometry(scene, views)
        names = {thing.category for thing in scene.objects} | set(scene.counts)
        return _Stage(
            geometry=exact,
            loaded=LoadedScene([exact, *jittered(scene, views, self._draws)]),
            categories={name.casefold(): name for name in sorted(names)},
        )

    def _verify(
        self, stage: _Stage, proposal: Proposal, parsed: Source | Failure, outcome: Outcome
    ) -> Verified | _Problem:
        if outcome.failure is not None or isinstance(parsed, Failure):
            failure = outcome.failure
            assert failure is not None, "what was not parsed has failed"
            return _Problem(failure.reason, failure.detail)
        answer = outcome.answers[0]
        assert answer is not None, "the exact answer of a success is in range"
        found = _unnamed(stage, proposal, parsed, answer) or self._agreement(stage, proposal, parsed, outcome)
        if isinstance(found, _Problem):
            return found
        family, roles = found
        problem = _rules(stage, family, roles, answer) or _unseen(stage, family, roles)
        if problem is not None:
            return problem
        margin = self._margin(stage, family, roles, outcome)
        if margin < LEAST_MARGIN:
            return _Problem("unstable", f"only {margin:.0%} of jittered metadata give this answer")
        return Verified(
            proposal=proposal,
            id=source.identity(proposal.scene_id, family.name, parsed),
            family=family.name,
            answer=answer,
            options=None if answer.among is None else tuple(sorted(answer.among)),
            margin=margin,
            objects=family.canonical(roles),
            key=family.key(proposal.scene_id, roles),
        )

    def _margin(self, stage: _Stage, family: Family, roles: Roles, outcome: Outcome) -> float:
        """The share of jittered metadata that agree; less where rules hold, or things are shown, only just.

        Noise of a few centimetres does not move an answer over boundaries that the rules keep 10 degrees away, though
        a person would call it close: from a rule's limit (0.5) the margin rises to 1 at twice as far from it.
        """
        answer, *others = outcome.answers
        assert answer is not None and stage.geometry.views is not None
        share = float(np.mean([answer.agrees(other) for other in others])) if others else 1.0
        best = stage.geometry.views.visibility[:, sorted(family.must_show(stage.geometry, roles))].max(axis=0)
        shown = float(best.min(initial=np.inf)) / VISIBLE
        return min(share, family.slack(stage.geometry, roles) / 2, shown / 2)

    def _agreement(
        self, stage: _Stage, proposal: Proposal, parsed: Source, outcome: Outcome
    ) -> tuple[Family, Roles] | _Problem:
        """The family and objects that the text means, if the family's own program says what the program says.

        Compared on every reading of the metadata: a program that guesses a distance right is still found out.
        """
        found = read(proposal.text, proposal.family)
        if found is None:
            return _open(stage, proposal, outcome)
        family, said = found
        if family.name != proposal.family:
            return _Problem("disagrees", f"claims {proposal.family}, but the text asks for {family.name}")
        roles: dict[str, tuple[str, ...]] = {}
        for role, names in said.items():
            if role in family.words:
                roles[role] = tuple(name.casefold() for name in names)
                continue
            unknown = [name for name in names if name.casefold() not in stage.categories]
            if unknown:
                return _Problem("disagrees", f"the text names {unknown[0]!r}, which the scene does not have")
            roles[role] = tuple(stage.categories[name.casefold()] for name in names)
        own = family.program(roles)
        if own == proposal.program or _is_same(own, parsed):
            return family, roles
        expected = self._sandbox.run(own, stage.loaded)
        if expected.failure is not None:
            return _Problem("disagrees", f"the text has no answer here: {expected.failure.detail}")
        for given, meant in zip(outcome.answers, expected.answers, strict=True):
            if (given is not None or meant is not None) and (given is None or not given.equals(meant)):
                return _Problem(
                    "disagrees", f"the text means {_shown(meant)}, the program says {_shown(given)}"
                )
        return family, roles


def _is_same(own: str, parsed: Source) -> bool:
    read = source.read(own)
    assert isinstance(read, Source), "a family's own program parses"
    return read.canonical == parsed.canonical


def _open(stage: _Stage, proposal: Proposal, outcome: Outcome) -> tuple[Family, Roles] | _Problem:
    """What an open question names; or why the text can't be one."""
    if proposal.family != OPEN.name:
        return _Problem("disagrees", "the text follows no form of any family")
    if not is_readable(proposal.text.replace("?", "."), LONGEST_TEXT):
        return _Problem("rules", f"an open question is one line of at most {LONGEST_TEXT} plain characters")
    categories = tuple(stage.categories.values())
    family = asks_like(proposal.text, categories, tuple(FAMILIES.values()))
    if family is not None:
        return _Problem(
            "disagrees", f"claims to be open, but asks for {family.name} in words that are none of its own"
        )
    answer = outcome.answers[0]
    said = " | ".join((proposal.text, *((answer.among if answer else None) or ())))
    return OPEN, {"objects": named(said, categories)}


def _shown(answer: TypedAnswer | None) -> str:
    if answer is None:
        return "a value out of range"
    among = "" if answer.among is None else f" among {sorted(answer.among)}"
    return f"{answer.kind}({answer.value}){among}"


def _unnamed(stage: _Stage, proposal: Proposal, parsed: Source, answer: TypedAnswer) -> _Problem | None:
    said = " | ".join((proposal.text, *(answer.among or ()))).casefold()
    for name in sorted(parsed.quoted & stage.categories.keys()):
        if mention(name).search(said) is None:
            return _Problem("unnamed", f"the program uses {name!r}, which text and options do not name")
    return None


def _rules(stage: _Stage, family: Family, roles: Roles, answer: TypedAnswer) -> _Problem | None:
    broken = family.check(stage.geometry, roles, answer)
    return None if broken is None else _Problem("rules", broken)


def _unseen(stage: _Stage, family: Family, roles: Roles) -> _Problem | None:
    hidden = sorted(family.must_show(stage.geometry, roles) - stage.geometry.seen)
    if not hidden:
        return None
    names = ", ".join(f"{stage.geometry.scene.objects[place].category} {place}" for place in hidden)
    return _Problem("unseen", f"no frame shows {names}")
