"""Which way the camera moves and turns on the whole way between two times: hand-built paths, and other formulas."""

from itertools import islice

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from lightning_ouro.programs.answers import TypedAnswer
from lightning_ouro.programs.families import FAMILIES
from lightning_ouro.programs.families.camera_change import main_way
from lightning_ouro.programs.sandbox import LoadedScene
from lightning_ouro.programs.scene_geometry import scene_geometry
from lightning_ouro.scenes.readers.meta_info import read_meta_info
from lightning_ouro.scenes.synthetic.procedural import procedural_scene, procedural_scenes
from lightning_ouro.scenes.types import FrameBudget, Views
from tests.programs.families.conftest import camera_path

MOTION = FAMILIES["camera_motion"]
ANY = TypedAnswer("choice", "left", ("left", "right"))
EYE = (2.0, 1.0, 1.6)


@pytest.fixture
def film(make_scene):
    """What a camera sees that goes from eye to eye and heading to heading, evenly between these times."""

    def geometry(times, eyes, headings, shown=None, tilt=20.0, lost=(), shake=0.0, blank=()):
        path = camera_path(times, np.broadcast_to(eyes, (len(times), 3)), headings, tilt)
        noise = np.random.default_rng(0).uniform(-shake, shake, size=(len(path.times), 3))
        turned = Rotation.from_euler("z", noise[:, :1] * 150, degrees=True).as_matrix()
        path.poses[:, :3, :3] = turned @ path.poses[:, :3, :3]
        path.poses[:, :3, 3] += noise
        shown = np.asarray(times if shown is None else shown, float)
        tracked = [not any(start < time < end for start, end in lost) for time in path.times]
        path = type(path)(path.times[tracked], path.poses[tracked])
        cameras, visibility = (
            np.tile(np.eye(3), (len(shown), 1, 1)),
            np.full((len(shown), 1), 0.02, np.float32),
        )
        visibility[np.isin(shown, blank)] = 0.0029
        views = Views(shown, cameras, path.poses[path.indices(shown)], visibility, path=path)
        return scene_geometry(make_scene([("sofa", (0, 0, 0.5), (1, 1, 1))]), views)

    return geometry


def asked(motion, first="0.0", second="9.0"):
    return {"times": (first, second), "motion": (motion,)}


def answer(sandbox, geometry, roles):
    """The answer to an accepted question, or why it is not accepted."""
    problem = MOTION.check(geometry, roles, ANY)
    (given,) = sandbox.run(MOTION.program(roles), LoadedScene([geometry])).answers
    return given.value if problem is None else problem


def test_more_than_a_circle_is_a_turn_to_the_side_to_which_the_camera_turns(film, sandbox):
    for degrees, side in ((380, "left"), (-300, "right"), (-400, "right"), (190, "left")):
        geometry = film([0, 9], EYE, [10, 10 + degrees], shown=[0, 3, 6, 9])
        assert answer(sandbox, geometry, asked("turn")) == side


def test_a_turn_by_more_than_half_a_circle_between_two_shown_frames_is_not_asked(film, sandbox):
    geometry = film([0, 9], EYE, [10, 310], shown=[0, 9])
    assert "half a circle from one frame to the next" in answer(sandbox, geometry, asked("turn"))


def test_back_and_forth_is_a_turn_to_neither_side(film, sandbox):
    geometry = film([0, 4, 9], EYE, [0, 90, 30])  # to the left by 30 in the end
    assert "times as far as to the other side" in answer(sandbox, geometry, asked("turn"))
    assert answer(sandbox, geometry, asked("turn", "0.0", "4.0")) == "left"
    assert answer(sandbox, geometry, asked("turn", "4.0", "9.0")) == "right"


@pytest.mark.parametrize("motion", ["turn", "move"])
@pytest.mark.parametrize("time", [0, 9])
def test_how_the_camera_goes_is_asked_only_between_frames_that_show_an_object(film, sandbox, motion, time):
    headings = [10, 30, 50, 70] if motion == "turn" else [0, 0, 0, 0]
    way = [0, 3, 6, 9], [(0, -y, 1.6) for y in (4, 3, 2, 1)], headings
    expected = {"turn": "left", "move": "forward"}[motion]
    assert answer(sandbox, film(*way), asked(motion)) == expected
    assert answer(sandbox, film(*way, blank=[3]), asked(motion)) == expected
    given = answer(sandbox, film(*way, blank=[time]), asked(motion))
    assert given == f"the frame at {time}.0 s shows no object"


def test_frames_of_a_turn_that_show_no_object_are_as_if_not_shown(film, sandbox):
    way = [0, 3, 6, 9], EYE, [0, 80, 160, 240]
    assert answer(sandbox, film(*way, blank=[3]), asked("turn")) == "left"  # 160 degrees to the next
    given = answer(sandbox, film(*way, blank=[3, 6]), asked("turn"))
    assert given == "it turns by half a circle from one frame that shows an object to the next"


