"""The lower the skill, the more a sample counts.

`(1-s)^2`, at least `FLOOR` (after the focal loss, arXiv 1708.02002).
"""

from __future__ import annotations

from torch import Tensor

FLOOR = 0.1  # mastered samples still count a little; chosen by hand


def loss_weights(skill: Tensor) -> Tensor:
    return ((1 - skill) ** 2).clamp_min(FLOOR)
