"""Recordings written in other conventions are told by their boxes, depth and cameras; right ones are left alone."""

import numpy as np
import pytest

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
    told = 0
    for index, filmed in films.items():
        scene = read(write(tmp_path / str(index), filmed, depth, change))
        try:
            scene.footage.load(scene, BUDGET)
        except InputError as problem:
            told += 1
            assert "do not belong together" in str(problem) and "\n" not in str(problem)
            assert any(part in str(problem) for part in message.split("|")), problem
    assert told >= 3, "of four rooms"


@pytest.mark.parametrize(("factor", "told"), [(5.0, "0.2 times"), (0.001, "1000 times"), (0.25, "4 times")])
def test_another_unit_of_depth_is_told_by_the_boxes(tmp_path, films, factor, told):
    scene = read(write(tmp_path / "room", films[3], True, unit(factor)))
    with pytest.raises(InputError, match=f"would if depth_unit is {told} the given one"):
        scene.footage.load(scene, BUDGET)


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
