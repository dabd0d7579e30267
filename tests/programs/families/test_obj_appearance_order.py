import dataclasses
from itertools import combinations, permutations

import numpy as np
import pytest

from lightning_ouro.programs.answers import TypedAnswer
from lightning_ouro.programs.families import FAMILIES
from lightning_ouro.programs.sandbox import LoadedScene
from lightning_ouro.programs.scene_geometry import scene_geometry

FAMILY = FAMILIES["obj_appearance_order"]
ANY = TypedAnswer("count", 2)
ROLES = {"objects": ("b", "d", "a", "c")}
CATEGORIES = ("a", "b", "b", "c", "d", "e", "f")  # there are two of b
STARTS = {"d": 0, "c": 1, "b": 2, "a": 3}


@pytest.fixture
def seen(make_scene, make_views):
    """A room filmed at some seconds, with some shares of the frames' pixels by `(frame, place of the object)`."""
    scene = make_scene([(name, (place, 0, 0.5), (0.5, 0.5, 1)) for place, name in enumerate(CATEGORIES)])

    def see(seconds=(0.0, 1.5, 3.0, 4.5), shares=None):
        visibility = np.zeros((len(seconds), len(CATEGORIES)), np.float32)
        for place, name in enumerate(CATEGORIES):
            if name in STARTS:
                visibility[STARTS[name] :, place] = 0.01
        for spot, share in (shares or {}).items():
            visibility[spot] = share
        return scene_geometry(
            scene, make_views([(0, 0, 1)] * len(seconds), seconds=seconds, visibility=visibility)
        )

    return see


def in_order_of_sight(room, names):
    """By hand: seconds of the first frame in which one object of a category takes 0.3 % of the pixels."""
    first = {}
    for seconds, shares in zip(room.views.timestamps, room.views.visibility, strict=True):
        for thing, share in zip(room.scene.objects, shares, strict=True):
            if share >= 0.003:
                first.setdefault(thing.category, seconds)
    return sorted(names, key=first.__getitem__)


def test_the_answer_is_the_order_of_first_sights_among_all_orders(seen, sandbox):
    (answer,) = sandbox.run(FAMILY.program(ROLES), LoadedScene([seen()])).answers
    assert answer.value == "d, c, b, a"
    assert sorted(answer.among) == sorted(", ".join(order) for order in permutations("abcd"))
    assert FAMILY.most_options == 4


def test_answers_of_drawn_films_are_those_that_one_finds_by_hand(seen, sandbox):
    rng, found, rooms = np.random.default_rng(0), set(), 0
    for _ in range(60):
        drawn = rng.choice([0.0, 0.0001, 0.02], size=(9, len(CATEGORIES)), p=[0.6, 0.2, 0.2])
        room = seen(np.arange(9) * 1.2, {spot: share for spot, share in np.ndenumerate(drawn)})
        asked = [roles for roles, _ in zip(FAMILY.candidates(room, rng), range(3), strict=False)]
        for roles in asked:
            (answer,) = sandbox.run(FAMILY.program(roles), LoadedScene([room])).answers
            assert answer.value == ", ".join(in_order_of_sight(room, roles["objects"]))
            found.add(answer.value)
        rooms += bool(asked)
    assert rooms >= 20
    assert len(found) >= 20


def test_candidates_are_all_fours_whose_sights_are_apart(seen):
    room = seen((0.0, 1.5, 3.0, 4.5, 5.0), {(4, 5): 0.01})  # e comes half a second after a; f is never seen
    offered = {frozenset(roles["objects"]) for roles in FAMILY.candidates(room, np.random.default_rng(0))}
    fours = {frozenset(four) for four in combinations("abcde", 4)}
    assert offered == {four for four in fours if not {"a", "e"} <= four}


@pytest.mark.parametrize(("gap", "kept"), [(0.99, False), (1.0, False), (1.01, True), (1.8, True)])
def test_first_sights_are_more_than_a_second_apart(seen, gap, kept):
    room = seen((0.0, 2.0, 4.0, 4.0 + gap))
    problem = FAMILY.check(room, ROLES, ANY)
    assert problem is None if kept else "apart" in problem
    assert not kept or FAMILY.slack(room, ROLES) == pytest.approx(gap)


@pytest.mark.parametrize(
    ("shares", "problem"),
    [
        ({(2, 0): 0.00049}, None),
        ({(2, 0): 0.00051}, "trace of a a"),
        ({(2, 0): 0.0029}, "trace of a a"),
        ({(2, 0): 0.0031}, "apart"),  # then it is seen as early as b
        ({(0, 0): 0.00051, (2, 0): 0.0}, "trace of a a"),  # in any earlier frame
        ({(1, 1): 0.0004, (1, 2): 0.0}, None),
        ({(1, 1): 0.0003, (1, 2): 0.0003}, "trace of a b"),  # two things of a category are one trace
        ({(3, 4): 0.001}, None),  # what is seen less later on has been seen
        ({(3, 0): 0.0031}, None),
        ({(3, 0): 0.0029}, "no frame shows a a"),
        ({(2, 5): 0.0029}, None),  # of something that is not asked for
    ],
)
def test_a_first_sight_is_clear(seen, shares, problem):
    found = FAMILY.check(seen(shares=shares), ROLES, ANY)
    assert found is None if problem is None else problem in found


def test_one_of_several_objects_is_enough_to_see_a_category(seen, sandbox):
    room = seen((0.0, 1.5, 3.0, 4.5, 6.0), {(2, 1): 0, (3, 1): 0, (4, 1): 0})  # the first b is never seen
    assert FAMILY.check(room, ROLES, ANY) is None
    (answer,) = sandbox.run(FAMILY.program(ROLES), LoadedScene([room])).answers
    assert answer.value == "d, c, b, a"


@pytest.mark.parametrize(
    ("shares", "slack"),
    [
        ({}, 1.5),  # seconds, twice and more
        ({(3, 0): 0.0036}, 1.2),
        ({(2, 0): 0.0004}, 1.25),
        ({(3, 0): 0.0033, (2, 0): 0.00048}, 0.0005 / 0.00048),
    ],
)
def test_slack_is_that_of_the_faintest_first_sight_or_the_smallest_gap(seen, shares, slack):
    room = seen(shares=shares)
    assert FAMILY.check(room, ROLES, ANY) is None
    assert FAMILY.slack(room, ROLES) == pytest.approx(slack, rel=1e-6)


def test_four_different_categories_are_asked_for(seen):
    assert "four different" in FAMILY.check(seen(), {"objects": ("a", "b", "c", "a")}, ANY)


def test_without_frames_there_is_no_order(seen):
    assert "no frame" in FAMILY.check(dataclasses.replace(seen(), views=None), ROLES, ANY)


def test_nothing_else_has_to_be_shown(seen):
    assert FAMILY.must_show(seen(), ROLES) == frozenset()


def test_a_category_that_is_never_seen_has_no_answer(seen, sandbox):
    outcome = sandbox.run(FAMILY.program({"objects": ("a", "b", "c", "f")}), LoadedScene([seen()]))
    assert outcome.failure.reason == "runtime"
    assert "no frame shows" in outcome.failure.detail
