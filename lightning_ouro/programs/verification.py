"""From proposals to verified ones: each passes a fixed order of checks, or is rejected at the first that it fails.

parses · runs within its limits · typed, finite, in range · the categories that it quotes are in its text or options ·
text and program agree · the family's rules · everything needed is shown · stable under jitter. What depends on other
questions (asked before, common) is the pool's.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from lightning_ouro.programs import source
from lightning_ouro.programs.answers import Answer
from lightning_ouro.programs.families import Family, Key, Roles, read
from lightning_ouro.programs.questions import Proposal, Reason, Rejection
from lightning_ouro.programs.sandbox import Loaded, Outcome, Sandbox
from lightning_ouro.programs.world import World, jittered, world
from lightning_ouro.scenes.types import Scene

VISIBLE = 0.003  # of a frame's pixels
LEAST_MARGIN = 0.5


@dataclass(frozen=True)
class Verified:
    """A proposal that passed every check that concerns it alone.

    Attributes:
        proposal: What was proposed.
        family: Its question type: the one that its text belongs to.
        answer: What the program returned, unrounded.
        options: The choices, sorted: letters are dealt by the pool. None for a number.
        margin: Share of jittered metadata under which the answer stands, 0.5 to 1.
        objects: Category names by role; symmetric roles are sorted.
        key: What "asked before" compares.
    """

    proposal: Proposal
    family: str
    answer: Answer
    options: tuple[str, ...] | None
    margin: float
    objects: Mapping[str, tuple[str, ...]]
    key: Key


@dataclass(frozen=True, eq=False)
class _Stage:
    """A scene with everything that its proposals are checked against."""

    world: World
    loaded: Loaded
    shown: frozenset[int]
    categories: Mapping[str, str]  # as the scene writes them, by lower case


@dataclass(frozen=True)
class _Problem:
    reason: Reason
    detail: str


def shown_objects(visibility: NDArray[np.float32]) -> frozenset[int]:
    """Ids of the objects that take 0.3 % of a frame's pixels in at least one frame; visibility is `(T, objects)`."""
    return frozenset(np.flatnonzero((visibility >= VISIBLE).any(axis=0)).tolist())


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

    def verify(
        self, scene: Scene, visibility: NDArray[np.float32], proposals: Sequence[Proposal]
    ) -> list[Verified | Rejection]:
        """Verifies proposals about one scene, in their order.

        Args:
            scene: What they ask about.
            visibility: `(T, objects)` share of pixels in the frames that the model is shown.
            proposals: All with this scene's id.
        """
        if not proposals:
            return []
        stage = self._stage(scene, visibility)
        verdicts: list[Verified | Rejection] = []
        for proposal in proposals:
            assert proposal.scene_id == scene.id
            found = self._verify(stage, proposal)
            verdicts.append(Rejection(proposal, found.reason, found.detail) if isinstance(found, _Problem) else found)
        return verdicts

    def _stage(self, scene: Scene, visibility: NDArray[np.float32]) -> _Stage:
        exact = world(scene)
        names = {thing.category for thing in scene.objects} | set(scene.counts)
        return _Stage(
            world=exact,
            loaded=self._sandbox.load([exact, *jittered(scene, self._draws)]),
            shown=shown_objects(visibility),
            categories={name.casefold(): name for name in sorted(names)},
        )

    def _verify(self, stage: _Stage, proposal: Proposal) -> Verified | _Problem:
        tree = source.parse(proposal.program)
        if isinstance(tree, str):
            return _Problem("syntax", tree)
        outcome = self._sandbox.run(proposal.program, stage.loaded)
        if outcome.failure is not None:
            return _Problem(outcome.failure.reason, outcome.failure.detail)
        answer = outcome.answers[0]
        assert answer is not None
        found = _unnamed(stage, proposal, tree, answer) or self._agreement(stage, proposal, tree, outcome)
        if isinstance(found, _Problem):
            return found
        family, roles = found
        margin = float(np.mean([answer.agrees(other) for other in outcome.answers[1:]])) if self._draws else 1.0
        problem = _rules(stage, family, roles, answer) or _unseen(stage, family, roles) or _unstable(margin)
        if problem is not None:
            return problem
        return Verified(
            proposal=proposal,
            family=family.name,
            answer=answer,
            options=None if answer.among is None else tuple(sorted(answer.among)),
            margin=margin,
            objects=family.canonical(roles),
            key=family.key(proposal.scene_id, roles),
        )

    def _agreement(
        self, stage: _Stage, proposal: Proposal, tree: ast.Module, outcome: Outcome
    ) -> tuple[Family, Roles] | _Problem:
        """The family and objects that the text means, if the family's own program says what the program says.

        Compared on every reading of the metadata: a program that guesses a distance right is still found out.
        """
        found = read(proposal.text)
        if found is None:
            return _Problem("disagrees", "the text follows no form of any family")
        family, named = found
        if family.name != proposal.family:
            return _Problem("disagrees", f"claims {proposal.family}, but the text asks for {family.name}")
        roles: dict[str, tuple[str, ...]] = {}
        for role, names in named.items():
            unknown = [name for name in names if name.casefold() not in stage.categories]
            if unknown:
                return _Problem("disagrees", f"the text names {unknown[0]!r}, which the scene does not have")
            roles[role] = tuple(stage.categories[name.casefold()] for name in names)
        own = family.program(roles)
        if own == proposal.program or source.canonical(source.parse(own)) == source.canonical(tree):
            return family, roles
        expected = self._sandbox.run(own, stage.loaded)
        if expected.failure is not None:
            return _Problem("disagrees", f"the text has no answer here: {expected.failure.detail}")
        for given, meant in zip(outcome.answers, expected.answers, strict=True):
            if (given is not None or meant is not None) and (given is None or not given.equals(meant)):
                return _Problem("disagrees", f"the text means {_shown(meant)}, the program says {_shown(given)}")
        return family, roles


def _shown(answer: Answer | None) -> str:
    if answer is None:
        return "a value out of range"
    among = "" if answer.among is None else f" among {sorted(answer.among)}"
    return f"{answer.kind}({answer.value}){among}"


def _unnamed(stage: _Stage, proposal: Proposal, tree: ast.Module, answer: Answer) -> _Problem | None:
    said = " | ".join((proposal.text, *(answer.among or ()))).casefold()
    for name in sorted(source.quoted(tree) & stage.categories.keys()):
        if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", said) is None:
            return _Problem("unnamed", f"the program uses {name!r}, which text and options do not name")
    return None


def _rules(stage: _Stage, family: Family, roles: Roles, answer: Answer) -> _Problem | None:
    broken = family.check(stage.world, roles, answer)
    return None if broken is None else _Problem("rules", broken)


def _unseen(stage: _Stage, family: Family, roles: Roles) -> _Problem | None:
    hidden = sorted(family.must_show(stage.world, roles) - stage.shown)
    if not hidden:
        return None
    names = ", ".join(f"{stage.world.scene.objects[place].category} {place}" for place in hidden)
    return _Problem("unseen", f"no frame shows {names}")


def _unstable(margin: float) -> _Problem | None:
    if margin >= LEAST_MARGIN:
        return None
    return _Problem("unstable", f"only {margin:.0%} of jittered metadata give this answer")
