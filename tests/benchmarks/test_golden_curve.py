"""The default run's first steps against the committed curve, and a comparison that sees small changes."""

import json

import golden_curve
import pytest

GOLDEN = json.loads((golden_curve.RESULTS / "golden_curve.json").read_text("utf8"))


def test_first_steps_of_the_default_run_follow_the_golden_curve():
    same_platform = golden_curve.platform() == GOLDEN["platform"]
    measured = golden_curve.measure(*golden_curve.FIRST_STEPS_ONLY)["train"]
    assert all(len(values) == golden_curve.FIRST_STEPS for values in measured.values())
    tolerance = 0.0 if same_platform else golden_curve.TOLERANCE
    assert golden_curve.deviations(GOLDEN["train"], measured, tolerance) == []


def test_golden_curve_holds_every_step_and_every_validation():
    steps = {len(values) for values in GOLDEN["train"].values()}
    validations = {len(values) for values in GOLDEN["validation"].values()}
    assert set(GOLDEN["train"]) == set(golden_curve.TRAIN)
    assert set(GOLDEN["validation"]) == set(golden_curve.VALIDATION)
    assert len(steps) == 1 and validations == {len(GOLDEN["validation_steps"])} == {4}
    assert GOLDEN["validation_steps"] == sorted(GOLDEN["validation_steps"])
    assert GOLDEN["validation_steps"][-1] == steps.pop() - 1


@pytest.mark.parametrize(
    ("factor", "tolerance"), [(1.01, 1e-3), (0.998, 1e-3), (1 + 1e-6, 0.0), (float("nan"), 1e-3)]
)
def test_a_changed_loss_is_a_deviation(factor, tolerance):
    measured = {tag: list(values[:4]) for tag, values in GOLDEN["train"].items()}
    assert golden_curve.deviations(GOLDEN["train"], measured, 0.0) == []
    measured["train/loss"][2] *= factor
    (deviation,) = golden_curve.deviations(GOLDEN["train"], measured, tolerance)
    assert deviation.startswith("train/loss, step 2: ")


def test_a_missing_curve_or_too_many_steps_is_an_error():
    loss_only = {"train/loss": GOLDEN["train"]["train/loss"]}
    longer = {tag: [*values, 0.5] for tag, values in GOLDEN["train"].items()}
    for measured in (loss_only, longer):
        with pytest.raises(ValueError, match="golden curves are"):
            golden_curve.deviations(GOLDEN["train"], measured, 1e-3)
