"""Turns a recording on disk into the `Video` that the model is shown.

N frames are sampled uniformly from the valid ones (those with an image and a pose), decoded one at a time,
and resized to the budget's pixels at nearly their own aspect ratio. Intrinsics are scaled along; times are
those of the recording. Of the camera's path, ten poses a second are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lightning_ouro.errors import BadSceneError, InputError
from lightning_ouro.scenes.footage.masking import masked
from lightning_ouro.scenes.footage.recording import Recording
from lightning_ouro.scenes.footage.visibility import visible_shares
from lightning_ouro.scenes.types import PATH_RATE, CameraPath, FrameBudget, Scene, Video, Views


@final
@dataclass(frozen=True)
class RecordedFootage:
    """Footage that was recorded.

    Attributes:
        open: Opens the scene's recording. A function of a module, so that it can be pickled for other
            processes.
    """

    open: Callable[[Scene], Recording]

    def load(self, scene: Scene, budget: FrameBudget) -> Video:
        """Loads frames sampled uniformly from the valid ones; all if there are no more than the budget.

        Raises:
            InputError: the recording cannot be used; the message names scene and file.
        """
        try:
            with closing(self.open(scene)) as recording:
                return _load(scene, recording, budget)
        except BadSceneError as error:
            raise InputError(f"scene {scene.id}: {error}") from None

    def without(self, scene: Scene, video: Video, dropped: Collection[int]) -> Video:
        """Covers the boxes of some objects in the video's frames; opens no file."""
        return masked(scene, video, dropped)


def _load(scene: Scene, recording: Recording, budget: FrameBudget) -> Video:
    shots = recording.shots
    if len(shots.times) == 0:
        raise BadSceneError("the recording has no frame with a valid pose")
    indices = uniform_indices(len(shots.times), budget.num_frames)
    size = budget.size_for(*shots.size)
    frames = np.empty((len(indices), *size, 3), dtype=np.uint8)
    # `map` releases each full-size image before the next is decoded, which a loop variable would not.
    images = map(partial(resized, size=size), recording.images(indices))
    for row, image in zip(frames, images, strict=True):
        row[:] = image
    shares = visible_shares(scene, recording, indices)
    visibility = np.stack([known.certain for known in shares])
    possible = np.stack([known.possible for known in shares])
    scale = np.array([size[1] / shots.size[1], size[0] / shots.size[0], 1.0])
    intrinsics = shots.intrinsics[indices] * scale[:, None]
    times, path = shots.times[indices], thinned(recording.path(), shots.times[indices])
    return Video(frames, Views(times, intrinsics, shots.poses[indices], visibility, size, path, possible))


def thinned(path: CameraPath, times: NDArray[np.float64]) -> CameraPath:
    """At most ten poses of each second, and always those of some `(T,)` times, all of which it has."""
    tenths = np.floor((path.times - path.times[0]) * PATH_RATE)
    required = path.indices(times)
    is_first = np.diff(tenths, prepend=-1) > 0
    kept = np.union1d(np.flatnonzero(is_first & ~np.isin(tenths, tenths[required])), required)
    return CameraPath(path.times[kept], path.poses[kept])


def uniform_indices(num_frames: int, wanted: int) -> list[int]:
    """Indices of `wanted` of `num_frames` frames, including the first and the last; all if there are no more.

    Chosen like the official evaluation of VSI-Bench: `np.linspace(0, num_frames - 1, wanted, dtype=int)`.
    """
    if num_frames <= wanted:
        return list(range(num_frames))
    return np.linspace(0, num_frames - 1, wanted, dtype=int).tolist()


def resized(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """The image `(H, W, 3)` at a height and width, bicubic with antialiasing like Qwen3-VL's PIL processor."""
    if image.shape[:2] == size:
        return image
    return np.asarray(Image.fromarray(image).resize((size[1], size[0]), Image.Resampling.BICUBIC))
