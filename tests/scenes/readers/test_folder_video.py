"""A plain folder with a video: which of its frames are shown, when they were taken, and from where."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation, Slerp

from lightning_ouro.commands.prepare import prepare
from lightning_ouro.errors import InputError
from lightning_ouro.scenes.reading import read_scenes
from lightning_ouro.scenes.types import FrameBudget
from tests.scenes.footage.write_videos import HEVC, LONG_GOP, OPEN_GOP, number_of
from tests.scenes.readers.film import film
from tests.scenes.readers.said import said
from tests.scenes.readers.write_folder_video import LENS, change_record, entries, even, filmed, pose_at
from tests.scenes.readers.write_plain_folder import is_valid, read, write

ALL = 10_000
TENTHS = np.arange(0, 2.05, 0.1)


def load(folder, frames=ALL):
    scene = read(folder)
    return scene.footage.load(scene, FrameBudget(frames, 96, 128, frames_per_time=1))


def check(video, numbers, seconds):
    """The shown frames are those with these numbers, and have the times and poses of when they were taken."""
    assert [number_of(frame) for frame in video.frames] == list(numbers)
    np.testing.assert_allclose(video.views.timestamps, seconds, atol=1e-4)
    expected = np.stack([pose_at(time) for time in seconds])
    np.testing.assert_allclose(video.views.poses, expected, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "codec"), [("a.mp4", HEVC), ("a.mov", LONG_GOP), ("a.MKV", OPEN_GOP), ("sub/über a.mp4", HEVC)]
)
def test_poses_at_10_hz_and_a_video_at_30_meet_in_every_frame(tmp_path, name, codec):
    (tmp_path / "room/sub").mkdir(parents=True)
    folder = filmed(tmp_path / "room", entries(TENTHS), even(2), name, codec)
    assert is_valid(json.loads((folder / "frames.json").read_text()), "frames")
    video = load(folder)
    seconds = np.arange(60) / 30
    tolerance = 6e-4 if name.endswith("MKV") else 1e-9  # Matroska rounds times to milliseconds
    assert [number_of(frame) for frame in video.frames] == list(range(60))
    np.testing.assert_allclose(video.views.timestamps, seconds, atol=tolerance)
    poses = np.stack([pose_at(time) for time in TENTHS])
    times = video.views.timestamps
    for axis in range(3):
        between = np.interp(times, TENTHS, poses[:, axis, 3])
        np.testing.assert_allclose(video.views.poses[:, axis, 3], between, atol=1e-9)
    slerp = Slerp(TENTHS, Rotation.from_matrix(poses[:, :3, :3]))(times)
    np.testing.assert_allclose(video.views.poses[:, :3, :3], slerp.as_matrix(), atol=1e-9)
    np.testing.assert_array_equal(video.views.intrinsics, np.tile(LENS, (60, 1, 1)))


def test_frames_are_sampled_evenly_with_the_first_and_the_last(tmp_path):
    check(
        load(filmed(tmp_path / "room", entries(TENTHS), even(2)), 4),
        [0, 19, 39, 59],
        [0, 19 / 30, 1.3, 59 / 30],
    )


def test_a_variable_frame_rate_is_followed_by_the_stamps(tmp_path):
    stamps = np.cumsum(np.random.default_rng(4).integers(1000, 12_000, 40)) + 50_000  # does not begin at 0
    seconds = (stamps - stamps[0]) / 90_000
    folder = filmed(tmp_path / "room", entries(np.arange(0, seconds[-1] + 0.1, 0.1)), stamps)
    check(load(folder), range(40), seconds)


def test_poses_faster_than_the_video_are_interpolated_too(tmp_path):
    folder = filmed(tmp_path / "room", entries(np.arange(0, 2.1, 0.0137)), even(2, 10))
    check(load(folder), range(20), np.arange(20) / 10)


CLOCKS = {
    "a little later": (lambda time: time + 0.35, 0.35),
    "a little earlier": (lambda time: time - 0.35, -0.35),
    "seconds since 1970": (lambda time: time + 1_764_319_115.5, 1_764_319_115.5),
    "seconds since switching on": (lambda time: time + 73.25, 73.25),
    "nanoseconds since 1970": (lambda time: round(time * 1e9) + 1_764_319_115_500_000_000, 1_764_319_115.5),
    "milliseconds": (lambda time: round(time * 1000) + 250, 0.25),
}


@pytest.mark.filterwarnings("ignore:.*times are taken for (nano|milli)seconds")
@pytest.mark.parametrize("name", CLOCKS)
def test_an_offset_is_what_the_clock_of_the_poses_showed_at_the_first_frame(tmp_path, name):
    clock, offset = CLOCKS[name]
    folder = filmed(tmp_path / "room", entries(TENTHS, clock), even(2), video_offset=offset)
    check(load(folder), range(60), np.arange(60) / 30)


@pytest.mark.parametrize(
    "name", ["seconds since 1970", "seconds since switching on", "nanoseconds since 1970"]
)
def test_poses_of_another_time_than_the_videos_are_refused_with_both_times(tmp_path, name):
    clock, offset = CLOCKS[name]
    folder = filmed(tmp_path / "room", entries(TENTHS, clock), even(2))
    with pytest.raises(InputError) as raised:
        load(folder)
    assert (
        f"poses are of {offset:.2f} to {offset + 2:.2f} s, but recording.mp4 is of 0.00 to 1.97 s; set"
        in str(raised.value)
    )
    assert "\n" not in str(raised.value)


def test_poses_that_begin_late_in_a_long_video_are_not_moved_to_its_start(tmp_path):
    times = np.arange(65, 80, 0.25)
    folder = filmed(tmp_path / "room", entries(times), even(80, 5))
    with pytest.warns(
        UserWarning, match="326 of 400 .*: 326 before the first pose or after the last, 0 where"
    ):
        video = load(folder)
    check(video, range(325, 399), np.arange(325, 399) / 5)


def test_poses_that_are_far_apart_within_the_videos_time_are_in_seconds(tmp_path):
    times = np.arange(0, 80, 8)  # of images alone, steps this small would mean a smaller unit
    frames = [{"time": float(time), "pose": pose_at(time / 40).tolist()} for time in times]
    with pytest.warns(UserWarning, match="70 of 80 frames"):
        video = load(filmed(tmp_path / "room", frames, even(80, 1)))
    assert [number_of(frame) for frame in video.frames] == times.tolist()


def test_frames_in_a_gap_of_the_poses_are_left_out_and_counted(tmp_path):
    kept = [time for time in TENTHS if not 0.65 < time < 1.25]
    folder = filmed(tmp_path / "room", entries(kept), even(2))
    with pytest.warns(
        UserWarning, match=r"20 of 60 frames .*: 0 before .*, 20 where tracking was lost or .* 0\.3 s"
    ):
        video = load(folder)
    numbers = [*range(19), *range(39, 60)]  # 0.6 s and 1.3 s are poses
    check(video, numbers, np.array(numbers) / 30)


def test_frames_beside_a_lost_pose_are_left_out(tmp_path):
    frames = entries(TENTHS)
    frames[10]["pose"] = None  # at 1.0 s; the poses around it would be near enough
    folder = filmed(tmp_path / "room", frames, even(2))
    with pytest.warns(UserWarning, match=r"5 of 60 frames .* 5 where tracking was lost"):
        video = load(folder)
    numbers = [*range(28), *range(33, 60)]
    check(video, numbers, np.array(numbers) / 30)


def test_of_poses_far_apart_the_frames_beside_them_are_shown(tmp_path):
    frames = entries([0, 0.51, 0.99, 1.51])  # as of frames that were extracted twice a second
    with pytest.warns(UserWarning, match="56 of 60 frames of recording.mp4 have no pose and are left out"):
        video = load(filmed(tmp_path / "room", frames, even(2)))
    assert [number_of(frame) for frame in video.frames] == [0, 15, 30, 45]
    np.testing.assert_array_equal(video.views.poses, [frame["pose"] for frame in frames])
    np.testing.assert_allclose(video.views.timestamps, [0, 0.5, 1, 1.5])


def test_further_poses_in_path_count_as_well(tmp_path):
    folder = filmed(tmp_path / "room", entries([0.0, 1.9]), even(2), path=entries(np.arange(0.05, 1.9, 0.1)))
    with pytest.warns(UserWarning, match="2 of 60 frames"):
        video = load(folder)
    check(video, range(58), np.arange(58) / 30)


def test_the_path_is_known_between_sampled_frames_while_the_video_lasts(tmp_path):
    folder = filmed(tmp_path / "room", entries(np.arange(-1, 4, 0.1)), even(2))
    with pytest.warns(
        UserWarning, match="25 of 50 poses lie outside of the video's time; is video_offset right"
    ):
        path = load(folder, 2).views.path
    assert path.times[0] == 0 and path.times[-1] == pytest.approx(59 / 30) and len(path.times) >= 19
    np.testing.assert_allclose(path.poses, [pose_at(time) for time in path.times], atol=1e-4)


def test_each_frame_has_the_lens_of_the_entry_nearest_in_time(tmp_path):
    frames = entries([0.0, 0.2, 0.4])
    for place, frame in enumerate(frames):
        frame["intrinsics"] = (np.array(LENS) + np.diag([place, place, 0])).tolist()
    video = load(filmed(tmp_path / "room", frames, even(0.4), intrinsics=None))
    focal = video.views.intrinsics[:, 0, 0].tolist()
    assert (
        focal[:3] == [100] * 3 and focal[4:9] == [101] * 5 and focal[10:] == [102] * 2
    )  # 0.1 and 0.3 s are ties


def _missing(folder):
    (folder / "recording.mp4").unlink()


def _no_video(folder):
    (folder / "recording.mp4").write_text("This is not a video.")


def _truncated(folder):
    path = folder / "recording.mp4"
    path.write_bytes(path.read_bytes()[:-2000])


def _link_to_nothing(folder):
    _missing(folder)
    (folder / "recording.mp4").symlink_to("/gone/recording.mp4")


def _folder(folder):
    _missing(folder)
    (folder / "recording.mp4").mkdir()


BAD_FILES = {
    "missing": (_missing, "recording.mp4: does not exist; frames.json calls it the video"),
    "no video": (_no_video, "recording.mp4: cannot be read as an mp4, mov or mkv video"),
    "truncated": (_truncated, "recording.mp4: "),
    "a link to nothing": (_link_to_nothing, "recording.mp4: does not exist"),
    "a folder": (_folder, "recording.mp4: cannot be read as an mp4, mov or mkv video"),
}
BAD_FIELDS = {
    "a number": ({"video": 5}, "video is 5, expected a file below the folder"),
    "an absolute path": ({"video": "/etc/recording.mp4"}, "which lies outside of the folder"),
    "a path upwards": ({"video": "../recording.mp4"}, "which lies outside of the folder"),
    "a home": ({"video": "~/recording.mp4"}, "video is '~/recording.mp4', which lies outside of the folder"),
    "a name of two lines": (
        {"video": "record\ning.mp4"},
        "video is 'record\\ning.mp4', expected a file below",
    ),
    "an offset in words": ({"video_offset": "1 s"}, "video_offset is '1 s', expected seconds"),
    "an offset that is infinite": ({"video_offset": float("inf")}, "video_offset is inf, expected seconds"),
    "an offset without video": ({"video": None, "video_offset": 1}, "has a video_offset, but no video"),
    "an image beside it": (
        {"frames": [{**frame, "image": "a.jpg"} for frame in entries([0, 0.1])]},
        "frame 0: has an image beside a video; give one of them",
    ),
    "a lens of another size": (
        {"intrinsics": [[1000, 0, 960], [0, 1000, 540], [0, 0, 1]]},
        "the intrinsics seem to be of an image of about 1920 × 1080",
    ),
    "a lying lens": (
        {"intrinsics": [[100, 0, 48], [0, 100, 64], [0, 0, 1]]},
        "is in the middle of a picture that lies; the image has 128 × 96 pixels",
    ),
    "too few poses": (
        {"frames": entries([0.715, 1.215, 9])},
        "none of the 3 frames of recording.mp4 lies between",
    ),
    "lost tracking": (
        {"frames": [{"time": 0, "pose": None}, {"time": 1, "pose": None}]},
        "no frame with a valid pose",
    ),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_file_that_is_no_video_is_refused_in_one_line(tmp_path, name):
    change, message = BAD_FILES[name]
    folder = filmed(tmp_path / "room", entries(TENTHS), even(2))
    change(folder)
    is_refused, text = said(lambda: load(folder))
    assert is_refused and text.startswith("scene room: ") and message in text and "\n" not in text


@pytest.mark.parametrize("name", BAD_FIELDS)
def test_fields_that_describe_no_video_are_refused_in_one_line(tmp_path, name):
    fields, message = BAD_FIELDS[name]
    stamps = even(3, 1) if name == "too few poses" else even(2)
    folder = filmed(tmp_path / "room", entries(TENTHS), stamps)
    change_record(folder, **fields)
    is_refused, text = said(lambda: load(folder))
    assert is_refused and text.startswith("scene room: ") and message in text and "\n" not in text


@pytest.mark.parametrize("is_last", [True, False])
def test_a_video_named_like_a_benchmarks_scene_is_known_as_it(tmp_path, is_last):
    frames = entries(np.arange(0, 5, 0.1))
    folder = filmed(tmp_path / "room", frames, even(1), "scene0011_00.mp4")
    record = json.loads((folder / "frames.json").read_text())
    name = record.pop("video")
    ordered = {**record, "video": name} if is_last else {"video": name, **record}
    (folder / "frames.json").write_text(json.dumps(ordered, indent=1))
    (scene,), _ = read_scenes([folder])
    assert "ScanNet validation split" in scene.benchmarks


def test_a_stored_scene_with_a_video_is_read_back(tmp_path):
    folder = filmed(tmp_path / "rooms/room", entries(TENTHS), even(2))
    prepare([tmp_path / "rooms"], tmp_path / "store", num_frames=4, height=96, width=128, workers=1)
    (stored,), _ = read_scenes([tmp_path / "store"])
    kept = stored.footage.load(stored, FrameBudget(4, 96, 128, frames_per_time=1))
    check(kept, [0, 19, 39, 59], [0, 19 / 30, 1.3, 59 / 30])
    np.testing.assert_allclose(kept.views.path.poses, load(folder, 4).views.path.poses, atol=1e-5)


def test_the_example_in_the_documentation_is_read(tmp_path):
    text = (Path(__file__).parents[3] / "lightning_ouro/scenes/README.md").read_text("utf8")
    record = json.loads(re.findall(r"```json\n(.*?)```", text, re.DOTALL)[2])
    assert is_valid(record, "frames")
    folder = filmed(tmp_path / "room", record.pop("frames"), even(0.2), size=(1920, 1080), **record)
    with pytest.warns(UserWarning, match="2 of 6 frames of recording.mp4 have no pose"):
        video = load(folder)
    np.testing.assert_allclose(video.views.poses[:, 0, 3], [1.5, 1.5 + 0.1 / 3, 1.5 + 0.2 / 3, 1.6])


ENTRY = {"time": 0.0, "pose": np.eye(4).tolist()}


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"frames": [ENTRY]}, False),
        ({"frames": [ENTRY], "video": "a.mp4"}, True),
        ({"frames": [{**ENTRY, "image": "a.jpg"}], "video": "a.mp4"}, False),
        ({"frames": [{**ENTRY, "image": "a.jpg"}], "video_offset": 1.0}, False),
        ({"frames": [{**ENTRY, "image": "a.jpg"}]}, True),
    ],
)
def test_the_schema_knows_that_a_video_stands_in_place_of_images(record, expected):
    assert is_valid(record, "frames") == expected


def test_without_pyav_a_video_is_refused_with_what_to_install_and_images_are_read(tmp_path):
    filmed(tmp_path / "a", entries(TENTHS), even(2))
    write(tmp_path / "b", film(3, frames=2, height=60, width=80))
    code = (
        "import sys; sys.modules['av'] = None\nfrom lightning_ouro.cli import main\n"
        "main(['prepare', 'a', 'b', 'store', '--num_frames', '2', '--workers', '1'])"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True)
    (skipped,) = (tmp_path / "store/skipped.jsonl").read_text().splitlines()
    assert "a/recording.mp4: videos are read by PyAV, which is not there: pip install" in skipped
    assert (tmp_path / "store/b/scene.json").is_file()
