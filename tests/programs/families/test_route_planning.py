import cmath
import dataclasses
import math
import re
from itertools import islice, pairwise, product

import numpy as np
import pytest

from lightning_ouro.programs.answers import TypedAnswer
from lightning_ouro.programs.families import FAMILIES
from lightning_ouro.programs.sandbox import LoadedScene
from lightning_ouro.programs.scene_geometry import scene_geometry

FAMILY = FAMILIES["route_planning"]
ANY = TypedAnswer("count", 2)
FACING = {"start": ("a",), "end": ("t",), "facing": ("f",)}  # one turn, at the start
CORNER = {"start": ("a",), "via": ("b",), "end": ("t",)}  # one turn, at b, coming from a


@pytest.fixture
def floor(make_scene):
    """Boxes of 0.2 x 0.2 x 1 m on a floor of 10 x 10 m, and others given as `(name, centre, size)`."""

    def place(positions, others=(), outline=None):
        boxes = [(name, (x, y, 0.5), (0.2, 0.2, 1.0)) for name, (x, y) in positions.items()]
        square = np.array([[-5, -5], [5, -5], [5, 5], [-5, 5]]) if outline is None else outline
        scene = make_scene([*boxes, *others], floor_area=30.0)
        return scene_geometry(dataclasses.replace(scene, floor=np.asarray(square, float)))

    return place


def at(degrees, distance=2.0):
    """The point this many degrees counter-clockwise of (0, 1)."""
    return -distance * math.sin(math.radians(degrees)), distance * math.cos(math.radians(degrees))


def reference_turns(geometry, roles):
    """The turns of a route, with points on the floor as complex numbers and turns as quotients of legs."""
    points = {obj.category: complex(*obj.center[:2]) for obj in geometry.scene.objects}
    stops = [points[name] for name in (*roles["start"], *roles.get("via", ()), *roles["end"])]
    headings = [there - here for here, there in pairwise(stops)]
    if "facing" in roles:
        headings.insert(0, points[roles["facing"][0]] - stops[0])
    turns = [math.degrees(cmath.phase(to / before)) for before, to in pairwise(headings)]
    return ", ".join(
        "Turn Back" if abs(turn) > 135 else "Turn Left" if turn > 0 else "Turn Right" for turn in turns
    )


def answer_to(sandbox, geometry, roles):
    (answer,) = sandbox.run(FAMILY.program(roles), LoadedScene([geometry])).answers
    return answer


@pytest.mark.parametrize(
    ("degrees", "kept"),
    [(0, 0), (29.5, 0), (30.5, 1), (90, 1), (124.5, 1), (125.5, 0), (144.5, 0), (145.5, 1), (180, 1)],
)
@pytest.mark.parametrize("side", [1, -1])
def test_turns_keep_clear_of_ahead_and_of_the_boundaries_of_back(floor, sandbox, degrees, side, kept):
    geometry = floor({"a": (0, 0), "f": (0, 3), "t": at(side * degrees, 2.5)})
    problem = FAMILY.check(geometry, FACING, ANY)
    assert problem is None if kept else "too close to a boundary" in problem
    if kept:
        turn = "Turn Back" if degrees > 135 else "Turn Left" if side > 0 else "Turn Right"
        assert answer_to(sandbox, geometry, FACING).value == turn == reference_turns(geometry, FACING)
        assert FAMILY.slack(geometry, FACING) == pytest.approx(min(degrees / 30, abs(degrees - 135) / 10))


@pytest.mark.parametrize(
    ("degrees", "turn"), [(90, "Left"), (40, "Left"), (160, "Back"), (-150, "Back"), (-50, "Right")]
)
def test_later_turns_are_relative_to_the_leg_before(floor, sandbox, degrees, turn):
    x, y = at(degrees)
    geometry = floor({"a": (0, -3), "b": (0, 0), "t": (x, y)})
    assert FAMILY.check(geometry, CORNER, ANY) is None
    assert answer_to(sandbox, geometry, CORNER).value == f"Turn {turn}" == reference_turns(geometry, CORNER)


