import math

import pytest

from lightning_ouro.programs.answers import Answer, typed


@pytest.mark.parametrize(
    ("answer", "printed"),
    [
        (Answer("count", 4), "4"),
        (Answer("centimetres", 62.26), "62"),
        (Answer("centimetres", 167.50063787090994), "168"),  # ids of VSI-Bench with official values 168 and 41
        (Answer("centimetres", 41.49978061186536), "41"),
        (Answer("metres", 2.96), "3.0"),
        (Answer("square_metres", 26.37103973561886), "26.4"),
        (Answer("choice", "left", ("left", "right")), "left"),
    ],
)
def test_answers_are_printed_as_vsi_bench_does(answer, printed):
    assert answer.printed() == printed


@pytest.mark.parametrize(
    "answer",
    [
        Answer("count", -1),
        Answer("count", 10**6),
        Answer("metres", 0.0),
        Answer("metres", math.nan),
        Answer("metres", math.inf),
        Answer("metres", 10**400),
        Answer("centimetres", -5),
        Answer("square_metres", 1e9),
        Answer("choice", "up", ("left", "right")),
        Answer("choice", "left", ("left",)),
        Answer("choice", "left", ("left", "Left ")),
        Answer("choice", "a0", tuple(f"a{i}" for i in range(11))),
    ],
)
def test_what_no_room_has_is_out_of_range(answer):
    assert "\n" not in answer.out_of_range()


@pytest.mark.parametrize(
    "answer",
    [Answer("count", 0), Answer("metres", 1), Answer("centimetres", 546.0), Answer("choice", "b", ("a", "b"))],
)
def test_ordinary_answers_are_in_range(answer):
    assert answer.out_of_range() is None


@pytest.mark.parametrize(
    ("kind", "value", "among"),
    [
        ("count", 3.0, None),
        ("count", True, None),
        ("metres", "3", None),
        ("metres", None, None),
        ("choice", 3, ["3", "4"]),
        ("choice", "3", None),
        ("choice", "3", ["3", 4]),
        ("feet", 3, None),
        ([], 3, None),
    ],
)
def test_other_types_are_no_answers(kind, value, among):
    assert isinstance(typed(kind, value, among), str)


def test_draws_agree_within_ten_percent_or_one_rounding_step():
    assert Answer("metres", 2.0).agrees(Answer("metres", 2.19))
    assert not Answer("metres", 2.0).agrees(Answer("metres", 2.21))
    assert Answer("metres", 0.3).agrees(Answer("metres", 0.39))
    assert Answer("centimetres", 5.0).agrees(Answer("centimetres", 5.9))
    assert not Answer("count", 3).agrees(Answer("count", 4))
    assert Answer("choice", "a", ("a", "b")).agrees(Answer("choice", "a", ("a", "b")))
    assert not Answer("choice", "a", ("a", "b")).agrees(Answer("choice", "b", ("a", "b")))
    assert not Answer("metres", 2.0).agrees(None)


def test_two_programs_mean_the_same_only_to_the_last_digits():
    assert Answer("metres", 2.0).equals(Answer("metres", 2.0 + 1e-9))
    assert not Answer("metres", 2.0).equals(Answer("metres", 2.001))
    assert not Answer("metres", 2.0).equals(Answer("centimetres", 2.0))
    assert Answer("choice", "a", ("a", "b")).equals(Answer("choice", "a", ("b", "a")))
    assert not Answer("choice", "a", ("a", "b")).equals(Answer("choice", "a", ("a", "c")))
