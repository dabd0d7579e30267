import json
import pickle
import shutil
from functools import partial

import numpy as np
import pytest

from lightning_ouro.errors import InputError
from lightning_ouro.scenes.footage.recorded_footage import RecordedFootage, resized
from lightning_ouro.scenes.footage.visibility import by_depth, visible_shares
from lightning_ouro.scenes.readers.scannetpp.iphone_recording import IphoneRecording
from lightning_ouro.scenes.readers.scannetpp.reader import ScanNetppReader
from lightning_ouro.scenes.types import FrameBudget
from tests.scenes.readers.film import clearly
from tests.scenes.readers.write_scannetpp import (
    ID,
    deflated,
    filmed,
    packed_depth,
    with_size,
    write_filmed,
    write_json,
    write_scene,
    write_video,
)

ALL = FrameBudget(12, 120, 160, token=4)
TRUE, SHOWN = filmed()


def read(folder):
    (found,) = ScanNetppReader().find(folder)
    return ScanNetppReader().read(found)


@pytest.fixture(scope="module")
def scene_folder(tmp_path_factory):
    return write_filmed(tmp_path_factory.mktemp("scannetpp"))


@pytest.fixture(scope="module")
def scene(scene_folder):
    return read(scene_folder)


@pytest.fixture
def folder(scene_folder, tmp_path):
    """A copy of the recording that a test may change."""
    return shutil.copytree(scene_folder / "iphone", tmp_path / ID / "iphone").parent


def recording(folder):
    return IphoneRecording(folder / "iphone", None)


def load(scene, folder, budget=ALL):
    return RecordedFootage(partial(IphoneRecording, folder / "iphone")).load(scene, budget)


def change_entries(folder, change):
    """Lets `change` alter the entries in place, or return others."""
    path = folder / "iphone" / "pose_intrinsic_imu.json"
    entries = json.loads(path.read_text())
    write_json(path, change(entries) or entries)


def check_shares(scene, shares, frames):
    truth = TRUE.shares[frames]
    sure = clearly(truth)
    assert sure.mean() > 0.85 and ((shares > 0.003) == (truth > 0.003))[sure].all()
    large = truth >= 0.006
    np.testing.assert_allclose(shares[large], truth[large], rtol=0.25)


@pytest.mark.parametrize(
    ("video", "depth"), [("rgb.mkv", "lz4"), ("rgb.mkv", "zlib"), ("rgb.mp4", "block"), ("rgb.mp4", "lz4")]
)
def test_what_was_filmed_comes_back_from_every_release(tmp_path, video, depth):
    scene = read(write_filmed(tmp_path, video=video, depth=depth))
    seen = pickle.loads(pickle.dumps(scene)).footage.load(scene, ALL)
    assert seen.frames.shape == (12, 120, 160, 3)
    assert np.abs(seen.frames.astype(int) - SHOWN.rgb).mean(axis=(1, 2, 3)).max() < 4
    np.testing.assert_allclose(seen.views.poses, TRUE.poses, atol=1e-9)
    np.testing.assert_allclose(seen.views.timestamps, TRUE.times, atol=1e-6)
    np.testing.assert_allclose(seen.views.intrinsics, np.repeat(SHOWN.intrinsics[None], 12, axis=0))
    check_shares(scene, seen.views.visibility, range(12))


def test_few_frames_are_taken_evenly_and_resized_with_their_intrinsics(scene, folder):
    seen = load(scene, folder, FrameBudget(4, 60, 80, token=4))
    places = [0, 3, 7, 11]
    np.testing.assert_allclose(seen.views.timestamps, TRUE.times[places], atol=1e-6)
    np.testing.assert_allclose(seen.views.intrinsics[0], SHOWN.intrinsics * [[0.5], [0.5], [1]])
    truth = np.stack([resized(SHOWN.rgb[place], (60, 80)) for place in places])
    assert np.abs(seen.frames.astype(int) - truth).mean(axis=(1, 2, 3)).max() < 4
    check_shares(scene, seen.views.visibility, places)


def test_mkv_is_preferred_where_both_releases_were_unpacked_into_one_folder(folder):
    write_video(folder / "iphone" / "rgb.mp4", np.zeros((12, 60, 80, 3), dtype=np.uint8))
    assert recording(folder).shots.size == (120, 160)


def test_depth_is_the_view_of_a_1920_1440_image_7_5_times_smaller(tmp_path):
    intrinsics = TRUE.intrinsics * [[7.5], [7.5], [1]]
    scene = read(write_scene(tmp_path, TRUE, np.zeros((2, 1440, 1920, 3), dtype=np.uint8), intrinsics))
    opened = IphoneRecording(tmp_path / "data" / ID / "iphone", scene)
    shots = opened.shots
    assert shots.size == (1440, 1920) and len(shots.times) == 2 and opened.depth(1).shape == (192, 256)
    shown = by_depth(scene, shots.intrinsics[1], shots.poses[1], shots.size, opened.depth(1))
    assert (shown == TRUE.ids[1][1::2, 1::2]).mean() > 0.97


