"""Which verified questions enter the pool: the blind filter and the pool's own rules, together.

Only questions that the pool would admit are scored without the video. A question that is rejected as blind
makes room for others whose answers were too common while it was there; these are scored too, until nothing
new comes up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from lightning_ouro.distributed import all_gather_list
from lightning_ouro.loop.pool import Pool
from lightning_ouro.loop.rounds import RankShard, RoundRequest
from lightning_ouro.programs.questions import Question, Rejection
from lightning_ouro.programs.verification import Verified
from lightning_ouro.proposer.blind import by_confidence, by_judge
from lightning_ouro.scenes.library import SceneLibrary
from lightning_ouro.solver.module import SolverModule
from lightning_ouro.solver.sharding import unsharded

T = TypeVar("T")
BATCH_SIZE = 64  # questions that are scored without the video at a time


def filter_and_admit(
    verified: Sequence[Verified],
    pool: Pool,
    base: SolverModule | None,
    library: SceneLibrary,
    request: RoundRequest,
    shard: RankShard,
) -> tuple[list[Question], list[Rejection]]:
    """Admits what cannot be answered blind, is new and not too common.

    Returns the rest as rejections. A collective.
    """
    blind: list[Rejection] = []
    if request.blind != "none":
        assert base is not None, "the loop refuses a filter without a frozen base"
        blind = _blind(verified, pool, base, library, request, shard)
    rejected = {rejection.proposal for rejection in blind}
    remaining = [item for item in verified if item.proposal not in rejected]
    accepted, surplus = pool.admit(remaining, request.round_index)
    return accepted, blind + surplus


def _blind(
    verified: Sequence[Verified],
    pool: Pool,
    base: SolverModule,
    library: SceneLibrary,
    request: RoundRequest,
    shard: RankShard,
) -> list[Rejection]:
    """Rejections of questions that the pool would admit but that can be answered without the video."""
    remaining, reasons, rejected = list(verified), dict[str, str | None](), list[Rejection]()
    judge = (
        partial(by_confidence, base)
        if request.blind == "confidence"
        else partial(by_judge, base, video=library.video)
    )
    while True:
        candidates, _ = pool.copy().admit(remaining, request.round_index)
        unjudged = [question for question in candidates if question.id not in reasons]
        if not unjudged:
            return rejected
        reasons |= score_each(base, unjudged, judge, f"round {request.round_index}: blind", shard)
        rejected += [
            Rejection(item.proposal, "blind", reason)
            for item in remaining
            if (reason := reasons.get(item.id))
        ]
        remaining = [item for item in remaining if not reasons.get(item.id)]


def score_each(
    solver: SolverModule,
    questions: Sequence[Question],
    score: Callable[[Sequence[Question]], Sequence[T]],
    title: str,
    shard: RankShard,
) -> dict[str, T]:
    """The score of each question by its id; each rank scores its share, and all get everything."""
    share = shard.of(questions)
    batches = [share[start : start + BATCH_SIZE] for start in range(0, len(share), BATCH_SIZE)]
    scores: list[tuple[str, T]] = []
    with unsharded(solver):  # ranks differ in batches, so weights are gathered once
        for batch in shard.track(batches, title):
            scores += zip([question.id for question in batch], score(batch), strict=True)
    return dict(all_gather_list(scores))
