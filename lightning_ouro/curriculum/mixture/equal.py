"""Every family is asked for equally often."""

from __future__ import annotations

from collections.abc import Sequence

from lightning_ouro.curriculum.ledger import Ledger
from lightning_ouro.programs.questions import Question


def family_weights(
    families: Sequence[str], questions: Sequence[Question], ledger: Ledger
) -> dict[str, float]:
    return {family: 1 / len(families) for family in families}
