"""frames.json: which frames are used, what is known of them, and what is refused."""

import json

import imageio.v3 as iio
import numpy as np
import pytest

from lightning_ouro.errors import InputError
from lightning_ouro.scenes.types import FrameBudget
from tests.scenes.readers.film import film
from tests.scenes.readers.said import said
from tests.scenes.readers.write_plain_folder import dropping, is_valid, read, records, setting, write

BUDGET = FrameBudget(4, 96, 128)


@pytest.fixture(scope="module")
def filmed():
    return film(3, frames=5, height=120, width=160)


def test_frames_and_intrinsics_are_resized_in_their_aspect_ratio(tmp_path, filmed):
    scene = read(write(tmp_path / "room", filmed))
    video = scene.footage.load(scene, FrameBudget(3, 64, 96))
    assert video.frames.shape == (3, 64, 64, 3)  # at most six tokens: two rows of three would not keep 3:4
    np.testing.assert_allclose(video.views.intrinsics[0], filmed.intrinsics * [[64 / 160], [64 / 120], [1]])
    np.testing.assert_array_equal(video.views.timestamps, filmed.times[[0, 2, 4]])


def test_frames_with_lost_tracking_are_left_out(tmp_path, filmed):
    def lose(scene, frames):
        frames["frames"][0]["pose"] = frames["frames"][3]["pose"] = None

    scene = read(write(tmp_path / "room", filmed, change=lose))
    np.testing.assert_array_equal(scene.footage.load(scene, BUDGET).views.timestamps, filmed.times[[1, 2, 4]])


def test_only_frames_with_depth_are_used_if_any_have_depth(tmp_path, filmed):
    def keep_two(scene, frames):
        for frame in frames["frames"][2:]:
            del frame["depth"]

    scene = read(write(tmp_path / "room", filmed, True, keep_two))
    np.testing.assert_array_equal(scene.footage.load(scene, BUDGET).views.timestamps, filmed.times[:2])


def test_known_shares_are_returned_unchanged(tmp_path, filmed):
    def add_shares(scene, frames):
        for frame in frames["frames"]:
            frame["shares"], frame["possible_shares"] = {"2": 0.25}, {"1": 0.5, "2": 0.125}

    scene = read(write(tmp_path / "room", filmed, change=add_shares))
    views = scene.footage.load(scene, BUDGET).views
    assert (views.visibility[:, 2] == 0.25).all() and views.visibility.sum() == 0.25 * len(views.visibility)
    assert (views.possible[:, 1:3] == (0.5, 0.25)).all()  # at most is never less


def test_the_cameras_path_is_that_of_all_frames_and_of_what_was_tracked_between_them(tmp_path, filmed):
    between = (filmed.times[0] + filmed.times[1]) / 2
    tracked = np.eye(4)
    tracked[:3, 3] = (1, 2, 1.5)

    def change(scene, frames):
        frames["frames"][3]["pose"] = None
        frames["path"] = [{"time": time, "pose": tracked.tolist()} for time in (0.0, between)]
        for frame in frames["frames"][3:]:
            del frame["depth"]  # not shown, but tracked

    folder = write(tmp_path / "room", filmed, True, change)
    assert is_valid(json.loads((folder / "frames.json").read_text()), "frames")
    scene = read(folder)
    path = scene.footage.load(scene, FrameBudget(2, 96, 128)).views.path
    np.testing.assert_array_equal(path.times, [0, between, *filmed.times[[1, 2, 4]]])
    np.testing.assert_array_equal(path.poses[[0, 2, 3, 4]], filmed.poses[[0, 1, 2, 4]])  # frames win
    np.testing.assert_array_equal(path.poses[1], tracked)


