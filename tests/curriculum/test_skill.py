import pytest

from lightning_ouro.curriculum.skill import NUM_BINS, band, bin_of, skill


@pytest.mark.parametrize(
    ("confidence", "chance", "expected"),
    [
        (1.0, 0.25, 1.0),
        (0.25, 0.25, 0.0),
        (0.1, 0.25, 0.0),
        (0.625, 0.25, 0.5),
        (0.3, 0.0, 0.3),
        (1.0, 1.0, 0.0),
    ],
)
def test_skill_is_what_confidence_leaves_above_chance(confidence, chance, expected):
    assert skill(confidence, chance) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("value", "expected"), [(0.91, "easy"), (0.9, "frontier"), (0.1, "frontier"), (0.09, "hard")]
)
def test_bands_are_easy_above_nine_tenths_and_hard_below_one(value, expected):
    assert band([value], margin=1.0) == expected


@pytest.mark.parametrize(
    ("skills", "margin", "expected"),
    [
        ([0.0, 0.0], 0.9, "ambiguous"),
        ([0.0, 0.0], 1.0, "hard"),
        ([0.0], 0.9, "hard"),
        ([0.5, 0.0], 0.9, "hard"),
        ([0.0, 0.5], 0.9, "frontier"),
    ],
)
def test_hard_in_two_trainings_with_a_thin_margin_is_ambiguous(skills, margin, expected):
    assert band(skills, margin) == expected


def test_bins_are_equal_and_one_belongs_to_the_last():
    assert [bin_of(x) for x in (0.0, 0.0499, 0.05, 0.999, 1.0)] == [0, 0, 1, NUM_BINS - 1, NUM_BINS - 1]
