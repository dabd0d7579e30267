import shutil
import zlib

import numpy as np
import pytest

from lightning_ouro.scenes.types import FrameBudget
from tests.scenes.readers.read_scannet import video_of
from tests.scenes.readers.write_scannet import (
    SCAN,
    TEXT,
    jpeg,
    millimetres,
    raw_poses,
    write_exported,
    write_matrix,
    write_posed,
    write_scan,
    write_sens,
)


def test_sens_is_preferred_to_exported_frames_and_these_to_posed_images(root, small):
    folder = root / "scans" / SCAN
    shutil.rmtree(folder / "color")
    write_exported(folder, small, numbers=[0, 3, 6])
    assert video_of(root).views.timestamps[1] == pytest.approx(small.times[1])
    (folder / f"{SCAN}.sens").unlink()
    assert video_of(root).views.timestamps[1] == pytest.approx(3 / 30)
    shutil.rmtree(folder / "color")
    assert video_of(root).views.timestamps[1] == pytest.approx(1 / 30)


def test_lost_frames_are_left_out_but_time_starts_at_the_first_image(root, small):
    poses = raw_poses(small)
    poses[0] = -np.inf
    folder = root / "scans" / SCAN
    write_sens(folder, small, poses=poses)
    write_exported(folder, small, poses=poses)
    views = video_of(root).views
    np.testing.assert_allclose(views.timestamps, small.times[1:], atol=1e-6)
    np.testing.assert_allclose(views.poses, small.poses[1:], atol=1e-5)
    assert "-inf" in (folder / "pose" / "0.txt").read_text()
    (folder / f"{SCAN}.sens").unlink()
    views = video_of(root).views
    np.testing.assert_allclose(views.timestamps, [1 / 30, 2 / 30])
    np.testing.assert_allclose(views.poses, small.poses[1:], atol=1e-5)


@pytest.mark.parametrize(
    "bad", [np.zeros((4, 4)), np.diag([2.0, 2, 2, 1]), np.diag([1.0, 1, -1, 1]), np.ones((4, 4))]
)
def test_frames_whose_pose_is_not_rigid_are_left_out(root, small, bad):
    poses = raw_poses(small)
    poses[1] = bad
    write_sens(root / "scans" / SCAN, small, poses=poses)
    np.testing.assert_allclose(video_of(root).views.poses, small.poses[[0, 2]], atol=1e-5)


def test_frames_with_rounded_poses_are_kept(root, small):
    write_sens(root / "scans" / SCAN, small, poses=raw_poses(small).round(3))
    assert len(video_of(root).frames) == 3


def test_frames_without_colour_are_left_out_and_do_not_start_the_clock(root, small):
    payload = (jpeg(small.rgb[0]), zlib.compress(millimetres(small.depth[0]).tobytes()))
    write_sens(root / "scans" / SCAN, small, payloads=[(b"", b""), payload, (payload[0], b"")])
    views = video_of(root).views
    np.testing.assert_allclose(views.timestamps, [0, small.times[2] - small.times[1]], atol=1e-6)
    np.testing.assert_allclose(views.poses, small.poses[1:], atol=1e-5)


def test_the_first_of_frames_with_the_same_time_is_kept(root, small):
    write_sens(root / "scans" / SCAN, small, stamps=[1_000_000, 1_000_000, 3_000_000])
    np.testing.assert_allclose(video_of(root).views.timestamps, [0, 2])


def test_frames_without_times_are_numbered_at_30_hz(root, small):
    write_sens(root / "scans" / SCAN, small, stamps=[0, 0, 0])
    with pytest.warns(UserWarning, match=r"scene0000_00\.sens: its timestamps are missing .* at 30 Hz"):
        views = video_of(root).views
    np.testing.assert_allclose(views.timestamps, [0, 1 / 30, 2 / 30])


HOUR = 3_600_000_000  # microseconds


@pytest.mark.parametrize(
    "stamps", [[0, HOUR, 10 * HOUR], [9 * HOUR, 2 * HOUR, 5], [0, 1 << 62, (1 << 62) + 5]]
)
def test_random_stamps_give_no_video_of_hours(root, small, stamps):
    write_sens(root / "scans" / SCAN, small, stamps=stamps)
    with pytest.warns(UserWarning, match="times are those of frames at 30 Hz"):
        views = video_of(root).views
    np.testing.assert_allclose(views.timestamps, [0, 1 / 30, 2 / 30])


@pytest.mark.parametrize("numbers", [[9, 10, 100], [99_998, 99_999, 100_000], [0, 2, 1000]])
def test_unpadded_names_are_read_as_numbers(root, small, numbers):
    folder = root / "scans" / SCAN
    for name in ("color", "depth", "pose"):
        shutil.rmtree(folder / name)
    (folder / f"{SCAN}.sens").unlink()
    write_exported(folder, small, numbers=numbers)
    views = video_of(root).views
    np.testing.assert_allclose(views.timestamps, (np.array(numbers) - numbers[0]) / 30)
    np.testing.assert_allclose(views.poses, small.poses, atol=1e-5)


def test_padded_names_are_read_as_numbers_and_other_files_ignored(tmp_path, small):
    write_scan(tmp_path, small)
    folder = write_posed(tmp_path, small, numbers=[0, 10, 12345])
    (folder / "depth_intrinsic.txt").write_text("not a matrix")
    (folder / "notes.jpg").write_text("not an image")
    np.testing.assert_allclose(video_of(tmp_path).views.timestamps, [0, 10 / 30, 12345 / 30])


def test_images_without_a_pose_file_are_left_out(root, small):
    folder = root / "scans" / SCAN
    (folder / f"{SCAN}.sens").unlink()
    (folder / "pose" / "1.txt").unlink()
    (folder / "depth" / "2.png").unlink()
    np.testing.assert_allclose(video_of(root).views.poses, small.poses[[0, 2]], atol=1e-5)


@pytest.mark.parametrize("intrinsics_too", [False, True])
def test_colour_may_be_reduced_with_or_without_its_intrinsics(root, small, intrinsics_too):
    folder = root / "scans" / SCAN
    (folder / f"{SCAN}.sens").unlink()
    (folder / f"{SCAN}.txt").write_text(TEXT.replace("= 240", "= 60").replace("= 320", "= 80"))
    write_exported(folder, small, shrink=2)
    if intrinsics_too:
        matrix = np.eye(4)
        matrix[:3, :3] = np.diag([0.5, 0.5, 1]) @ small.intrinsics
        matrix[:2, 2] -= 0.5
        write_matrix(folder / "intrinsic" / "intrinsic_color.txt", matrix)
    video = video_of(root, FrameBudget(3, 30, 40, token=10))
    assert video.frames.shape == (3, 30, 40, 3)
    expected = np.diag([0.5, 0.5, 1]) @ small.intrinsics
    np.testing.assert_allclose(video.views.intrinsics[0], expected, atol=1e-4)
