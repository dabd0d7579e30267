"""Where the camera is, where it goes, and what is near it: rules at their limits, answers checked by other means."""

import cmath
import math

import numpy as np
import pytest
from scipy.optimize import lsq_linear

from lightning_ouro.programs.answers import TypedAnswer
from lightning_ouro.programs.families import FAMILIES
from lightning_ouro.programs.sandbox import LoadedScene
from lightning_ouro.programs.scene_geometry import scene_geometry

MOTION, OBJECT, DEPTH, SHIFT = (
    FAMILIES[name] for name in ("camera_motion", "camera_obj_distance", "depth_order", "camera_displacement")
)
CAMERA = (MOTION, OBJECT, DEPTH, SHIFT)
ANY = TypedAnswer("count", 2)
MOVE = {"times": ("0.0", "1.0"), "motion": ("move",)}
TURN = {"times": ("0.0", "1.0"), "motion": ("turn",)}


def answer_to(sandbox, family, room, roles):
    (answer,) = sandbox.run(family.program(roles), LoadedScene([room])).answers
    return answer


def seen_by(heading, right, forward):
    """What is so far to the right and ahead, for a camera that heads so many degrees counter-clockwise of +y."""
    place = complex(right, forward) * cmath.exp(1j * math.radians(heading))
    return place.real, place.imag


def by_hand(thing, eye):
    """Metres from a point to a box, as a least-squares problem with bounds."""
    half = thing.size / 2
    return np.linalg.norm(
        thing.rotation @ lsq_linear(thing.rotation, eye - thing.center, (-half, half), tol=1e-14).x
        + thing.center
        - eye
    )


@pytest.fixture
def pair_of_frames(make_scene, make_views):
    """Two frames a second apart: the first at (1, 2, 1.5), the second so much right, ahead and up of it."""

    def film(right=0.0, ahead=0.0, up=0.0, heading=37.0, turn=0.0, tilt=25.0):
        x, y = seen_by(heading, right, ahead)
        eyes = [(1, 2, 1.5), (1 + x, 2 + y, 1.5 + up)]
        return scene_geometry(make_scene([]), make_views(eyes, [heading, heading + turn], tilt=tilt))

    return film


@pytest.mark.parametrize(
    ("step", "kept"),
    [
        ((0, 0.51, 0), True),
        ((0, 0.49, 0), False),
        ((0.51, 0, 0), True),
        ((0.49, 0, 0), False),
        ((0.49, 1, 0), True),
        ((0.51, 1, 0), False),
        ((1, 0.49, 0), True),
        ((1, 0.51, 0), False),
        ((0, 1, 0.49), True),  # up and down count as a third axis
        ((0, 1, -0.51), False),
        ((0.1, 0.2, 3), False),  # and are none of the options
        ((0, 0, -3), False),
    ],
)
@pytest.mark.parametrize(("side", "ahead"), [(1, 1), (-1, -1)])
@pytest.mark.parametrize("tilt", [0, 25, 90])
def test_a_motion_is_long_and_mainly_along_one_axis(pair_of_frames, sandbox, step, kept, side, ahead, tilt):
    right, forward, up = step[0] * side, step[1] * ahead, step[2]
    room = pair_of_frames(right, forward, up, tilt=tilt)
    problem = MOTION.check(room, MOVE, ANY)
    assert problem is None if kept else "it moves less than" in problem
    if kept:
        answer = answer_to(sandbox, MOTION, room, MOVE)
        along = (
            ("forward" if forward > 0 else "back")
            if abs(forward) > abs(right)
            else "right"
            if right > 0
            else "left"
        )
        assert answer.value == along
        assert sorted(answer.among) == ["back", "forward", "left", "right"]
        *_, second, most = sorted(map(abs, (right, forward, up)))
        assert MOTION.slack(room, MOVE) == pytest.approx(min(most / 0.5, most / max(second, 1e-12) / 2))


@pytest.mark.parametrize(
    ("degrees", "kept"), [(0, 0), (14.9, 0), (15.1, 1), (90, 1), (164.9, 1), (165.1, 0), (180, 0)]
)
@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("heading", [37, 178])
def test_a_turn_is_neither_slight_nor_half_round(pair_of_frames, sandbox, degrees, kept, side, heading):
    room = pair_of_frames(1, 2, heading=heading, turn=side * degrees)
    problem = MOTION.check(room, TURN, ANY)
    assert problem is None if kept else "turns by less" in problem
    if kept:
        answer = answer_to(sandbox, MOTION, room, TURN)
        assert answer.value == ("left" if side > 0 else "right")
        assert sorted(answer.among) == ["left", "right"]
        assert MOTION.slack(room, TURN) == pytest.approx(min(degrees, 180 - degrees) / 15)


