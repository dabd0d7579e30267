"""Recordings on disk: which of their frames the model is shown, and how these become a `Video`.

N frames are taken evenly from the valid ones (those with an image and a pose), decoded once, one at a time, and resized
to the budget's pixels at nearly their own shape. Intrinsics follow; times are those of the recording.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lightning_ouro.errors import InputError
from lightning_ouro.scenes.readers.files import BadSceneError
from lightning_ouro.scenes.types import FrameBudget, Scene, Video, Views
from lightning_ouro.scenes.visibility import visible_shares

_RIGID = 1e-2  # how far a pose's axes may be off from orthonormal
_FARTHEST = 1000.0  # metres


@dataclass(frozen=True, eq=False)
class Shots:
    """When and from where the valid frames of a recording were taken.

    Attributes:
        times: `(F,)` seconds from the start of the recording, rising.
        intrinsics: `(F, 3, 3)` pinhole matrices in pixels of the images.
        poses: `(F, 4, 4)` camera to world, OpenCV axes.
        size: Height and width of the images.
    """

    times: NDArray[np.float64]
    intrinsics: NDArray[np.float64]
    poses: NDArray[np.float64]
    size: tuple[int, int]


class Recording(ABC):
    """An opened recording. Every method may raise `BadSceneError`.

    Attributes:
        shots: Its valid frames; others count nowhere.
    """

    shots: Shots

    @abstractmethod
    def images(self, places: Sequence[int]) -> Iterator[NDArray[np.uint8]]:
        """The images of these frames, which rise, one at a time: uint8 `(H, W, 3)` RGB, upright, of `shots.size`."""

    def mask(self, place: int) -> NDArray[np.int32] | None:
        """The object that each pixel shows, `(h, w)` places in `Scene.objects`, -1 for none; None if there are none."""
        return None

    def depth(self, place: int) -> NDArray[np.float32] | None:
        """Metres along the camera's axis, `(h, w)` over the image's view, 0 where unknown; None if there are none."""
        return None

    def known_shares(self, place: int) -> NDArray[np.float32] | None:
        """`(objects,)` shares of a frame's pixels, where they were worked out before; else None."""
        return None

    def close(self) -> None:  # noqa: B027  most recordings hold nothing open
        """Gives up what is held open."""


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


def rigid(poses: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which of `(F, 4, 4)` matrices are finite and only turn and move; lost tracking is written in many ways."""
    finite = np.isfinite(poses).all(axis=(1, 2)) & (np.abs(np.nan_to_num(poses)).max(axis=(1, 2)) < _FARTHEST)
    safe = np.where(finite[:, None, None], poses, 0.0)
    turns = safe[:, :3, :3]
    bent = np.abs(turns.transpose(0, 2, 1) @ turns - np.eye(3)).max(axis=(1, 2))
    last = np.abs(safe[:, 3] - (0, 0, 0, 1)).max(axis=1)
    return np.asarray(finite & (bent < _RIGID) & (last < _RIGID) & (np.linalg.det(turns) > 0))


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
