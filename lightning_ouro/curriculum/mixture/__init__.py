"""How often the proposer is asked for each family.

Each kind is one file; register a new one by a line in `MIXTURES`. A kind is a function `(families,
questions, ledger) -> weights` that sum to 1, one for each family.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from lightning_ouro.curriculum.ledger import Ledger
from lightning_ouro.curriculum.mixture import equal, frontier
from lightning_ouro.programs.questions import Question

FamilyWeights = Callable[[Sequence[str], Sequence[Question], Ledger], dict[str, float]]

MIXTURES: Mapping[str, FamilyWeights] = {
    "equal": equal.family_weights,
    "frontier": frontier.family_weights,
}

if TYPE_CHECKING:
    MixtureKind = str
else:
    MixtureKind = Literal[tuple(MIXTURES)]  # the command line lists and checks the registered kinds
