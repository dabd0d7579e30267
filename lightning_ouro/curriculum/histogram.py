"""The histogram of skill as a torchmetrics metric: per family and overall, summed over ranks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchmetrics import Metric

from lightning_ouro.curriculum.ledger import Ledger
from lightning_ouro.curriculum.skill import NUM_BINS, bin_of
from lightning_ouro.programs.questions import Question

OVERALL = "overall"


class SkillHistogram(Metric):
    """Counts of skill in `NUM_BINS` equal bins of [0, 1].

    Args:
        families: Names of the rows; `overall` is added after them.
    """

    full_state_update = False
    counts: Tensor

    def __init__(self, families: Sequence[str]) -> None:
        super().__init__()
        self.families = tuple(families)
        self.add_state(
            "counts", torch.zeros(len(self.families), NUM_BINS, dtype=torch.long), dist_reduce_fx="sum"
        )

    def update(self, family: str, skills: Sequence[float]) -> None:
        """Adds skills in [0, 1] of one family's questions."""
        row = self.families.index(family)
        for value in skills:
            self.counts[row, bin_of(value)] += 1

    def compute(self) -> dict[str, Tensor]:
        """Counts `(NUM_BINS,)` by family and `overall`."""
        rows = dict(zip(self.families, self.counts, strict=True))
        return rows | {OVERALL: self.counts.sum(0)}


def skill_histograms(
    questions: Sequence[Question],
    ledger: Ledger,
    families: Sequence[str],
    rank: int,
    ranks: int,
    device: torch.device,
) -> dict[str, NDArray[np.int64]]:
    """Counts of the pool's latest skills by family and `overall`.

    Each rank counts its share and the metric sums them; `device` is one on which the process group can
    reduce.
    """
    metric = SkillHistogram(families).to(device)
    for question in questions[rank::ranks]:
        if skills := ledger.skills(question):
            metric.update(question.family, skills[-1:])
    return {family: counts.cpu().numpy() for family, counts in metric.compute().items()}