def test_the_answer_has_every_turn_in_order_among_all_combinations(floor, sandbox):
    geometry = floor({"a": (0, -3), "b": (0, 0), "c": (-3, 0.5), "t": (-3.5, -3), "f": (3, -3)})
    roles = {"start": ("a",), "via": ("b", "c"), "end": ("t",), "facing": ("f",)}
    assert FAMILY.check(geometry, roles, ANY) is None
    answer = answer_to(sandbox, geometry, roles)
    assert answer.value == "Turn Left, Turn Left, Turn Left" == reference_turns(geometry, roles)
    assert sorted(answer.among) == sorted(
        ", ".join(turns) for turns in product(["Turn Back", "Turn Left", "Turn Right"], repeat=3)
    )
    assert FAMILY.must_show(geometry, roles) == {0, 1, 2, 3, 4}
    assert FAMILY.most_options == 4


def test_answers_in_filmed_rooms_match_an_independent_computation(filmed, den, sandbox):
    turns = []
    for scene, views in [*filmed, den]:
        geometry = scene_geometry(scene, views)
        for roles in islice(FAMILY.candidates(geometry, np.random.default_rng(0)), 15):
            answer = answer_to(sandbox, geometry, roles)
            assert answer.value == reference_turns(geometry, roles)
            turns += answer.value.split(", ")
    assert all(turns.count(turn) > 5 for turn in ("Turn Back", "Turn Left", "Turn Right"))


@pytest.mark.parametrize("index", range(len(FAMILY.forms)))
def test_sentences_have_a_blank_for_each_turn_and_a_leg_to_each_stop(index):
    form = FAMILY.forms[index]
    names = {role: tuple(f"{role} {letter}" for letter in "xyz"[:size]) for role, size in form.sizes.items()}
    text, program = form.write(names), FAMILY.program(names)
    steps = re.split(r"(?:^|[ ])\d+\. ", text[text.index("1. ") :].partition(". You have")[0])[1:]
    blank = next(blank for blank in ("[please fill in]", "[turn]", "[which way?]") if blank in text)
    stops = [*names["start"], *names.get("via", ()), *names["end"]]
    forwards = [f"Go forward until the {stop}" for stop in stops[1:]]
    blanks = [blank] * (len(names.get("via", ())) + len(names.get("facing", ())))
    assert [step.rstrip(".") for step in steps if step.startswith("Go")] == forwards
    assert [step for step in steps if not step.startswith("Go")] == blanks
    assert steps[0] == (blank if "facing" in names else forwards[0])
    assert "[{}]".format(", ".join(f'"{stop}"' for stop in stops)) in program


def test_a_walker_who_faces_the_first_stop_is_not_asked_for_a_turn_there():
    short = {"start": ("a",), "via": ("b",), "end": ("t",)}
    for form in FAMILY.fitting(short):
        assert "fac" in form.write(short) or "looks at the b" in form.write(short)
        assert "1. Go forward until the b" in form.write(short)


@pytest.mark.parametrize(("gap", "kept"), [(0.29, False), (0.31, True)])
def test_legs_are_not_too_short(floor, gap, kept):
    geometry = floor({"a": (0, 0), "f": (0, 3), "t": (-gap - 0.2, 0)})
    problem = FAMILY.check(geometry, FACING, ANY)
    assert problem is None if kept else "apart on the floor; at least 0.3 m needed" in problem


