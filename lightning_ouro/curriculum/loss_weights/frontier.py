"""Samples of medium skill count most: `4s(1-s)`, at least `FLOOR`."""

from __future__ import annotations

from torch import Tensor

FLOOR = 0.1  # mastered and hopeless samples still count a little; chosen by hand


def loss_weights(skill: Tensor) -> Tensor:
    return (4 * skill * (1 - skill)).clamp_min(FLOOR)