def test_without_depth_boxes_say_what_is_visible(tmp_path):
    scene = read(write_filmed(tmp_path, depth=None))
    opened = IphoneRecording(tmp_path / "data" / ID / "iphone", scene)
    assert opened.depth(0) is None
    check_shares(scene, np.stack([visible_shares(scene, opened, place) for place in range(12)]), range(12))


def test_a_frame_without_an_entry_is_not_used_and_the_others_keep_their_images_and_depth(folder):
    change_entries(
        folder, lambda entries: [entries.pop(f"frame_{place:06d}") for place in (0, 3, 11)] and None
    )
    opened = recording(folder)
    left = [1, 2, 4, 5, 6, 7, 8, 9, 10]
    np.testing.assert_allclose(opened.shots.poses, TRUE.poses[left], atol=1e-9)
    for place, image in zip([1, 8], opened.images([1, 8]), strict=True):
        assert np.abs(image.astype(int) - SHOWN.rgb[left[place]]).mean() < 4
        np.testing.assert_allclose(opened.depth(place), TRUE.depth[left[place]], atol=0.00051)


def test_times_count_from_the_videos_first_frame_even_if_it_has_no_entry(folder):
    def fast(entries):
        for place, entry in enumerate(entries.values()):
            entry["timestamp"] = 7.0 + place / 60
        del entries["frame_000000"], entries["frame_000001"]

    change_entries(folder, fast)
    np.testing.assert_allclose(recording(folder).shots.times, np.arange(2, 12) / 60, atol=0.002)


def test_times_count_from_the_first_entry_even_if_its_pose_is_lost(folder):
    change_entries(folder, lambda entries: entries["frame_000000"].update(aligned_pose=None))
    np.testing.assert_allclose(recording(folder).shots.times, TRUE.times[1:], atol=1e-6)


LOST = {
    "nan": np.full((4, 4), np.nan),
    "infinite": np.full((4, 4), -np.inf),
    "zero": np.zeros((4, 4)),
    "scaled": TRUE.poses[5] @ np.diag([1.1, 1.1, 1.1, 1]),
    "mirrored": TRUE.poses[5] @ np.diag([1.0, 1, -1, 1]),
    "transposed": TRUE.poses[5].T,
    "kilometres away": TRUE.poses[5] + np.eye(4, k=3) * 5000,
}


@pytest.mark.parametrize("pose", [*LOST.values(), None], ids=[*LOST, "missing"])
def test_a_frame_whose_pose_is_no_rigid_motion_is_not_used(folder, pose):
    def lose(entries):
        entries["frame_000005"]["aligned_pose"] = None if pose is None else pose.tolist()
        if pose is None:
            del entries["frame_000005"]["aligned_pose"]

    change_entries(folder, lose)
    np.testing.assert_allclose(recording(folder).shots.poses, np.delete(TRUE.poses, 5, axis=0), atol=1e-9)


def test_a_pose_that_is_rigid_but_for_rounding_is_used(folder):
    rounded = np.round(TRUE.poses[5], 3).tolist()
    change_entries(folder, lambda entries: entries["frame_000005"].update(aligned_pose=rounded))
    assert len(recording(folder).shots.times) == 12


@pytest.mark.parametrize(
    ("images", "entries", "depths"), [(9, 12, 12), (12, 9, 12), (12, 12, 9), (11, 10, 9)]
)
@pytest.mark.parametrize("kind", ["lz4", "block"])
def test_the_part_that_video_entries_and_depth_share_is_used(folder, images, entries, depths, kind):
    write_video(folder / "iphone" / "rgb.mkv", SHOWN.rgb[:images])
    (folder / "iphone" / "depth.bin").write_bytes(packed_depth(TRUE.depth[:depths], kind))
    change_entries(folder, lambda all_entries: dict(list(all_entries.items())[:entries]))
    opened = recording(folder)
    assert len(opened.shots.times) == 9
    assert np.abs(next(opened.images([8])).astype(int) - SHOWN.rgb[8]).mean() < 4
    np.testing.assert_allclose(opened.depth(8), TRUE.depth[8], atol=0.00051)


def test_entries_in_any_order_belong_to_the_frame_of_their_name(folder):
    change_entries(folder, lambda entries: dict(sorted(entries.items(), reverse=True)))
    np.testing.assert_allclose(recording(folder).shots.poses, TRUE.poses, atol=1e-9)


def in_entry(**fields):
    return lambda folder: change_entries(folder, lambda entries: entries["frame_000002"].update(fields))


def without(field):
    return lambda folder: change_entries(folder, lambda entries: entries["frame_000002"].pop(field) and None)


