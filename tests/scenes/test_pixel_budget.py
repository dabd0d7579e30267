"""Sizes from budgets of pixels are those of transformers' processors."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import smart_resize as image_size

from lightning_ouro.errors import InputError
from lightning_ouro.scenes.pixel_budget import FRAME_TOKENS, JOINED, capped, shown_size
from lightning_ouro.scenes.synthetic.procedural import procedural_scene
from lightning_ouro.scenes.types import FrameBudget
from lightning_ouro.solver.memory_estimate import MicroBatch
from lightning_ouro.solver.patches import PatchSpec, grid_of

video_processing_qwen3_vl = pytest.importorskip(
    "transformers.models.qwen3_vl.video_processing_qwen3_vl", exc_type=ImportError
)
TOKEN = 32
QWEN = {"shortest_edge": 4096, "longest_edge": 25165824}  # of Qwen3-VL's video_preprocessor_config.json


def drawn(seed, number=3000):
    """Heights and widths, numbers of frames, and smallest and largest numbers of pixels."""
    rng = np.random.default_rng(seed)
    sides = np.exp(rng.uniform(math.log(8), math.log(4000), (number, 2))).astype(int)
    budgets = np.exp(rng.uniform((7, 12), (12, 18), (number, 2))).astype(int)
    for size, frames, budget in zip(
        sides.tolist(), rng.integers(2, 64, number).tolist(), budgets.tolist(), strict=True
    ):
        if max(size) <= 200 * min(size):  # which transformers refuses
            yield size, frames, budget


def test_sizes_of_images_are_those_of_the_image_processor():
    for size, _, budget in drawn(0):
        assert shown_size(*size, TOKEN, *budget) == image_size(*size, TOKEN, *budget), (size, budget)


def test_sizes_of_videos_are_those_of_the_video_processor():
    for size, frames, budget in drawn(1):
        expected = video_processing_qwen3_vl.smart_resize(frames, *size, JOINED, TOKEN, *budget)
        assert shown_size(*size, TOKEN, *budget, frames, JOINED) == expected, (size, frames, budget)


@pytest.mark.parametrize("settings", [QWEN, {"shortest_edge": 131072, "longest_edge": 786432}])
def test_a_capped_video_has_as_many_patches_as_the_processor_counts(settings):
    counts = video_processing_qwen3_vl.Qwen3VLVideoProcessor.get_num_of_video_patches
    processor = SimpleNamespace(
        **{"size": settings, "patch_size": 16, "merge_size": 2, "temporal_patch_size": 2},
        **{"cap_pixels_per_frame": True, "max_video_tokens": 768},
    )
    for size, frames, _ in drawn(2, 1000):
        least, most = settings.values()
        limit = capped(least, most, frames, FRAME_TOKENS * TOKEN**2)
        height, width = shown_size(*size, TOKEN, least, limit, frames, JOINED)
        patches = -(-frames // 2) * (height // 16) * (width // 16)
        assert patches == counts(processor, frames, *size), (size, frames)


@pytest.mark.parametrize(("per_time", "repeats"), [(1, 2), (2, 1)])
def test_a_budget_of_all_frames_counts_each_as_often_as_it_is_shown(per_time, repeats):
    for size, frames, (_, most) in drawn(3, 1000):
        budget = FrameBudget(frames, frames_per_time=per_time, total_pixels=most)
        shown = frames * repeats
        limit = most // shown * shown
        expected = video_processing_qwen3_vl.smart_resize(shown, *size, 2, TOKEN, 1, limit)
        assert budget.size_for(*size) == expected


def test_a_budget_of_a_frame_and_one_of_all_frames_both_hold():
    size = (1440, 1920)
    for frames in (1, 8, 32, 200):
        budget = FrameBudget(frames, max_pixels=786432, total_pixels=QWEN["longest_edge"])
        height, width = budget.size_for(*size)
        assert height * width <= 786432 and height * width * frames * 2 <= QWEN["longest_edge"]
        alone = FrameBudget(frames, max_pixels=786432).size_for(*size)
        assert ((height, width) == alone) == (frames <= 8)
    assert alone == video_processing_qwen3_vl.smart_resize(2, *size, 2, TOKEN, 1, 2 * 786432)


def test_small_recordings_are_not_enlarged_and_strips_keep_their_shape():
    budget = FrameBudget(8, max_pixels=512 * 512)
    assert budget.size_for(96, 128) == (96, 128)
    assert budget.size_for(128, 2048) == (128, 2048)
    assert FrameBudget(8, 512, 512).size_for(128, 2048) == (128, 2048)


@pytest.mark.parametrize("max_pixels", [32 * 32, 96 * 128, 100_000])
def test_rendered_frames_have_the_given_aspect_ratio_and_fill_the_budget(max_pixels):
    scene, budget = procedural_scene(0), FrameBudget(2, 96, 128, max_pixels=max_pixels)
    video = scene.footage.load(scene, budget)
    height, width = video.frames.shape[1:3]
    assert (height, width) == budget.rendered_size == video.views.size
    assert max_pixels / 4 < height * width <= max_pixels
    assert video.views.intrinsics[0, 0, 2] == width / 2
    grid = grid_of(video, PatchSpec())
    assert grid == (2, height // 16, width // 16)


def test_memory_is_estimated_for_the_largest_frame_of_the_budget():
    counted = {}
    config = SimpleNamespace(
        vision_config=SimpleNamespace(patch_size=16, temporal_patch_size=2, spatial_merge_size=2)
    )
    for name, budget in {
        "size": FrameBudget(8, 96, 128),
        "pixels": FrameBudget(8, max_pixels=96 * 128),
        "total": FrameBudget(8, total_pixels=96 * 128 * 16),
    }.items():
        counted[name] = MicroBatch(budget, 4).count(config)
    assert counted["size"] == counted["pixels"] == counted["total"]


@pytest.mark.parametrize("name", ["max_pixels", "total_pixels"])
def test_a_budget_below_one_pixel_is_refused(name):
    with pytest.raises(InputError, match=f"{name}=0 must be at least 1"):
        FrameBudget(**{name: 0})


def test_a_record_without_budgets_of_pixels_is_that_of_earlier_versions():
    earlier = {"num_frames": 8, "height": 96, "width": 128, "token": 32, "frames_per_time": 1}
    assert FrameBudget().record() == earlier
    assert FrameBudget(max_pixels=5000).record() == earlier | {"max_pixels": 5000}
