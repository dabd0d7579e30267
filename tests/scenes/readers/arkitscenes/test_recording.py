"""Frames, cameras and depth of ARKitScenes videos, as written and with the quirks of real folders."""

import pickle
import shutil

import imageio.v3 as iio
import numpy as np
import pytest

from lightning_ouro.scenes.types import FrameBudget
from tests.scenes.readers.film import clearly, film
from tests.scenes.readers.read_arkitscenes import (
    KITCHEN,
    LOWRES,
    READER,
    VGA,
    frames_of,
    kept,
    load,
    open_scene,
    shift_time,
    tiny,
)
from tests.scenes.readers.write_arkitscenes import (
    README_NAMES,
    START,
    VIDEO,
    stamps,
    stored_camera,
    stored_picture,
    write_3dod,
    write_images,
    write_intrinsics,
    write_movie,
    write_poses,
    write_raw,
)

TURNED = ("41069021", "41069022", "41069023", "41069024")  # the device held in each of four orientations


@pytest.fixture(scope="module")
def root(kitchen, tmp_path_factory):
    root = tmp_path_factory.mktemp("arkitscenes")
    for held, video in enumerate(TURNED):
        write_3dod(root, kitchen, video=video, held=held)
    return root


@pytest.fixture(scope="module")
def loaded(root):
    return [load(root / "3dod" / "Training" / video) for video in TURNED]


def check_visibility(views, recorded):
    truth = recorded.shares[:, [item.id for item in kept(recorded.scene)]]
    assert ((views.visibility > 0.003) == (truth > 0.003))[clearly(truth)].all()
    large = truth >= 0.006
    assert large.sum() > 5
    np.testing.assert_allclose(views.visibility[large], truth[large], rtol=0.25)


def test_frames_and_cameras_are_upright_however_the_device_was_held(loaded, kitchen):
    for _, video in loaded:
        np.testing.assert_array_equal(video.frames, kitchen.rgb)
        np.testing.assert_allclose(video.views.poses, kitchen.poses, atol=1e-5)
        np.testing.assert_allclose(video.views.intrinsics, np.tile(kitchen.intrinsics, (6, 1, 1)), atol=1e-3)
        np.testing.assert_allclose(video.views.timestamps, kitchen.times, atol=0.001)
        assert video.views.timestamps[0] == 0


def test_visibility_is_right_however_the_device_was_held(loaded, kitchen):
    for _, video in loaded:
        check_visibility(video.views, kitchen)


def test_a_video_taken_in_portrait_is_upright(tmp_path):
    portrait = film(KITCHEN, 2, 256, 192)
    folder = write_3dod(tmp_path, portrait, held=1)
    stored = next((folder / f"{VIDEO}_frames" / "lowres_wide").iterdir())
    assert iio.imread(stored).shape == (192, 256, 3)
    _, video = load(folder, (256, 192))
    np.testing.assert_array_equal(video.frames, portrait.rgb)
    np.testing.assert_allclose(video.views.intrinsics[0], portrait.intrinsics, atol=1e-3)
    check_visibility(video.views, portrait)


@pytest.mark.parametrize("kind", ["vga_wide", "lowres_wide", "mov"])
@pytest.mark.parametrize("held", [0, 3])
def test_raw_gives_frames_and_cameras_back(tmp_path, kitchen_vga, kitchen_small, kind, held):
    folder = write_raw(tmp_path, kitchen_vga, kitchen_small, kind, held=held)
    truth = kitchen_small if kind == "lowres_wide" else kitchen_vga
    size = truth.rgb.shape[1:3]
    scene, recording = open_scene(folder)
    assert recording.shots.size == size
    recording.close()
    video = scene.footage.load(scene, FrameBudget(3, *size))
    difference = np.abs(video.frames.astype(float) - truth.rgb).mean()
    assert difference < 3 if kind == "mov" else difference == 0
    np.testing.assert_allclose(video.views.poses, truth.poses, atol=1e-5)
    np.testing.assert_allclose(video.views.intrinsics, np.tile(truth.intrinsics, (3, 1, 1)), atol=1e-2)
    np.testing.assert_allclose(video.views.timestamps, truth.times, atol=0.001)
    check_visibility(video.views, truth)


def test_vga_images_are_preferred_to_lowres_ones_and_both_to_the_movie(tmp_path, kitchen_vga, kitchen_small):
    folder = write_raw(tmp_path, kitchen_vga, kitchen_small, "lowres_wide")
    write_movie(folder / f"{VIDEO}.mov", list(kitchen_vga.rgb))
    assert open_scene(folder)[1].shots.size == LOWRES
    names = {"images": "vga_wide", "intrinsics": "vga_wide_intrinsics"}
    write_images(folder, kitchen_vga, stamps(kitchen_vga), VIDEO, 0, names)
    assert open_scene(folder)[1].shots.size == LOWRES  # images without intrinsics are not used
    write_intrinsics(folder, kitchen_vga, stamps(kitchen_vga), VIDEO, 0, names)
    assert open_scene(folder)[1].shots.size == VGA


