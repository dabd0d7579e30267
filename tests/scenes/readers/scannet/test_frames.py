import json
import shutil
import zlib

import numpy as np
import pytest

from lightning_ouro.scenes.types import FrameBudget
from tests.scenes.readers.film import film
from tests.scenes.readers.read_scannet import WHOLE, scene_of, video_of
from tests.scenes.readers.write_scannet import (
    SCAN,
    TEXT,
    group,
    jpeg,
    millimetres,
    png,
    raw_poses,
    write_everything,
    write_exported,
    write_groups,
    write_masks,
    write_matrix,
    write_posed,
    write_scan,
    write_sens,
)


@pytest.fixture(scope="module")
def filmed():
    return film()


@pytest.fixture(scope="module")
def small():
    return film(frames=3, height=60, width=80)


@pytest.fixture(scope="module")
def good(small, tmp_path_factory):
    return write_everything(tmp_path_factory.mktemp("good"), small)


@pytest.fixture
def root(good, tmp_path):
    return shutil.copytree(good, tmp_path / "scannet")


# Which frames.


def test_sens_wins_over_exported_frames_and_these_over_posed_images(root, small):
    folder = root / "scans" / SCAN
    shutil.rmtree(folder / "color")
    write_exported(folder, small, numbers=[0, 3, 6])
    assert video_of(root).views.timestamps[1] == pytest.approx(small.times[1])
    (folder / f"{SCAN}.sens").unlink()
    assert video_of(root).views.timestamps[1] == pytest.approx(3 / 30)
    shutil.rmtree(folder / "color")
    assert video_of(root).views.timestamps[1] == pytest.approx(1 / 30)


def test_lost_frames_are_left_out_and_time_starts_at_the_first_image(root, small):
    poses = raw_poses(small)
    poses[0] = -np.inf
    folder = root / "scans" / SCAN
    write_sens(folder, small, poses=poses)
    write_exported(folder, small, poses=poses)
    found = video_of(root).views
    np.testing.assert_allclose(found.timestamps, small.times[1:], atol=1e-6)
    np.testing.assert_allclose(found.poses, small.poses[1:], atol=1e-5)
    assert "-inf" in (folder / "pose" / "0.txt").read_text()
    (folder / f"{SCAN}.sens").unlink()
    found = video_of(root).views
    np.testing.assert_allclose(found.timestamps, [1 / 30, 2 / 30])
    np.testing.assert_allclose(found.poses, small.poses[1:], atol=1e-5)


@pytest.mark.parametrize(
    "bad", [np.zeros((4, 4)), np.diag([2.0, 2, 2, 1]), np.diag([1.0, 1, -1, 1]), np.ones((4, 4))]
)
def test_frames_whose_pose_deforms_are_left_out(root, small, bad):
    poses = raw_poses(small)
    poses[1] = bad
    write_sens(root / "scans" / SCAN, small, poses=poses)
    np.testing.assert_allclose(video_of(root).views.poses, small.poses[[0, 2]], atol=1e-5)


def test_poses_that_are_rounded_are_kept(root, small):
    write_sens(root / "scans" / SCAN, small, poses=raw_poses(small).round(3))
    assert len(video_of(root).frames) == 3


def test_frames_without_colour_are_left_out_and_time_starts_at_the_first_with(root, small):
    whole = (jpeg(small.rgb[0]), zlib.compress(millimetres(small.depth[0]).tobytes()))
    write_sens(root / "scans" / SCAN, small, payloads=[(b"", b""), whole, (whole[0], b"")])
    views = video_of(root).views
    np.testing.assert_allclose(views.timestamps, [0, small.times[2] - small.times[1]], atol=1e-6)
    np.testing.assert_allclose(views.poses, small.poses[1:], atol=1e-5)


def test_of_frames_taken_at_the_same_time_the_first_is_kept(root, small):
    write_sens(root / "scans" / SCAN, small, stamps=[1_000_000, 1_000_000, 3_000_000])
    np.testing.assert_allclose(video_of(root).views.timestamps, [0, 2])


def test_sensors_that_write_no_times_count_frames_at_30_hz(root, small):
    write_sens(root / "scans" / SCAN, small, stamps=[0, 0, 0])
    np.testing.assert_allclose(video_of(root).views.timestamps, [0, 1 / 30, 2 / 30])


@pytest.mark.parametrize("numbers", [[9, 10, 100], [99_998, 99_999, 100_000], [0, 2, 1000]])
def test_unpadded_names_are_numbers(root, small, numbers):
    folder = root / "scans" / SCAN
    for name in ("color", "depth", "pose"):
        shutil.rmtree(folder / name)
    (folder / f"{SCAN}.sens").unlink()
    write_exported(folder, small, numbers=numbers)
    found = video_of(root).views
    np.testing.assert_allclose(found.timestamps, (np.array(numbers) - numbers[0]) / 30)
    np.testing.assert_allclose(found.poses, small.poses, atol=1e-5)


