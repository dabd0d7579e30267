"""What a reader opens: a recording's valid frames, their cameras, and what is known of the objects in them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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


def rigid(poses: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which of `(F, 4, 4)` matrices are finite and only turn and move; lost tracking is written in many ways."""
    finite = np.isfinite(poses).all(axis=(1, 2)) & (np.abs(np.nan_to_num(poses)).max(axis=(1, 2)) < _FARTHEST)
    safe = np.where(finite[:, None, None], poses, 0.0)
    turns = safe[:, :3, :3]
    bent = np.abs(turns.transpose(0, 2, 1) @ turns - np.eye(3)).max(axis=(1, 2))
    last = np.abs(safe[:, 3] - (0, 0, 0, 1)).max(axis=1)
    return np.asarray(finite & (bent < _RIGID) & (last < _RIGID) & (np.linalg.det(turns) > 0))
