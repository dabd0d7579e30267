"""Samples of medium skill count most: `4s(1-s)`, at least `FLOOR`.

This kind weights samples in the loss; `sampling.frontier` weights questions in what a round trains on,
`mixture.frontier` weights families in what is asked for, and *frontier* is also the band of skill from 0.1 to
0.9 (`curriculum.skill`).
"""

from __future__ import annotations

from torch import Tensor

FLOOR = 0.1  # mastered and hopeless samples still count a little; chosen by hand


def loss_weights(skill: Tensor) -> Tensor:
    return (4 * skill * (1 - skill)).clamp_min(FLOOR)
