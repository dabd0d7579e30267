import pickle
import warnings
from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from lightning_ouro.errors import BadSceneError, InputError
from lightning_ouro.scenes.footage.read_frames import resized, uniform_indices
from lightning_ouro.scenes.footage.recorded_footage import RecordedFootage, thinned
from lightning_ouro.scenes.footage.recording import Recording, Shares, Shots
from lightning_ouro.scenes.synthetic.procedural import procedural_scene
from lightning_ouro.scenes.types import CameraPath, FrameBudget
from lightning_ouro.solver.patches import PatchSpec, frames_to_patches
from tests.scenes.readers.said import said

SCENE = procedural_scene(3)
OBJECTS = len(SCENE.objects)
BUDGET = FrameBudget(4, 96, 128)
LEVELS = 3  # of 255, by which Pillow's result may differ from torchvision's, which is ours to the bit (test_golden_files.py)
PINHOLE = np.array([[520.0, 0.0, 331.0], [0.0, 510.0, 227.0], [0.0, 0.0, 1.0]])


def noise(size, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)


class InMemory(Recording):
    """A recording in memory that notes its calls, and fails in the method named by `broken`."""

    def __init__(
        self, frames=10, size=(48, 64), image=noise, broken=None, shares=None, ids=None, metres=None
    ):
        poses = np.tile(np.eye(4), (frames, 1, 1))
        poses[:, 0, 3] = np.arange(frames)
        intrinsics = PINHOLE + np.arange(frames)[:, None, None] * np.diag([1.0, 1.0, 0.0])
        self.shots = Shots(0.5 + np.arange(frames) * 0.1, intrinsics, poses, size)
        self.calls, self.times_closed = [], 0
        self.image, self.broken = image, broken
        self.shares, self.ids, self.metres = shares, ids, metres

    def note(self, method, frame_index):
        self.calls.append((method, frame_index))
        if self.broken == method:
            raise BadSceneError(f"/data/{method}.bin: is broken")

    def images(self, frame_indices):
        for frame_index in frame_indices:
            self.note("images", frame_index)
            yield self.image(self.shots.size)

    def known_shares(self, frame_index):
        self.note("known_shares", frame_index)
        return self.shares

    def mask(self, frame_index):
        self.note("mask", frame_index)
        return self.ids

    def depth(self, frame_index):
        self.note("depth", frame_index)
        return self.metres

    def close(self):
        self.times_closed += 1


def load(recording, budget=BUDGET):
    return RecordedFootage(lambda scene: recording).load(SCENE, budget)


def fail_to_open(name, scene):
    raise BadSceneError(f"{name}: {scene.id}")


@pytest.mark.parametrize("wanted", [1, 2, 3, 7, 8, 16, 32, 33, 64])
def test_frames_are_sampled_like_vsi_benchs_evaluation(wanted):
    for number in [1, 2, 3, 8, 31, 32, 33, 63, 64, 65, 100, 373, 1000, 1799, 5644]:
        official = np.linspace(0, number - 1, wanted, dtype=int).tolist()
        indices = uniform_indices(number, wanted)
        assert indices == (official if number > wanted else list(range(number)))
        assert sorted(set(indices)) == indices


def test_no_frames_have_no_indices():
    assert uniform_indices(0, 8) == []


@pytest.mark.parametrize("size", [(96, 128), (64, 96), (480, 640), (32, 32), (200, 100)])
def test_images_are_resized_as_pillow_does_but_for_single_levels(size):
    image = noise((300, 400))
    official = np.asarray(Image.fromarray(image).resize((size[1], size[0]), Image.Resampling.BICUBIC))
    difference = np.abs(resized(image, size).astype(int) - official)
    assert difference.max() <= LEVELS and difference.mean() < 0.01
    assert resized(image, image.shape[:2]) is image


def test_images_that_cannot_be_written_to_or_lie_otherwise_in_memory_are_resized():
    image = noise((90, 120))
    expected = resized(image, (32, 64))
    turned = np.ascontiguousarray(image.transpose(1, 0, 2)).transpose(1, 0, 2)
    turned.flags.writeable = False
    with warnings.catch_warnings(action="error"):
        assert np.array_equal(resized(turned, (32, 64)), expected)


@pytest.mark.parametrize("size", [(480, 640), (968, 1296), (640, 480), (192, 256), (40, 300)])
@pytest.mark.parametrize("budget", [(96, 128), (224, 320)])
def test_resized_images_have_the_patches_of_transformers_processor(size, budget):
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
    patches = frames_to_patches(ours[None], PatchSpec())
    torch.testing.assert_close(patches, official["pixel_values"].float(), atol=LEVELS / 127.5 + 1e-6, rtol=0)


