"""Every sample counts the same."""

from __future__ import annotations

import torch
from torch import Tensor


def loss_weights(skill: Tensor) -> Tensor:
    return torch.ones_like(skill)
