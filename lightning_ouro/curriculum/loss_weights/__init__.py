"""How much a sample counts in the loss, by its skill.

Each kind is one file; register a new one by a line in `LOSS_WEIGHTS`. A kind is a function from skills
in [0, 1] to weights of the same shape.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal

from torch import Tensor

from lightning_ouro.curriculum.loss_weights import focal, frontier, uniform

LOSS_WEIGHTS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "uniform": uniform.loss_weights,
    "frontier": frontier.loss_weights,
    "focal": focal.loss_weights,
}

if TYPE_CHECKING:
    LossKind = str
else:
    LossKind = Literal[tuple(LOSS_WEIGHTS)]  # the command line lists and checks the registered kinds
