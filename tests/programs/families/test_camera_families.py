"""Families about the camera: conditions at their limits, and answers computed by other means."""

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

SOFA = ("sofa", (0, 0, 0.5), (1, 1, 1))  # something that frames show


def answer_to(sandbox, family, geometry, roles):
    (answer,) = sandbox.run(family.program(roles), LoadedScene([geometry])).answers
    return answer


def seen_by(heading, right, forward):
    """x and y of what is this far right and ahead, for a camera that faces `heading` degrees left of +y."""
    step = complex(right, forward) * cmath.exp(1j * math.radians(heading))
    return step.real, step.imag


def reference_distance(obj, eye):
    """Metres from a point to a box, as bounded least squares."""
    half = obj.size / 2
    along_axes = lsq_linear(obj.rotation, eye - obj.center, (-half, half), tol=1e-14).x
    return np.linalg.norm(obj.rotation @ along_axes + obj.center - eye)


@pytest.fixture
def pair_of_frames(make_scene, make_views):
    """Two frames a second apart: the first from (1, 2, 1.5), the second from that far right, ahead and up."""

    def film(right=0.0, ahead=0.0, up=0.0, heading=37.0, turn=0.0, tilt=25.0):
        x, y = seen_by(heading, right, ahead)
        eyes = [(1, 2, 1.5), (1 + x, 2 + y, 1.5 + up)]
        views = make_views(eyes, [heading, heading + turn], objects=1, tilt=tilt)
        return scene_geometry(make_scene([SOFA]), views)

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
        ((0, 1, 0.49), True),  # up and down are a third axis
        ((0, 1, -0.51), False),
        ((0.1, 0.2, 3), False),  # which is not among the options
        ((0, 0, -3), False),
    ],
)
@pytest.mark.parametrize(("side", "ahead"), [(1, 1), (-1, -1)])
@pytest.mark.parametrize("tilt", [0, 25, -55])
def test_movements_are_long_and_mainly_along_one_axis(pair_of_frames, sandbox, step, kept, side, ahead, tilt):
    right, forward, up = step[0] * side, step[1] * ahead, step[2]
    geometry = pair_of_frames(right, forward, up, tilt=tilt)
    problem = MOTION.check(geometry, MOVE, ANY)
    assert problem is None if kept else "it moves less than" in problem
    if kept:
        answer = answer_to(sandbox, MOTION, geometry, MOVE)
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
        assert MOTION.slack(geometry, MOVE) == pytest.approx(min(most / 0.5, most / max(second, 1e-12) / 2))


@pytest.mark.parametrize(
    ("degrees", "kept"), [(0, 0), (14.9, 0), (15.1, 1), (90, 1), (164.9, 1), (165.1, 0), (180, 0)]
)
@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("heading", [37, 178])
def test_turns_are_neither_slight_nor_by_half_a_circle_between_two_frames(
    pair_of_frames, sandbox, degrees, kept, side, heading
):
    geometry = pair_of_frames(1, 2, heading=heading, turn=side * degrees)
    problem = MOTION.check(geometry, TURN, ANY)
    assert problem is None if kept else "turns by less" in problem
    if kept:
        answer = answer_to(sandbox, MOTION, geometry, TURN)
        assert answer.value == ("left" if side > 0 else "right")
        assert sorted(answer.among) == ["left", "right"]
        assert MOTION.slack(geometry, TURN) == pytest.approx(min(degrees, 180 - degrees) / 15)


@pytest.mark.parametrize(("distance", "kept"), [(0.199, False), (0.201, True), (9.99, True), (10.01, False)])
def test_displacements_and_distances_are_neither_tiny_nor_huge(
    pair_of_frames, make_scene, make_views, distance, kept
):
    moved = pair_of_frames(*np.array([0.36, 0.48, 0.8]) * distance)
    filmed = scene_geometry(
        make_scene([("sofa", (0, 1 + distance, 1), (2, 2, 2))]), make_views([(0, 0, 1)], objects=1)
    )
    for family, geometry, roles in (
        (SHIFT, moved, {"times": ("0.0", "1.0")}),
        (OBJECT, filmed, {"times": ("0.0",), "object": ("sofa",)}),
    ):
        problem = family.check(geometry, roles, ANY)
        assert problem is None if kept else "not 0.2 to 10 m" in problem
        assert not kept or family.slack(geometry, roles) == pytest.approx(min(distance / 0.2, 10 / distance))
        assert bool(list(family.candidates(geometry, np.random.default_rng(0)))) == kept


def test_a_displacement_is_the_length_of_the_straight_line(make_scene, make_views, sandbox):
    views = make_views([(0, 0, 1), (5, 5, 5), (1, 2, 3)], [0, 90, 180], objects=1)
    geometry = scene_geometry(make_scene([SOFA]), views)
    answer = answer_to(sandbox, SHIFT, geometry, {"times": ("0.0", "2.0")})
    assert (answer.kind, answer.value) == ("metres", pytest.approx(3))


def test_distances_from_the_camera_match_an_independent_computation(den, filmed, sandbox):
    compared = 0
    for scene, views in [den, *filmed]:
        geometry = scene_geometry(scene, views)
        for family, most in ((OBJECT, 8), (DEPTH, 8)):
            for roles, _ in zip(
                family.candidates(geometry, np.random.default_rng(0)), range(most), strict=False
            ):
                eye = views.poses[geometry.times.index(roles["times"][0]), :3, 3]
                names = roles.get("object") or roles["pair"]
                metres = {
                    name: reference_distance(scene.objects[geometry.indices(name)[0]], eye) for name in names
                }
                answer = answer_to(sandbox, family, geometry, roles)
                nearer = min(metres, key=metres.__getitem__)
                compared += 1
                if family is OBJECT:
                    assert answer.value == pytest.approx(metres[nearer], abs=1e-6)
                    continue
                assert answer.value == nearer
                assert sorted(answer.among) == sorted(names)
                gap = abs(np.subtract(*metres.values()))
                slack = family.slack(geometry, roles)
                assert slack == pytest.approx(gap / 0.15, rel=1e-4) if views.size is None else slack >= 1
    assert compared >= 60


