import pytest

from lightning_ouro.evaluation.metrics import THRESHOLDS, fuzzy_matching, mean_relative_accuracy, score

# BENCHMARKS.md, section 9: what vision-x-nyu/thinking-in-space itself gives for these replies.
LETTERS = [
    ("B", 1),
    ("B.", 1),
    ("B. left", 1),
    ("(B)", 0),
    ("b", 1),
    ("The answer is B", 0),
    ("<answer>B</answer>", 0),
    ("B\nbecause", 0),
    ("", 0),
    ("I think it is a door", 0),
    ("A or B", 0),
]
NUMBERS = [
    ("3", 1.0),
    ("3.0", 1.0),
    ("3.", 1.0),
    ("3 meters", 1.0),
    ("3m", 0),
    ("about 3", 0),
    ("3,", 0),
    (" 3", 0),
    ("<answer>3</answer>", 0),
    ("three", 0),
    ("2-3", 0),
    ("The chair is 2 m wide, answer 3", 0),
    ("3.5", 0.7),
    ("nan", 0),
    ("inf", 0),
    ("", 0),
]
PAIRS = [
    (2, 3, 0.4),
    (6, 9, 0.4),
    (2, 4, 0.1),
    (3, 2, 0.1),
    (1, 2, 0.1),
    (6, 5, 0.6),
    (4, 5, 0.6),
    (3, 4, 0.6),
    (0, 2, 0),
    (4, 2, 0),
    (110, 100, 0.9),
    (95, 100, 1),
    (1.1, 1, 0.9),
    (1.05, 1, 1.0),
]


@pytest.mark.parametrize(("reply", "expected"), LETTERS)
def test_letters_score_as_officially(reply, expected):
    assert score(reply, "B", None) == expected


@pytest.mark.parametrize(("reply", "expected"), NUMBERS)
def test_numbers_score_as_officially(reply, expected):
    assert score(reply, "3", "count") == pytest.approx(expected)


@pytest.mark.parametrize(("predicted", "target", "expected"), PAIRS)
def test_mean_relative_accuracy_is_the_official_one(predicted, target, expected):
    assert mean_relative_accuracy(predicted, target) == pytest.approx(expected)


def test_there_are_ten_thresholds():
    assert THRESHOLDS.tolist() == pytest.approx([0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95])


def test_the_first_word_ends_at_a_space_only():
    assert fuzzy_matching("B\nbecause I see") == "B\nbecause"
    assert fuzzy_matching(" B") == ""
    assert fuzzy_matching("B...") == "B"


def test_a_target_of_zero_is_only_met_exactly():
    assert score("0", "0", "count") == 1
    assert score("1", "0", "count") == 0


def test_the_official_answers_score_one_and_constants_score_what_the_paper_says(shared_data):
    import json

    path = shared_data / "benchmarks" / "vsi_bench" / "arkitscenes_scannet.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    for row in rows:
        assert score(row["ground_truth"], row["ground_truth"], "m" if row["options"] is None else None) == 1
