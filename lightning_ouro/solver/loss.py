"""The confidence-weighted loss of a step: `sum_i w(s_i) l_i / (m N)`.

`l_i` is a sample's mean answer-token cross-entropy, `s_i` its skill in the same forward pass, N the number of questions
of the whole step over ranks and micro-batches, and m the mean of w over the previous step (1 at first), so that
weighting changes which samples count but not the size of the step.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lightning_ouro.curriculum.loss_weights import LOSS_WEIGHTS, LossKind
from lightning_ouro.curriculum.skill import skill


@final
class ConfidenceWeightedLoss(nn.Module):
    """Weights samples by skill; its one buffer, m, is part of the checkpoint.

    Args:
        kind: The shape of w(s).
    """

    previous_mean: Float[Tensor, ""]

    def __init__(self, kind: LossKind) -> None:
        super().__init__()
        self.kind = kind
        self.register_buffer("previous_mean", torch.ones(()))
        self._sum = 0.0
        self._count = 0

    def forward(
        self, losses: Float[Tensor, "Q"], confidence: Float[Tensor, "Q"], chances: Sequence[float]
    ) -> Float[Tensor, ""]:
        """The micro-batch's part of the step's loss.

        Every micro-batch of a step holds the same number n of questions, and Lightning averages over micro-batches and
        ranks, so `sum(w l) / (m n)` here makes the step's `sum(w l) / (m N)`.

        Args:
            losses: Loss of each question, in the graph.
            confidence: Confidence in each answer, from the same pass, detached.
            chances: Confidence that guessing gives in each answer.
        """
        skills = [skill(p, c) for p, c in zip(confidence.tolist(), chances, strict=True)]
        weights = LOSS_WEIGHTS[self.kind](torch.tensor(skills, device=losses.device))
        self._sum += float(weights.sum())
        self._count += len(weights)
        return (weights * losses).mean() / self.previous_mean

    def end_step(self) -> None:
        """Makes the step's mean weight over all ranks the next step's m; called once per optimizer step."""
        totals = torch.tensor([self._sum, self._count], dtype=torch.float64, device=self.previous_mean.device)
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            torch.distributed.all_reduce(totals)
        self.previous_mean.copy_(totals[0] / totals[1])
        self._sum, self._count = 0.0, 0
