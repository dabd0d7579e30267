"""One round of questions, on all ranks: asked for, verified, admitted to the pool in one order, the blind turned down.

Every rank proposes about its share of the scenes; outcomes are gathered and sorted, so all ranks admit the same. Then
what would be admitted is judged without video, and what is turned down makes room for what was too common beside it,
until nothing new comes up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lightning_ouro.curriculum.feedback import Feedback
from lightning_ouro.curriculum.ledger import Ledger
from lightning_ouro.programs.families import FAMILIES
from lightning_ouro.programs.pool import Pool
from lightning_ouro.programs.questions import Question, Rejection
from lightning_ouro.programs.verification import Verified
from lightning_ouro.proposer.asking import progress, propose_and_verify, write_briefs
from lightning_ouro.proposer.blind import BlindKind, guessed, is_kept
from lightning_ouro.proposer.protocol import Proposer
from lightning_ouro.ranks import gathered
from lightning_ouro.scenes.library import SceneLibrary
from lightning_ouro.scenes.types import Scene, SkippedScene
from lightning_ouro.solver.module import SolverModule
from lightning_ouro.solver.sharding import whole

BATCH = 64  # questions that are scored without video at a time


@dataclass(frozen=True)
class Order:
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
class Share:
    """Which part of the work is this rank's, and whether it draws progress bars."""

    rank: int
    ranks: int
    shown: bool


@dataclass(frozen=True)
class Asked:
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
    order: Order,
    share: Share,
) -> Asked:
    """Asks for a round's questions and admits what holds; every rank must call it."""
    title = f"round {order.round}"
    mine = scenes[share.rank :: share.ranks]
    briefs, skipped = write_briefs(
        mine, library, order.told, pool, order.slots, order.round, order.seed, title, share.shown
    )
    with whole(solver):  # ranks have different numbers of scenes and replies
        outcomes = propose_and_verify(proposer, briefs, title, share.shown)
    place = {scene.id: number for number, scene in enumerate(scenes)}
    outcomes = sorted(gathered(outcomes), key=lambda item: (place[item.proposal.scene_id], item.proposal.slot))
    rejected = [item for item in outcomes if isinstance(item, Rejection)]
    verified = [item for item in outcomes if not isinstance(item, Rejection)]
    blind = [] if order.blind == "off" else _blind(solver, pool, verified, order, share)
    turned_down = {rejection.proposal for rejection in blind}
    accepted, surplus = pool.admit([item for item in verified if item.proposal not in turned_down], order.round)
    return Asked(accepted, rejected + blind + surplus, gathered(skipped))


def _blind(
    solver: SolverModule, pool: Pool, verified: Sequence[Verified], order: Order, share: Share
) -> list[Rejection]:
    """What the pool would admit but for being blind."""
    left, known, turned_down = list(verified), dict[str, float](), list[Rejection]()
    while True:
        coming, _ = Pool.restore(pool.questions).admit(left, order.round)
        if not (new := [question for question in coming if question.id not in known]):
            return turned_down
        known |= confidences(solver, new, f"round {order.round}: blind", share)
        gone = {question.id for question in new if not is_kept(question, known[question.id])}
        turned_down += [
            Rejection(item.proposal, "blind", f"confidence {known[item.id]:.2f} in its answer without the video")
            for item in left
            if item.id in gone
        ]
        left = [item for item in left if item.id not in gone]


def confidences(solver: SolverModule, questions: Sequence[Question], title: str, share: Share) -> dict[str, float]:
    """The base's confidence in each answer without the video; every rank must call it, and gets all."""
    mine = questions[share.rank :: share.ranks]
    parts = [mine[start : start + BATCH] for start in range(0, len(mine), BATCH)]
    found: list[tuple[str, float]] = []
    with whole(solver):  # ranks have different numbers of parts
        for part in progress(parts, title, share.shown):
            found += zip([question.id for question in part], guessed(solver, part), strict=True)
    return dict(gathered(found))


def measure_chance(
    solver: SolverModule, ledger: Ledger, accepted: Sequence[Question], round: int, share: Share
) -> None:
    """Enters how confident the base is, without the video, in the first numbers that a family asks for."""
    numbers = [question for question in accepted if ledger.lacks_chance(question)]
    blind: Mapping[str, float] = confidences(solver, numbers, f"round {round}: chance", share)
    for family in FAMILIES:
        if of_family := [blind[question.id] for question in numbers if question.family == family]:
            ledger.observe_blind(family, of_family)
