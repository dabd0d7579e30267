import json
import pickle
import shutil
from functools import partial

import numpy as np
import pytest

from lightning_ouro.scenes.footage.read_frames import resized
from lightning_ouro.scenes.footage.recorded_footage import RecordedFootage
from lightning_ouro.scenes.footage.visibility import by_depth, visible_shares
from lightning_ouro.scenes.readers.scannetpp.iphone_recording import IphoneRecording
from lightning_ouro.scenes.readers.scannetpp.reader import ScanNetppReader
from lightning_ouro.scenes.types import FrameBudget
from tests.scenes.readers.film import clearly
from tests.scenes.readers.said import said
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

ALL_FRAMES = FrameBudget(12, 120, 160, token=4)
TRUTH, VIDEO_TRUTH = filmed()


def read(folder):
    (location,) = ScanNetppReader().find(folder)
    return ScanNetppReader().read(location)


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


def load(scene, folder, budget=ALL_FRAMES):
    return RecordedFootage(partial(IphoneRecording, folder / "iphone")).load(scene, budget)


def change_entries(folder, change):
    """Lets `change` alter the entries in place, or return new ones."""
    path = folder / "iphone" / "pose_intrinsic_imu.json"
    entries = json.loads(path.read_text())
    write_json(path, change(entries) or entries)


def check_shares(shares, frames):
    truth = TRUTH.shares[frames]
    is_clear = clearly(truth)
    assert is_clear.mean() > 0.85 and ((shares > 0.003) == (truth > 0.003))[is_clear].all()
    large = truth >= 0.006
    np.testing.assert_allclose(shares[large], truth[large], rtol=0.25)


@pytest.mark.parametrize(
    ("video", "depth"), [("rgb.mkv", "lz4"), ("rgb.mkv", "zlib"), ("rgb.mp4", "block"), ("rgb.mp4", "lz4")]
)
def test_the_recording_comes_back_from_every_release(tmp_path, video, depth):
    scene = read(write_filmed(tmp_path, video=video, depth=depth))
    loaded = pickle.loads(pickle.dumps(scene)).footage.load(scene, ALL_FRAMES)
    assert loaded.frames.shape == (12, 120, 160, 3)
    assert np.abs(loaded.frames.astype(int) - VIDEO_TRUTH.rgb).mean(axis=(1, 2, 3)).max() < 4
    np.testing.assert_allclose(loaded.views.poses, TRUTH.poses, atol=1e-9)
    np.testing.assert_allclose(loaded.views.timestamps, TRUTH.times, atol=1e-6)
    np.testing.assert_allclose(loaded.views.intrinsics, np.repeat(VIDEO_TRUTH.intrinsics[None], 12, axis=0))
    check_shares(loaded.views.visibility, range(12))


def test_frames_are_sampled_evenly_and_resized_with_their_intrinsics(scene, folder):
    loaded = load(scene, folder, FrameBudget(4, 60, 80, token=4))
    indices = [0, 3, 7, 11]
    np.testing.assert_allclose(loaded.views.timestamps, TRUTH.times[indices], atol=1e-6)
    np.testing.assert_allclose(loaded.views.intrinsics[0], VIDEO_TRUTH.intrinsics * [[0.5], [0.5], [1]])
    truth = np.stack([resized(VIDEO_TRUTH.rgb[index], (60, 80)) for index in indices])
    assert np.abs(loaded.frames.astype(int) - truth).mean(axis=(1, 2, 3)).max() < 4
    check_shares(loaded.views.visibility, indices)


def test_mkv_is_preferred_if_both_releases_are_in_one_folder(folder):
    write_video(folder / "iphone" / "rgb.mp4", np.zeros((12, 60, 80, 3), dtype=np.uint8))
    assert recording(folder).shots.size == (120, 160)


def test_depth_shows_the_view_of_a_1920_1440_image_7_5_times_smaller(tmp_path):
    intrinsics = TRUTH.intrinsics * [[7.5], [7.5], [1]]
    scene = read(write_scene(tmp_path, TRUTH, np.zeros((2, 1440, 1920, 3), dtype=np.uint8), intrinsics))
    opened = IphoneRecording(tmp_path / "data" / ID / "iphone", scene)
    shots = opened.shots
    assert shots.size == (1440, 1920) and len(shots.times) == 2 and opened.depth(1).shape == (192, 256)
    visible = by_depth(scene, shots.intrinsics[1], shots.poses[1], shots.size, opened.depth(1))
    assert (visible == TRUTH.ids[1][1::2, 1::2]).mean() > 0.97


