import math

import pytest

from lightning_ouro.solver.per_family_mean import PerFamilyMean


def test_means_are_taken_per_family_and_over_all_questions():
    mean = PerFamilyMean(("a", "b", "c"), ("loss", "score"))
    for questions in ([("a", (1.0, 0.0)), ("a", (2.0, 1.0))], [], [("b", (6.0, 1.0))]):
        mean.update(questions)
    means = mean.compute()
    assert means["loss/a"] == 1.5 and means["score/b"] == 1.0
    assert means["loss"] == pytest.approx(3.0) and means["score"] == pytest.approx(2 / 3)
    assert math.isnan(means["loss/c"])
