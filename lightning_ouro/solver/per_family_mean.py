"""Means of several quantities per family, as one torchmetrics metric that sums over ranks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import final

import torch
from torch import Tensor
from torchmetrics import Metric


@final
class PerFamilyMean(Metric):
    """Mean of each quantity over each family's questions, and over all questions.

    Args:
        families: Names of the families, the same on every rank.
        quantities: Names of the quantities.
    """

    full_state_update = False
    total: Tensor
    count: Tensor

    def __init__(self, families: Sequence[str], quantities: Sequence[str]) -> None:
        super().__init__()
        self.families, self.quantities = tuple(families), tuple(quantities)
        shape = (len(self.families), len(self.quantities))
        self.add_state("total", torch.zeros(shape, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros(len(self.families), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, questions: Iterable[tuple[str, Sequence[float]]]) -> None:
        """Adds questions, which may be none: the family of each, and a value for each quantity."""
        for family, values in questions:
            row = self.families.index(family)
            self.total[row] += torch.tensor(values, dtype=torch.float64, device=self.total.device)
            self.count[row] += 1

    def compute(self) -> dict[str, float]:
        """`quantity/family` for every family (NaN where it has no question), and `quantity` over all questions."""
        means = self.total / self.count[:, None]
        result = {
            f"{quantity}/{family}": float(means[row, column])
            for row, family in enumerate(self.families)
            for column, quantity in enumerate(self.quantities)
        }
        overall = self.total.sum(0) / self.count.sum()
        return result | {quantity: float(overall[column]) for column, quantity in enumerate(self.quantities)}