BAD_FRAMES = {
    "a path that is an object": (
        setting(("frames", "path"), {}),
        "path is {}, expected a list of times and poses",
    ),
    "a pose of the path that is a matrix": (
        setting(("frames", "path"), [np.eye(4).tolist()]),
        "path 0 is [[",
    ),
    "a pose of the path without a time": (
        setting(("frames", "path"), [{"pose": np.eye(4).tolist()}]),
        "path 0: time is missing",
    ),
    "a lost pose in the path": (
        setting(("frames", "path"), [{"time": 1, "pose": None}]),
        "path 0: pose is missing",
    ),
    "a mirrored pose in the path": (
        setting(("frames", "path"), [{"time": 1, "pose": np.diag([-1, 1, 1, 1]).tolist()}]),
        "rigid",
    ),
    "a path that goes back in time": (
        setting(("frames", "path"), [{"time": time, "pose": np.eye(4).tolist()} for time in (2, 3, 3)]),
        "time does not rise at path 2",
    ),
    "no list of frames": (dropping("frames", "frames"), "frames is missing"),
    "no frames": (setting(("frames", "frames"), []), "frames is []"),
    "a frame that is a number": (setting(("frames", "frames", 1), 5), "frame 1 is 5"),
    "no time": (dropping("frames", "frames", 2, "time"), "frame 2: time is missing"),
    "time that stands still": (
        setting(("frames", "frames", 1, "time"), 0.0),
        "time does not rise at frame 1",
    ),
    "a pose of three rows": (
        setting(("frames", "frames", 0, "pose"), [[1, 0, 0, 0]] * 3),
        "expected 4 rows of 4",
    ),
    "a pose with a string": (
        setting(("frames", "frames", 0, "pose"), [[1, 0, 0, "x"]] * 4),
        "finite numbers",
    ),
    "a pose that stretches": (
        setting(("frames", "frames", 0, "pose"), np.diag([2, 2, 2, 1]).tolist()),
        "rigid",
    ),
    "a mirrored pose": (setting(("frames", "frames", 0, "pose"), np.diag([-1, 1, 1, 1]).tolist()), "rigid"),
    "no pose field": (dropping("frames", "frames", 0, "pose"), "pose is missing"),
    "a pose of infinities": (
        setting(("frames", "frames", 0, "pose"), [[float("-inf")] * 4] * 4),
        "finite numbers",
    ),
    "no intrinsics": (dropping("frames", "intrinsics"), "intrinsics is missing"),
    "no focal length": (
        setting(("frames", "intrinsics"), np.diag([0, 1, 1]).tolist()),
        "expected a pinhole matrix",
    ),
    "a negative unit": (setting(("frames", "depth_unit"), -1), "depth_unit is -1"),
    "no image": (dropping("frames", "frames", 0, "image"), "image is missing"),
    "an image at an absolute path": (
        setting(("frames", "frames", 0, "image"), "/etc/passwd"),
        "lies outside of the folder",
    ),
    "an image above the folder": (
        setting(("frames", "frames", 0, "image"), "../x.png"),
        "lies outside of the folder",
    ),
    "a missing image": (setting(("frames", "frames", 4, "image"), "frames/9.png"), "9.png"),
    "shares of an object that does not exist": (
        setting(("frames", "frames", 0, "shares"), {"99": 0.5}),
        "shares is {'99': 0.5}",
    ),
    "shares above 1": (setting(("frames", "frames", 0, "shares"), {"0": 1.5}), "shares is {'0': 1.5}"),
    "all poses lost": (
        lambda scene, frames: [frame.update(pose=None) for frame in frames["frames"]],
        "no frame with a valid pose",
    ),
}


COST_THE_SCENE = {
    "a path that is an object",
    "no list of frames",
    "no frames",
    "no intrinsics",
    "no focal length",
}
COST_THE_SCENE |= {
    "a negative unit",
    "all poses lost",
    "a pose of the path that is a matrix",
    "a lost pose in the path",
}
COST_THE_SCENE |= {"a pose of the path without a time", "a mirrored pose in the path"}  # the only one


@pytest.mark.parametrize("name", BAD_FRAMES)
def test_a_broken_frame_costs_itself_and_a_broken_file_the_scene(tmp_path, filmed, name):
    change, message = BAD_FRAMES[name]
    scene = read(write(tmp_path / "room", filmed, change=change))
    is_refused, text = said(lambda: scene.footage.load(scene, FrameBudget(5, 96, 128)))
    assert is_refused == (name in COST_THE_SCENE)
    assert text.startswith("scene room: ") and message in text and "\n" not in text


