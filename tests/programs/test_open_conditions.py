"""Programs that leave out what their text says, and programs with their options in one another's place."""

import pytest

from lightning_ouro.programs import source
from lightning_ouro.programs.open_conditions import left_out, renamed

BODY = "def answer(scene):\n    return metres(scene.distance(scene.unique('sofa'), scene.unique('Tv')) {})\n"

USED = [
    ("How far is the sofa from the tv?", ""),
    ("How far is the sofa from the tv, if more than 1.5 m?", "if 1.5 else 0"),
    ("How far is the sofa from the tv, if more than 150 centimeters?", "if 1.5 else 0"),
    ("How far is the sofa from the tv, if more than 1.5 meters?", "if 150 else 0"),
    ("How far is the sofa from the tv, if more than half a meter?", "if 0.5 else 0"),
    ("How far is the sofa from the tv, if more than two meters?", "if 2 else 0"),
    ("How far is the sofa from the tv, if more than a meter?", "if 1.0 else 0"),
]
LEFT_OUT = [
    ("How far is the sofa from the tv beside the lamp?", "", "the lamp"),
    ("How far is the sofa from the tv, if more than 1.5 m?", "if 2.5 else 0", "'1.5 m'"),
    ("How far is the sofa from the tv, if more than half a meter?", "if 1 else 0", "'half a meter'"),
    ("How far is the sofa from the tv, if more than a meter?", f"if {10**400} else 0", "'a meter'"),
]


def names_in(text):
    return tuple(name for name in ("lamp", "sofa", "tv") if name in text)


@pytest.mark.parametrize(("text", "more"), USED)
def test_a_program_that_uses_all_names_and_lengths_leaves_nothing_out(text, more):
    assert left_out(text, names_in(text), source.read(BODY.format(more))) is None


@pytest.mark.parametrize(("text", "more", "what"), LEFT_OUT)
def test_a_program_that_does_not_use_a_name_or_a_length_leaves_it_out(text, more, what):
    assert what in left_out(text, names_in(text), source.read(BODY.format(more)))


def chosen(program, heights):
    """What a program without a scene chooses; it reads heights by name."""
    space = {"heights": heights}
    exec(program, space)
    return space["answer"]()


@pytest.mark.parametrize("names", [["lamp", "bed"], ["lamp", "bed", "tv"], ["a", "b", "c", "d"]])
def test_every_option_takes_every_neighbours_place(names):
    program = f"def answer():\n    return {names!r}"
    lists = [chosen(other, {}) for other in renamed(program, names, names)]
    assert sorted(lists) == sorted(
        {str(x): x for x in (names[1:] + names[:1], names[-1:] + names[:-1])}.values()
    )


def test_the_highest_stays_the_highest_and_the_first_that_fits_does_not():
    heights = {"lamp": 1.6, "bed": 0.6, "tv": 0.7}
    most = "def answer():\n    return max(['lamp', 'bed', 'tv'], key=lambda x: heights[x])"
    first = "def answer():\n    return next(x for x in ['bed', 'lamp', 'tv'] if heights[x] > {})"
    assert {chosen(other, heights) for other in renamed(most, list(heights), list(heights))} == {"lamp"}
    for metres, all_same in ((1.0, True), (0.65, False)):
        program = first.format(metres)
        others = {chosen(other, heights) for other in renamed(program, list(heights), list(heights))}
        assert (others == {chosen(program, heights)}) == all_same


def test_articles_stay_and_other_options_have_no_names():
    program = "def answer():\n    return ['the lamp', 'Bed', 'red']"
    (other,) = renamed(program, ["the lamp", "the bed"], ["bed", "lamp"])
    assert chosen(other, {}) == ["the bed", "lamp", "red"]
    assert list(renamed(program, ["yes", "no"], ["bed", "lamp"])) == []
    assert list(renamed(program, ["lamp", "the lamp"], ["bed", "lamp"])) == []


def test_what_cannot_be_written_again_is_empty():
    program = f"def answer():\n    return ['lamp', 'bed', 0x{'f' * 5000}]"
    assert list(renamed(program, ["lamp", "bed"], ["lamp", "bed"])) == [""]
