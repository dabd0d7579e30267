"""Turns and moves along hand-built paths, and against other formulas for the same things."""

import itertools

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from lightning_ouro.programs.camera_movement import CameraMovement
from lightning_ouro.scenes.types import CameraPath, Views

RATE = 10  # poses a second


def pose(eye=(0, 0, 1.5), heading=0.0, pitch=0.0, roll=0.0):
    """A camera that faces `heading` degrees to the left of +y, looks up by `pitch` and leans by `roll` degrees."""
    upright = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]])  # looks along +y
    turned = Rotation.from_euler("ZXY", [heading, pitch, roll], degrees=True).as_matrix()
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = turned @ upright, eye
    return matrix


def movement(poses, shown=None, times=None):
    """The movement along poses, ten a second by default, of which the first and the last are shown by default."""
    poses = np.array(poses)
    times = np.arange(len(poses)) / RATE if times is None else np.asarray(times, float)
    shown = [0, len(poses) - 1] if shown is None else list(shown)
    cameras, visibility = np.tile(np.eye(3), (len(shown), 1, 1)), np.zeros((len(shown), 0), np.float32)
    return CameraMovement(
        Views(times[shown], cameras, poses[shown], visibility, path=CameraPath(times, poses))
    )


def turning(headings, **others):
    """The turn of a camera that stands and looks in these directions one after the other."""
    return movement([pose(heading=heading) for heading in headings], **others).turns.get((0, 1))


def without_shake(values, shake):
    """What remains of a curve's turning points when the smallest swings are taken out one by one."""
    rises = np.diff(values) > 0
    points = [values[i] for i in range(len(values)) if i in (0, len(rises)) or rises[i] != rises[i - 1]]
    while len(points) > 1:
        swings = np.abs(np.diff(points))
        least = int(swings.argmin())
        if swings[least] > shake:
            break
        if least in (0, len(swings) - 1):
            del points[0 if least == 0 else -1]
        else:
            del points[least : least + 2]
    return points


def test_a_full_circle_and_a_bit_is_a_turn_by_more_than_a_circle():
    for way in (1, -1):
        turn = turning(way * np.linspace(20, 400, 80))
        assert turn.net == pytest.approx(way * 380) == pytest.approx(turn.left - turn.right)
        assert turn.widest == pytest.approx(380)


def test_back_and_forth_is_a_turn_to_both_sides():
    turn = turning([*np.linspace(0, 80, 40), *np.linspace(80, 10, 40)])
    assert (turn.left, turn.right, turn.net) == pytest.approx((80, 70, 10))


def test_a_shaking_hand_does_not_turn():
    rng = np.random.default_rng(0)
    turn = turning(33 + rng.uniform(-2.4, 2.4, size=600))
    assert (turn.left, turn.right) == (0, 0)


def test_a_slow_turn_of_a_shaking_hand_is_one_turn():
    rng = np.random.default_rng(1)
    turn = turning(np.linspace(0, 60, 600) + rng.uniform(-2.4, 2.4, size=600))
    assert turn.right == 0
    assert turn.left == pytest.approx(60, abs=5)


def test_sides_are_what_remains_without_the_smallest_swings():
    rng = np.random.default_rng(2)
    for _ in range(200):
        steps = rng.normal(rng.normal(0, 2), rng.uniform(1, 12), size=rng.integers(2, 90))
        headings = np.cumsum(np.clip(steps, -36, 36))
        kept = np.diff(without_shake(headings.tolist(), 5.0))
        turn = turning(headings)
        assert turn.left == pytest.approx(kept[kept > 0].sum(), abs=1e-6)
        assert turn.right == pytest.approx(-kept[kept < 0].sum(), abs=1e-6)


def test_each_pair_of_frames_has_the_turn_of_its_own_part():
    rng = np.random.default_rng(3)
    headings = np.cumsum(rng.normal(0, 8, size=100))
    shown = [0, 7, 30, 31, 64, 99]
    turns = movement([pose(heading=heading) for heading in headings], shown).turns
    assert list(turns) == list(itertools.combinations(range(6), 2))
    for (first, second), turn in turns.items():
        alone = turning(headings[shown[first] : shown[second] + 1])
        assert (turn.left, turn.right) == pytest.approx((alone.left, alone.right), abs=1e-9)
        assert turn.net == pytest.approx(headings[shown[second]] - headings[shown[first]])
        assert turn.widest == pytest.approx(np.abs(np.diff(headings[shown[first : second + 1]])).max())


def test_headings_are_those_of_rotations_in_small_steps():
    """The turn about the vertical, by quaternions: each step's rotation vector, where cameras are upright."""
    rng = np.random.default_rng(4)
    headings = np.cumsum(rng.normal(3, 10, size=200))
    pitches, rolls = rng.uniform(-40, 40, size=(2, 200))
    poses = [pose(heading=a, pitch=b, roll=c) for a, b, c in zip(headings, pitches, rolls, strict=True)]
    level = Rotation.from_matrix([pose(heading=heading)[:3, :3] for heading in headings])
    steps = (level[1:] * level[:-1].inv()).as_rotvec(degrees=True)[:, 2]
    shown = [0, 50, 199]
    expected = [0, steps[:50].sum(), steps.sum()]
    assert movement(poses, shown).headings == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("pitch", [61, -61, 90, -90, 119])
