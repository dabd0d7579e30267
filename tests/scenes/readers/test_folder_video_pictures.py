"""A plain folder with a video shows what one with the same pictures as images does: upright, with its depth."""

import json

import imageio.v3 as iio
import numpy as np
import pytest

from lightning_ouro.errors import InputError
from lightning_ouro.scenes.types import FrameBudget
from tests.scenes.readers.film import film
from tests.scenes.readers.write_folder_video import MATRICES, tag, write_video
from tests.scenes.readers.write_plain_folder import read, write

BUDGET = FrameBudget(4, 64, 96, token=4)
TURNS = {1: np.array([[0.0, -1], [1, 0]]), 2: -np.eye(2), 3: np.array([[0.0, 1], [-1, 0]])}  # x right, y down


@pytest.fixture(scope="module")
def filmed():
    return film(3, frames=4, height=64, width=96)


def as_video(folder, film, turns=0, cameras_turned=False, depth=False, change=lambda record: None):
    """Writes the film as a video that players turn, with the cameras of what they show or of what is stored."""
    write(folder, film, depth)
    record = json.loads((folder / "frames.json").read_text())
    for frame in record["frames"]:
        del frame["image"]
    record["video"] = "recording.mp4"
    if cameras_turned:
        turn = np.eye(4)
        turn[:2, :2] = TURNS[turns]  # axes of what is shown to those of what is stored
        for frame in record["frames"]:
            frame["pose"] = (np.array(frame["pose"]) @ turn).tolist()
        lens = np.array(record["intrinsics"])
        x, y = lens[:2, 2]
        center = {1: (y, 96 - x), 2: (96 - x, 64 - y), 3: (64 - y, x)}[turns]
        record["intrinsics"] = [[lens[0, 0], 0, center[0]], [0, lens[0, 0], center[1]], [0, 0, 1]]
    write_video(folder / "recording.mp4", film.rgb, film.times, turns)
    change(record)
    (folder / "frames.json").write_text(json.dumps(record))
    return folder


def load(folder):
    scene = read(folder)
    return scene.footage.load(scene, BUDGET)


def assert_same(video, expected):
    assert np.abs(video.frames.astype(int) - expected.frames).mean() < 5  # H.264, chroma at half resolution
    for name, tolerance in (
        ("timestamps", 2e-5),
        ("poses", 1e-4),
        ("intrinsics", 1e-9),
        ("visibility", 0.003),
    ):
        np.testing.assert_allclose(getattr(video.views, name), getattr(expected.views, name), atol=tolerance)
    assert video.views.size == expected.views.size


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
@pytest.mark.parametrize("depth", [True, False])
def test_a_video_is_shown_as_players_turn_it(tmp_path, filmed, turns, depth):
    expected = load(write(tmp_path / "images", filmed, depth))
    assert_same(load(as_video(tmp_path / "room", filmed, turns, depth=depth)), expected)


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_cameras_of_the_stored_frames_are_turned_along(tmp_path, filmed, turns):
    names = "poses" if turns == 2 else "poses and intrinsics"
    between = (filmed.times[0] + filmed.times[1]) / 2

    def stay(record):  # between the first two frames
        record["path"] = [{"time": between, "pose": record["frames"][0]["pose"]}]

    folder = as_video(tmp_path / "room", filmed, turns, cameras_turned=True, change=stay)
    with pytest.warns(
        UserWarning, match=f"{names} are those of the stored frames, .* rotation of {90 * turns}°"
    ):
        video = load(folder)
    expected = load(write(tmp_path / "images", filmed, change=lambda scene, frames: stay(frames)))
    assert_same(video, expected)
    assert between in video.views.path.times
    np.testing.assert_allclose(video.views.path.poses, expected.views.path.poses, atol=1e-4)


@pytest.mark.filterwarnings("ignore:.*are those of the stored frames")
@pytest.mark.parametrize(
    ("turns", "cameras_turned"), [(1, False), (3, False), (1, True), (2, True), (3, True)]
)
def test_depth_that_was_left_lying_is_turned_as_well(tmp_path, filmed, turns, cameras_turned):
    folder = as_video(tmp_path / "room", filmed, turns, cameras_turned, depth=True)
    for path in (folder / "depth").iterdir():
        iio.imwrite(path, np.rot90(iio.imread(path), turns))
    expected = load(write(tmp_path / "images", filmed, True))
    np.testing.assert_array_equal(load(folder).views.visibility, expected.views.visibility)


def test_poses_of_the_stored_and_intrinsics_of_the_shown_frames_are_refused(tmp_path, filmed):
    shown = json.loads((write(tmp_path / "images", filmed) / "frames.json").read_text())["intrinsics"]
    folder = as_video(
        tmp_path / "room", filmed, 1, True, change=lambda record: record.update(intrinsics=shown)
    )
    with pytest.raises(
        InputError, match=r"recording\.mp4: has rotation of 90°; the intrinsics are those of the turned"
    ):
        load(folder)


@pytest.mark.parametrize("sides", [(-1, 0, 0, 0, 1, 0), (0, 1, 0, 1, 0, 0), (0.7, 0.7, 0, -0.7, 0.7, 0)])
def test_a_video_that_is_played_mirrored_or_askew_is_refused(tmp_path, filmed, sides):
    folder = as_video(tmp_path / "room", filmed)
    tag(folder / "recording.mp4", sides)
    with pytest.raises(InputError, match=r"recording\.mp4: is played mirrored or askew"):
        load(folder)


def test_a_matrix_that_asks_for_nothing_changes_nothing(tmp_path, filmed):
    folder = as_video(tmp_path / "room", filmed)
    expected = load(folder)
    tag(folder / "recording.mp4", MATRICES[0])
    assert_same(load(folder), expected)


def test_depth_is_that_of_the_frame_nearest_in_time(tmp_path, filmed):
    def late(record):
        for place, frame in enumerate(record["frames"]):
            frame["time"] += (0.012, -0.012, 0.0, -0.02)[place]
        del record["frames"][2]["depth"]

    folder = as_video(tmp_path / "room", filmed, depth=True, change=late)
    video = load(folder)
    np.testing.assert_allclose(video.views.timestamps, filmed.times[[0, 1, 3]], atol=2e-5)
    shown = load(write(tmp_path / "images", filmed, True)).views.visibility[[0, 1, 3]]
    np.testing.assert_array_equal(video.views.visibility, shown)


def test_of_two_depth_maps_for_one_frame_the_nearer_counts(tmp_path, filmed):
    def twice(record):
        early = {**record["frames"][1], "depth": "depth/none.png"}
        early["time"] -= 0.012
        record["frames"].insert(1, early)

    video = load(as_video(tmp_path / "room", filmed, depth=True, change=twice))
    expected = load(write(tmp_path / "images", filmed, True))
    np.testing.assert_array_equal(video.views.visibility, expected.views.visibility)


def test_depth_of_no_frame_is_not_used(tmp_path, filmed):
    def between(record):
        record["frames"][1]["time"] += 0.2
        for frame in record["frames"][2:]:
            del frame["depth"]

    folder = as_video(tmp_path / "room", filmed, depth=True, change=between)
    with pytest.warns(UserWarning, match="1 of 4 frames of recording.mp4 have no pose"):
        assert len(load(folder).frames) == 1


def test_known_shares_of_an_entry_are_those_of_its_frame(tmp_path, filmed):
    def known(record):
        record["frames"][1]["shares"] = {"2": 0.25}

    views = load(as_video(tmp_path / "room", filmed, change=known)).views
    assert views.visibility[1, 2] == 0.25 and views.visibility[1].sum() == 0.25
