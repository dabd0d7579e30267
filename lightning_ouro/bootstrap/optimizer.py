"""Muon for the matrices inside the layers, AdamW for the rest: one optimizer for the trainer, two rules.

Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon; torch.optim.Muon) takes steps of equal size in all
directions of a matrix.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn


class MuonAndAdamW(torch.optim.Optimizer):
    """Steps both at once.

    Args:
        matrices: Muon's; two axes each.
        embeddings: AdamW's, decayed like matrices.
        others: AdamW's, never decayed.
        lr: AdamW's.
        muon_lr: Muon's, of a step whose entries have the size of an AdamW step's (`match_rms_adamw`).
        weight_decay: Of all but `others`.
    """

    def __init__(
        self,
        matrices: Iterable[nn.Parameter],
        embeddings: Iterable[nn.Parameter],
        others: Iterable[nn.Parameter],
        lr: float,
        muon_lr: float,
        weight_decay: float,
    ) -> None:
        muon = torch.optim.Muon(
            list(matrices),
            lr=muon_lr,
            weight_decay=weight_decay,
            momentum=0.95,
            adjust_lr_fn="match_rms_adamw",
        )
        adamw = torch.optim.AdamW(
            [
                {"params": list(embeddings), "weight_decay": weight_decay},
                {"params": list(others), "weight_decay": 0.0},
            ],
            lr=lr,
            betas=(0.9, 0.98),
        )
        self._parts: tuple[torch.optim.Optimizer, ...] = (muon, adamw)
        super().__init__([group for part in self._parts for group in part.param_groups], {})
        self._share()

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step of each."""
        found = None
        if closure is not None:
            with torch.enable_grad():
                found = closure()
        for part in self._parts:
            part.step()
        return found

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """As any optimizer; the parts then go on from it."""
        super().load_state_dict(state_dict)
        self._share()

    def _share(self) -> None:
        """Lets the parts work on this optimizer's groups and state, which are what is saved."""
        start = 0
        for part in self._parts:
            end = start + len(part.param_groups)
            part.param_groups, part.state, start = self.param_groups[start:end], self.state, end
