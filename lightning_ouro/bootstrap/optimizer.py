"""Muon for the matrices inside the layers and AdamW for everything else, as one optimizer.

Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon; torch.optim.Muon) takes steps of equal
size in all directions of a matrix.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn

MOMENTUM = 0.95  # of Muon: Jordan's and torch's default
BETAS = (0.9, 0.98)  # of AdamW: chosen by hand


class MuonAndAdamW(torch.optim.Optimizer):
    """Applies each rule to its own parameters.

    Args:
        matrices: Parameters for Muon, with two axes each.
        embeddings: Parameters for AdamW with weight decay.
        others: Parameters for AdamW without weight decay.
        lr: Learning rate of AdamW.
        muon_lr: Learning rate of Muon, scaled so that equal rates give steps of the size of AdamW's
            (`match_rms_adamw`).
        weight_decay: Weight decay of matrices and embeddings.
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
            momentum=MOMENTUM,
            adjust_lr_fn="match_rms_adamw",
        )
        adamw = torch.optim.AdamW(
            [
                {"params": list(embeddings), "weight_decay": weight_decay},
                {"params": list(others), "weight_decay": 0.0},
            ],
            lr=lr,
            betas=BETAS,
        )
        self._rules: tuple[torch.optim.Optimizer, ...] = (muon, adamw)
        super().__init__([group for rule in self._rules for group in rule.param_groups], {})
        self._share_state()

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step of both rules; returns what the closure returns."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for rule in self._rules:
            rule.step()
        return loss

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Like any optimizer's; both rules then continue from the loaded state."""
        super().load_state_dict(state_dict)
        self._share_state()

    def _share_state(self) -> None:
        """Lets the rules work on this optimizer's groups and state, which are what a checkpoint saves."""
        start = 0
        for rule in self._rules:
            end = start + len(rule.param_groups)
            rule.param_groups, rule.state, start = self.param_groups[start:end], self.state, end
