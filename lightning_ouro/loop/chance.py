"""Chance, the confidence that guessing gives, where it has to be measured: for questions that ask for a number."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from lightning_ouro.curriculum.ledger import Ledger
from lightning_ouro.loop.admit import score_each
from lightning_ouro.loop.rounds import RankShard
from lightning_ouro.programs.families import FAMILIES
from lightning_ouro.programs.questions import Question
from lightning_ouro.proposer.blind import blind_confidences
from lightning_ouro.solver.module import SolverModule


def measure_chance(
    base: SolverModule, ledger: Ledger, accepted: Sequence[Question], round_index: int, shard: RankShard
) -> None:
    """Records each family's chance: the base's mean confidence, without the video, in its first numeric questions.

    A collective.
    """
    questions = [question for question in accepted if ledger.lacks_chance(question)]
    title = f"round {round_index}: chance"
    measured = score_each(base, questions, partial(blind_confidences, base), title, shard)
    for family in FAMILIES:
        if confidences := [measured[question.id] for question in questions if question.family == family]:
            ledger.observe_chance(family, confidences)