@pytest.mark.parametrize("odd", [0, 4])
def test_an_image_of_another_size_than_most_is_left_out(tmp_path, filmed, odd):
    folder = write(tmp_path / "room", filmed)
    iio.imwrite(folder / "frames" / f"{odd}.png", filmed.rgb[4][:50])
    scene = read(folder)
    with pytest.warns(UserWarning, match=rf"{odd}\.png: has \(50, 160\) pixels, expected \(120, 160\)"):
        video = scene.footage.load(scene, BUDGET)
    np.testing.assert_array_equal(video.views.timestamps, np.delete(filmed.times, odd))


def test_two_broken_frames_of_five_are_too_many(tmp_path, filmed):
    def change(scene, frames):
        frames["frames"][1]["pose"] = frames["frames"][3]["pose"] = "lost"

    scene = read(write(tmp_path / "room", filmed, change=change))
    with pytest.raises(InputError, match=r"frame 1: pose is 'lost', .*; so are 2 of 5 frames, too many"):
        scene.footage.load(scene, BUDGET)


def test_poses_in_millimetres_are_told_by_how_far_they_are(tmp_path, filmed):
    def enlarge(scene, frames):
        for frame in frames["frames"]:
            for row in frame["pose"][:3]:
                row[3] *= 1000

    scene = read(write(tmp_path / "room", filmed, change=enlarge))
    with pytest.raises(InputError, match=r"from the origin: is that in metres\?"):
        scene.footage.load(scene, BUDGET)


def test_a_transposed_pose_is_told_by_its_last_row(tmp_path, filmed):
    def transpose(scene, frames):
        for frame in frames["frames"]:
            frame["pose"] = np.transpose(frame["pose"]).tolist()

    scene = read(write(tmp_path / "room", filmed, change=transpose))
    with pytest.raises(InputError, match="it is rigid if transposed: write it by rows"):
        scene.footage.load(scene, BUDGET)


BEYOND_THE_SCHEMA = {  # only the reader can check order, matrices and files
    *("time that stands still", "a pose that stretches", "a mirrored pose", "a pose of infinities"),
    *("a mirrored pose in the path", "a path that goes back in time"),
    *("no intrinsics", "no focal length", "an image at an absolute path", "an image above the folder"),
    *("a missing image", "shares of an object that does not exist", "all poses lost"),
}


@pytest.mark.parametrize("name", [name for name in BAD_FRAMES if name not in BEYOND_THE_SCHEMA])
def test_frames_that_the_reader_refuses_are_invalid_by_the_schema(filmed, name):
    scene, frames = records(filmed, False)
    BAD_FRAMES[name][0](scene, frames)
    assert not is_valid(frames, "frames")


BENT = {
    "OpenCV": {"k1": -0.28, "k2": 0.07, "p1": 0.0},
    "fisheye": {"camera_model": "OPENCV_FISHEYE", "k1": 0.0},
}


@pytest.mark.parametrize("name", BENT)
def test_a_lens_that_bends_lines_is_refused_and_one_frame_of_it_left_out(tmp_path, filmed, name):
    scene = read(write(tmp_path / "all", filmed, change=lambda scene, frames: frames.update(BENT[name])))
    is_refused, line = said(lambda: scene.footage.load(scene, BUDGET))
    assert is_refused and "undistort them" in line and "\n" not in line
    scene = read(
        write(tmp_path / "one", filmed, change=lambda _, frames: frames["frames"][1].update(BENT[name]))
    )
    is_refused, line = said(lambda: scene.footage.load(scene, BUDGET))
    assert not is_refused and "1 of 5 frames left out" in line and "frame 1: the lens has distortion" in line


def test_a_lens_whose_coefficients_are_zero_is_straight(tmp_path, filmed):
    straight = {"camera_model": "OPENCV", "k1": 0, "k2": 0.0, "p1": 0, "p2": 1e-4}
    scene = read(write(tmp_path / "room", filmed, change=lambda scene, frames: frames.update(straight)))
    assert len(scene.footage.load(scene, BUDGET).frames) == 4