def test_a_video_has_the_budgets_size_and_the_shots_views():
    recording = InMemory()
    video = load(recording)
    indices = [0, 3, 6, 9]
    image_calls = [call for call in recording.calls if call[0] == "images"]
    assert image_calls == [("images", index) for index in indices]
    assert video.frames.shape == (4, 64, 64, 3) and video.frames.dtype == np.uint8
    np.testing.assert_array_equal(video.frames[2], resized(noise((48, 64)), (64, 64)))
    np.testing.assert_array_equal(video.views.timestamps, recording.shots.times[indices])
    np.testing.assert_array_equal(video.views.poses, recording.shots.poses[indices])
    assert video.views.visibility.shape == (4, OBJECTS) and video.views.visibility.dtype == np.float32


def test_all_frames_are_loaded_if_there_are_no_more_than_the_budget():
    for frames in (1, 3, 4):
        assert len(load(InMemory(frames)).frames) == frames


@pytest.mark.parametrize("size", [(480, 640), (640, 480), (968, 1296)])
def test_a_projected_point_stays_on_its_pixel_when_the_image_is_resized(size):
    point = np.array([0.21, -0.13, 1.9])
    u, v = (PINHOLE @ point)[:2] / point[2]
    rows, columns = np.mgrid[: size[0], : size[1]] + 0.5
    blob = (255 * np.exp(-((columns - u) ** 2 + (rows - v) ** 2) / (2 * 15**2))).astype(np.uint8)
    video = load(InMemory(1, size, lambda _: np.repeat(blob[..., None], 3, axis=2)))
    small = video.frames[0, ..., 0].astype(float)
    rows, columns = np.mgrid[: small.shape[0], : small.shape[1]] + 0.5
    centroid = np.array([(columns * small).sum(), (rows * small).sum()]) / small.sum()
    expected = (video.views.intrinsics[0] @ point)[:2] / point[2]
    np.testing.assert_allclose(centroid, expected, atol=0.02)


def test_the_intrinsics_of_each_frame_are_scaled_with_its_sides():
    recording = InMemory(size=(480, 640))
    video = load(recording, FrameBudget(4, 96, 96))
    height, width = video.frames.shape[1:3]
    assert (height, width) == (64, 96)
    expected = np.diag([width / 640, height / 480, 1.0]) @ recording.shots.intrinsics[[0, 3, 6, 9]]
    np.testing.assert_allclose(video.views.intrinsics, expected)


def test_portrait_recordings_stay_portrait():
    assert load(InMemory(size=(640, 480))).frames.shape == (4, 128, 96, 3)


def test_images_of_the_right_size_are_not_changed():
    np.testing.assert_array_equal(load(InMemory(size=(96, 128))).frames[0], noise((96, 128)))


def test_known_shares_win_over_masks_masks_over_depth_and_depth_over_boxes():
    known = np.linspace(0, 0.1, OBJECTS, dtype=np.float32)
    ids = np.full((6, 8), -1, dtype=np.int32)
    ids[:2, :3] = 1
    metres = np.zeros((6, 8), dtype=np.float32)
    with_all = InMemory(shares=Shares(known, known), ids=ids, metres=metres)
    np.testing.assert_array_equal(load(with_all).views.visibility, np.tile(known, (4, 1)))
    masked = InMemory(ids=ids, metres=metres)
    np.testing.assert_allclose(load(masked).views.visibility, np.tile(np.eye(OBJECTS)[1] / 8, (4, 1)))
    assert {method for method, _ in with_all.calls} == {"images", "known_shares"}
    assert {method for method, _ in masked.calls} == {"images", "known_shares", "mask"}
    assert not load(InMemory(metres=metres)).views.visibility.any()  # no depth is known, so nothing is seen


@pytest.mark.parametrize("method", ["images", "known_shares", "mask", "depth"])
def test_a_broken_recording_is_an_input_error_and_is_closed(method):
    recording = InMemory(broken=method)
    with pytest.raises(InputError) as error:
        load(recording)
    assert str(error.value).startswith(
        f"scene {SCENE.id}: /data/{method}.bin: is broken; so are 4 of 4 frames"
    )
    assert recording.times_closed == 1


