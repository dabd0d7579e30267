"""What open questions measure: least lengths, ways from middle to middle, upright boxes, words for ends."""

import dataclasses

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from lightning_ouro.programs.answers import TypedAnswer
from lightning_ouro.programs.open_measures import between_middles, says_between, unclear
from lightning_ouro.programs.scene_geometry import scene_geometry

HEIGHT = "def answer(scene):\n    return centimetres(100 * scene.unique('sofa').height)\n"
WAY = "def answer(scene):\n    return metres(length(scene.path(scene.unique('sofa'), scene.unique('bed'))))\n"
TALL = TypedAnswer("centimetres", 90.0)


def leaning(room, degrees):
    """The room with its sofa leaning to the side."""
    turn = Rotation.from_euler("x", degrees, degrees=True).as_matrix()
    objects = [
        dataclasses.replace(item, rotation=turn @ item.rotation) if item.category == "sofa" else item
        for item in room.objects
    ]
    return scene_geometry(dataclasses.replace(room, objects=tuple(objects)))


@pytest.mark.parametrize(
    ("degrees", "is_clear"), [(0, True), (9, True), (90, True), (11, False), (45, False)]
)
def test_heights_are_told_of_boxes_that_stand_upright(room, degrees, is_clear):
    problem = unclear("How tall is the sofa?", HEIGHT, TALL, ("sofa",), leaning(room, degrees))
    assert problem is None if is_clear else "leans" in problem
    assert (
        unclear("How long?", "scene.unique('sofa').longest_side", TALL, ("sofa",), leaning(room, 45)) is None
    )
    assert unclear("How tall is the bed?", HEIGHT, TALL, ("bed",), leaning(room, 45)) is None


def test_a_way_is_said_to_lead_from_middle_to_middle(room):
    geometry, metres = scene_geometry(room), TypedAnswer("metres", 3.0)
    assert "middle" in unclear("How far does one walk?", WAY, metres, ("sofa",), geometry)
    assert unclear("How far does one walk from center to center?", WAY, metres, ("sofa",), geometry) is None
    steps = TypedAnswer("count", 2)
    assert unclear("How many bends has the way?", WAY, steps, ("sofa",), geometry) is None


def test_metres_begin_where_noise_is_no_longer_half_of_them(room):
    geometry = scene_geometry(room)
    for value, is_clear in ((0.19, False), (0.2, True)):
        problem = unclear("How wide is the gap?", "", TypedAnswer("metres", value), (), geometry)
        assert (problem is None) == is_clear


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Which is closest to the sofa, between closest points?", True),
        ("How wide is the gap?", True),
        ("Measured from edge to edge?", True),
        ("Between their Centres?", True),
        ("Do they touch?", True),
        ("Which is closest to the sofa?", False),
        ("Which has the nearest chair?", False),
        ("How far is the center table?", True),  # a word that is taken at its best
    ],
)
def test_words_for_ends_are_found(text, says):
    assert says_between(text) == says


def test_between_middles_distances_are_those_of_centres(room):
    exact = scene_geometry(room)
    other = between_middles(exact)
    for a, b in ((0, 1), (2, 5)):
        assert other.distances[a, b] == pytest.approx(np.linalg.norm(exact.centers[a] - exact.centers[b]))


@pytest.mark.parametrize(
    ("boxes", "detail"),
    [
        ([("books", (x, 0, 0.2), (0.4, 0.4, 0.4)) for x in (0, 2)], "need not be one of them"),
        ([("chair", (x, 0, 0.4), (0.5, 0.5, 0.8)) for x in (0, 0.1)], "may be one"),
        ([("chair", (x, 0, 0.4), (0.5, 0.5, 0.8)) for x in (0, 5.6)], "outside of the floor"),
        ([("chair", (x, 0, 0.4), (0.5, 0.5, 0.8)) for x in (0, 4)], None),
        ([("chair", (5.6, 0, 0.4), (0.5, 0.5, 0.8))], None),  # alone, and not counted
    ],
)
def test_of_several_each_box_is_one_object_of_this_room(make_scene, boxes, detail):
    outline = np.array([(-1.0, -1), (5, -1), (5, 1), (-1, 1)])
    geometry = scene_geometry(dataclasses.replace(make_scene(boxes), floor=outline))
    name = boxes[0][0]
    taller = f"def answer(scene):\n    return count(sum(x.height > 0.3 for x in scene.all('{name}')))\n"
    found = unclear(
        f"How many {name} are taller than 30 cm?", taller, TypedAnswer("count", 1), (name,), geometry
    )
    assert found is None if detail is None else detail in found


def test_a_single_box_that_is_counted_is_one_object(make_scene):
    geometry, one = (
        scene_geometry(make_scene([("books", (0, 0, 0.2), (0.4, 0.4, 0.4))])),
        TypedAnswer("count", 1),
    )
    assert unclear("How many?", "count(scene.count('books'))", one, ("books",), geometry) is not None
    assert unclear("How far?", "scene.unique('books').center", one, ("books",), geometry) is None


STRAIGHT = "def answer(scene):\n    return scene.is_straight(scene.unique('sofa'), scene.unique('tv'))\n"
TURN = "def answer(scene):\n    return scene.direction(scene.unique('sofa'), scene.unique('tv'), scene.unique('bed'))\n"
SIDE, NAMES = TypedAnswer("choice", "left", ("left", "right")), ("bed", "lamp", "sofa", "stove", "tv")


def test_ways_are_told_where_no_object_is_without_a_box(room):
    geometry = scene_geometry(room)
    text = "Is the straight way from sofa to tv free?"
    assert unclear(text, STRAIGHT, SIDE, NAMES, geometry) is None
    stools = scene_geometry(dataclasses.replace(room, counts={**room.counts, "stool": 1}))
    assert "1 stool are counted but 0 have a box" in unclear(text, STRAIGHT, SIDE, NAMES, stools)
    assert unclear(text.replace("straight ", ""), STRAIGHT, SIDE, NAMES, geometry) is not None
    walking = "Walking from the bed to the lamp, does one turn left to the stove?"
    assert unclear(walking, TURN, SIDE, NAMES, geometry) is None  # which is behind the sofa
    assert "1 stool" in unclear(walking, TURN, SIDE, NAMES, stools)


def test_who_walks_and_turns_walks_straight(room):
    """From the tv to the sofa there is a table in the way."""
    geometry = scene_geometry(room)
    for text in (
        "Coming from the tv to the sofa, is the bed on the left?",
        "Walking from tv to sofa, turn left?",
    ):
        assert "may come from another side" in unclear(text, TURN, SIDE, NAMES, geometry)
    standing = "Standing by the sofa and facing the tv, is the bed on the left?"
    assert unclear(standing, TURN, SIDE, NAMES, geometry) is None