def in_all(**fields):
    return lambda folder: change_entries(
        folder, lambda all_: {name: one | fields for name, one in all_.items()}
    )


def in_file(name, content):
    return lambda folder: (folder / "iphone" / name).write_bytes(content)


def cut(name, share):
    def cut_off(folder):
        path = folder / "iphone" / name
        path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])

    return cut_off


def made_a_folder(name):
    def make(folder):
        (folder / "iphone" / name).unlink()
        (folder / "iphone" / name).mkdir()

    return make


K = SHOWN.intrinsics.tolist()
POSES, VIDEO, DEPTH = "pose_intrinsic_imu.json", "rgb.mkv", "depth.bin"


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        (in_entry(aligned_pose=np.eye(3).tolist()), [POSES, "frame_000002", "aligned_pose", "4 rows of 4"]),
        (in_entry(aligned_pose=[1.0] * 16), [POSES, "frame_000002", "aligned_pose"]),
        (in_entry(aligned_pose=[["1"] * 4] * 4), [POSES, "frame_000002", "aligned_pose", "'1'"]),
        (in_entry(aligned_pose=[[10**400] * 4] * 4), [POSES, "frame_000002", "aligned_pose"]),
        (in_entry(aligned_pose="x" * 100_000), [POSES, "frame_000002", "aligned_pose", "..."]),
        (in_all(aligned_pose=[[float("nan")] * 4] * 4), [POSES, "none of its 12 entries", "aligned_pose"]),
        (without("intrinsic"), [POSES, "frame_000002", "intrinsic", "missing"]),
        (in_entry(intrinsic=[[float("nan")] * 3] * 3), [POSES, "frame_000002", "intrinsic", "nan"]),
        (in_entry(intrinsic=np.diag([0, 0, 1]).tolist()), [POSES, "frame_000002", "intrinsic", "160 × 120"]),
        (in_all(intrinsic=(np.array(K) * [[2], [2], [1]]).tolist()), [POSES, "intrinsic", "160 × 120"]),
        (in_entry(intrinsic=[row[:2] for row in K]), [POSES, "frame_000002", "intrinsic", "3 rows of 3"]),
        (without("timestamp"), [POSES, "frame_000002", "timestamp", "missing"]),
        (in_entry(timestamp="40408.0"), [POSES, "frame_000002", "timestamp", "'40408.0'"]),
        (in_entry(timestamp=float("nan")), [POSES, "frame_000002", "timestamp", "nan"]),
        (in_entry(timestamp=True), [POSES, "frame_000002", "timestamp", "True"]),
        (in_entry(timestamp=1.0), [POSES, "timestamp", "rise"]),
        (
            lambda folder: change_entries(folder, lambda all_: {"frame_2": all_["frame_000002"]}),
            [POSES, "frame_2"],
        ),
        (lambda folder: change_entries(folder, lambda all_: {"画" * 5000: {}}), [POSES, "画", "..."]),
        (
            lambda folder: change_entries(folder, lambda all_: {"frame_000000": [1]}),
            [POSES, "frame_000000", "[1]"],
        ),
        (
            lambda folder: change_entries(folder, lambda all_: {"frame_000099": {}}),
            [POSES, "no entry", VIDEO],
        ),
        (in_file(POSES, b"{}"), [POSES, "frame_000000"]),
        (in_file(POSES, b"[1]"), [POSES, "[1]"]),
        (in_file(POSES, b""), [POSES, "JSON"]),
        (cut(POSES, 0.5), [POSES, "JSON"]),
        (in_file(POSES, b"\xff\xfe"), [POSES, "text"]),
        (made_a_folder(POSES), [POSES, "directory"]),
        (in_file(VIDEO, b""), [VIDEO]),
        (in_file(VIDEO, b"no video"), [VIDEO]),
        (cut(VIDEO, 0.02), [VIDEO]),
        (made_a_folder(VIDEO), [VIDEO]),
        (in_file(DEPTH, b""), [DEPTH, "empty"]),
        (cut(DEPTH, 0.5), [DEPTH, "cut off"]),
        (in_file(DEPTH, with_size(deflated(bytes(30 << 20))) * 12), [DEPTH, "frame 0"]),
        (made_a_folder(DEPTH), [DEPTH, "directory"]),
    ],
)
def test_a_broken_recording_is_refused_in_one_line_that_names_the_file(scene, folder, break_it, words):
    break_it(folder)
    with pytest.raises(InputError) as error:
        load(scene, folder)
    message = str(error.value)
    assert message.startswith(f"scene {ID}: ") and "\n" not in message and len(message) < 600
    assert all(word in message for word in words), message


def test_a_video_that_is_cut_off_is_used_up_to_there(scene, folder):
    cut(VIDEO, 0.6)(folder)
    assert 1 <= len(load(scene, folder).frames) < 12
