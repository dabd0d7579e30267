"""One round of questions, on all ranks: asked for, verified, admitted to the pool in one order, the blind turned down.

Every rank proposes about its share of the scenes; outcomes are gathered and sorted, so all ranks admit the same. Then
what would be admitted is judged without video, and what is turned down makes room for what was too common beside it,
until nothing new comes up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from lightning_ouro.curriculum.feedback import Feedback
from lightning_ouro.curriculum.ledger import Ledger
from lightning_ouro.distributed import all_gather_list
from lightning_ouro.loop.asking import progress, propose_and_verify, write_briefs
from lightning_ouro.programs.families import FAMILIES
from lightning_ouro.programs.pool import Pool
from lightning_ouro.programs.questions import Question, Rejection
from lightning_ouro.programs.verification import Verified
from lightning_ouro.proposer.blind import BlindKind, by_confidence, by_judge, guessed
from lightning_ouro.proposer.protocol import Proposer
from lightning_ouro.scenes.library import SceneLibrary
from lightning_ouro.scenes.types import Scene, SkippedScene
from lightning_ouro.solver.module import SolverModule
from lightning_ouro.solver.sharding import unsharded

T = TypeVar("T")
BATCH = 64  # questions that are scored without video at a time


@dataclass(frozen=True)
class RoundRequest:
    """What a round is asked for.

    Attributes:
        told: Last round's feedback.
        slots: Proposals wanted for each scene.
        round: From 0.
        seed: The run's.
        blind: How questions that need no looking are told.
    """

    told: Feedback
    slots: int
    round: int
    seed: int
    blind: BlindKind


@dataclass(frozen=True)
class RankShard:
    """Which part of the work is this rank's, and whether it draws progress bars."""

    rank: int
    ranks: int
    show_progress: bool


@dataclass(frozen=True)
class RoundResult:
    """What came of a round's proposals.

    Attributes:
        accepted: New questions of the pool.
        rejected: What was turned down.
        skipped: Scenes that could not be asked about.
    """

    accepted: list[Question]
    rejected: list[Rejection]
    skipped: list[SkippedScene]


def ask(
    proposer: Proposer,
    solver: SolverModule,
    library: SceneLibrary,
    scenes: Sequence[Scene],
    pool: Pool,
    order: RoundRequest,
    share: RankShard,
) -> RoundResult:
    """Asks for a round's questions and admits what holds; every rank must call it."""
    title = f"round {order.round}"
    mine = scenes[share.rank :: share.ranks]
    briefs, skipped = write_briefs(
        mine, library, order.told, pool, order.slots, order.round, order.seed, title, share.show_progress
    )
    with unsharded(solver):  # ranks have different numbers of scenes and replies
        outcomes = propose_and_verify(proposer, briefs, title, share.show_progress)
    place = {scene.id: number for number, scene in enumerate(scenes)}
    outcomes = sorted(
        all_gather_list(outcomes), key=lambda item: (place[item.proposal.scene_id], item.proposal.slot)
    )
    rejected = [item for item in outcomes if isinstance(item, Rejection)]
    verified = [item for item in outcomes if not isinstance(item, Rejection)]
    base = proposer.base(solver)
    assert base is not None or order.blind == "none", "the loop refuses a filter that has no frozen base"
    blind = (
        [] if base is None or order.blind == "none" else _blind(base, library, pool, verified, order, share)
    )
    turned_down = {rejection.proposal for rejection in blind}
    accepted, surplus = pool.admit(
        [item for item in verified if item.proposal not in turned_down], order.round
    )
    return RoundResult(accepted, rejected + blind + surplus, all_gather_list(skipped))


def _blind(
    solver: SolverModule,
    library: SceneLibrary,
    pool: Pool,
    verified: Sequence[Verified],
    order: RoundRequest,
    share: RankShard,
) -> list[Rejection]:
    """What the pool would admit but for being blind."""
    left, known, turned_down = list(verified), dict[str, str | None](), list[Rejection]()
    judge = (
        partial(by_confidence, solver)
        if order.blind == "confidence"
        else partial(by_judge, solver, video=library.video)
    )
    while True:
        coming, _ = Pool.restore(pool.questions).admit(left, order.round)
        if not (new := [question for question in coming if question.id not in known]):
            return turned_down
        known |= _of_each(solver, new, judge, f"round {order.round}: blind", share)
        turned_down += [
            Rejection(item.proposal, "blind", why) for item in left if (why := known.get(item.id))
        ]
        left = [item for item in left if not known.get(item.id)]


def _of_each(
    solver: SolverModule,
    questions: Sequence[Question],
    found_of: Callable[[Sequence[Question]], Sequence[T]],
    title: str,
    share: RankShard,
) -> dict[str, T]:
    """What is found of each question, by its id; every rank works on its share and gets all."""
    mine = questions[share.rank :: share.ranks]
    parts = [mine[start : start + BATCH] for start in range(0, len(mine), BATCH)]
    found: list[tuple[str, T]] = []
    with unsharded(solver):  # ranks have different numbers of parts
        for part in progress(parts, title, share.show_progress):
            found += zip([question.id for question in part], found_of(part), strict=True)
    return dict(all_gather_list(found))


def measure_chance(
    solver: SolverModule, ledger: Ledger, accepted: Sequence[Question], round: int, share: RankShard
) -> None:
    """Enters how confident the base is, without the video, in the first numbers that a family asks for."""
    numbers = [question for question in accepted if ledger.lacks_chance(question)]
    blind = _of_each(solver, numbers, partial(guessed, solver), f"round {round}: chance", share)
    for family in FAMILIES:
        if of_family := [blind[question.id] for question in numbers if question.family == family]:
            ledger.observe_blind(family, of_family)
