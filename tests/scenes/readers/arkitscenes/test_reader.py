from collections import Counter

import imageio.v3 as iio
import numpy as np
import pytest

from lightning_ouro.scenes.types import FrameBudget
from lightning_ouro.scenes.vocabulary import category_of
from tests.scenes.readers.film import clearly, film, same_box
from tests.scenes.readers.read_arkitscenes import KITCHEN, LOWRES, VGA, kept, load, open_scene
from tests.scenes.readers.write_arkitscenes import (
    VIDEO,
    stamps,
    stored_camera,
    stored_picture,
    write_3dod,
    write_images,
    write_intrinsics,
    write_movie,
    write_raw,
)

TURNED = ("41069021", "41069022", "41069023", "41069024")  # held in each of the four ways


@pytest.fixture(scope="module")
def root(kitchen, tmp_path_factory):
    root = tmp_path_factory.mktemp("arkitscenes")
    for held, video in enumerate(TURNED):
        write_3dod(root, kitchen, video=video, held=held)
    return root


@pytest.fixture(scope="module")
def loaded(root):
    return [load(root / "3dod" / "Training" / video) for video in TURNED]


def check_visibility(views, made):
    places = [thing.id for thing in kept(made.scene)]
    truth = made.shares[:, places]
    clear = clearly(truth)
    assert ((views.visibility > 0.003) == (truth > 0.003))[clear].all()
    large = truth >= 0.006
    assert large.sum() > 5
    np.testing.assert_allclose(views.visibility[large], truth[large], rtol=0.25)


def test_the_scene_is_given_back(loaded, kitchen):
    for video, (scene, _) in zip(TURNED, loaded, strict=True):
        assert (scene.id, scene.source, scene.floor, scene.benchmarks) == (video, "arkitscenes", None, ())
        truth = kept(kitchen.scene)
        assert [thing.id for thing in scene.objects] == list(range(len(truth)))
        assert [thing.category for thing in scene.objects] == [category_of(thing.category) for thing in truth]
        assert all(same_box(one, other, 1e-6) for one, other in zip(scene.objects, truth, strict=True))
        assert scene.counts == Counter(category_of(thing.category) for thing in truth)
        assert scene.complete == set(scene.counts) and "oven" not in scene.counts
        assert {category_of("washer"), "trash bin", "table"} <= scene.complete
        assert scene.floor_area == pytest.approx(kitchen.scene.floor_area, rel=0.03)


def test_frames_and_cameras_are_given_back_upright_however_the_device_was_held(loaded, kitchen):
    for _, video in loaded:
        np.testing.assert_array_equal(video.frames, kitchen.rgb)
        np.testing.assert_allclose(video.views.poses, kitchen.poses, atol=1e-5)
        np.testing.assert_allclose(video.views.intrinsics, np.tile(kitchen.intrinsics, (6, 1, 1)), atol=1e-3)
        np.testing.assert_allclose(video.views.timestamps, kitchen.times, atol=0.001)
        assert video.views.timestamps[0] == 0


def test_what_is_visible_is_told_however_the_device_was_held(loaded, kitchen):
    for _, video in loaded:
        check_visibility(video.views, kitchen)


def test_the_device_was_held_upright_in_portrait(tmp_path):
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
def test_raw_gives_the_scene_back(tmp_path, kitchen_vga, kitchen_small, kind, held):
    folder = write_raw(tmp_path, kitchen_vga, kitchen_small, kind, held=held)
    seen = kitchen_small if kind == "lowres_wide" else kitchen_vga
    size = seen.rgb.shape[1:3]
    scene, recording = open_scene(folder)
    assert recording.shots.size == size
    recording.close()
    video = scene.footage.load(scene, FrameBudget(3, *size))
    difference = np.abs(video.frames.astype(float) - seen.rgb).mean()
    assert difference < 3 if kind == "mov" else difference == 0
    np.testing.assert_allclose(video.views.poses, seen.poses, atol=1e-5)
    np.testing.assert_allclose(video.views.intrinsics, np.tile(seen.intrinsics, (3, 1, 1)), atol=1e-2)
    np.testing.assert_allclose(video.views.timestamps, seen.times, atol=0.001)
    check_visibility(video.views, seen)


def test_vga_images_come_before_lowres_ones_and_both_before_the_movie(tmp_path, kitchen_vga, kitchen_small):
    folder = write_raw(tmp_path, kitchen_vga, kitchen_small, "lowres_wide")
    write_movie(folder / f"{VIDEO}.mov", list(kitchen_vga.rgb))
    assert open_scene(folder)[1].shots.size == LOWRES
    names = {"images": "vga_wide", "intrinsics": "vga_wide_intrinsics"}
    write_images(folder, kitchen_vga, stamps(kitchen_vga), VIDEO, 0, names)
    assert open_scene(folder)[1].shots.size == LOWRES  # without intrinsics they are of no use
    write_intrinsics(folder, kitchen_vga, stamps(kitchen_vga), VIDEO, 0, names)
    assert open_scene(folder)[1].shots.size == VGA


def test_the_stored_camera_of_the_writer_sees_the_stored_picture(kitchen):
    # What the tests above rest on: the film's and the sensor's cameras send one point to the same pixel.
    point = kitchen.poses[0] @ [0.4, 0.3, 2.0, 1.0]
    for held in range(4):
        (width, height), (fx, fy, cx, cy), pose = stored_camera(kitchen, kitchen.poses[0], held)
        x, y, z, _ = np.linalg.inv(pose) @ point
        marks = np.zeros(LOWRES, dtype=np.uint8)
        u, v = (kitchen.intrinsics @ [0.4, 0.3, 2.0])[:2] / 2.0
        marks[int(v), int(u)] = 1
        stored = stored_picture(marks, held)
        assert stored.shape == (height, width) and np.linalg.det(pose) == pytest.approx(1)
        assert stored[int(fy * y / z + cy), int(fx * x / z + cx)] == 1
