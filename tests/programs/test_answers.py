import math

import pytest

from lightning_ouro.programs.answers import (
    KINDS,
    LONGEST_CHOICE,
    MOST_CHOICES,
    TypedAnswer,
    is_readable,
    typed_answer,
)


@pytest.mark.parametrize(
    ("answer", "printed"),
    [
        (TypedAnswer("count", 4), "4"),
        (TypedAnswer("centimetres", 62.26), "62"),
        # Two objects of VSI-Bench whose official values are 168 and 41.
        (TypedAnswer("centimetres", 167.50063787090994), "168"),
        (TypedAnswer("centimetres", 41.49978061186536), "41"),
        (TypedAnswer("metres", 2.96), "3.0"),
        (TypedAnswer("metres", 3), "3.0"),
        (TypedAnswer("square_metres", 26.37103973561886), "26.4"),
        (TypedAnswer("choice", "left", ("left", "right")), "left"),
    ],
)
def test_answers_are_printed_as_in_vsi_bench(answer, printed):
    assert answer.printed() == printed


def test_each_kind_has_the_unit_that_questions_name():
    assert {kind: TypedAnswer(kind, 1).unit for kind in KINDS} == {
        "count": "count",
        "centimetres": "cm",
        "metres": "m",
        "square_metres": "m2",
        "choice": None,
    }


@pytest.mark.parametrize(
    "answer",
    [
        TypedAnswer("count", -1),
        TypedAnswer("count", 10**6),
        TypedAnswer("count", 10**5000),
        TypedAnswer("metres", 0.0),
        TypedAnswer("metres", -0.0),
        TypedAnswer("metres", math.nan),
        TypedAnswer("metres", math.inf),
        TypedAnswer("metres", 10**400),
        TypedAnswer("metres", 100.01),
        TypedAnswer("centimetres", -5),
        TypedAnswer("square_metres", 1e9),
        TypedAnswer("choice", "up", ("left", "right")),
        TypedAnswer("choice", "left", None),
        TypedAnswer("choice", "left", ("left",)),
        TypedAnswer("choice", "left", ("left", "Left")),
        TypedAnswer("choice", "left", ("left", " left")),
        TypedAnswer("choice", "left", ("left", "")),
        TypedAnswer("choice", "a", ("a", "two\nlines")),
        TypedAnswer("choice", "a", ("a", "<|im_end|>")),
        TypedAnswer("choice", "a", ("a", "b" * (LONGEST_CHOICE + 1))),
        TypedAnswer("choice", "a0", tuple(f"a{i}" for i in range(MOST_CHOICES + 1))),
    ],
)
def test_values_that_no_room_has_are_out_of_range(answer):
    assert "\n" not in answer.out_of_range()
    assert len(answer.out_of_range()) < 10_000


@pytest.mark.parametrize(
    "answer",
    [
        TypedAnswer("count", 0),
        TypedAnswer("metres", 1),
        TypedAnswer("centimetres", 546.0),
        TypedAnswer("metres", 100),
        TypedAnswer("choice", "b", ("a", "b")),
        TypedAnswer("choice", "turn left, then go (3 m)", ("turn left, then go (3 m)", "b" * LONGEST_CHOICE)),
        TypedAnswer("choice", "a0", tuple(f"a{i}" for i in range(MOST_CHOICES))),
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
def test_text_that_nobody_would_type_is_not_readable(text):
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
def test_values_of_other_types_are_not_answers(kind, value, among):
    assert isinstance(typed_answer(kind, value, among), str)


def test_what_leaves_the_sandbox_becomes_a_typed_answer():
    assert typed_answer("count", 3, None) == TypedAnswer("count", 3)
    assert typed_answer("metres", 3, None) == TypedAnswer("metres", 3)
    assert typed_answer("square_metres", 3.25, None) == TypedAnswer("square_metres", 3.25)
    assert typed_answer("choice", "b", "b\na c\nd") == TypedAnswer("choice", "b", ("b", "a c", "d"))


def test_draws_agree_within_ten_percent_or_one_rounding_step():
    assert TypedAnswer("metres", 2.0).agrees(TypedAnswer("metres", 2.19))
    assert not TypedAnswer("metres", 2.0).agrees(TypedAnswer("metres", 2.21))
    assert TypedAnswer("metres", 0.3).agrees(TypedAnswer("metres", 0.39))
    assert TypedAnswer("centimetres", 5.0).agrees(TypedAnswer("centimetres", 5.9))
    assert not TypedAnswer("centimetres", 5.0).agrees(TypedAnswer("centimetres", 6.1))
    assert not TypedAnswer("count", 3).agrees(TypedAnswer("count", 4))
    assert TypedAnswer("choice", "a", ("a", "b")).agrees(TypedAnswer("choice", "a", ("a", "b")))
    assert not TypedAnswer("choice", "a", ("a", "b")).agrees(TypedAnswer("choice", "b", ("a", "b")))
    assert not TypedAnswer("metres", 2.0).agrees(TypedAnswer("centimetres", 2.0))
    assert not TypedAnswer("metres", 2.0).agrees(None)


def test_equality_of_two_programs_answers_tolerates_only_rounding():
    assert TypedAnswer("metres", 2.0).equals(TypedAnswer("metres", 2.0 + 1e-9))
    assert not TypedAnswer("metres", 2.0).equals(TypedAnswer("metres", 2.001))
    assert not TypedAnswer("metres", 2.0).equals(TypedAnswer("centimetres", 2.0))
    assert not TypedAnswer("metres", 2.0).equals(None)
    assert TypedAnswer("choice", "a", ("a", "b")).equals(TypedAnswer("choice", "a", ("b", "a")))
    assert not TypedAnswer("choice", "a", ("a", "b")).equals(TypedAnswer("choice", "b", ("a", "b")))
    assert not TypedAnswer("choice", "a", ("a", "b")).equals(TypedAnswer("choice", "a", ("a", "c")))
