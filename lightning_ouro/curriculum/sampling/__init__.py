"""How often each question of the pool is drawn.

Each kind is one file; register a new one by a line in `SAMPLING`. A kind is a function `(questions, ledger,
round_index) -> weights`, `(questions,)`, not negative; only ratios matter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from lightning_ouro.curriculum.ledger import Ledger
from lightning_ouro.curriculum.sampling import frontier, uniform
from lightning_ouro.programs.questions import Question

SamplingWeights = Callable[[Sequence[Question], Ledger, int], NDArray[np.float64]]

SAMPLING: Mapping[str, SamplingWeights] = {
    "uniform": uniform.sampling_weights,
    "frontier": frontier.sampling_weights,
}

if TYPE_CHECKING:
    SamplingKind = str
else:
    SamplingKind = Literal[tuple(SAMPLING)]  # the command line lists and checks the registered kinds
