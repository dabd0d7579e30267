import dataclasses
from itertools import combinations, islice, permutations

import numpy as np
import pytest

from lightning_ouro.programs.answers import TypedAnswer
from lightning_ouro.programs.families import FAMILIES
from lightning_ouro.programs.sandbox import LoadedScene
from lightning_ouro.programs.scene_geometry import scene_geometry

FAMILY = FAMILIES["obj_appearance_order"]
ANY = TypedAnswer("count", 2)
ROLES = {"objects": ("b", "d", "a", "c")}
CATEGORIES = ("a", "b", "b", "c", "d", "e", "f")  # of the objects: there are two of b
STARTS = {"d": 0, "c": 1, "b": 2, "a": 3}


@pytest.fixture
def film(make_scene, make_views):
    """A scene filmed at some seconds, with shares of the frames' pixels by `(frame, object)`."""
    scene = make_scene([(name, (i, 0, 0.5), (0.5, 0.5, 1)) for i, name in enumerate(CATEGORIES)])

    def film_scene(seconds=(0.0, 1.5, 3.0, 4.5), shares=None):
        visibility = np.zeros((len(seconds), len(CATEGORIES)), np.float32)
        for index, name in enumerate(CATEGORIES):
            if name in STARTS:
                visibility[STARTS[name] :, index] = 0.01
        for frame_and_object, share in (shares or {}).items():
            visibility[frame_and_object] = share
        views = make_views([(0, 0, 1)] * len(seconds), seconds=seconds, visibility=visibility)
        return scene_geometry(scene, views)

    return film_scene


def in_order_of_appearance(geometry, names):
    """Independent of the package: by the first frame in which an object has 0.3 % of the pixels."""
    first = {}
    for seconds, shares in zip(geometry.views.timestamps, geometry.views.visibility, strict=True):
        for obj, share in zip(geometry.scene.objects, shares, strict=True):
            if share >= 0.003:
                first.setdefault(obj.category, seconds)
    return sorted(names, key=first.__getitem__)


def test_the_answer_is_the_order_of_appearance_among_all_orders(film, sandbox):
    (answer,) = sandbox.run(FAMILY.program(ROLES), LoadedScene([film()])).answers
    assert answer.value == "d, c, b, a"
    assert sorted(answer.among) == sorted(", ".join(order) for order in permutations("abcd"))
    assert FAMILY.most_options == 4


def test_answers_about_random_films_match_an_independent_computation(film, sandbox):
    rng, answers, films = np.random.default_rng(0), set(), 0
    for _ in range(60):
        shares = rng.choice([0.0, 0.0001, 0.02], size=(9, len(CATEGORIES)), p=[0.6, 0.2, 0.2])
        geometry = film(np.arange(9) * 1.2, dict(np.ndenumerate(shares)))
        asked = list(islice(FAMILY.candidates(geometry, rng), 3))
        for roles in asked:
            (answer,) = sandbox.run(FAMILY.program(roles), LoadedScene([geometry])).answers
            assert answer.value == ", ".join(in_order_of_appearance(geometry, roles["objects"]))
            answers.add(answer.value)
        films += bool(asked)
    assert films >= 20
    assert len(answers) >= 20


def test_candidates_are_all_fours_that_appear_more_than_a_second_apart(film):
    geometry = film(
        (0.0, 1.5, 3.0, 4.5, 5.0), {(4, 5): 0.01}
    )  # e comes half a second after a; f is never seen
    offered = {frozenset(roles["objects"]) for roles in FAMILY.candidates(geometry, np.random.default_rng(0))}
    fours = {frozenset(four) for four in combinations("abcde", 4)}
    assert offered == {four for four in fours if not {"a", "e"} <= four}


@pytest.mark.parametrize(("gap", "kept"), [(0.99, False), (1.0, False), (1.01, True), (1.8, True)])
def test_first_appearances_are_more_than_a_second_apart(film, gap, kept):
    geometry = film((0.0, 2.0, 4.0, 4.0 + gap))
    problem = FAMILY.check(geometry, ROLES, ANY)
    assert problem is None if kept else "apart" in problem
    assert not kept or FAMILY.slack(geometry, ROLES) == pytest.approx(gap)


@pytest.mark.parametrize(
    ("shares", "problem"),
    [
        ({(2, 0): 0.00049}, None),
        ({(2, 0): 0.00051}, "trace of a a"),
        ({(2, 0): 0.0029}, "trace of a a"),
        ({(2, 0): 0.0031}, "apart"),  # then it is seen as early as b
        ({(0, 0): 0.00051, (2, 0): 0.0}, "trace of a a"),  # in any earlier frame
        ({(1, 1): 0.0004, (1, 2): 0.0}, None),
        ({(1, 1): 0.0003, (1, 2): 0.0003}, "trace of a b"),  # two objects of a category are one trace
        ({(3, 4): 0.001}, None),  # being less visible later does not matter
        ({(3, 0): 0.0031}, None),
        ({(3, 0): 0.0029}, "no frame shows a a"),
        ({(2, 5): 0.0029}, None),  # of a category that is not asked about
    ],
)
def test_first_appearances_are_clear(film, shares, problem):
    violated = FAMILY.check(film(shares=shares), ROLES, ANY)
    assert violated is None if problem is None else problem in violated


def test_a_category_is_seen_as_soon_as_one_of_its_objects_is(film, sandbox):
    geometry = film((0.0, 1.5, 3.0, 4.5, 6.0), {(2, 1): 0, (3, 1): 0, (4, 1): 0})  # the first b is never seen
    assert FAMILY.check(geometry, ROLES, ANY) is None
    (answer,) = sandbox.run(FAMILY.program(ROLES), LoadedScene([geometry])).answers
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
def test_slack_is_that_of_the_faintest_appearance_or_the_smallest_gap(film, shares, slack):
    geometry = film(shares=shares)
    assert FAMILY.check(geometry, ROLES, ANY) is None
    assert FAMILY.slack(geometry, ROLES) == pytest.approx(slack, rel=1e-6)


def test_the_four_categories_have_to_differ(film):
    assert "four different" in FAMILY.check(film(), {"objects": ("a", "b", "c", "a")}, ANY)


def test_without_frames_there_is_no_order(film):
    assert "no frame" in FAMILY.check(dataclasses.replace(film(), views=None), ROLES, ANY)


def test_no_object_has_to_be_shown_beyond_that(film):
    assert FAMILY.must_show(film(), ROLES) == frozenset()


def test_a_category_that_is_never_seen_has_no_answer(film, sandbox):
    outcome = sandbox.run(FAMILY.program({"objects": ("a", "b", "c", "f")}), LoadedScene([film()]))
    assert outcome.failure.reason == "runtime"
    assert "no frame shows" in outcome.failure.detail
