"""What a reader opens: a recording's valid frames, their cameras, and what is known about their objects."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lightning_ouro.scenes.types import CameraPath, Scene

UNKNOWN = -2  # in a mask: nobody has said what the pixel shows
_RIGID = 1e-2  # maximum deviation of a pose's axes from orthonormality
_FARTHEST = 1000.0  # metres; poses farther from the origin are invalid


@dataclass(frozen=True, eq=False)
class Shares:
    """How much of one frame each object fills, as far as that is known.

    Attributes:
        certain: `(objects,)` shares of the frame's pixels that surely show the object.
        possible: `(objects,)` shares that may show it, where it is not known what some pixels show.
    """

    certain: NDArray[np.float32]
    possible: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Shots:
    """When and from where the valid frames of a recording were taken.

    Attributes:
        times: `(F,)` seconds from the start of the recording, increasing.
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
        shots: The valid frames; a frame index is an index into these.
        lens_slack: The share of its focal length by which the lens may be longer or shorter than `shots` says. It may
            be known only after `check`.
    """

    shots: Shots
    lens_slack: float = 0.0

    @abstractmethod
    def images(self, frame_indices: Sequence[int]) -> Iterator[NDArray[np.uint8]]:
        """The images of these frames one by one: uint8 `(H, W, 3)` RGB, upright, of `shots.size`.

        Args:
            frame_indices: In increasing order.
        """

    def path(self) -> CameraPath:
        """All known poses of the camera, the valid frames' among them."""
        return CameraPath(self.shots.times, self.shots.poses)

    def mask(self, frame_index: int) -> NDArray[np.int32] | None:
        """`(h, w)` id of the object that each pixel shows, -1 for none, `UNKNOWN`; None if the frame has no mask."""
        return None

    def depth(self, frame_index: int) -> NDArray[np.float32] | None:
        """`(h, w)` metres along the camera's axis, 0 where unknown; None if the frame has no depth map.

        The map covers the same view as the image, at any resolution.
        """
        return None

    def known_shares(self, frame_index: int) -> Shares | None:
        """How much of the frame each object fills; None if that was not stored."""
        return None

    def check(self, scene: Scene, frame_indices: Sequence[int], visibility: NDArray[np.float32]) -> None:  # noqa: B027
        """Compares a loaded recording with the scene's boxes, where nobody else vouches for its conventions.

        Args:
            scene: The scene.
            frame_indices: The `T` frames that were loaded.
            visibility: `(T, objects)` what they show.
        """

    def close(self) -> None:  # noqa: B027  most recordings keep nothing open
        """Releases open files."""


def rigid(poses: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which of `(F, 4, 4)` matrices are rigid transforms; lost tracking is marked in many other ways."""
    finite = np.isfinite(poses).all(axis=(1, 2)) & (np.abs(np.nan_to_num(poses)).max(axis=(1, 2)) < _FARTHEST)
    safe = np.where(finite[:, None, None], poses, 0.0)
    axes = safe[:, :3, :3]
    deviation = np.abs(axes.transpose(0, 2, 1) @ axes - np.eye(3)).max(axis=(1, 2))
    last_row = np.abs(safe[:, 3] - (0, 0, 0, 1)).max(axis=1)
    return np.asarray(finite & (deviation < _RIGID) & (last_row < _RIGID) & (np.linalg.det(axes) > 0))
