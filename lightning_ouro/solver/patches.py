"""Frames to patches, as Qwen3-VL's video processor lays them out.

A patch spans `temporal_patch_size` frames and `patch_size` pixels a side; patches are ordered so that the
`merge_size` squared patches that the merger joins are neighbours: (time, row block, column block, row, column).
Frames arrive at their final size, so nothing is resized here. Checked against transformers'
`Qwen3VLVideoProcessor.patchify` in the tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lightning_ouro.errors import InputError


@dataclass(frozen=True)
class PatchSpec:
    """How a checkpoint cuts frames: all but the last two from its vision config, those from its processor settings.

    Attributes:
        patch_size: Pixels a side.
        temporal_patch_size: Frames that one patch spans.
        merge_size: Patches a side that become one token of the language model.
        mean: Subtracted from pixels in 0..1, one for all channels.
        std: Divides them.
    """

    patch_size: int = 16
    temporal_patch_size: int = 2
    merge_size: int = 2
    mean: float = 0.5
    std: float = 0.5


def video_grid(shape: Sequence[int], spec: PatchSpec) -> tuple[int, int, int]:
    """Patches over time, rows and columns of frames `(T, H, W, 3)`; an odd last frame is repeated.

    Raises:
        InputError: height or width is no multiple of a merged patch.
    """
    num_frames, height, width = shape[:3]
    side = spec.patch_size * spec.merge_size
    for name, value in (("height", height), ("width", width)):
        if value % side or value <= 0:
            nearest = max(side, round(value / side) * side)
            raise InputError(
                f"frames.{name}={value} is no multiple of {side} pixels, the model's token; try {nearest}"
            )
    return -(-num_frames // spec.temporal_patch_size), height // spec.patch_size, width // spec.patch_size


def frames_to_patches(frames: NDArray[np.uint8], spec: PatchSpec) -> Tensor:
    """Normalised patches `(patches, 3 * temporal_patch_size * patch_size**2)`, float32, of frames `(T, H, W, 3)`."""
    grid_t, grid_h, grid_w = video_grid(frames.shape, spec)
    pixels = torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2).float()  # (T, 3, H, W)
    pixels = (pixels / 255 - spec.mean) / spec.std
    if missing := grid_t * spec.temporal_patch_size - len(pixels):
        pixels = torch.cat([pixels, pixels[-1:].expand(missing, -1, -1, -1)])
    merge, side = spec.merge_size, spec.patch_size
    blocks = pixels.reshape(
        grid_t, spec.temporal_patch_size, 3, grid_h // merge, merge, side, grid_w // merge, merge, side
    )
    ordered = blocks.permute(0, 3, 6, 4, 7, 2, 1, 5, 8)
    return ordered.reshape(grid_t * grid_h * grid_w, -1)


def group_times(timestamps: NDArray[np.float64], spec: PatchSpec) -> list[float]:
    """Seconds that stand before each group of frames: the mean of its first and last frame, as in Qwen3VLProcessor."""
    step = spec.temporal_patch_size
    padded = list(timestamps) + [timestamps[-1]] * (-len(timestamps) % step)
    return [float(padded[i] + padded[i + step - 1]) / 2 for i in range(0, len(padded), step)]