@pytest.mark.parametrize("method", ["images", "known_shares", "mask", "depth"])
def test_a_broken_frame_is_replaced_by_one_that_is_whole(method):
    class OneBroken(InMemory):
        def note(self, called, frame_index):
            self.calls.append((called, frame_index))
            if (called, frame_index) == (method, 3):
                raise BadSceneError(f"/data/{method}.bin: is broken")

    recording = OneBroken(frames=10)
    with pytest.warns(UserWarning, match=f"scene {SCENE.id}: 1 of .* frames tried left out: /data/{method}"):
        video = load(recording)
    whole = np.delete(recording.shots.times, 3)
    np.testing.assert_array_equal(video.views.timestamps, whole[uniform_indices(9, 4)])
    assert video.frames.shape[0] == 4


def showing(number):
    """Shares by which so many of the scene's objects are seen."""
    shares = np.where(np.arange(len(SCENE.objects)) < number, 0.02, 0.001).astype(np.float32)
    return Shares(shares, shares)


@pytest.mark.parametrize(
    ("number", "frames", "is_refused"), [(0, 8, True), (1, 8, True), (2, 8, False), (1, 7, False)]
)
def test_a_recording_that_shows_one_object_of_many_is_refused_however_it_knows(number, frames, is_refused):
    assert len(SCENE.objects) >= 5
    recording, budget = InMemory(frames=20, shares=showing(number)), FrameBudget(frames, 96, 128)
    if is_refused:
        with pytest.raises(InputError, match=rf"only {number} of \d+ objects may be seen in 8 frames"):
            load(recording, budget)
    else:
        assert len(load(recording, budget).frames) == frames


def test_more_than_a_fifth_of_broken_frames_costs_the_recording():
    class SomeBroken(InMemory):
        def note(self, called, frame_index):
            if called == "images" and frame_index in self.bad:
                raise BadSceneError(f"{frame_index}.jpg: is broken")

    for bad, is_refused in (({3, 7}, False), ({2, 3, 7}, True)):
        recording = SomeBroken(frames=10, shares=showing(len(SCENE.objects)))
        recording.bad = bad
        state, _ = said(lambda recording=recording: load(recording, FrameBudget(10, 96, 128)))
        assert state == is_refused


def test_a_recording_that_cannot_be_opened_is_an_input_error():
    footage = pickle.loads(pickle.dumps(RecordedFootage(partial(fail_to_open, "/data/room.sens"))))
    with pytest.raises(InputError) as error:
        footage.load(SCENE, FrameBudget())
    assert str(error.value) == f"scene {SCENE.id}: /data/room.sens: {SCENE.id}"


def test_a_recording_without_valid_frames_is_an_input_error_and_is_closed():
    recording = InMemory(0)
    with pytest.raises(InputError, match=f"^scene {SCENE.id}: the recording has no frame with a valid pose$"):
        load(recording)
    assert recording.times_closed == 1 and recording.calls == []


def test_a_recording_is_closed_after_success_and_after_any_exception():
    recording = InMemory()
    load(recording)
    assert recording.times_closed == 1
    faulty = InMemory(image=lambda size: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        load(faulty)
    assert faulty.times_closed == 1


def test_a_recording_that_yields_too_few_images_is_refused():
    class Short(InMemory):
        def images(self, frame_indices):
            return super().images(frame_indices[:-1])

    with pytest.raises(ValueError, match="shorter"):
        load(Short())


@pytest.mark.parametrize("rate", [3.0, 10.0, 29.97, 60.0])
def test_a_path_has_ten_poses_a_second_and_those_of_the_shown_frames(rate):
    rng = np.random.default_rng(int(rate))
    times = 0.3 + np.arange(400) / rate + rng.uniform(0, 0.4 / rate, size=400)
    poses = rng.uniform(size=(400, 4, 4))
    shown = np.sort(rng.choice(400, size=8, replace=False))
    path = thinned(CameraPath(times, poses), times[shown])
    assert np.isin(times[shown], path.times).all()
    np.testing.assert_array_equal(path.poses, poses[np.searchsorted(times, path.times)])
    per_second = np.bincount((path.times - times[0]).astype(int))
    assert per_second.max() <= 10 + 8
    assert len(path.times) <= (times[-1] - times[0]) * 10 + 1 + 8
    assert np.diff(path.times).max() <= max(0.2, 1.4 / rate) + 1e-9


def test_a_video_has_the_recordings_path_between_its_frames():
    recording = InMemory(frames=100)
    recording.shots = Shots(
        np.arange(100) / 30, recording.shots.intrinsics, recording.shots.poses, recording.shots.size
    )
    path = load(recording).views.path
    assert 33 <= len(path.times) <= 40
    np.testing.assert_array_equal(path.poses[:, 0, 3], np.round(path.times * 30))
