"""What a scene is: objects with oriented boxes, counts, a floor, and footage that is opened only when asked for.

Metres, z up, right-handed. A box is `center + rotation @ (signs * size / 2)`: full extents, columns of `rotation` are
the box's axes. Cameras are OpenCV's: x right, y down, z forward, `pose` takes camera to world.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lightning_ouro.errors import InputError

CORNER_SIGNS = np.array(list(product((-1.0, 1.0), repeat=3)))  # (8, 3)


@dataclass(frozen=True, eq=False)
class SceneObject:
    """One object and its oriented box.

    Attributes:
        id: Unique within the scene, from 0, equal to its place in `Scene.objects`.
        category: Its name in the scene's vocabulary, as a question would write it.
        center: `(3,)` metres.
        size: `(3,)` full extents along the box's own axes, metres, positive.
        rotation: `(3, 3)`, columns are the box's axes in the world, determinant +1.
    """

    id: int
    category: str
    center: NDArray[np.float64]
    size: NDArray[np.float64]
    rotation: NDArray[np.float64]

    def corners(self) -> NDArray[np.float64]:
        """The `(8, 3)` corners of the box, metres."""
        return self.center + (CORNER_SIGNS * self.size / 2) @ self.rotation.T


@dataclass(frozen=True)
class FrameBudget:
    """How many frames the model is shown, and how large.

    Attributes:
        num_frames: Frames sampled uniformly over the video.
        height: Pixels; a multiple of the model's patch times merge size (32 for Qwen3-VL).
        width: Pixels; likewise. Rendered frames are just so large; recorded ones keep their shape and have at most
            height times width pixels.
        token: Pixels a side of what becomes one token, the model's patch times merge size.

    Raises:
        InputError: one of them is below 1.
    """

    num_frames: int = 8
    height: int = 96
    width: int = 128
    token: int = 32

    def __post_init__(self) -> None:
        for name in ("num_frames", "height", "width", "token"):
            if getattr(self, name) < 1:
                raise InputError(f"frames.{name}={getattr(self, name)} must be at least 1")

    def size_for(self, height: int, width: int) -> tuple[int, int]:
        """Height and width, in whole tokens, at which images of this size are shown: Qwen's `smart_resize`.

        The nearest that has no more pixels than the budget; never below one token a side, so that only a strip longer
        than the budget's tokens has more.
        """
        rows, columns = max(1, round(height / self.token)), max(1, round(width / self.token))
        most = self.height * self.width / self.token**2  # tokens
        if rows * columns > most:
            shrink = math.sqrt(most / (height * width))  # tokens a pixel
            rows, columns = (max(1, math.floor(side * shrink + 1e-9)) for side in (height, width))
        return rows * self.token, columns * self.token


@dataclass(frozen=True, eq=False)
class Views:
    """How a scene was filmed: all of the shown frames but their pixels.

    Attributes:
        timestamps: `(T,)` seconds from the start of the recording, rising.
        intrinsics: `(T, 3, 3)` pinhole matrices in pixels of the frames.
        poses: `(T, 4, 4)` camera to world.
        visibility: `(T, objects)` share of the frame's pixels that belong to each object, in the order of
            `Scene.objects`.
    """

    timestamps: NDArray[np.float64]
    intrinsics: NDArray[np.float64]
    poses: NDArray[np.float64]
    visibility: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Video:
    """What the model is shown of a scene.

    Attributes:
        frames: uint8 `(T, H, W, 3)` RGB.
        views: When and from where they were taken, and what they show.
    """

    frames: NDArray[np.uint8]
    views: Views


class Footage(Protocol):
    """Where a scene's frames come from: a renderer, a folder of images, a video file."""

    def load(self, scene: Scene, budget: FrameBudget) -> Video:
        """Opens the recording and returns `budget.num_frames` of its frames."""


@dataclass(frozen=True, eq=False)
class Scene:
    """A place.

    Attributes:
        id: Unique over all scenes of a run.
        source: The data set that it comes from.
        objects: In a fixed order; ids are places in it.
        counts: Objects per category. Where the source corrected them by hand they win over the number of boxes.
        complete: Categories of which every instance is annotated: only these may be counted.
        floor_area: Square metres.
        floor: `(n, 2)` outline of the floor, metres, or None where the source has none.
        footage: Opens the frames; metadata alone opens no file.
        benchmarks: The benchmarks that test on this scene; training on it then needs an explicit permission.
    """

    id: str
    source: str
    objects: tuple[SceneObject, ...]
    counts: Mapping[str, int]
    complete: frozenset[str]
    floor_area: float
    floor: NDArray[np.float64] | None
    footage: Footage
    benchmarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class SkippedScene:
    """A scene that could not be used, and why, in one line that names file and field."""

    id: str
    reason: str
