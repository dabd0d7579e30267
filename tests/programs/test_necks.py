"""Floors of one room and of several, by outlines of known shape and by shapely's erosion."""

import dataclasses

import numpy as np
import pytest
import shapely

from lightning_ouro.programs.families import FAMILIES
from lightning_ouro.programs.necks import has_neck
from lightning_ouro.programs.questions import Proposal
from lightning_ouro.programs.verification import Verified, Verifier
from lightning_ouro.scenes.synthetic.procedural import procedural_scene
from lightning_ouro.scenes.types import FrameBudget


def two_rooms(door, second=3.0, wall=0.2):
    """A room of 4 x 3 m, and another one as deep behind a wall with a door of this width in it."""
    left, right = 2 - door / 2, 2 + door / 2
    first = [(left, 3), (0, 3), (0, 0), (4, 0), (4, 3), (right, 3)]
    back = 3 + wall
    other = [(right, back), (4, back), (4, back + second), (0, back + second), (0, back), (left, back)]
    return np.array([*first, *other], float)


L_SHAPE = np.array([(0, 0), (5, 0), (5, 2), (2, 2), (2, 5), (0, 5)], float)
HALLWAY = np.array([(0, 0), (5, 0), (5, 4), (1.2, 4), (1.2, 9), (0, 9)], float)


@pytest.mark.parametrize(("door", "neck"), [(0.8, True), (1.5, True), (1.95, False), (3.0, False)])
def test_rooms_that_a_door_joins_have_a_neck(door, neck):
    for outline in (two_rooms(door), two_rooms(door)[::-1], two_rooms(door) @ [[0.6, 0.8], [-0.8, 0.6]]):
        assert has_neck(outline) == neck


@pytest.mark.parametrize(
    "outline", [L_SHAPE, HALLWAY, two_rooms(0.9, second=0.7)], ids=["L", "hall", "closet"]
)
def test_arms_of_a_room_hallways_and_closets_are_no_rooms(outline):
    assert not has_neck(outline)


def test_a_neck_is_where_erosion_leaves_several_parts():
    rng, found = np.random.default_rng(0), []
    for _ in range(60):
        floor = shapely.unary_union(
            [shapely.box(*low, *(low + size)) for low, size in rng.uniform(1, 5, (3, 2, 2))]
        )
        if floor.geom_type != "Polygon" or len(floor.interiors):
            continue
        parts = [
            list(getattr(floor.buffer(-side / 2), "geoms", [floor.buffer(-side / 2)]))
            for side in (1.5, 1.7, 1.9)
        ]
        rooms = [[part.buffer(0.85).area for part in some if not part.is_empty] for some in parts]
        if len({len(areas) for areas in rooms}) > 1 or any(abs(area - 3) < 1 for area in rooms[1]):
            continue  # at a limit
        found.append(sum(area >= 3 for area in rooms[1]) > 1)
        assert has_neck(np.array(floor.exterior.coords)[:-1]) == found[-1]
    assert len(found) > 20


def test_the_size_of_rooms_that_a_door_joins_is_asked_for_in_words_that_mean_all(sandbox):
    scene, family = procedural_scene(3), FAMILIES["room_size_estimation"]
    views = scene.footage.load(scene, FrameBudget()).views
    texts = [form.write({}) for form in family.forms]
    proposals = [
        Proposal(scene.id, family.name, text, family.program({}), "test", 0, slot)
        for slot, text in enumerate(texts)
    ]
    for outline, kept in ((scene.floor, [True] * 4), (with_a_neck(scene.floor), [True, False, False, False])):
        verdicts = Verifier(sandbox).verify(dataclasses.replace(scene, floor=outline), views, proposals)
        assert [isinstance(verdict, Verified) for verdict in verdicts] == kept


def with_a_neck(floor):
    """The same floor with two thin walls that leave a door of 1 m between its halves."""
    room = shapely.Polygon(floor)
    left, low, right, high = room.bounds
    middle, door = (left + right) / 2, (low + high) / 2
    walls = [
        shapely.box(middle - 0.05, low - 1, middle + 0.05, door - 0.5),
        shapely.box(middle - 0.05, door + 0.5, middle + 0.05, high + 1),
    ]
    return np.array(room.difference(shapely.unary_union(walls)).exterior.coords)[:-1]