def test_a_time_that_two_frames_have_names_no_way_of_the_camera(film, sandbox):
    way = [0, 3.96, 4.04, 9], [(0, -y, 1.6) for y in (4, 2.4, 2.3, 0)], [0, 60, 61, 100]
    geometry = film(*way)
    for motion in ("turn", "move"):
        given = answer(sandbox, geometry, asked(motion, "4.0", "9.0"))
        assert given == "more than one frame is shown at 4.0 s"
    assert answer(sandbox, geometry, asked("turn")) == "left"


@pytest.mark.parametrize(("back", "kept"), [(38, True), (42, False)])
def test_a_turn_goes_twice_as_far_to_its_side_as_to_the_other(film, sandbox, back, kept):
    geometry = film([0, 4, 9], EYE, [0, 80, 80 - back])
    given = answer(sandbox, geometry, asked("turn"))
    assert given == "left" if kept else "times as far as to the other side" in given
    assert MOTION.slack(geometry, asked("turn")) == pytest.approx(80 / back / 2)


def test_a_camera_in_a_shaking_hand_that_stands_still_neither_moves_nor_turns(film, sandbox):
    geometry = film([0, 9], EYE, [40, 40], shake=0.014)
    assert "turns by less than 15 degrees" in answer(sandbox, geometry, asked("turn"))
    assert "moves less than 0.5 m" in answer(sandbox, geometry, asked("move"))


def test_a_camera_in_a_shaking_hand_moves_and_turns_as_if_it_were_still(film, sandbox):
    geometry = film([0, 9], [EYE, (2.0, 2.5, 1.6)], [0, 40], shake=0.014, shown=[0, 3, 6, 9])
    assert answer(sandbox, geometry, asked("turn")) == "left"
    assert answer(sandbox, geometry, asked("move")) == "forward"


def test_a_walk_out_and_most_of_the_way_back_goes_nowhere(film, sandbox):
    geometry = film([0, 5, 9], [EYE, (2.0, 4.0, 1.6), (2.0, 1.7, 1.6)], [0, 0, 0])
    assert "times the length of its path" in answer(sandbox, geometry, asked("move"))
    assert answer(sandbox, geometry, asked("move", "0.0", "5.0")) == "forward"
    assert answer(sandbox, geometry, asked("move", "5.0", "9.0")) == "back"


def test_half_a_circle_around_what_the_camera_looks_at_is_no_move_forward(film, sandbox):
    angles = np.linspace(0, np.pi, 40)
    eyes = np.stack([2 * np.sin(angles), -2 * np.cos(angles), np.full(40, 1.6)], axis=1)
    times = np.linspace(0, 9, 40)
    geometry = film(times, eyes, np.degrees(angles), shown=times[[0, 6, 20, 39]])
    # It ends 4 m ahead of where it looked in the beginning, and went to its right all the time.
    assert "along the next axis" in answer(sandbox, geometry, asked("move"))
    assert answer(sandbox, geometry, asked("move", "0.0", f"{times[6]:.1f}")) == "right"


def test_a_straight_walk_with_a_look_back_is_no_clear_move(film, sandbox):
    geometry = film([0, 1, 3, 7, 9], [(0, y, 1.6) for y in (0, 0.4, 1.2, 2.8, 3.6)], [0, 0, 150, 150, 150])
    assert "along the next axis" in answer(sandbox, geometry, asked("move"))


@pytest.mark.parametrize(("aside", "kept"), [(65, True), (88, False)])
def test_a_walk_with_a_view_that_turns_aside_is_clear_by_its_steps_too(film, sandbox, aside, kept):
    geometry = film(
        [0, 9], [EYE, (2.0, 4.0, 1.6)], [20, -aside]
    )  # straight ahead at first, but for 20 degrees
    given = answer(sandbox, geometry, asked("move"))
    assert given == "forward" if kept else "along the next axis" in given


@pytest.mark.parametrize("motion", ["move", "turn"])
def test_a_camera_that_looks_at_the_floor_is_not_asked_where_it_moves_or_turns(film, sandbox, motion):
    for tilt, kept in ((59, True), (61, False), (90, False), (-61, False)):
        geometry = film([0, 9], [EYE, (2.0, 2.5, 1.6)], [0, 40], tilt=tilt)
        assert (MOTION.check(geometry, asked(motion), ANY) is None) == kept
    assert "is held steeply" in MOTION.check(geometry, asked(motion), ANY)


@pytest.mark.parametrize("motion", ["move", "turn"])
def test_a_camera_that_was_lost_on_its_way_is_not_asked_where_it_moved_or_turned(film, motion):
    path = ([0, 9], [EYE, (2.0, 2.5, 1.6)], [0, 40])
    for lost, kept in (([(3, 3.9)], True), ([(3, 4.2)], False), ([(1, 1.5), (2, 8)], False)):
        geometry = film(*path, shown=[0, 9], lost=lost)
        problem = MOTION.check(geometry, asked(motion), ANY)
        assert problem is None if kept else "was not tracked" in problem
    partly_lost = film(*path, shown=[0, 2, 6, 9], lost=[(3, 5)])
    possible = [roles["times"] for roles in MOTION.candidates(partly_lost, np.random.default_rng(0))]
    assert set(possible) <= {("0.0", "2.0"), ("6.0", "9.0")}


