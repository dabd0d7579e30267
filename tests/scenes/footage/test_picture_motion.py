"""Pictures tell in which convention poses and lenses are; what is right, or says nothing, is left alone."""

import json
import warnings

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial.transform import Rotation

from lightning_ouro.errors import BadSceneError, InputError
from lightning_ouro.scenes.footage.picture_motion import check_motion
from lightning_ouro.scenes.footage.recording import Recording, Shots
from lightning_ouro.scenes.types import FrameBudget
from tests.scenes.footage.test_conventions import in_order, left_handed, posed, transposed, with_translation
from tests.scenes.readers.film import film
from tests.scenes.readers.write_folder_video import SCENE, write_video
from tests.scenes.readers.write_plain_folder import read, write

BUDGET = FrameBudget(6, 96, 128)
ROOMS = (1, 3, 4, 8)
SIZE = (240, 320)
LENS = np.array([[260.0, 0, 160], [0, 260.0, 120], [0, 0, 1]])
GL, BACK = np.diag([1.0, -1, -1, 1]), np.diag([-1.0, 1, -1, 1])


class Pictures(Recording):
    """Pictures in memory."""

    def __init__(self, images, poses, lens, broken=()):
        height, width = images[0].shape[:2]
        lenses = np.repeat(lens[None], len(poses), axis=0)
        self.shots = Shots(np.arange(len(poses)) / 10, lenses, poses, (height, width))
        self._images, self._broken = images, broken

    def images(self, frame_indices):
        for index in frame_indices:
            if index in self._broken:
                raise BadSceneError("broken")
            yield self._images[index]


class Named:
    id = "room"


def wall(poses, size=SIZE, lens=LENS, flat=False):
    """Pictures of a wall of noise, 3 m ahead of the world's origin along y, as pinhole cameras see it."""
    noise = ndimage.gaussian_filter(np.random.default_rng(5).normal(size=(700, 1400)), 2.5)
    texture = np.full_like(noise, 90) if flat else 128 + 40 * noise / noise.std()
    v, u = np.mgrid[: size[0], : size[1]] + 0.5
    rays = np.stack([u, v, np.ones_like(u)], axis=-1) @ np.linalg.inv(lens).T
    images = []
    for pose in poses:
        world = rays @ pose[:3, :3].T
        points = pose[:3, 3] + world * ((3 - pose[1, 3]) / world[..., 1])[..., None]
        places = np.stack([points[..., 2] * 100 + 350, points[..., 0] * 100 + 700])  # a centimetre per texel
        grey = ndimage.map_coordinates(texture, places, order=1, mode="reflect")
        images.append(np.repeat(grey.clip(0, 255).astype(np.uint8)[..., None], 3, axis=-1))
    return images


def walk(turn=(2.0, 3.0, 0.5), number=16):
    """Poses that move and turn (degrees about the camera's x, y and z axes each), in front of the wall."""
    upright = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
    poses = np.tile(np.eye(4), (number, 1, 1))
    for index in range(number):
        step = 4 * np.sin(index / 2.5)
        poses[index, :3, :3] = upright @ Rotation.from_euler("xyz", np.multiply(turn, step), True).as_matrix()
        poses[index, :3, 3] = (0.5 * np.sin(index / 4), 0.3 * np.cos(index / 3), 0.2 * np.sin(index / 2))
    return poses


def said(pictures):
    """The warnings of a recording that is not refused."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        check_motion(Named, pictures)
    return [str(warning.message) for warning in caught]


def each(change):
    """A change of the records in the plain folder's test, of poses in an array."""

    def apply(poses):
        frames = {"frames": [{"pose": pose.tolist()} for pose in poses]}
        change({"objects": [], "floor": []}, frames)
        return np.array([frame["pose"] for frame in frames["frames"]])

    return apply


def unity(poses):
    """A left-handed world whose cameras have y up: one axis of the world and one of the camera is negated."""
    return np.diag([1.0, -1, 1, 1]) @ poses @ np.diag([1.0, -1, 1, 1])


