"""Recordings written in other conventions are told by their boxes, depth and cameras; right ones are left alone."""

import re
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from lightning_ouro.errors import InputError
from lightning_ouro.scenes.footage.uprightness import uprightness
from lightning_ouro.scenes.types import FrameBudget
from tests.scenes.readers.film import film
from tests.scenes.readers.write_plain_folder import read, write

BUDGET = FrameBudget(6, 96, 128)
GL = np.diag([1.0, -1, -1, 1])
TO_Y_UP = np.array([[1.0, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1]])
ROOMS = (1, 3, 4, 8)


@pytest.fixture(scope="module")
def films():
    return {index: film(index, frames=6, height=60, width=80) for index in ROOMS}


def posed(change):
    def apply(scene, frames):
        for frame in frames["frames"]:
            frame["pose"] = change(np.array(frame["pose"])).tolist()

    return apply


def moved(factor):
    def change(pose):
        return np.block([[pose[:3, :3], pose[:3, 3:] * factor], [np.zeros((1, 3)), 1]])

    return posed(change)


def transposed(pose):
    return np.block([[pose[:3, :3].T, pose[:3, 3:]], [np.zeros((1, 3)), 1]])


def boxed(scene, frames):
    for item in scene["objects"]:
        item["center"], item["size"] = [100 * x for x in item["center"]], [100 * x for x in item["size"]]


def all_y_up(scene, frames):
    posed(lambda pose: TO_Y_UP @ pose)(scene, frames)
    for item in scene["objects"]:
        item["center"] = (TO_Y_UP[:3, :3] @ item["center"]).tolist()
        item["axes"] = (np.array(item["axes"]) @ TO_Y_UP[:3, :3].T).tolist()
    scene["floor_area"] = 20.0
    del scene["floor"]


def unit(factor):
    def change(scene, frames):
        frames["depth_unit"] *= factor

    return change


MISTAKES = {
    "OpenGL cameras": (posed(lambda pose: pose @ GL), r"OpenGL's cameras"),
    "world to camera": (posed(np.linalg.inv), "the poses take the world to the camera"),
    "world to OpenGL camera": (posed(lambda pose: np.linalg.inv(pose @ GL)), "to OpenGL's camera"),
    "y up": (posed(lambda pose: TO_Y_UP @ pose), "y points up in the poses' world"),
    "y up and OpenGL cameras": (posed(lambda pose: TO_Y_UP @ pose @ GL), "cameras are OpenGL's"),
    "y up with the boxes": (all_y_up, "y points up in the world of poses and boxes"),
    "PyTorch3D cameras": (posed(lambda pose: pose @ np.diag([-1.0, -1, 1, 1])), "x left, looking along z"),
    "rotations transposed": (posed(transposed), "transposed|take the world"),
    "poses in centimetres": (moved(100), "the poses are in centimetres"),
    "boxes in centimetres": (boxed, "the boxes are in centimetres"),
}


@pytest.mark.parametrize("depth", [True, False])
@pytest.mark.parametrize("name", MISTAKES)
def test_another_convention_is_told_and_named(tmp_path, films, name, depth):
    change, message = MISTAKES[name]
    told, rooms = 0, ROOMS[:3] if depth else ROOMS  # with depth, each takes over a second
    for index in rooms:
        scene = read(write(tmp_path / str(index), films[index], depth, change))
        try:
            scene.footage.load(scene, BUDGET)
        except InputError as problem:
            told += 1
            assert "do not belong together" in str(problem) and "\n" not in str(problem)
            assert any(part in str(problem) for part in message.split("|")), problem
    assert told >= len(rooms) - 1


@pytest.mark.parametrize(
    ("factor", "told"),
    [(5.0, "0.2 times"), (0.001, "1000 times"), (0.25, "4 times"), (3.24, "0.31 times"), (1.6, "0.63 times")],
)
def test_another_unit_of_depth_is_told_by_the_boxes(tmp_path, films, factor, told):
    scene = read(write(tmp_path / "room", films[3], True, unit(factor)))
    with pytest.raises(InputError, match=f"would if depth_unit is {told} the given one"):
        scene.footage.load(scene, BUDGET)


def in_order(order, to_camera):
    """Poses by quaternions whose parts x, y, z, w were read in another order; SciPy has w last, COLMAP first."""

    def change(pose):
        given = np.linalg.inv(pose) if to_camera else pose
        wrong = given.copy()
        wrong[:3, :3] = Rotation.from_quat(Rotation.from_matrix(given[:3, :3]).as_quat()[order]).as_matrix()
        return np.linalg.inv(wrong) if to_camera else wrong

    return posed(change)


def with_translation(pose):
    return np.block([[pose[:3, :3], np.linalg.inv(pose)[:3, 3:]], [np.zeros((1, 3)), 1]])


def left_handed(scene, frames):
    """y is negated everywhere, and each camera's x, so that its rotation stays one, as when Unity's axes are copied."""
    posed(lambda pose: np.diag([1.0, -1, 1, 1]) @ pose @ np.diag([-1.0, 1, 1, 1]))(scene, frames)
    for item in scene["objects"]:
        item["center"][1] *= -1
        item["axes"] = [[x, -y, z] for x, y, z in item["axes"]]
    scene["floor"] = [[x, -y] for x, y in scene["floor"]]


