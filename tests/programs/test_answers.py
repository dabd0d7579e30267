import math

import pytest

from lightning_ouro.programs.answers import KINDS, LONGEST_CHOICE, MOST_CHOICES, Answer, is_readable, typed


@pytest.mark.parametrize(
    ("answer", "printed"),
    [
        (Answer("count", 4), "4"),
        (Answer("centimetres", 62.26), "62"),
        (Answer("centimetres", 167.50063787090994), "168"),  # ids of VSI-Bench with official values 168 and 41
        (Answer("centimetres", 41.49978061186536), "41"),
        (Answer("metres", 2.96), "3.0"),
        (Answer("metres", 3), "3.0"),
        (Answer("square_metres", 26.37103973561886), "26.4"),
        (Answer("choice", "left", ("left", "right")), "left"),
    ],
)
def test_answers_are_printed_as_vsi_bench_does(answer, printed):
    assert answer.printed() == printed


def test_each_kind_has_the_unit_that_questions_name():
    assert {kind: Answer(kind, 1).unit for kind in KINDS} == {
        "count": "count",
        "centimetres": "cm",
        "metres": "m",
        "square_metres": "m2",
        "choice": None,
    }


@pytest.mark.parametrize(
    "answer",
    [
        Answer("count", -1),
        Answer("count", 10**6),
        Answer("count", 10**5000),
        Answer("metres", 0.0),
        Answer("metres", -0.0),
        Answer("metres", math.nan),
        Answer("metres", math.inf),
        Answer("metres", 10**400),
        Answer("metres", 100.01),
        Answer("centimetres", -5),
        Answer("square_metres", 1e9),
        Answer("choice", "up", ("left", "right")),
        Answer("choice", "left", None),
        Answer("choice", "left", ("left",)),
        Answer("choice", "left", ("left", "Left")),
        Answer("choice", "left", ("left", " left")),
        Answer("choice", "left", ("left", "")),
        Answer("choice", "a", ("a", "two\nlines")),
        Answer("choice", "a", ("a", "<|im_end|>")),
        Answer("choice", "a", ("a", "b" * (LONGEST_CHOICE + 1))),
        Answer("choice", "a0", tuple(f"a{i}" for i in range(MOST_CHOICES + 1))),
    ],
)
def test_what_no_room_has_is_out_of_range(answer):
    assert "\n" not in answer.out_of_range()
    assert len(answer.out_of_range()) < 10_000


@pytest.mark.parametrize(
    "answer",
    [
        Answer("count", 0),
        Answer("metres", 1),
        Answer("centimetres", 546.0),
        Answer("metres", 100),
        Answer("choice", "b", ("a", "b")),
        Answer("choice", "turn left, then go (3 m)", ("turn left, then go (3 m)", "b" * LONGEST_CHOICE)),
        Answer("choice", "a0", tuple(f"a{i}" for i in range(MOST_CHOICES))),
    ],
)
def test_ordinary_answers_are_in_range(answer):
    assert answer.out_of_range() is None


@pytest.mark.parametrize(
    "text",
    [
        "", " chair", "chair ", "two  spaces", "line\nbreak", "tab\tbed", "a\u00a0b", "ｃhair", "e\u0301", "a\u200bb",
        "a\u202eb", "a\ud800", "<|vision_start|>", "[x]", "{x}", "a|b", "a\\b", "a_b", "a`b", "x" * 11, "😀", "\x07",
    ],
)  # fmt: skip
def test_words_with_signs_that_nobody_writes_are_not_readable(text):
    assert not is_readable(text, 10)


@pytest.mark.parametrize(
    "text", ["chair", "tv stand", "it's", "3.5 m", "a, b; c", "é", "椅子", "50 %", "90°", "x" * 10]
)
def test_plain_words_are_readable(text):
    assert is_readable(text, 10)


@pytest.mark.parametrize(
    ("kind", "value", "among"),
    [
        ("count", 3.0, None),
        ("count", True, None),
        ("count", None, None),
        ("metres", "3", None),
        ("metres", None, None),
        ("metres", False, None),
        ("metres", 3j, None),
        ("choice", 3, "3\n4"),
        ("choice", "3", None),
        ("choice", "3", ["3", "4"]),
        ("feet", 3, None),
        (None, 3, None),
        ([], 3, None),
    ],
)
def test_other_types_are_no_answers(kind, value, among):
    assert isinstance(typed(kind, value, among), str)


def test_what_comes_out_of_the_sandbox_becomes_an_answer():
    assert typed("count", 3, None) == Answer("count", 3)
    assert typed("metres", 3, None) == Answer("metres", 3)
    assert typed("square_metres", 3.25, None) == Answer("square_metres", 3.25)
    assert typed("choice", "b", "b\na c\nd") == Answer("choice", "b", ("b", "a c", "d"))


def test_draws_agree_within_ten_percent_or_one_rounding_step():
    assert Answer("metres", 2.0).agrees(Answer("metres", 2.19))
    assert not Answer("metres", 2.0).agrees(Answer("metres", 2.21))
    assert Answer("metres", 0.3).agrees(Answer("metres", 0.39))
    assert Answer("centimetres", 5.0).agrees(Answer("centimetres", 5.9))
    assert not Answer("centimetres", 5.0).agrees(Answer("centimetres", 6.1))
    assert not Answer("count", 3).agrees(Answer("count", 4))
    assert Answer("choice", "a", ("a", "b")).agrees(Answer("choice", "a", ("a", "b")))
    assert not Answer("choice", "a", ("a", "b")).agrees(Answer("choice", "b", ("a", "b")))
    assert not Answer("metres", 2.0).agrees(Answer("centimetres", 2.0))
    assert not Answer("metres", 2.0).agrees(None)


def test_two_programs_mean_the_same_only_to_the_last_digits():
    assert Answer("metres", 2.0).equals(Answer("metres", 2.0 + 1e-9))
    assert not Answer("metres", 2.0).equals(Answer("metres", 2.001))
    assert not Answer("metres", 2.0).equals(Answer("centimetres", 2.0))
    assert not Answer("metres", 2.0).equals(None)
    assert Answer("choice", "a", ("a", "b")).equals(Answer("choice", "a", ("b", "a")))
    assert not Answer("choice", "a", ("a", "b")).equals(Answer("choice", "b", ("a", "b")))
    assert not Answer("choice", "a", ("a", "b")).equals(Answer("choice", "a", ("a", "c")))