def test_a_camera_that_looks_at_the_floor_or_the_ceiling_turns_to_no_side(pitch):
    pitches = [0.0] * 5 + [pitch] + [0.0] * 5
    down_in_between = movement([pose(heading=5 * i, pitch=p) for i, p in enumerate(pitches)], [0, 4, 6, 10])
    assert list(down_in_between.turns) == [(0, 1), (2, 3)] == list(down_in_between.moves)
    at_the_end = movement([pose(heading=5 * i, pitch=p) for i, p in enumerate(pitches[:6])])
    assert not at_the_end.turns and not at_the_end.moves


@pytest.mark.parametrize("pitch", [59, -59])
def test_a_camera_that_looks_down_less_steeply_turns(pitch):
    assert movement([pose(heading=5 * i, pitch=pitch) for i in range(9)]).turns[0, 1].net == pytest.approx(40)


@pytest.mark.parametrize(("gap", "is_known"), [(0.99, True), (1.0, True), (1.01, False), (5.0, False)])
def test_nothing_is_known_across_a_gap_in_tracking(gap, is_known):
    times = [0.0, 0.1, 0.2, 0.2 + gap, 0.3 + gap]
    tracked = movement([pose(heading=10 * i) for i in range(5)], range(5), times)
    assert ((0, 4) in tracked.turns) == ((2, 3) in tracked.moves) == is_known
    assert (0, 2) in tracked.turns and (3, 4) in tracked.turns


@pytest.mark.parametrize(
    ("step", "is_known"), [(89, True), (91, False), (180, False), (-89, True), (-91, False)]
)
def test_two_poses_far_apart_do_not_tell_by_which_way_the_camera_turned(step, is_known):
    headings = (0, 1, 1 + step, 2 + step)
    tracked = movement([pose(heading=heading) for heading in headings], times=0.3 * np.arange(4))
    assert ((0, 1) in tracked.turns) == is_known


@pytest.mark.parametrize(
    ("metres", "degrees", "seconds", "is_known"),
    [
        (0.49, 35, 0.1, True),
        (0.51, 0, 0.1, False),
        (0, 37, 0.1, False),
        (0.1, 5, 0.001, True),  # two sources of poses may be a few centimetres apart
        (2.4, 85, 0.5, True),
        (2.6, 0, 0.5, False),
    ],
)
def test_no_hand_moves_by_five_metres_or_turns_in_a_circle_in_a_second(metres, degrees, seconds, is_known):
    poses = [pose(), pose(), pose((metres, 0, 1.5), degrees), pose((metres, 0, 1.5), degrees)]
    tracked = movement(poses, times=np.cumsum([0, 0.1, seconds, 0.1]))
    assert ((0, 1) in tracked.turns) == ((0, 1) in tracked.moves) == is_known


@pytest.mark.parametrize(
    ("roll", "is_known"), [(0, True), (44, True), (-44, True), (46, False), (90, False), (180, False)]
)
@pytest.mark.parametrize("pitch", [0, -50])
def test_a_camera_whose_picture_lies_on_its_side_faces_no_side(roll, pitch, is_known):
    tracked = movement([pose(heading=heading, pitch=pitch, roll=roll) for heading in (0, 20)])
    assert ((0, 1) in tracked.turns) == is_known


def test_without_a_path_only_frames_in_quick_succession_tell_a_turn():
    for seconds, is_known in ((0.5, True), (4.3, False)):
        times, poses = np.arange(3) * seconds, np.array([pose(heading=20 * i) for i in range(3)])
        views = Views(times, np.tile(np.eye(3), (3, 1, 1)), poses, np.zeros((3, 0), np.float32))
        assert ((0, 2) in CameraMovement(views).turns) == is_known


def test_moves_are_sums_of_steps_as_the_camera_sees_each():
    """A quarter of a circle with the view along it: forward all the way, though it ends to the left as well."""
    angles = np.linspace(0, np.pi / 2, 500)
    eyes = np.stack([2 * np.cos(angles), 2 * np.sin(angles), 1.5 + angles / 10], axis=1)
    move = movement([pose(eye, np.degrees(a)) for eye, a in zip(eyes, angles, strict=True)]).moves[0, 1]
    assert move.net == pytest.approx((-2, 2, np.pi / 20))
    assert move.walked == pytest.approx((0, np.pi, np.pi / 20), abs=1e-4)
    assert move.length == pytest.approx(np.hypot(np.pi, np.pi / 20), rel=1e-3)


def test_the_length_of_a_path_is_that_of_its_way_out_and_back():
    out = np.linspace(0, 1.5, 40)
    eyes = [(0, y, 1.5) for y in (*out, *out[::-1])]
    move = movement([pose(eye) for eye in eyes]).moves[0, 1]
    assert move.net == pytest.approx((0, 0, 0))
    assert move.length == pytest.approx(3, abs=0.1)


def test_a_shaking_hand_does_not_walk():
    rng = np.random.default_rng(5)
    shaken = [pose(rng.uniform(-0.014, 0.014, size=3)) for _ in range(600)]
    assert movement(shaken).moves[0, 1].length < 0.05