def kept(scene, frames):
    pass


def turned_film(filmed, turns):
    """Pictures, depth and intrinsics turned by quarters, and poses as they were."""
    f, (x, y), (height, width) = filmed.intrinsics[0, 0], filmed.intrinsics[:2, 2], filmed.rgb.shape[1:3]
    point = {1: (y, width - x), 2: (width - x, height - y), 3: (height - y, x)}[turns]
    lens = np.array([[f, 0, point[0]], [0, f, point[1]], [0, 0, 1]])
    images = {name: np.rot90(getattr(filmed, name), turns, (1, 2)) for name in ("rgb", "depth")}
    return replace(filmed, intrinsics=lens, **images)


def along_rays(filmed):
    height, width = filmed.depth.shape[1:]
    v, u = np.mgrid[:height, :width] + 0.5
    rays = np.linalg.inv(filmed.intrinsics) @ np.stack([u, v, np.ones_like(u)]).reshape(3, -1)
    return replace(filmed, depth=filmed.depth * np.linalg.norm(rays, axis=0).reshape(height, width))


TOLD_BY_DEPTH = {
    "quaternion, w first": (in_order([3, 0, 1, 2], False), None, "quaternions are in the order"),
    "quaternion, w last": (in_order([1, 2, 3, 0], False), None, "quaternions are in the order"),
    "quaternion of COLMAP": (in_order([3, 0, 1, 2], True), None, "order . . . ., from world to camera"),
    "translation for a place": (posed(with_translation), None, "translations from world to camera"),
    "left-handed world": (left_handed, None, "the world is left-handed"),
    "pictures upside down": (kept, lambda filmed: turned_film(filmed, 2), "pictures upside down"),
    "pictures turned left": (kept, lambda filmed: turned_film(filmed, 1), "turned by a quarter"),
    "pictures turned right": (kept, lambda filmed: turned_film(filmed, 3), "turned by a quarter"),
    "depth along rays": (kept, along_rays, "along each pixel's ray"),
}


@pytest.mark.parametrize("name", TOLD_BY_DEPTH)
def test_depth_tells_turned_and_mirrored_cameras_however_many_boxes_are_seen(tmp_path, films, name):
    change, film_changed, message = TOLD_BY_DEPTH[name]
    told = 0
    for index, filmed in films.items():
        wrong = filmed if film_changed is None else film_changed(filmed)
        scene = read(write(tmp_path / str(index), wrong, True, change))
        try:
            scene.footage.load(scene, BUDGET)
        except InputError as problem:
            told += re.search(message, str(problem)) is not None
    assert told >= 3, "of four rooms"


def lying(pose):
    turn = np.eye(4)
    turn[:2, :2] = [[0, -1], [1, 0]]
    return pose @ turn


@pytest.mark.parametrize("depth", [True, False])
def test_right_recordings_are_left_alone(tmp_path, depth):
    for index in range(12):
        filmed = film(index, frames=5, height=48, width=64)
        scene = read(write(tmp_path / str(index), filmed, depth))
        scene.footage.load(scene, BUDGET)


@pytest.mark.parametrize("depth", [True, False])
def test_a_camera_held_on_its_side_is_left_alone(tmp_path, films, depth):
    filmed = films[3]
    turned = {"rgb": np.rot90(filmed.rgb, 1, (1, 2)), "depth": np.rot90(filmed.depth, 1, (1, 2))}
    f, cy, cx = filmed.intrinsics[0, 0], filmed.intrinsics[1, 2], filmed.intrinsics[0, 2]
    lens = np.array([[f, 0, cy], [0, f, 80 - cx], [0, 0, 1]])
    upright = uprightness(filmed.poses)
    filmed = type(filmed)(**{**vars(filmed), **turned, "intrinsics": lens})
    scene = read(write(tmp_path / "room", filmed, depth, posed(lying)))
    video = scene.footage.load(scene, BUDGET)
    assert upright == 1.0 and uprightness(video.views.poses) == 0.0


def test_a_camera_that_looks_down_says_nothing_of_which_way_is_up(tmp_path, films):
    down = np.array([[1.0, 0, 0, 0], [0, -1, 0, 0], [0, 0, -1, 2.4], [0, 0, 0, 1]])

    def look_down(scene, frames):
        for place, frame in enumerate(frames["frames"]):
            pose = down.copy()
            pose[:2, 3] = np.array(scene["objects"][place]["center"][:2])
            frame["pose"] = pose.tolist()

    scene = read(write(tmp_path / "room", films[3], False, look_down))
    assert uprightness(scene.footage.load(scene, BUDGET).views.poses) is None


def test_one_opengl_pose_among_right_ones_is_not_taken_for_a_convention(tmp_path, films):
    def change(scene, frames):
        frame = frames["frames"][2]
        frame["pose"] = (np.array(frame["pose"]) @ GL).tolist()

    scene = read(write(tmp_path / "room", films[3], True, change))
    scene.footage.load(scene, BUDGET)
