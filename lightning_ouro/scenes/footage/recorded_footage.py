"""Recordings on disk: which of their frames the model is shown, and how these become a `Video`.

N frames are taken evenly from the valid ones (those with an image and a pose), decoded once, one at a time, and resized
to the budget's pixels at nearly their own shape. Intrinsics follow; times are those of the recording.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lightning_ouro.errors import BadSceneError, InputError
from lightning_ouro.scenes.footage.recording import Recording
from lightning_ouro.scenes.footage.visibility import visible_shares
from lightning_ouro.scenes.types import FrameBudget, Scene, Video, Views


@final
@dataclass(frozen=True)
class RecordedFootage:
    """Footage that lies on disk.

    Attributes:
        open: Opens the scene's recording; a function of a module, so that other processes can have it.
    """

    open: Callable[[Scene], Recording]

    def load(self, scene: Scene, budget: FrameBudget) -> Video:
        """Frames evenly from the valid part; all of them where there are no more than asked for.

        Raises:
            InputError: the recording cannot be used; the message names scene and file.
        """
        try:
            with closing(self.open(scene)) as recording:
                return _load(scene, recording, budget)
        except BadSceneError as problem:
            raise InputError(f"scene {scene.id}: {problem}") from None


def _load(scene: Scene, recording: Recording, budget: FrameBudget) -> Video:
    shots = recording.shots
    if len(shots.times) == 0:
        raise BadSceneError("the recording has no frame with a valid pose")
    places = evenly(len(shots.times), budget.num_frames)
    size = budget.size_for(*shots.size)
    frames = np.empty((len(places), *size, 3), dtype=np.uint8)
    # Through `map`, which lets go of each large image before the next is decoded.
    for row, image in zip(frames, map(partial(resized, size=size), recording.images(places)), strict=True):
        row[:] = image
    shares = np.stack([visible_shares(scene, recording, place) for place in places])
    scale = np.array([size[1] / shots.size[1], size[0] / shots.size[0], 1.0])
    views = Views(shots.times[places], shots.intrinsics[places] * scale[:, None], shots.poses[places], shares)
    return Video(frames, views)


def evenly(number: int, wanted: int) -> list[int]:
    """The places of `wanted` of so many frames, the first and the last among them; all where there are fewer.

    As the official evaluation of VSI-Bench picks them: `np.linspace(0, n - 1, wanted, dtype=int)`.
    """
    return list(range(number)) if number <= wanted else np.linspace(0, number - 1, wanted, dtype=int).tolist()


def resized(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """The image `(H, W, 3)` at a height and width: bicubic with antialiasing, as Qwen3-VL's PIL processor does it."""
    if image.shape[:2] == size:
        return image
    return np.asarray(Image.fromarray(image).resize((size[1], size[0]), Image.Resampling.BICUBIC))
