from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from lightning_ouro.errors import InputError
from lightning_ouro.solver.patches import PatchSpec, frames_to_patches, grid_of, joined_frames, video_grid

from .conftest import make_video

SPEC = PatchSpec()


def test_one_frame_has_the_patches_of_transformers_image_processor():
    frame = np.random.default_rng(0).integers(0, 256, (96, 128, 3), dtype=np.uint8)
    processor = Qwen2VLImageProcessorPil(
        patch_size=16,
        merge_size=2,
        temporal_patch_size=2,
        image_mean=[0.5] * 3,
        image_std=[0.5] * 3,
        do_resize=False,
    )
    reference = processor(images=frame, return_tensors="pt")
    assert tuple(reference["image_grid_thw"][0].tolist()) == video_grid((1, 96, 128, 3), SPEC)
    torch.testing.assert_close(
        frames_to_patches(frame[None], SPEC), reference["pixel_values"].float(), atol=1e-6, rtol=0
    )


def test_an_odd_last_frame_is_repeated():
    frames = np.random.default_rng(1).integers(0, 256, (3, 64, 32, 3), dtype=np.uint8)
    assert torch.equal(frames_to_patches(frames, SPEC), frames_to_patches(frames[[0, 1, 2, 2]], SPEC))


def test_each_patch_holds_the_pixels_of_two_frames():
    frames = np.random.default_rng(2).integers(0, 256, (4, 64, 96, 3), dtype=np.uint8)
    patches = frames_to_patches(frames, SPEC).reshape(2, 2, 3, 2, 2, 3, 2, 16, 16)
    time, block_row, block_column, row, column = 1, 1, 2, 0, 1
    top, left = (block_row * 2 + row) * 16, (block_column * 2 + column) * 16
    expected = (
        frames[2 * time : 2 * time + 2, top : top + 16, left : left + 16].transpose(3, 0, 1, 2) / 127.5 - 1
    )
    patch = patches[time, block_row, block_column, row, column].numpy()
    np.testing.assert_allclose(patch, expected, atol=1e-6)


def test_a_frame_with_its_own_time_is_repeated_as_the_processor_repeats_an_image():
    video = make_video(0, num_frames=3, height=64, width=96)
    scale = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3}
    images = Qwen2VLImageProcessorPil(
        patch_size=16, merge_size=2, temporal_patch_size=2, do_resize=False, **scale
    )
    reference = images(images=list(video.frames), return_tensors="pt")["pixel_values"].float()
    torch.testing.assert_close(
        frames_to_patches(joined_frames(video, SPEC), SPEC), reference, atol=1e-6, rtol=0
    )
    assert grid_of(video, SPEC) == (3, 4, 6)


def test_frames_that_share_times_are_joined_as_they_come():
    video = make_video(0, num_frames=3, height=64, width=96)
    shared = replace(video, views=replace(video.views, frames_per_time=2))
    assert np.array_equal(joined_frames(shared, SPEC), video.frames)
    assert grid_of(shared, SPEC) == (2, 4, 6)


def test_frames_that_share_times_otherwise_than_the_model_joins_them_are_refused():
    video = make_video(0, num_frames=3, height=64, width=96)
    thirds = replace(video, views=replace(video.views, frames_per_time=3))
    with pytest.raises(
        InputError, match=r"frames_per_time=3, but this model joins 2 frames; possible are 1 and 2"
    ):
        grid_of(thirds, SPEC)


@pytest.mark.parametrize(
    ("height", "width", "message"),
    [
        (90, 128, "frames.height=90 is not a multiple of 32 pixels, .* try 96"),
        (96, 0, "frames.width=0 .* try 32"),
    ],
)
def test_a_side_that_is_not_a_multiple_of_a_token_is_refused(height, width, message):
    with pytest.raises(InputError, match=message):
        video_grid((8, height, width, 3), SPEC)


def test_the_order_of_patches_is_that_of_the_video_processor():
    processors = pytest.importorskip(
        "transformers.models.qwen3_vl.video_processing_qwen3_vl",
        reason="the video processor needs torchvision",
    )
    try:
        patchify = processors.Qwen3VLVideoProcessor.patchify
    except ImportError as missing:  # transformers replaces the class by a placeholder
        pytest.skip(str(missing).splitlines()[1])
    frames = np.random.default_rng(3).integers(0, 256, (4, 64, 96, 3), dtype=np.uint8)
    pixels = torch.from_numpy(frames).permute(0, 3, 1, 2).float()[None] / 127.5 - 1
    reference, *grid = patchify(SimpleNamespace(), pixels, patch_size=16, merge_size=2, temporal_patch_size=2)
    assert tuple(grid) == video_grid((4, 64, 96, 3), SPEC)
    torch.testing.assert_close(frames_to_patches(frames, SPEC), reference[0], atol=1e-6, rtol=0)
