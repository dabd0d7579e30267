import pytest

from lightning_ouro.programs.answers import TypedAnswer
from lightning_ouro.programs.outcomes import read_answers, read_error
from lightning_ouro.programs.questions import LONGEST_DETAIL, Failure

ROW = ("count", 1, None)


@pytest.mark.parametrize(
    "returned",
    [
        None,
        [],
        {},
        [ROW] * 3,
        [ROW] * 5,
        [None, ROW, ROW, ROW],
        [("a",)] * 4,
        [3] * 4,
        ["int"] * 4,
    ],
)
def test_anything_but_a_row_for_each_call_is_untyped(returned):
    assert read_answers(returned, 3).failure.reason == "untyped"


@pytest.mark.parametrize("last", [None, ("count", 2, None), ("metres", 1, None)])
def test_a_second_call_with_another_answer_is_unrepeatable(last):
    assert read_answers([ROW, ROW, ROW, last], 3).failure.reason == "unrepeatable"


def test_a_draw_without_an_answer_is_none():
    answer = TypedAnswer("count", 1)
    assert read_answers([ROW, None, ROW, ROW], 3).answers == (answer, None, answer)


def test_each_choice_is_read_with_its_own_texts():
    rows = [
        ("choice", value, among)
        for value, among in (("a", "a\nb"), ("a", "a\nb"), ("b", "a\nb"), ("a", "b\na"))
    ]
    expected = [TypedAnswer("choice", value, tuple(among.split("\n"))) for _, value, among in rows]
    assert read_answers([*rows, rows[0]], 4).answers == tuple(expected)
    assert read_answers([*rows, rows[3]], 4).failure.reason == "unrepeatable"
    assert read_answers([ROW, ("count", True, None), ROW], 2).failure.reason == "untyped"  # though 1 == True


def test_only_the_first_draw_has_to_be_in_range():
    assert read_answers([ROW, ("count", -1, None), ROW], 2).answers == (TypedAnswer("count", 1), None)
    assert read_answers([("count", -1, None), ROW, ROW], 2).failure.reason == "range"


@pytest.mark.parametrize(
    ("detail", "line"),
    [
        ("a\nb\r\nc\x85d\u2028e\x0bf", "a b c d e f"),
        ("\x1b[31mred\x1b[0m \0 \u200b \ud800 \x7f", "[31mred [0m"),
        ("x" * 10**6, "x" * LONGEST_DETAIL),
        (" \t a   b ", "a b"),
        ("é 🪑 \u4e2d", "é 🪑 \u4e2d"),
    ],
)
def test_what_is_said_about_a_program_is_one_line_of_plain_text(detail, line):
    assert Failure("runtime", detail).detail == line


def test_an_error_that_no_interpreter_knows_is_an_outcome():
    assert read_error(RecursionError("too deep\nfor the host"), "").failure.detail == "too deep for the host"
