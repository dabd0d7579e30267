import pickle
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

import lightning_ouro.scenes
from lightning_ouro.errors import BadSceneError, InputError
from lightning_ouro.scenes.footage.recorded_footage import RecordedFootage, evenly, resized
from lightning_ouro.scenes.footage.recording import Recording, Shots
from lightning_ouro.scenes.synthetic.procedural import procedural_scene
from lightning_ouro.scenes.types import FrameBudget
from lightning_ouro.solver.patches import PatchSpec, frames_to_patches

SCENE = procedural_scene(3)
OBJECTS = len(SCENE.objects)
BUDGET = FrameBudget(4, 96, 128)
PINHOLE = np.array([[520.0, 0.0, 331.0], [0.0, 510.0, 227.0], [0.0, 0.0, 1.0]])
SCENES = Path(lightning_ouro.scenes.__file__).parent
MODULES = [".".join(path.relative_to(SCENES).with_suffix("").parts) for path in SCENES.rglob("*.py")]


def noise(size, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)


class Kept(Recording):
    """A recording in memory that notes what is asked of it."""

    def __init__(
        self, frames=10, size=(48, 64), image=noise, broken=None, shares=None, mask=None, depth=None
    ):
        poses = np.tile(np.eye(4), (frames, 1, 1))
        poses[:, 0, 3] = np.arange(frames)
        intrinsics = PINHOLE + np.arange(frames)[:, None, None] * np.diag([1.0, 1.0, 0.0])
        self.shots = Shots(0.5 + np.arange(frames) * 0.1, intrinsics, poses, size)
        self.asked, self.closed = [], 0
        self.image, self.broken = image, broken
        self.shares, self.shown, self.metres = shares, mask, depth

    def note(self, what, place):
        self.asked.append((what, place))
        if self.broken == what:
            raise BadSceneError(f"/data/{what}.bin: is broken")

    def images(self, places):
        for place in places:
            self.note("images", place)
            yield self.image(self.shots.size)

    def known_shares(self, place):
        self.note("known_shares", place)
        return self.shares

    def mask(self, place):
        self.note("mask", place)
        return self.shown

    def depth(self, place):
        self.note("depth", place)
        return self.metres

    def close(self):
        self.closed += 1


def load(recording, budget=BUDGET):
    return RecordedFootage(lambda scene: recording).load(SCENE, budget)


def opened_in_another_process(name, scene):
    raise BadSceneError(f"{name}: {scene.id}")


@pytest.mark.parametrize("wanted", [1, 2, 3, 7, 8, 16, 32, 33, 64])
def test_frames_are_picked_as_vsi_bench_does(wanted):
    for number in [1, 2, 3, 8, 31, 32, 33, 63, 64, 65, 100, 373, 1000, 1799, 5644]:
        official = np.linspace(0, number - 1, wanted, dtype=int).tolist()
        assert evenly(number, wanted) == (official if number > wanted else list(range(number)))
        assert sorted(set(evenly(number, wanted))) == evenly(number, wanted)


def test_no_frames_give_no_places():
    assert evenly(0, 8) == []


@pytest.mark.parametrize("size", [(96, 128), (64, 96), (480, 640), (32, 32), (200, 100)])
def test_an_image_is_resized_as_pil_does_it(size):
    image = noise((300, 400))
    official = np.asarray(Image.fromarray(image).resize((size[1], size[0]), Image.Resampling.BICUBIC))
    np.testing.assert_array_equal(resized(image, size), official)
    assert resized(image, image.shape[:2]) is image