def test_without_depth_visibility_comes_from_boxes(tmp_path):
    scene = read(write_filmed(tmp_path, depth=None))
    opened = IphoneRecording(tmp_path / "data" / ID / "iphone", scene)
    assert opened.depth(0) is None
    check_shares(np.stack([shares.certain for shares in visible_shares(scene, opened, range(12))]), range(12))


def test_a_frame_without_an_entry_is_skipped_in_images_and_depth_alike(folder):
    change_entries(
        folder, lambda entries: [entries.pop(f"frame_{number:06d}") for number in (0, 3, 11)] and None
    )
    opened = recording(folder)
    kept = [1, 2, 4, 5, 6, 7, 8, 9, 10]
    np.testing.assert_allclose(opened.shots.poses, TRUTH.poses[kept], atol=1e-9)
    for index, image in zip([1, 8], opened.images([1, 8]), strict=True):
        assert np.abs(image.astype(int) - VIDEO_TRUTH.rgb[kept[index]]).mean() < 4
        np.testing.assert_allclose(opened.depth(index), TRUTH.depth[kept[index]], atol=0.00051)


def test_time_starts_at_the_videos_first_frame_even_without_an_entry(folder):
    def at_60_hz(entries):
        for index, entry in enumerate(entries.values()):
            entry["timestamp"] = 7.0 + index / 60
        del entries["frame_000000"], entries["frame_000001"]

    change_entries(folder, at_60_hz)
    np.testing.assert_allclose(recording(folder).shots.times, np.arange(2, 12) / 60, atol=0.002)


def test_time_starts_at_the_first_entry_even_with_a_lost_pose(folder):
    change_entries(folder, lambda entries: entries["frame_000000"].update(aligned_pose=None))
    np.testing.assert_allclose(recording(folder).shots.times, TRUTH.times[1:], atol=1e-6)


LOST = {
    "nan": np.full((4, 4), np.nan),
    "infinite": np.full((4, 4), -np.inf),
    "zero": np.zeros((4, 4)),
    "scaled": TRUTH.poses[5] @ np.diag([1.1, 1.1, 1.1, 1]),
    "mirrored": TRUTH.poses[5] @ np.diag([1.0, 1, -1, 1]),
    "transposed": TRUTH.poses[5].T,
    "kilometres away": TRUTH.poses[5] + np.eye(4, k=3) * 5000,
}


@pytest.mark.parametrize("pose", [*LOST.values(), None], ids=[*LOST, "missing"])
def test_a_frame_whose_pose_is_not_rigid_is_left_out(folder, pose):
    def lose(entries):
        entries["frame_000005"]["aligned_pose"] = None if pose is None else pose.tolist()
        if pose is None:
            del entries["frame_000005"]["aligned_pose"]

    change_entries(folder, lose)
    np.testing.assert_allclose(recording(folder).shots.poses, np.delete(TRUTH.poses, 5, axis=0), atol=1e-9)


def test_a_frame_with_a_rounded_pose_is_used(folder):
    rounded = np.round(TRUTH.poses[5], 3).tolist()
    change_entries(folder, lambda entries: entries["frame_000005"].update(aligned_pose=rounded))
    assert len(recording(folder).shots.times) == 12


@pytest.mark.parametrize(
    ("images", "entries", "depths"), [(9, 12, 12), (12, 9, 12), (12, 12, 9), (11, 10, 9)]
)
@pytest.mark.parametrize("kind", ["lz4", "block"])
def test_the_part_common_to_video_entries_and_depth_is_used(folder, images, entries, depths, kind):
    write_video(folder / "iphone" / "rgb.mkv", VIDEO_TRUTH.rgb[:images])
    (folder / "iphone" / "depth.bin").write_bytes(packed_depth(TRUTH.depth[:depths], kind))
    change_entries(folder, lambda all_entries: dict(list(all_entries.items())[:entries]))
    opened = recording(folder)
    assert len(opened.shots.times) == 9
    assert np.abs(next(opened.images([8])).astype(int) - VIDEO_TRUTH.rgb[8]).mean() < 4
    np.testing.assert_allclose(opened.depth(8), TRUTH.depth[8], atol=0.00051)