MISTAKES = {
    "OpenGL cameras": (lambda poses: poses @ GL, "cameras are OpenGL's"),
    "PyTorch3D cameras": (lambda poses: poses @ np.diag([-1.0, -1, 1, 1]), "x left, looking along z"),
    "cameras that look back": (lambda poses: poses @ BACK, "cameras look backwards"),
    "world to camera": (np.linalg.inv, "the poses take the world to the camera"),
    "world to OpenGL camera": (
        lambda poses: np.linalg.inv(poses @ GL),
        "to the camera and cameras are OpenGL's",
    ),
    "quaternion, w first": (each(in_order([3, 0, 1, 2], False)), "order x y z w"),
    "quaternion, w last": (each(in_order([1, 2, 3, 0], False)), "order w x y z"),
    "quaternion of COLMAP": (each(in_order([3, 0, 1, 2], True)), "order x y z w, from world to camera"),
    "quaternion of Record3D": (lambda poses: each(in_order([3, 0, 1, 2], False))(poses @ GL), "OpenGL's"),
    "translation for a place": (each(posed(with_translation)), "translations from world to camera"),
    "rotations transposed": (each(posed(transposed)), "rotations in the poses are transposed"),
    "left-handed world": (each(left_handed), "the world is left-handed"),
    "left-handed world, y up": (unity, "the world is left-handed"),
}


@pytest.fixture(scope="module")
def filmed():
    poses = walk()
    return poses, wall(poses)


@pytest.mark.parametrize("name", MISTAKES)
def test_pictures_of_a_wall_tell_the_convention_of_the_poses(filmed, name):
    poses, images = filmed
    change, message = MISTAKES[name]
    with pytest.raises(BadSceneError, match=f"corners that pictures share .* would be if .*{message}"):
        check_motion(Named, Pictures(images, change(poses), LENS))


def test_pictures_that_move_as_the_poses_say_are_left_alone(filmed):
    poses, images = filmed
    world = np.eye(4)  # where the world's axes point is none of the pictures' business
    world[:3, :3], world[:3, 3] = Rotation.from_euler("xyz", [40, -70, 200], True).as_matrix(), (5, -3, 9)
    for shown, cameras in (
        (images, poses),
        (images, world @ poses),
        (images[::-1], poses[::-1]),
        (images[::2], poses[::2]),
    ):
        assert said(Pictures(shown, cameras, LENS)) == []


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_pictures_that_were_turned_without_their_poses_are_told(filmed, turns):
    poses, images = filmed
    turned = [np.rot90(image, turns) for image in images]
    lens = LENS if turns == 2 else np.array([[260.0, 0, 120], [0, 260.0, 160], [0, 0, 1]])
    with pytest.raises(BadSceneError, match="turned by a quarter" if turns != 2 else "upside down"):
        check_motion(Named, Pictures(turned, poses, lens))


def test_mirrored_pictures_are_told(filmed):
    poses, images = filmed
    with pytest.raises(BadSceneError, match="left-handed or pictures are mirrored"):
        check_motion(Named, Pictures([image[:, ::-1] for image in images], poses, LENS))


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_a_focal_length_of_another_picture_is_told(filmed, factor):
    poses, images = filmed
    lens = LENS * [[factor, 1, 1], [1, factor, 1], [1, 1, 1]]
    with pytest.raises(BadSceneError, match=f"the focal length were {1 / factor:.2g} times the given one"):
        check_motion(Named, Pictures(images, poses, lens))


def test_a_lens_of_a_picture_of_another_size_is_told(filmed):
    poses, images = filmed
    with pytest.raises(BadSceneError, match=r"had 0\.5 times the size that the intrinsics are of"):
        check_motion(Named, Pictures(images, poses, np.diag([2.0, 2, 1]) @ LENS))


def test_a_lens_that_is_a_little_too_long_is_warned_of(filmed):
    poses, images = filmed
    lens = LENS * [[1.25, 1, 1], [1, 1.25, 1], [1, 1, 1]]
    (warning,) = said(Pictures(images, poses, lens))
    assert "would be if the focal length were 0.8 times the given one" in warning


