import json

import pytest

from lightning_ouro.evaluation.metrics import (
    THRESHOLDS,
    fuzzy_matching,
    mean_relative_accuracy,
    reply_record,
    score,
)
from lightning_ouro.programs.questions import Question

# BENCHMARKS.md, section 9: scores that vision-x-nyu/thinking-in-space itself gives these replies.
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
def test_letters_have_the_official_score(reply, expected):
    assert score(reply, "B", None) == expected


@pytest.mark.parametrize(("reply", "expected"), NUMBERS)
def test_numbers_have_the_official_score(reply, expected):
    assert score(reply, "3", "count") == pytest.approx(expected)


@pytest.mark.parametrize(("predicted", "target", "expected"), PAIRS)
def test_mean_relative_accuracy_equals_the_official_one(predicted, target, expected):
    assert mean_relative_accuracy(predicted, target) == pytest.approx(expected)


def test_there_are_ten_thresholds():
    assert THRESHOLDS.tolist() == pytest.approx([0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95])


def test_only_a_space_ends_the_first_word():
    assert fuzzy_matching("B\nbecause I see") == "B\nbecause"
    assert fuzzy_matching(" B") == ""
    assert fuzzy_matching("B...") == "B"


def test_a_target_of_zero_must_be_met_exactly():
    assert score("0", "0", "count") == 1
    assert score("1", "0", "count") == 0


def test_a_reply_is_recorded_with_its_question_and_score():
    question = Question("q", "s", "object_counting", "How many?", None, "count", "4", "", 1.0, {}, 0)
    assert reply_record(question, "strict", "4 chairs") == question.to_json() | {
        "set": "strict",
        "prompt": question.prompt,
        "reply": "4 chairs",
        "score": 1.0,
    }


def test_the_official_answers_score_one(shared_data):
    path = shared_data / "benchmarks" / "vsi_bench" / "arkitscenes_scannet.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    for row in rows:
        assert score(row["ground_truth"], row["ground_truth"], "m" if row["options"] is None else None) == 1