def test_the_writers_stored_camera_sees_the_stored_picture(kitchen):
    # The tests above rest on this: the film's and the sensor's cameras project a point to the same pixel.
    point = kitchen.poses[0] @ [0.4, 0.3, 2.0, 1.0]
    for held in range(4):
        (width, height), (fx, fy, cx, cy), pose = stored_camera(kitchen, kitchen.poses[0], held)
        x, y, z, _ = np.linalg.inv(pose) @ point
        image = np.zeros(LOWRES, dtype=np.uint8)
        u, v = (kitchen.intrinsics @ [0.4, 0.3, 2.0])[:2] / 2.0
        image[int(v), int(u)] = 1
        stored = stored_picture(image, held)
        assert stored.shape == (height, width) and np.linalg.det(pose) == pytest.approx(1)
        assert stored[int(fy * y / z + cy), int(fx * x / z + cx)] == 1


def test_images_before_the_first_pose_are_left_out_but_start_the_clock(folder):
    first = sorted((frames_of(folder) / "lowres_wide").iterdir())[0]
    for seconds in (0.63, 0.01):
        for kind in ("lowres_wide", "lowres_wide_intrinsics"):
            path = next((frames_of(folder) / kind).glob(f"{VIDEO}_{START:.3f}.*"))
            shutil.copy(path, path.with_name(f"{VIDEO}_{START - seconds:.3f}{path.suffix}"))
    scene, recording = open_scene(folder)
    times = film(KITCHEN, 3, 48, 64).times
    np.testing.assert_allclose(recording.shots.times, times + 0.63, atol=0.001)
    np.testing.assert_array_equal(next(recording.images([0])), iio.imread(first))
    assert len(scene.footage.load(scene, FrameBudget(8, 32, 32)).frames) == 3


def test_poses_are_interpolated_between_rows_but_not_extrapolated(folder):
    truth = film(KITCHEN, 3, 48, 64)
    turn = np.eye(4)
    turn[:3, :3] = [[np.cos(0.1), 0, np.sin(0.1)], [0, 1, 0], [-np.sin(0.1), 0, np.cos(0.1)]]
    times, poses = [], []
    for time, pose in zip(stamps(truth)[:2], truth.poses, strict=False):
        step = np.array([0.03, 0.01, -0.02])
        for sign, motion in ((-1, np.linalg.inv(turn)), (1, turn)):
            moved = pose @ motion
            moved[:3, 3] = pose[:3, 3] + sign * step
            times.append(time + sign * 0.05)
            poses.append(moved)
    write_poses(frames_of(folder) / "lowres_wide.traj", times, poses)
    _, recording = open_scene(folder)
    np.testing.assert_allclose(recording.shots.poses, truth.poses[:2], atol=1e-5)


def test_images_taken_while_tracking_was_lost_are_left_out(folder):
    path = frames_of(folder) / "lowres_wide.traj"
    rows = path.read_text().splitlines()
    rows[1] = " ".join([rows[1].split()[0], *["nan"] * 6])
    path.write_text("\n".join(rows))
    _, recording = open_scene(folder)
    np.testing.assert_allclose(recording.shots.times, film(KITCHEN, 3, 48, 64).times[[0, 2]], atol=0.001)


def test_intrinsics_may_be_named_one_millisecond_off_but_not_two(folder):
    shift_time(folder, "lowres_wide_intrinsics", 0, 0.001)
    shift_time(folder, "lowres_wide_intrinsics", 1, -0.001)
    shift_time(folder, "lowres_wide_intrinsics", 2, 0.002)
    _, recording = open_scene(folder)
    np.testing.assert_allclose(recording.shots.times, film(KITCHEN, 3, 48, 64).times[:2], atol=0.001)


def test_depth_is_taken_from_the_nearest_time_within_20_milliseconds(folder):
    shift_time(folder, "lowres_depth", 0, 0.017)
    shift_time(folder, "lowres_depth", 1, -0.02)
    shift_time(folder, "lowres_depth", 2, 0.025)
    truth = film(KITCHEN, 3, 48, 64)
    scene, recording = open_scene(folder)
    for index in (0, 1):
        np.testing.assert_allclose(recording.depth(index), truth.depth[index], atol=0.00051)
        assert recording.depth(index).dtype == np.float32
    assert recording.depth(2) is None
    shutil.rmtree(frames_of(folder) / "lowres_depth")
    assert scene.footage.open(scene).depth(0) is None
    assert scene.footage.load(scene, FrameBudget(3, 64, 64)).views.visibility.max() > 0.05  # from boxes alone


def test_the_readmes_older_file_names_are_read(tmp_path):
    folder = tiny(tmp_path, names=README_NAMES)
    truth = film(KITCHEN, 3, 48, 64)
    # They were named by time alone, with more decimals.
    for kind in ("wide", "color_intrinsics", "depth_densified"):
        for time, path in zip(stamps(truth), sorted((frames_of(folder) / kind).iterdir()), strict=True):
            decimals = 4 if path.suffix == ".pincam" else 8
            path.rename(path.with_name(f"{time + 0.0000312:.{decimals}f}{path.suffix}"))
    _, recording = open_scene(folder)
    np.testing.assert_allclose(recording.shots.poses, truth.poses, atol=1e-5)
    np.testing.assert_array_equal(next(recording.images([1])), truth.rgb[1])
    assert recording.depth(1) is not None
    (frames_of(folder) / "color.traj").rename(frames_of(folder) / "colour.traj")
    (frames_of(folder) / "color_intrinsics").rename(frames_of(folder) / "wide_intrinsics")
    assert len(open_scene(folder)[1].shots.times) == 3


def test_the_footage_can_be_sent_to_other_processes(folder):
    scene = READER.read(*READER.find(folder))
    footage = pickle.loads(pickle.dumps(scene.footage))
    assert footage.load(scene, FrameBudget(3, 64, 64)).frames.shape == (3, 64, 64, 3)
