"""Every question of the pool is equally likely."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lightning_ouro.curriculum.ledger import Ledger
from lightning_ouro.programs.questions import Question


def sampling_weights(questions: Sequence[Question], ledger: Ledger, round_index: int) -> NDArray[np.float64]:
    return np.ones(len(questions))