def test_motions_and_turns_are_those_that_one_finds_by_hand(make_scene, make_views, sandbox):
    rng, said = np.random.default_rng(3), set()
    eyes, headings = rng.uniform([-3, -3, 1], [3, 3, 2], size=(12, 3)), rng.uniform(0, 360, size=12)
    room = scene_geometry(make_scene([]), make_views(eyes, headings, tilt=40))
    for roles in MOTION.candidates(room, rng):
        first, second = (int(float(seconds)) for seconds in roles["times"])
        step = complex(*(eyes[second] - eyes[first])[:2]) * cmath.exp(-1j * math.radians(headings[first]))
        angle = (headings[second] - headings[first] + 180) % 360 - 180
        if roles["motion"] == ("turn",):
            expected = "left" if angle > 0 else "right"
        else:
            options = {"right": step.real, "left": -step.real, "forward": step.imag, "back": -step.imag}
            expected = max(options, key=options.__getitem__)
        assert answer_to(sandbox, MOTION, room, roles).value == expected
        said.add((roles["motion"], expected))
    assert len(said) == 6


@pytest.mark.parametrize(("distance", "kept"), [(0.199, False), (0.201, True), (9.99, True), (10.01, False)])
def test_displacements_and_distances_are_neither_tiny_nor_huge(
    pair_of_frames, make_scene, make_views, distance, kept
):
    shift = pair_of_frames(*np.array([0.36, 0.48, 0.8]) * distance)
    thing = scene_geometry(
        make_scene([("sofa", (0, 1 + distance, 1), (2, 2, 2))]), make_views([(0, 0, 1)], objects=1)
    )
    for family, room, roles in (
        (SHIFT, shift, {"times": ("0.0", "1.0")}),
        (OBJECT, thing, {"times": ("0.0",), "object": ("sofa",)}),
    ):
        problem = family.check(room, roles, ANY)
        assert problem is None if kept else "not 0.2 to 10 m" in problem
        assert not kept or family.slack(room, roles) == pytest.approx(min(distance / 0.2, 10 / distance))
        assert bool(list(family.candidates(room, np.random.default_rng(0)))) == kept


def test_a_displacement_is_the_length_of_the_straight_line(make_scene, make_views, sandbox):
    room = scene_geometry(make_scene([]), make_views([(0, 0, 1), (5, 5, 5), (1, 2, 3)], [0, 90, 180]))
    answer = answer_to(sandbox, SHIFT, room, {"times": ("0.0", "2.0")})
    assert (answer.kind, answer.value) == ("metres", pytest.approx(3))


def test_distances_from_the_camera_are_those_that_one_finds_by_hand(den, filmed, sandbox):
    compared = 0
    for scene, views in [den, *filmed]:
        room = scene_geometry(scene, views)
        for family, most in ((OBJECT, 8), (DEPTH, 8)):
            for roles, _ in zip(family.candidates(room, np.random.default_rng(0)), range(most), strict=False):
                eye = views.poses[room.times.index(roles["times"][0]), :3, 3]
                names = roles.get("object") or roles["pair"]
                metres = {name: by_hand(scene.objects[room.indices(name)[0]], eye) for name in names}
                answer = answer_to(sandbox, family, room, roles)
                nearer = min(metres, key=metres.__getitem__)
                assert answer.value == (
                    nearer if family is DEPTH else pytest.approx(metres[nearer], abs=1e-6)
                )
                assert family is OBJECT or sorted(answer.among) == sorted(names)
                assert family is OBJECT or family.slack(room, roles) == pytest.approx(
                    abs(np.subtract(*metres.values())) / 0.15, rel=1e-4
                )
                compared += 1
    assert compared >= 60


@pytest.fixture
def sofa_and_tv(make_scene, make_views):
    """At 0.0 s a frame shows some share of a sofa and a tv, at 1.0 s nothing of them."""

    def film(shares=(0.02, 0.02)):
        boxes = [("sofa", (-2, 2.5, 0), (1, 1, 1)), ("tv", (2, 3.5, 0), (1, 1, 1))]
        views = make_views([(-2, 0, 0), (2, 0, 0)], visibility=np.array([shares, (0, 0)]))
        return scene_geometry(make_scene(boxes), views)

    return film


BOTH = {"pair": ("sofa", "tv"), "times": ("0.0",)}


@pytest.mark.parametrize(
    ("gap", "kept"), [(0.149, False), (0.151, True), (-0.149, False), (-0.151, True), (2, True)]
)
def test_two_depths_differ_clearly(make_scene, make_views, sandbox, gap, kept):
    boxes = [("sofa", (-0.6, 2.5, 0), (1.2, 1, 1)), ("tv", (0.6, 2.5 + gap, 0), (1.2, 1, 1))]
    room = scene_geometry(make_scene(boxes), make_views([(0, 0, 0)], objects=2))
    problem = DEPTH.check(room, BOTH, ANY)
    assert problem is None if kept else "differ" in problem
    if kept:
        assert answer_to(sandbox, DEPTH, room, BOTH).value == ("sofa" if gap > 0 else "tv")
        assert DEPTH.slack(room, BOTH) == pytest.approx(abs(gap) / 0.15)


