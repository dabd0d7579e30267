"""Questions without content, and ledgers with given skills."""

import pytest

from lightning_ouro.curriculum.ledger import Ledger
from lightning_ouro.programs.questions import Question


@pytest.fixture
def make_questions():
    def make(number, family="object_counting", margin=1.0, options=None, scene="s"):
        unit = "count" if options is None else None
        return [
            Question(f"{scene}-{family}-{i}", scene, family, "?", options, unit, "1", "", margin, {}, 0)
            for i in range(number)
        ]

    return make


@pytest.fixture
def ledger_with():
    """A ledger of kind `paper`, whose skills are the given confidences, all entered in one round."""

    def make(confidences, round=0):
        ledger = Ledger("paper")
        ledger.observe(round, confidences, dict.fromkeys(confidences, 1))
        return ledger

    return make