@pytest.mark.parametrize(
    ("center", "size", "free"),
    [
        ((-1.5, 0.51, 0.5), (0.6, 0.6, 1), True),  # a walker keeps 0.2 m away, so 0.21 is enough
        ((-1.5, 0.49, 0.5), (0.6, 0.6, 1), False),
        ((-1.5, 0, 0.5), (0.3, 0.3, 1), False),
        ((-1.5, 0, 0.045), (0.3, 0.3, 0.09), True),  # a carpet
        ((-1.5, 0, 0.055), (0.3, 0.3, 0.11), False),
        ((-1.5, 0, 2.31), (0.3, 0.3, 1), True),  # a lamp at the ceiling, 1.81 m above the floor
        ((-1.5, 0, 2.29), (0.3, 0.3, 1), False),
        ((-3, 0, 0.5), (0.6, 0.6, 1), True),  # what an end stands on is not an obstacle
        ((1.5, 0, 0.5), (0.6, 0.6, 1), True),
    ],
)
def test_legs_are_straight_and_free(floor, sandbox, center, size, free):
    geometry = floor({"a": (0, 0), "f": (0, 3), "t": (-3, 0)}, [("box", center, size)])
    problem = FAMILY.check(geometry, FACING, ANY)
    outcome = sandbox.run(FAMILY.program(FACING), LoadedScene([geometry]))
    if free:
        assert problem is None
        assert outcome.answers[0].value == "Turn Left"
    else:
        assert problem == "one cannot walk straight from a to t"
        assert "not straight" in outcome.failure.detail


def test_the_view_of_the_faced_object_does_not_have_to_be_free(floor):
    geometry = floor({"a": (0, 0), "f": (0, 3), "t": (-3, 0)}, [("box", (0, 1.5, 0.5), (0.5, 0.5, 1))])
    assert FAMILY.check(geometry, FACING, ANY) is None


@pytest.mark.parametrize(("notch", "kept"), [(0.1, True), (-0.1, False)])
def test_legs_do_not_leave_the_floor(floor, notch, kept):
    # The outline between a at (0, 0) and t at (-3, 0) has a notch that ends above or below their leg.
    outline = [(-5, -5), (5, -5), (5, 5), (-1, 5), (-1, notch), (-2, notch), (-2, 5), (-5, 5)]
    problem = FAMILY.check(floor({"a": (0, 0), "f": (0, 3), "t": (-3, 0)}, outline=outline), FACING, ANY)
    assert problem is None if kept else problem == "one cannot walk straight from a to t"


def test_every_leg_of_a_longer_route_counts(floor):
    positions = {"a": (0, -3), "b": (0, 0), "t": (-3, 0)}
    assert FAMILY.check(floor(positions), CORNER, ANY) is None
    first = floor(positions, [("box", (0.1, -1.5, 0.5), (0.3, 0.3, 1))])
    second = floor(positions, [("box", (-1.5, 0.1, 0.5), (0.3, 0.3, 1))])
    assert FAMILY.check(first, CORNER, ANY) == "one cannot walk straight from a to b"
    assert FAMILY.check(second, CORNER, ANY) == "one cannot walk straight from b to t"


def test_slack_is_that_of_the_least_clear_turn(floor):
    geometry = floor({"a": (0, -3), "b": (0, 0), "t": at(60), "f": (3, -3)})
    roles = CORNER | {"facing": ("f",)}  # 90 degrees left, 45 from back; then 60 left, twice 30 from ahead
    assert FAMILY.slack(geometry, roles) == pytest.approx(2)


@pytest.mark.parametrize(("length", "is_kept"), [(0.5, True), (5.0, False)])
def test_a_turn_is_called_the_same_where_a_long_stop_is_reached(floor, length, is_kept):
    """From the left end of a counter the table is 120 degrees to the left; from its middle, far to the right, behind."""
    counter = ("b", (4.5 - length / 2 - 2.0, 0, 0.5), (length, 0.4, 1))
    middle = counter[1][0]
    geometry = floor({"a": (-4.5, 0), "t": (middle - 2.9, 1.7)}, [counter])
    roles = {"start": ("a",), "via": ("b",), "end": ("t",)}
    problem = FAMILY.check(geometry, roles, ANY)
    assert problem is None if is_kept else "where one reaches the stop" in problem