def test_poses_of_other_pictures_are_warned_of(filmed):
    poses, images = filmed
    tilt = np.eye(4)
    tilt[:3, :3] = Rotation.from_euler("xyz", [50, 25, -70], True).as_matrix()
    (warning,) = said(Pictures(images, poses @ tilt, LENS))
    assert "no other convention is plainly better: are the poses of these pictures?" in warning


def test_what_says_nothing_is_left_alone(filmed):
    poses, images = filmed
    wrong = poses @ GL
    assert said(Pictures([images[0]] * 16, np.repeat(wrong[:1], 16, axis=0), LENS)) == []  # a tripod
    assert said(Pictures(wall(poses, flat=True), wrong, LENS)) == []  # a white wall
    assert said(Pictures(images[:1], wrong[:1], LENS)) == []
    assert said(Pictures(images, wrong, LENS, broken=range(16))) == []
    tiny = [np.ascontiguousarray(image[:9, :9]) for image in images]
    assert said(Pictures(tiny, wrong, LENS)) == []


def test_a_broken_picture_costs_its_pair_only(filmed):
    poses, images = filmed
    with pytest.raises(BadSceneError, match="OpenGL"):
        check_motion(Named, Pictures(images, poses @ GL, LENS, broken=(0, 9)))


@pytest.fixture(scope="module")
def films():
    return {index: film(index, frames=20, height=120, width=160) for index in ROOMS}


IN_FOLDERS = {
    "quaternion of COLMAP": (in_order([3, 0, 1, 2], True), "from world to camera"),
    "left-handed world": (left_handed, "left-handed"),
    "quaternion, w first": (in_order([3, 0, 1, 2], False), "quaternions are in the order x y z w"),
    "translation for a place": (posed(with_translation), "translations from world to camera"),
}


@pytest.mark.parametrize("name", IN_FOLDERS)
def test_recordings_without_depth_are_told_by_their_pictures(tmp_path, films, name):
    change, message = IN_FOLDERS[name]
    for index in ROOMS:
        scene = read(write(tmp_path / str(index), films[index], False, change))
        with pytest.raises(InputError, match=f"(pictures do not move|do not belong).*{message}"):
            scene.footage.load(scene, BUDGET)


@pytest.mark.parametrize("depth", [True, False])
def test_right_recordings_get_no_warning(tmp_path, films, depth):
    for index in ROOMS:
        scene = read(write(tmp_path / str(index), films[index], depth))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            scene.footage.load(scene, BUDGET)


def test_a_video_is_compared_like_pictures(tmp_path, filmed):
    poses, images = filmed
    for name, cameras in (
        ("right", poses),
        ("wrong", poses @ np.diag([-1.0, 1, 1, 1]) * [[-1], [1], [1], [1]]),
    ):
        (tmp_path / name).mkdir()
        times = np.arange(len(poses)) / 10
        write_video(tmp_path / name / "film.mp4", np.array(images), times)
        frames = [
            {"time": time, "pose": pose.tolist()} for time, pose in zip(times.tolist(), cameras, strict=True)
        ]
        record = {"video": "film.mp4", "intrinsics": LENS.tolist(), "frames": frames}
        (tmp_path / name / "frames.json").write_text(json.dumps(record))
        (tmp_path / name / "scene.json").write_text(json.dumps(SCENE))
    right, wrong = read(tmp_path / "right"), read(tmp_path / "wrong")
    right.footage.load(right, BUDGET)
    with pytest.raises(InputError, match=r"pictures do not move as the cameras do: .* left-handed"):
        wrong.footage.load(wrong, BUDGET)


def test_a_folder_is_compared_once_with_the_same_poses(tmp_path, films, monkeypatch):
    looked = []
    place = "lightning_ouro.scenes.readers.plain_folder_recording.check_motion"
    monkeypatch.setattr(place, lambda scene, recording: looked.append(scene.id) or True)
    folder = write(tmp_path / "room", films[3])
    for _ in range(2):
        scene = read(folder)
        scene.footage.load(scene, BUDGET)
    assert looked == ["room"]
    record = json.loads((folder / "frames.json").read_text())
    record["intrinsics"][0][0] *= 1.001
    (folder / "frames.json").write_text(json.dumps(record))
    scene = read(folder)
    scene.footage.load(scene, BUDGET)
    assert looked == ["room", "room"]