def test_a_program_is_not_told_a_turn_that_nobody_knows(film, sandbox):
    geometry = film([0, 9], EYE, [0, 40], shown=[0, 9], lost=[(3, 5)])
    outcome = sandbox.run(MOTION.program(asked("turn")), LoadedScene([geometry]))
    assert "it is not known how the camera turns between 0.0 and 9.0 s" in outcome.failure.detail


def test_the_turn_that_a_program_is_told_goes_on_beyond_a_full_circle(film, sandbox):
    geometry = film([0, 9], EYE, [10, 410], shown=[0, 3, 6, 9])
    program = (
        "def answer(scene):\n"
        "    turns = [scene.turn(scene.camera(0.0), camera) for camera in scene.cameras]\n"
        "    turns.append(scene.turn(scene.cameras[3], scene.cameras[0]))\n"
        "    text = ', '.join([str(round(turn)) for turn in turns])\n"
        "    return choice(text, among=[text, 'other'])\n"
    )
    (given,) = sandbox.run(program, LoadedScene([geometry])).answers
    assert given.value == "0, 133, 267, 400, -400"


def test_a_walk_around_a_room_to_the_right_is_not_called_a_turn_to_the_left(sandbox):
    scene = procedural_scene(700_000)
    geometry = scene_geometry(scene, scene.footage.load(scene, FrameBudget()).views)
    roles = asked("turn", "5.3", "37.2")
    assert answer(sandbox, geometry, roles) != "left"


def reference_sides(poses, shake=5.0):
    """Degrees to the left and right, by complex numbers, without the swings that are smaller than `shake`."""
    x, y, _ = Rotation.from_matrix(poses[:, :3, :3]).apply([0, 0, 1]).T
    looks = x + 1j * y
    headings = np.concatenate([[0], np.cumsum(np.angle(looks[1:] / looks[:-1], deg=True))])
    swings = list(np.diff(headings))
    while True:
        merged: list[float] = []
        for swing in swings:  # successive swings to one side are one
            if merged and merged[-1] * swing >= 0:
                merged[-1] += swing
            else:
                merged.append(swing)
        least = min(range(len(merged)), key=lambda i: abs(merged[i]))
        if abs(merged[least]) > shake or len(merged) == 1:
            return sum(s for s in merged if s > 0), -sum(s for s in merged if s < 0)
        inner = 0 < least < len(merged) - 1
        swings = merged[:least] + ([merged[least]] if inner else []) + merged[least + 1 :]
        if inner:  # the swings before, in it and after are one
            swings[least - 1 : least + 2] = [sum(swings[least - 1 : least + 2])]


def reference_steps(poses):
    """Metres to the right and forward in all, each step in the frame of the camera that begins it."""
    local = np.einsum("tji,tj->ti", poses[:-1, :3, :3], np.diff(poses[:, :3, 3], axis=0))
    down = np.arctan2(
        -poses[:-1, 2, 2], -poses[:-1, 2, 1]
    )  # by how much a camera that is held level looks down
    return local[:, 0].sum(), (local[:, 2] * np.cos(down) - local[:, 1] * np.sin(down)).sum()


def compare_with_reference(sandbox, scenes, wanted, per_scene=10):
    """Compares answers with those of a denser film of the same walk, until as many of a kind were compared."""
    compared = {"move": 0, "turn": 0}
    for scene in scenes:
        geometry = scene_geometry(scene, scene.footage.load(scene, FrameBudget(8, 32, 32)).views)
        dense = scene.footage.load(scene, FrameBudget(71, 32, 32)).views  # 8 frames are among 71
        loaded, rng = LoadedScene([geometry]), np.random.default_rng(len(scene.objects))
        for roles in islice(MOTION.candidates(geometry, rng), per_scene):
            first, second = (10 * geometry.frame(time) for time in roles["times"])
            (given,) = sandbox.run(MOTION.program(roles), loaded).answers
            way, poses = roles["motion"][0], dense.poses[first : second + 1]
            compared[way] += 1
            if way == "turn":
                left, right = reference_sides(poses)
                clear = "left" if left > 2 * right else "right" if right > 2 * left else "unclear"
                assert max(left, right) > 15
            else:
                clear = main_way((*reference_steps(poses), 0.0))
            assert given.value == clear, (scene.id, roles)
        if min(compared["turn"], 4 * compared["move"]) >= wanted:
            return
    raise AssertionError(compared)


def test_turns_and_moves_of_procedural_walks_are_those_of_a_denser_film(sandbox):
    compare_with_reference(sandbox, procedural_scenes(700_000, 120), 200)


def test_turns_and_moves_in_real_layouts_are_those_of_a_denser_film(sandbox, shared_data):
    files = sorted((shared_data / "scenes" / "vsi_bench_meta").glob("*.json"))
    scenes = [scene for file in files for scene in read_meta_info(file)[0]]
    compare_with_reference(sandbox, scenes, 200)
