"""What comparatives may mean; what is larger by which measure is written down here by hand."""

import numpy as np
import pytest

from lightning_ouro.programs.open_readings import other_readings
from lightning_ouro.programs.scene_geometry import scene_geometry

# A lamp is taller, a table has more volume and covers more floor; a chest is longer than high, a board hangs.
BOXES = [
    ("lamp", (0, 0, 0.8), (0.4, 0.4, 1.6)),
    ("table", (3, 0, 0.4), (1.4, 0.8, 0.8)),
    ("bed", (6, 0, 0.3), (1.6, 2.1, 0.6)),
    ("sofa", (9, 0, 0.4), (2.2, 0.9, 0.8)),
    ("tv", (15, 0, 1.3), (0.7, 0.1, 0.4)),
    ("board", (12, 0, 1.5), (1.0, 0.1, 0.4)),
]
HEIGHT, LONGEST, CENTER = (f"scene.unique(name).{name}" for name in ("height", "longest_side", "center"))


@pytest.fixture
def larger(make_scene):
    """Which of two things is larger by each reading of a text; none where it has one reading."""
    exact = scene_geometry(make_scene(BOXES))

    def found(text, one, other, program=HEIGHT):
        worlds = [world for _, world in other_readings(text, program, exact)]
        a, b = (exact.indices(name)[0] for name in (one, other))
        for world in worlds:
            assert np.array_equal(world.distances, exact.distances)
            assert np.array_equal(world.centers[:, :2], exact.centers[:, :2])
            assert world.bottoms == pytest.approx(0, abs=1e-9)
        return {one if world.sizes[a, 0] > world.sizes[b, 0] else other for world in worlds}

    return found


AMBIGUOUS = [
    ("Which is bigger, the {} or the {}?", "lamp", "table"),
    ("Is the {} larger than the {}?", "table", "lamp"),
    ("Which is the smallest, the {} or the {}?", "table", "lamp"),
    ("Which is longer, the {} or the {}?", "lamp", "table"),
    ("Which is shorter, the {} or the {}?", "sofa", "lamp"),
    ("Which is wider, the {} or the {}?", "bed", "sofa"),
    ("Which is higher, the {} or the {}?", "board", "lamp"),
    ("Which is lower, the {} or the {}?", "board", "table"),
]
CLEAR = [
    ("Which is bigger, the {} or the {}?", "bed", "board"),
    ("Which is longer, the {} or the {}?", "bed", "table"),
    ("Which is wider, the {} or the {}?", "bed", "board"),
    ("Which is lower, the {} or the {}?", "bed", "table"),
]
SAID = [
    "Which has the larger height, the {} or the {}?",
    "Which covers the larger area, the {} or the {}?",
    "Which has the longer longest side, the {} or the {}?",
    "Which has the higher top, the {} or the {}?",
    "Which has its center lower, the {} or the {}?",
    "Is the {} taller than the {}?",
]


@pytest.mark.parametrize(("text", "one", "other"), AMBIGUOUS)
def test_a_comparative_by_which_either_is_more_has_readings_for_both(larger, text, one, other):
    assert larger(text.format(one, other), one, other) == {one, other}


@pytest.mark.parametrize(("text", "one", "other"), CLEAR)
def test_a_comparative_by_which_one_is_always_more_has_one_answer(larger, text, one, other):
    assert len(larger(text.format(one, other), one, other)) == 1


@pytest.mark.parametrize("text", SAID)
def test_a_text_that_says_what_is_measured_has_one_reading(larger, text):
    for program in (HEIGHT, LONGEST, CENTER):
        assert larger(text.format("lamp", "table"), "lamp", "table", program) == set()


def test_comparatives_of_ways_and_distances_are_clear(larger):
    text = "Is the gap between lamp and table larger than that between bed and sofa?"
    assert larger(text, "lamp", "table", "scene.distance(scene.unique(name), it)") == set()


def test_what_reaches_higher_has_the_higher_top(larger):
    text = (
        "Which one reaches higher than the bed, the board or the table?"  # 1.7 m; the table is higher itself
    )
    assert larger(text, "board", "table") == {"board"}
    assert larger("By how much does the lower edge of the board rise above the bed?", "board", "bed") == set()


def test_a_length_is_no_middle(larger):
    """The tv's middle is higher than the lamp's, its top is not."""
    assert larger("Is the lamp higher than the tv?", "lamp", "tv") == {"lamp", "tv"}
    assert larger("Are lamp and tv higher than 1 m?", "lamp", "tv") == {"lamp"}