@pytest.mark.parametrize("size", [(480, 640), (968, 1296), (640, 480), (192, 256), (40, 300)])
@pytest.mark.parametrize("budget", [(96, 128), (224, 320)])
def test_a_resized_image_gives_the_patches_of_transformers_processor(size, budget):
    image = np.asarray(Image.fromarray(noise((9, 12))).resize(size[::-1], Image.Resampling.BICUBIC))
    processor = Qwen2VLImageProcessorPil(
        patch_size=16,
        merge_size=2,
        temporal_patch_size=2,
        image_mean=[0.5] * 3,
        image_std=[0.5] * 3,
        size={"shortest_edge": 1, "longest_edge": budget[0] * budget[1]},
    )
    official = processor(images=image, return_tensors="pt")
    ours = resized(image, FrameBudget(1, *budget).size_for(*size)).copy()
    grid = [side // 16 for side in ours.shape[:2]]
    assert official["image_grid_thw"][0].tolist() == [1, *grid]
    torch.testing.assert_close(
        frames_to_patches(ours[None], PatchSpec()), official["pixel_values"].float(), atol=1e-6, rtol=0
    )


def test_a_video_has_the_budgets_size_and_what_the_shots_say_of_its_frames():
    recording = Kept()
    video = load(recording)
    places = [0, 3, 6, 9]
    assert [asked for asked in recording.asked if asked[0] == "images"] == [
        ("images", place) for place in places
    ]
    assert video.frames.shape == (4, 64, 64, 3) and video.frames.dtype == np.uint8
    np.testing.assert_array_equal(video.frames[2], resized(noise((48, 64)), (64, 64)))
    np.testing.assert_array_equal(video.views.timestamps, recording.shots.times[places])
    np.testing.assert_array_equal(video.views.poses, recording.shots.poses[places])
    assert video.views.visibility.shape == (4, OBJECTS) and video.views.visibility.dtype == np.float32


def test_all_frames_are_shown_where_there_are_no_more_than_asked_for():
    for frames in (1, 3, 4):
        assert len(load(Kept(frames)).frames) == frames


@pytest.mark.parametrize("size", [(480, 640), (640, 480), (968, 1296)])
def test_a_projected_point_moves_with_its_pixel(size):
    point = np.array([0.21, -0.13, 1.9])
    u, v = (PINHOLE @ point)[:2] / point[2]
    rows, columns = np.mgrid[: size[0], : size[1]] + 0.5
    blob = (255 * np.exp(-((columns - u) ** 2 + (rows - v) ** 2) / (2 * 15**2))).astype(np.uint8)
    video = load(Kept(1, size, lambda _: np.repeat(blob[..., None], 3, axis=2)))
    small = video.frames[0, ..., 0].astype(float)
    rows, columns = np.mgrid[: small.shape[0], : small.shape[1]] + 0.5
    found = np.array([(columns * small).sum(), (rows * small).sum()]) / small.sum()
    expected = (video.views.intrinsics[0] @ point)[:2] / point[2]
    np.testing.assert_allclose(found, expected, atol=0.02)


def test_intrinsics_are_those_of_each_frame_by_how_the_sides_shrank():
    recording = Kept(size=(480, 640))
    video = load(recording, FrameBudget(4, 96, 96))
    height, width = video.frames.shape[1:3]
    assert (height, width) == (64, 96)
    expected = np.diag([width / 640, height / 480, 1.0]) @ recording.shots.intrinsics[[0, 3, 6, 9]]
    np.testing.assert_allclose(video.views.intrinsics, expected)


def test_a_portrait_recording_stays_portrait():
    assert load(Kept(size=(640, 480))).frames.shape == (4, 128, 96, 3)


def test_images_that_have_the_size_are_not_touched():
    np.testing.assert_array_equal(load(Kept(size=(96, 128))).frames[0], noise((96, 128)))


def test_known_shares_win_over_masks_masks_over_depth_and_depth_over_boxes():
    known = np.linspace(0, 0.1, OBJECTS, dtype=np.float32)
    mask = np.full((6, 8), -1, dtype=np.int32)
    mask[:2, :3] = 1
    depth = np.zeros((6, 8), dtype=np.float32)
    best = Kept(shares=known, mask=mask, depth=depth)
    np.testing.assert_array_equal(load(best).views.visibility, np.tile(known, (4, 1)))
    masked = Kept(mask=mask, depth=depth)
    np.testing.assert_allclose(load(masked).views.visibility, np.tile(np.eye(OBJECTS)[1] / 8, (4, 1)))
    assert {what for what, _ in best.asked} == {"images", "known_shares"}
    assert {what for what, _ in masked.asked} == {"images", "known_shares", "mask"}
    assert not load(
        Kept(depth=depth)
    ).views.visibility.any()  # a depth map without a number says that nothing is seen


@pytest.mark.parametrize("what", ["images", "known_shares", "mask", "depth"])
def test_a_broken_recording_is_an_input_error_that_names_scene_and_file_and_it_is_closed(what):
    recording = Kept(broken=what)
    with pytest.raises(InputError) as error:
        load(recording)
    assert str(error.value) == f"scene {SCENE.id}: /data/{what}.bin: is broken"
    assert recording.closed == 1


def test_a_recording_that_cannot_be_opened_is_an_input_error_too():
    footage = pickle.loads(
        pickle.dumps(RecordedFootage(partial(opened_in_another_process, "/data/room.sens")))
    )
    with pytest.raises(InputError) as error:
        footage.load(SCENE, FrameBudget())
    assert str(error.value) == f"scene {SCENE.id}: /data/room.sens: {SCENE.id}"


def test_a_recording_without_valid_frames_is_an_input_error_and_is_closed():
    recording = Kept(0)
    with pytest.raises(InputError, match=f"^scene {SCENE.id}: the recording has no frame with a valid pose$"):
        load(recording)
    assert recording.closed == 1 and recording.asked == []


def test_a_recording_is_closed_after_it_was_read_and_after_a_mistake_of_a_program():
    recording = Kept()
    load(recording)
    assert recording.closed == 1
    mistaken = Kept(image=lambda size: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        load(mistaken)
    assert mistaken.closed == 1


def test_a_recording_that_gives_fewer_images_than_asked_for_is_not_filled_up():
    class Short(Kept):
        def images(self, places):
            return super().images(places[:-1])

    with pytest.raises(ValueError, match="shorter"):
        load(Short())


def test_each_module_can_be_imported_first():
    """As another process does that is handed a scene: it imports what the scene's parts are made of."""
    program = f"""
import importlib, sys
for name in {MODULES}:
    for loaded in [loaded for loaded in sys.modules if loaded.startswith("lightning_ouro")]:
        del sys.modules[loaded]
    importlib.import_module("lightning_ouro.scenes." + name)
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
