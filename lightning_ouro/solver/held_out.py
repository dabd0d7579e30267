"""What validation and test measure of the solver, by set of fixed questions.

Every question is asked in three ways: teacher-forced with the scene's own video (`loss`); with another scene's video
in its place (`video_gain`, the nats that this adds to the loss: at 0 the solver guesses, above 0 it uses the video);
and greedily (`score`, VSI-Bench's accuracy or mean relative accuracy). Some counting questions are asked once more,
greedily, on a video without the objects that they ask for: the share of replies that are 0, as they should be, is
`query_drop`, and the share of those that still give the whole scene's number is `query_drop_unchanged`. Both read the
reply as the score does, so what does not begin with a number counts for neither. ReVSI (arXiv 2604.24300) asks models
this way, and finds that they say "2" of things that are not there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Protocol, final

import torch

from lightning_ouro.evaluation import metrics
from lightning_ouro.programs.questions import Question
from lightning_ouro.scenes.types import Video
from lightning_ouro.solver.batches import DroppedQuery, EvalBatch, SceneRow, questions_of
from lightning_ouro.solver.encoding import Row
from lightning_ouro.solver.per_family_mean import PerFamilyMean
from lightning_ouro.solver.shared_prefix import Scored

MAIN_SET = "vsi_bench"  # whose curves are `val/...`; those of another set are `val_<set>/...`
QUANTITIES = ("loss", "video_gain", "score")
DROP_QUANTITIES = ("query_drop", "query_drop_unchanged")
DROPPED = "query_drop"  # stands for a family: all of the queries are counting questions

Values = tuple[float, ...]


class Solver(Protocol):
    """What is asked of the solver."""

    def encode(self, row: SceneRow, video: Video | None) -> Row: ...

    def score_rows(self, rows: Sequence[Row]) -> Scored: ...

    def replies(self, rows: Sequence[SceneRow]) -> list[str]: ...


@final
class HeldOutMeans:
    """Means over all batches and ranks since the last `reset`.

    Args:
        families: All families of each set, the same on every rank.
        device: Where the means are summed.
    """

    def __init__(self, families: Mapping[str, tuple[str, ...]], device: torch.device) -> None:
        self.families = families
        self._means = {name: PerFamilyMean(each, QUANTITIES).to(device) for name, each in families.items()}
        self._drops = {name: PerFamilyMean((DROPPED,), DROP_QUANTITIES).to(device) for name in families}

    def measure(self, solver: Solver, batch: EvalBatch) -> None:
        """Asks a batch's questions and adds what came of it."""
        pairs = list(zip(batch.rows, batch.other_videos, strict=True))
        own = solver.score_rows([solver.encode(row, row.video) for row in batch.rows]).loss.tolist()
        swapped = [solver.encode(row, video or row.video) for row, video in pairs]
        other = solver.score_rows(swapped).loss.tolist()
        has_other = [video is not None for row, video in pairs for _ in row.questions]
        replies = solver.replies(batch.rows)
        measured: dict[str, list[tuple[str, Values]]] = {name: [] for name in self.families}
        for index, ((name, question), reply) in enumerate(zip(batch.questions(), replies, strict=True)):
            gain = other[index] - own[index] if has_other[index] else math.nan
            score = metrics.score(reply, question.answer, question.unit)
            measured[name].append((question.family, (own[index], gain, score)))
        drops = self._ask_without(solver, batch.drops, len(batch.rows))
        for name in self.families:
            self._means[name].update(measured[name])
            self._drops[name].update(drops[name])

    def _ask_without(
        self, solver: Solver, drops: Sequence[DroppedQuery], rows_at_once: int
    ) -> dict[str, list[tuple[str, Values]]]:
        """Of each set, what its questions measure on the videos without what they ask for."""
        measured: dict[str, list[tuple[str, Values]]] = {name: [] for name in self.families}
        for start in range(0, len(drops), rows_at_once):
            some = drops[start : start + rows_at_once]
            replies = solver.replies([drop.row for drop in some])
            questions = questions_of([drop.row for drop in some])
            for drop, question, reply in zip(some, questions, replies, strict=True):
                measured[drop.set].append((DROPPED, drop_values(question, reply)))
        return measured

    def curves(self, stage: str) -> dict[str, float]:
        """The means by the curve's name; a collective.

        Where a set has no question to be asked without its objects, it has no curves of this; nor has it one of
        `video_gain` where no other room's video is there to compare with.

        Args:
            stage: `val` or `test`.
        """
        curves: dict[str, float] = {}
        for name in self.families:
            group = stage if name == MAIN_SET else f"{stage}_{name}"
            means, drops = self._means[name].compute(), self._drops[name].compute()
            asked = [quantity for quantity in DROP_QUANTITIES if not math.isnan(drops[quantity])]
            means |= {quantity: drops[quantity] for quantity in asked}
            for gain in [name for name in means if name.startswith("video_gain") and math.isnan(means[name])]:
                del means[gain]
            curves |= {f"{group}/{quantity}": mean for quantity, mean in means.items()}
        return curves

    def reset(self) -> None:
        for mean in (*self._means.values(), *self._drops.values()):
            mean.reset()


def drop_values(question: Question, reply: str) -> tuple[float, float]:
    """Whether the reply is 0, and whether it is the whole scene's number: 1 or 0 each."""
    number = metrics.number(reply)
    return float(number == 0), float(number == float(question.answer))