@pytest.fixture
def sofa_and_tv(make_scene, make_views):
    """At 0.0 s a frame shows these shares of a sofa and a tv, at 1.0 s neither."""

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
    geometry = scene_geometry(make_scene(boxes), make_views([(0, 0, 0)], objects=2))
    problem = DEPTH.check(geometry, BOTH, ANY)
    assert problem is None if kept else "differ" in problem
    if kept:
        assert answer_to(sandbox, DEPTH, geometry, BOTH).value == ("sofa" if gap > 0 else "tv")
        assert DEPTH.slack(geometry, BOTH) == pytest.approx(abs(gap) / 0.15)


@pytest.mark.parametrize("index", [0, 1])
def test_objects_asked_about_at_a_time_are_in_the_picture_then(sofa_and_tv, index):
    name = ("sofa", "tv")[index]
    alone = {"object": (name,), "times": ("0.0",)}
    for share, is_visible in ((0.0049, False), (0.0051, True)):
        geometry = sofa_and_tv(shares=np.where(np.arange(2) == index, share, 0.02))
        for family, roles in ((DEPTH, BOTH), (OBJECT, alone)):
            problem = family.check(geometry, roles, ANY)
            assert problem is None if is_visible else problem == f"the {name} is not in the picture at 0.0 s"
            later = family.check(geometry, roles | {"times": ("1.0",)}, ANY)
            assert "is not in the picture at 1.0 s" in later


def test_the_objects_that_are_named_have_to_be_shown(sofa_and_tv):
    geometry = sofa_and_tv()
    assert DEPTH.must_show(geometry, BOTH) == {0, 1}
    assert OBJECT.must_show(geometry, {"object": ("tv",), "times": ("0.0",)}) == {1}
    assert (
        MOTION.must_show(geometry, MOVE)
        == SHIFT.must_show(geometry, {"times": ("0.0", "1.0")})
        == frozenset()
    )


def test_each_category_has_to_name_one_object(room, make_views):
    chairs = scene_geometry(room, make_views([(0, 0, 1)], objects=len(room.objects)))
    assert "not one" in OBJECT.check(chairs, {"object": ("chair",), "times": ("0.0",)}, ANY)
    assert "not one" in DEPTH.check(chairs, {"pair": ("sofa", "chair"), "times": ("0.0",)}, ANY)
    assert "different objects" in DEPTH.check(chairs, {"pair": ("sofa", "sofa"), "times": ("0.0",)}, ANY)


@pytest.mark.parametrize("family", CAMERA, ids=lambda family: family.name)
@pytest.mark.parametrize("missing", ["0.9", "2.0", "9.9"])
def test_only_times_of_shown_frames_can_be_asked_about(sofa_and_tv, sandbox, family, missing):
    geometry, named = sofa_and_tv(), {"pair": ("sofa", "tv"), "object": ("sofa",), "motion": ("move",)}
    sizes = family.forms[0].sizes
    for times in {("0.0", missing)[-sizes["times"] :], (missing, "0.0")[: sizes["times"]]}:
        roles = {role: named.get(role, times) for role in sizes}
        assert " shown at " in family.check(geometry, roles, ANY)
        outcome = sandbox.run(family.program(roles), LoadedScene([geometry]))
        assert f"no frame is shown at {missing}" in outcome.failure.detail


@pytest.mark.parametrize("family", [MOTION, SHIFT], ids=lambda family: family.name)
def test_a_camera_does_not_move_between_a_time_and_itself(pair_of_frames, family):
    for motion in ("move", "turn"):
        roles = {"times": ("1.0", "1.0"), "motion": (motion,)}
        assert family.check(pair_of_frames(1, 3, turn=90), roles, ANY) is not None


def is_one_frame_by_its_time(sandbox, geometry):
    """Whether conditions and programs mean the same frame by each of the times."""
    for time in set(geometry.times):
        roles = {"object": ("sofa",), "times": (time,)}
        value = answer_to(sandbox, OBJECT, geometry, roles).value
        if value != pytest.approx(geometry.camera_distances[geometry.frame(time), 0]):
            return False
    return True


def test_conditions_and_programs_mean_the_same_frame_by_a_time(make_scene, make_views, sandbox):
    rng, scene = np.random.default_rng(0), make_scene([("sofa", (0, 9, 0), (1, 1, 1))])
    for _ in range(20):
        # At least 0.11 s apart, often halfway between tenths.
        seconds = np.cumsum(rng.integers(9, 40, size=12) / 80)
        views = make_views(rng.uniform(-3, 3, size=(12, 3)), objects=1, seconds=seconds)
        assert is_one_frame_by_its_time(sandbox, scene_geometry(scene, views)), seconds


def test_conditions_and_programs_agree_on_two_frames_within_a_tenth_of_a_second(
    make_scene, make_views, sandbox
):
    # 4.25 is printed as 4.2, but is no more than 0.05 away from 4.3, the printed time of the second frame.
    views = make_views([(0, 0, 0), (1, 0, 0)], objects=1, seconds=[4.25, 4.34])
    assert is_one_frame_by_its_time(
        sandbox, scene_geometry(make_scene([("sofa", (0, 9, 0), (1, 1, 1))]), views)
    )