def test_padded_names_are_numbers_and_other_files_are_not_looked_at(tmp_path, small):
    write_scan(tmp_path, small)
    folder = write_posed(tmp_path, small, numbers=[0, 10, 12345])
    (folder / "depth_intrinsic.txt").write_text("no matrix")
    (folder / "notes.jpg").write_text("no image")
    np.testing.assert_allclose(video_of(tmp_path).views.timestamps, [0, 10 / 30, 12345 / 30])


def test_images_without_a_pose_file_are_left_out(root, small):
    folder = root / "scans" / SCAN
    (folder / f"{SCAN}.sens").unlink()
    (folder / "pose" / "1.txt").unlink()
    (folder / "depth" / "2.png").unlink()
    np.testing.assert_allclose(video_of(root).views.poses, small.poses[[0, 2]], atol=1e-5)


@pytest.mark.parametrize("own", [False, True])
def test_colour_may_have_been_made_smaller_with_the_intrinsics_or_without(root, small, own):
    folder = root / "scans" / SCAN
    (folder / f"{SCAN}.sens").unlink()
    (folder / f"{SCAN}.txt").write_text(TEXT.replace("= 240", "= 60").replace("= 320", "= 80"))
    write_exported(folder, small, shrink=2)
    if own:
        matrix = np.eye(4)
        matrix[:3, :3] = np.diag([0.5, 0.5, 1]) @ small.intrinsics
        matrix[:2, 2] -= 0.5
        write_matrix(folder / "intrinsic" / "intrinsic_color.txt", matrix)
    found = video_of(root, FrameBudget(3, 30, 40, token=10))
    assert found.frames.shape == (3, 30, 40, 3)
    np.testing.assert_allclose(
        found.views.intrinsics[0], np.diag([0.5, 0.5, 1]) @ small.intrinsics, atol=1e-4
    )


# Masks.


def test_masks_are_values_less_one_and_the_filtered_ones_are_preferred(tmp_path, filmed):
    folder = write_scan(tmp_path, filmed)
    write_sens(folder, filmed)
    number = len(filmed.scene.objects)
    write_masks(folder, filmed, filtered=False)
    np.testing.assert_allclose(video_of(tmp_path).views.visibility, filmed.shares, rtol=1e-6)
    write_masks(folder, filmed, changed={"instance-filt/0.png": png(np.full((24, 32), number, np.uint8))})
    shares = video_of(tmp_path).views.visibility
    assert shares[0].tolist() == [0] * (number - 1) + [1]
    np.testing.assert_allclose(shares[1:], filmed.shares[1:], rtol=1e-6)


def test_masks_follow_the_objects_where_groups_are_dropped_or_listed_twice(tmp_path, filmed):
    folder = write_scan(tmp_path, filmed)
    write_sens(folder, filmed)
    write_masks(folder, filmed)
    path = folder / f"{SCAN}.aggregation.json"
    groups = json.loads(path.read_text())["segGroups"]
    groups[0]["label"] = "wall"
    groups[2]["segments"].append(123_456)
    twice = group(90, groups[3]["label"], groups[3]["segments"])
    write_groups(folder, [*groups, twice])
    mask = png(np.full((24, 32), 91, np.uint8))
    write_masks(folder, filmed, changed={"instance-filt/5.png": mask})
    scene = scene_of(tmp_path)
    kept = [place for place in range(len(filmed.scene.objects)) if place not in (0, 2)]
    assert len(scene.objects) == len(kept)
    shares = scene.footage.load(scene, WHOLE).views.visibility
    np.testing.assert_allclose(shares[:5], filmed.shares[:5][:, kept], rtol=1e-6)
    assert shares[5].tolist() == [float(place == 3) for place in kept]


def test_frames_without_a_mask_go_by_depth(root, small):
    write_masks(root / "scans" / SCAN, small, numbers=[100, 101, 102])
    without = video_of(root).views.visibility
    (root / "scans" / SCAN / f"{SCAN}_2d-instance-filt.zip").unlink()
    assert (without == video_of(root).views.visibility).all()


def test_masks_are_not_joined_with_posed_images_whose_numbers_may_be_new(root, small):
    folder = root / "scans" / SCAN
    (folder / f"{SCAN}.sens").unlink()
    shutil.rmtree(folder / "color")
    full = png(np.full((9, 9), 1, np.uint8))
    write_masks(folder, small, changed={f"instance-filt/{frame}.png": full for frame in range(3)})
    assert video_of(root).views.visibility[:, 0].max() < 1
