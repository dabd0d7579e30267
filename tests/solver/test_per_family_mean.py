import math

import pytest

from lightning_ouro.solver.per_family_mean import PerFamilyMean


def test_means_are_per_family_and_over_all_questions():
    means = PerFamilyMean(("a", "b", "c"), ("loss", "score"))
    for family, values in (("a", (1.0, 0.0)), ("a", (2.0, 1.0)), ("b", (6.0, 1.0))):
        means.update(family, values)
    found = means.compute()
    assert found["loss/a"] == 1.5 and found["score/b"] == 1.0
    assert found["loss"] == pytest.approx(3.0) and found["score"] == pytest.approx(2 / 3)
    assert math.isnan(found["loss/c"])
