"""The law of open questions: an answer enters the pool only if it was derived twice.

No form says what an open question means, so its program could compute anything. Three things are asked of it
that no family's program has to be asked: it keeps nothing from one draw of noise to the next, its answer depends
on the scene, and the majority of the programs that were written from the text alone, without sight of it, give
the same answers on the exact metadata and on every draw (self-consistency over programs: arXiv 2203.11171,
and 2512.16237 for spatial questions).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from lightning_ouro.programs.answers import TypedAnswer
from lightning_ouro.programs.counterfactual import other_worlds
from lightning_ouro.programs.questions import Reason
from lightning_ouro.programs.sandbox import LoadedScene, Outcome, Sandbox
from lightning_ouro.programs.scene_geometry import SceneGeometry


class OpenLaw:
    """What the programs of open questions about one scene are held against.

    Args:
        sandbox: Where programs run.
        draws: The scene's exact geometry, then its draws under noise.
        loaded: These draws, loaded.
    """

    def __init__(self, sandbox: Sandbox, draws: Sequence[SceneGeometry], loaded: LoadedScene) -> None:
        self._sandbox, self._draws, self._loaded = sandbox, draws, loaded

    @cached_property
    def _backwards(self) -> LoadedScene:
        return LoadedScene(self._draws[::-1])

    @cached_property
    def _worlds(self) -> list[LoadedScene]:
        return [LoadedScene([world]) for world in other_worlds(self._draws[0])]

    def broken(
        self, program: str, outcome: Outcome, second_programs: Sequence[str]
    ) -> tuple[Reason, str] | None:
        """Reason and detail with which an open question is rejected that passed all other checks, or None.

        Args:
            program: The question's own program.
            outcome: What came of it.
            second_programs: Programs that were written from the text alone.
        """
        if self._remembers(program, outcome):
            return "unrepeatable", "the answers change if the draws of noise come in another order"
        if self._ignores_the_scene(program, outcome):
            return "rules", "the answer is the same whatever the scene is"
        if not second_programs:
            return "unconfirmed", "no second program was written from the text alone"
        others = [self._sandbox.run(second, self._loaded) for second in second_programs]
        agreeing = sum(_is_same(outcome, other) for other in others)
        if 2 * agreeing > len(others):
            return None
        return "unconfirmed", f"{agreeing} of {len(others)} programs written from the text alone agree"

    def _remembers(self, program: str, outcome: Outcome) -> bool:
        backwards = self._sandbox.run(program, self._backwards)
        return backwards.failure is not None or backwards.answers[::-1] != outcome.answers

    def _ignores_the_scene(self, program: str, outcome: Outcome) -> bool:
        """Whether the answer is the same in all other worlds in which there is one."""
        answers = [self._sandbox.run(program, world).answers for world in self._worlds]
        given = [answer for (answer, *_) in filter(None, answers)]
        return bool(given) and all(answer == outcome.answers[0] for answer in given)


def _is_same(one: Outcome, other: Outcome) -> bool:
    if other.failure is not None:
        return False
    return all(_agree(*pair) for pair in zip(one.answers, other.answers, strict=True))


def _agree(one: TypedAnswer | None, other: TypedAnswer | None) -> bool:
    return one is other if one is None or other is None else one.equals(other)