@pytest.mark.parametrize("place", [0, 1])
def test_what_is_asked_about_at_a_time_is_in_the_picture_then(sofa_and_tv, place):
    name = ("sofa", "tv")[place]
    one = {"object": (name,), "times": ("0.0",)}
    for share, shown in ((0.0029, False), (0.0031, True)):
        room = sofa_and_tv(shares=np.where(np.arange(2) == place, share, 0.02))
        for family, roles in ((DEPTH, BOTH), (OBJECT, one)):
            problem = family.check(room, roles, ANY)
            assert problem is None if shown else problem == f"the {name} is not in the picture at 0.0 s"
            later = family.check(room, roles | {"times": ("1.0",)}, ANY)
            assert "is not in the picture at 1.0 s" in later


def test_what_has_to_be_shown_are_the_objects_that_are_named(sofa_and_tv):
    room = sofa_and_tv()
    assert DEPTH.must_show(room, BOTH) == {0, 1}
    assert OBJECT.must_show(room, {"object": ("tv",), "times": ("0.0",)}) == {1}
    assert MOTION.must_show(room, MOVE) == SHIFT.must_show(room, {"times": ("0.0", "1.0")}) == frozenset()


def test_one_object_of_each_name_is_needed(room, make_views):
    chairs = scene_geometry(room, make_views([(0, 0, 1)], objects=len(room.objects)))
    assert "not one" in OBJECT.check(chairs, {"object": ("chair",), "times": ("0.0",)}, ANY)
    assert "not one" in DEPTH.check(chairs, {"pair": ("sofa", "chair"), "times": ("0.0",)}, ANY)
    assert "different objects" in DEPTH.check(chairs, {"pair": ("sofa", "sofa"), "times": ("0.0",)}, ANY)


@pytest.mark.parametrize("family", CAMERA, ids=lambda family: family.name)
@pytest.mark.parametrize("missing", ["0.9", "2.0", "9.9"])
def test_only_times_of_shown_frames_are_asked_about(sofa_and_tv, sandbox, family, missing):
    room, named = sofa_and_tv(), {"pair": ("sofa", "tv"), "object": ("sofa",), "motion": ("move",)}
    sizes = family.forms[0].sizes
    for times in {("0.0", missing)[-sizes["times"] :], (missing, "0.0")[: sizes["times"]]}:
        roles = {role: named.get(role, times) for role in sizes}
        assert " shown at " in family.check(room, roles, ANY)
        outcome = sandbox.run(family.program(roles), LoadedScene([room]))
        assert f"no frame is shown at {missing}" in outcome.failure.detail


@pytest.mark.parametrize("family", [MOTION, SHIFT], ids=lambda family: family.name)
def test_a_camera_does_not_move_between_a_time_and_itself(pair_of_frames, family):
    for motion in ("move", "turn"):
        roles = {"times": ("1.0", "1.0"), "motion": (motion,)}
        assert family.check(pair_of_frames(1, 3, turn=90), roles, ANY) is not None


def is_one_frame_by_its_time(sandbox, room):
    """Whether rules and programs mean the same frame by every time that is named."""
    for time in set(room.times):
        roles = {"object": ("sofa",), "times": (time,)}
        value = answer_to(sandbox, OBJECT, room, roles).value
        if value != pytest.approx(room.camera_distances[room.frame(time), 0]):
            return False
    return True


def test_rules_and_programs_mean_the_same_frame_by_a_time(make_scene, make_views, sandbox):
    rng, scene = np.random.default_rng(0), make_scene([("sofa", (0, 9, 0), (1, 1, 1))])
    for _ in range(20):
        seconds = np.cumsum(
            rng.integers(9, 40, size=12) / 80
        )  # at least 0.11 s apart, often halfway between tenths
        views = make_views(rng.uniform(-3, 3, size=(12, 3)), objects=1, seconds=seconds)
        assert is_one_frame_by_its_time(sandbox, scene_geometry(scene, views)), seconds


def test_rules_and_programs_mean_the_same_of_two_frames_within_a_tenth_of_a_second(
    make_scene, make_views, sandbox
):
    # 4.25 is printed as 4.2, but no more than 0.05 away from 4.3: by that time the rules mean the second frame, and
    # `Scene.camera` means the first.
    views = make_views([(0, 0, 0), (1, 0, 0)], objects=1, seconds=[4.25, 4.34])
    assert is_one_frame_by_its_time(
        sandbox, scene_geometry(make_scene([("sofa", (0, 9, 0), (1, 1, 1))]), views)
    )
