"""Patches of videos and images, laid out as Qwen3-VL's processors lay them out.

A patch spans `temporal_patch_size` frames and `patch_size` pixels a side. Patches are ordered so that the
`merge_size` squared patches that the merger joins are neighbours: (time, row block, column block, row, column).
Frames arrive at their final size (`scenes.footage.read_frames.resized`). The tests compare with what the real processor
made of real frames, and with transformers' `Qwen3VLVideoProcessor.patchify`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from lightning_ouro.errors import InputError
from lightning_ouro.scenes.types import Image, Video

Visual = Image | Video


@dataclass(frozen=True)
class PatchSpec:
    """How a checkpoint cuts frames: sizes from its vision config, mean and std from its processor settings.

    Attributes:
        patch_size: Pixels a side.
        temporal_patch_size: Number of frames that one patch spans.
        merge_size: Patches a side that become one token of the language model.
        mean: Subtracted from pixels in 0..1, the same for all channels.
        std: Divides them after that.
    """

    patch_size: int = 16
    temporal_patch_size: int = 2
    merge_size: int = 2
    mean: float = 0.5
    std: float = 0.5


def video_grid(shape: Sequence[int], spec: PatchSpec) -> tuple[int, int, int]:
    """Number of patches over time, rows and columns, for frames of a shape `(frames, height, width, 3)`.

    An odd last frame is repeated.

    Raises:
        InputError: height or width is not a multiple of a merged patch.
    """
    num_frames, height, width = shape[:3]
    side = spec.patch_size * spec.merge_size
    for name, value in (("height", height), ("width", width)):
        if value % side or value <= 0:
            nearest = max(side, round(value / side) * side)
            raise InputError(
                f"frames.{name}={value} is not a multiple of {side} pixels, the side of one token; try {nearest}"
            )
    return -(-num_frames // spec.temporal_patch_size), height // spec.patch_size, width // spec.patch_size


def frames_to_patches(
    frames: UInt8[np.ndarray, "frames height width 3"], spec: PatchSpec
) -> Float[Tensor, "patches pixels"]:
    """Normalised patches in float32, with `3 * temporal_patch_size * patch_size**2` pixels each."""
    grid_t, grid_h, grid_w = video_grid(frames.shape, spec)
    # (frames, 3, height, width)
    pixels = torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2).float()
    pixels = (pixels / 255 - spec.mean) / spec.std
    if missing := grid_t * spec.temporal_patch_size - len(pixels):
        pixels = torch.cat([pixels, pixels[-1:].expand(missing, -1, -1, -1)])
    merge, side = spec.merge_size, spec.patch_size
    blocks = pixels.reshape(
        grid_t, spec.temporal_patch_size, 3, grid_h // merge, merge, side, grid_w // merge, merge, side
    )
    ordered = blocks.permute(0, 3, 6, 4, 7, 2, 1, 5, 8)
    return ordered.reshape(grid_t * grid_h * grid_w, -1)


def patches_of(visuals: Sequence[Visual], spec: PatchSpec) -> Float[Tensor, "patches pixels"]:
    """Patches of videos and images, one after the other.

    Raises:
        InputError: as `grid_of`.
    """
    return torch.cat([frames_to_patches(joined_frames(visual, spec), spec) for visual in visuals])


def joined_frames(visual: Visual, spec: PatchSpec) -> UInt8[np.ndarray, "frames height width 3"]:
    """The frames of a video or image as patches join them.

    An image, and a frame with a time of its own, is repeated until it fills a group, as Qwen3-VL's processor repeats
    an image.

    Raises:
        InputError: the frames share times otherwise than patches join them.
    """
    return np.repeat(visual.frames, _repeats(visual, spec), axis=0)


def grid_of(visual: Visual, spec: PatchSpec) -> tuple[int, int, int]:
    """Number of patches over time, rows and columns of the `joined_frames`.

    Raises:
        InputError: as `joined_frames` and `video_grid`.
    """
    num_frames, *size = visual.frames.shape
    return video_grid((num_frames * _repeats(visual, spec), *size), spec)


def _repeats(visual: Visual, spec: PatchSpec) -> int:
    joined = spec.temporal_patch_size
    shared = visual.views.frames_per_time if isinstance(visual, Video) else 1
    if shared not in (1, joined):
        raise InputError(
            f"data.frames.frames_per_time={shared}, but this model joins {joined} frames; possible are 1 and {joined}"
        )
    return joined // shared