def test_entries_belong_to_the_frame_of_their_name_in_any_order(folder):
    change_entries(folder, lambda entries: dict(sorted(entries.items(), reverse=True)))
    np.testing.assert_allclose(recording(folder).shots.poses, TRUTH.poses, atol=1e-9)


def in_entry(**fields):
    return lambda folder: change_entries(folder, lambda entries: entries["frame_000002"].update(fields))


def without(field):
    return lambda folder: change_entries(folder, lambda entries: entries["frame_000002"].pop(field) and None)


def in_all(**fields):
    return lambda folder: change_entries(
        folder, lambda entries: {name: entry | fields for name, entry in entries.items()}
    )


def in_file(name, content):
    return lambda folder: (folder / "iphone" / name).write_bytes(content)


def truncated(name, share):
    def damage(folder):
        path = folder / "iphone" / name
        path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])

    return damage


def replaced_by_a_folder(name):
    def damage(folder):
        (folder / "iphone" / name).unlink()
        (folder / "iphone" / name).mkdir()

    return damage


K = VIDEO_TRUTH.intrinsics.tolist()
POSES, VIDEO, DEPTH = "pose_intrinsic_imu.json", "rgb.mkv", "depth.bin"


@pytest.mark.parametrize(
    ("damage", "words"),
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
        (without("timestamp"), [POSES, "timestamps", "1 of 12"]),
        (in_entry(timestamp="40408.0"), [POSES, "timestamps", "1 of 12"]),
        (in_entry(timestamp=float("nan")), [POSES, "timestamps", "1 of 12"]),
        (in_entry(timestamp=True), [POSES, "timestamps", "1 of 12"]),
        (in_entry(timestamp=1.0), [POSES, "timestamps", "1 of 12"]),
        (in_all(timestamp=1.0), [POSES, "timestamps", "those of the video's frames"]),
        (
            lambda folder: change_entries(folder, lambda entries: {"frame_2": entries["frame_000002"]}),
            [POSES, "frame_2"],
        ),
        (lambda folder: change_entries(folder, lambda entries: {"画" * 5000: {}}), [POSES, "画", "..."]),
        (
            lambda folder: change_entries(folder, lambda entries: {"frame_000000": [1]}),
            [POSES, "frame_000000", "[1]"],
        ),
        (
            lambda folder: change_entries(folder, lambda entries: {"frame_000099": {}}),
            [POSES, "no entry", VIDEO],
        ),
        (in_file(POSES, b"{}"), [POSES, "frame_000000"]),
        (in_file(POSES, b"[1]"), [POSES, "[1]"]),
        (in_file(POSES, b""), [POSES, "JSON"]),
        (truncated(POSES, 0.5), [POSES, "JSON"]),
        (in_file(POSES, b"\xff\xfe"), [POSES, "text"]),
        (replaced_by_a_folder(POSES), [POSES, "directory"]),
        (in_file(VIDEO, b""), [VIDEO]),
        (in_file(VIDEO, b"not a video"), [VIDEO]),
        (truncated(VIDEO, 0.02), [VIDEO]),
        (replaced_by_a_folder(VIDEO), [VIDEO]),
        (in_file(DEPTH, b""), [DEPTH, "empty"]),
        (truncated(DEPTH, 0.5), [DEPTH, "truncated"]),
        (in_file(DEPTH, with_size(deflated(bytes(30 << 20))) * 12), [DEPTH, "frame 0"]),
        (replaced_by_a_folder(DEPTH), [DEPTH, "directory"]),
    ],
)
def test_a_broken_recording_is_refused_and_a_broken_entry_left_out(scene, folder, damage, words):
    damage(folder)
    is_refused, message = said(lambda: load(scene, folder))
    assert is_refused == ("frame_000002" not in words and "timestamps" not in words)
    assert message.startswith(f"scene {ID}: ") and "\n" not in message and len(message) < 600
    assert all(word in message for word in words), message


def test_a_truncated_video_is_used_up_to_its_end(scene, folder):
    truncated(VIDEO, 0.6)(folder)
    assert 1 <= len(load(scene, folder).frames) < 12
