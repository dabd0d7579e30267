"""What a scene is: objects with oriented boxes, counts, a floor, and footage that is opened on demand.

Metres, z up, right-handed. The corners of a box are `center + rotation @ (signs * size / 2)`: `size` holds
full extents, the columns of `rotation` are the box's axes. Cameras follow OpenCV: x right, y down, z forward;
a `pose` maps camera to world.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from itertools import product
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lightning_ouro.errors import InputError
from lightning_ouro.scenes.pixel_budget import JOINED, capped, shown_size

CORNER_SIGNS = np.array(list(product((-1.0, 1.0), repeat=3)))  # (8, 3)
# Poses that are kept of each second of a camera's path. Chosen by hand: no camera turns half a circle in the time
# between two.
PATH_RATE = 10
VISIBLE = 0.003  # of a frame's pixels, from which on it shows an object


@dataclass(frozen=True, eq=False)
class SceneObject:
    """One object and its oriented box.

    Attributes:
        id: The object's index in `Scene.objects`.
        category: Its name in the common vocabulary, as a question writes it.
        center: `(3,)` metres.
        size: `(3,)` full extents along the box's own axes, metres, positive.
        rotation: `(3, 3)`, columns are the box's axes in the world; determinant +1.
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
    """How many frames the model is shown of each scene, and their size.

    Attributes:
        num_frames: Number of frames, sampled uniformly over the video; at least 1.
        height: Height of rendered frames in pixels, a multiple of the model's patch size times its merge size
            (32 for Qwen3-VL). Recorded frames keep their aspect ratio and have at most height x width pixels.
        width: Width of rendered frames in pixels, a multiple like `height`.
        token: Side in pixels of the square that becomes one token: the model's patch size times its merge
            size.
        frames_per_time: Number of successive frames that share one time in the prompt: 1, or as many as the model
            joins (2 for Qwen3-VL). With 1 each frame is repeated until the model joins it with itself, as its
            processor does with an image: the video has twice as many tokens, and questions can name times. With 2,
            as other tools show videos, nobody can tell at which time of two frames what is seen, and no question
            names a time.
        max_pixels: Maximum number of pixels of a frame; null: height x width. With this or total_pixels, a scene's
            aspect ratio decides the size, by Qwen3-VL's own rule, and height and width are the aspect ratio of
            rendered frames only. Other tools allow 786432 (768 tokens).
        total_pixels: Maximum number of pixels of all frames, each counted as often as it is shown: twice with
            frames_per_time 1. Qwen3-VL's settings have 25165824; null: no limit but that of each frame.

    Raises:
        InputError: one of them is below 1.
    """

    num_frames: int = 8
    height: int = 96
    width: int = 128
    token: int = 32
    frames_per_time: int = 1
    max_pixels: int | None = None
    total_pixels: int | None = None

    def __post_init__(self) -> None:
        for name, value in self.record().items():
            if value < 1:
                raise InputError(f"{name}={value} must be at least 1")

    def record(self) -> dict[str, Any]:
        """The options in plain types, without pixel budgets that are not given."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @property
    def is_in_pixels(self) -> bool:
        """Whether a number of pixels is given, so that a scene's aspect ratio decides the size."""
        return self.max_pixels is not None or self.total_pixels is not None

    @property
    def frame_pixels(self) -> int:
        """Maximum number of pixels of a frame."""
        if not self.is_in_pixels:
            return self.height * self.width
        shown = self._num_shown
        most = shown * (self.max_pixels or 0) if self.total_pixels is None else self.total_pixels
        return capped(0, most, shown, self.max_pixels or most) // shown

    @property
    def rendered_size(self) -> tuple[int, int]:
        """Height and width of rendered frames in pixels: with a budget of pixels, as many as it allows."""
        if not self.is_in_pixels:
            return self.height, self.width
        scale = math.sqrt(self.frame_pixels / (self.height * self.width))
        return self.size_for(self.height * scale, self.width * scale)

    @property
    def _num_shown(self) -> int:
        return self.num_frames * max(1, JOINED // self.frames_per_time)

    def size_for(self, height: float, width: float) -> tuple[int, int]:
        """Height and width in pixels at which images of this size are shown, by Qwen's `smart_resize`.

        The nearest size in whole tokens that has no more pixels than the budget, but at least one token per
        side; only a strip that is longer than all of the budget's tokens in a row has more pixels.
        """
        if self.is_in_pixels:
            shown = self._num_shown
            return shown_size(height, width, self.token, 0, shown * self.frame_pixels, shown, JOINED)
        rows, columns = max(1, round(height / self.token)), max(1, round(width / self.token))
        max_tokens = self.height * self.width / self.token**2
        if rows * columns > max_tokens:
            tokens_per_pixel = math.sqrt(max_tokens / (height * width))
            rows, columns = (max(1, math.floor(side * tokens_per_pixel + 1e-9)) for side in (height, width))
        return rows * self.token, columns * self.token


@dataclass(frozen=True, eq=False)
class CameraPath:
    """Where the camera was and looked during the recording, also between the shown frames.

    Attributes:
        times: `(P,)` seconds from the start of the recording, increasing.
        poses: `(P, 4, 4)` camera to world.
    """

    times: NDArray[np.float64]
    poses: NDArray[np.float64]

    def indices(self, times: NDArray[np.float64]) -> NDArray[np.int64]:
        """For each of some `(T,)` times the pose of that time; all of them have to be known."""
        indices = np.minimum(np.searchsorted(self.times, times), len(self.times) - 1)
        assert np.array_equal(self.times[indices], times), "the path holds every frame's time"
        return indices


@dataclass(frozen=True, eq=False)
class Views:
    """Everything about a video's frames but their pixels.

    Attributes:
        timestamps: `(T,)` seconds from the start of the recording, increasing.
        intrinsics: `(T, 3, 3)` pinhole matrices in pixels of the frames.
        poses: `(T, 4, 4)` camera to world.
        visibility: `(T, objects)` share of the frame's pixels that each object fills, in the order of
            `Scene.objects`.
        size: Height and width of the frames in pixels; None if unknown, and then nobody can tell where a
            picture ends. All footage of this package knows it.
        path: The camera's whole path, which holds the frames' own times and poses; None if nothing is known
            of the camera between the frames.
        possible: `(T, objects)` share of the frame's pixels that each object may fill, where it is not known what
            some of them show; None if all is known. What is not shown may still be there.
        frames_per_time: Number of successive frames that share one time in the prompt.
    """

    timestamps: NDArray[np.float64]
    intrinsics: NDArray[np.float64]
    poses: NDArray[np.float64]
    visibility: NDArray[np.float32]
    size: tuple[int, int] | None = None
    path: CameraPath | None = None
    possible: NDArray[np.float32] | None = None
    frames_per_time: int = 1

    def __post_init__(self) -> None:
        if self.path is not None:
            at_frames = self.path.poses[self.path.indices(self.timestamps)]
            assert np.array_equal(at_frames, self.poses), "the path holds every frame's pose"

    @property
    def prompt_times(self) -> NDArray[np.float64]:
        """`(T,)` seconds that stand in the prompt before each frame.

        As in Qwen3VLProcessor, the mean of the first and the last of the frames that share them.
        """
        step, last = self.frames_per_time, len(self.timestamps) - 1
        first = np.arange(len(self.timestamps)) // step * step
        return (self.timestamps[first] + self.timestamps[np.minimum(first + step - 1, last)]) / 2

    @property
    def at_most(self) -> NDArray[np.float32]:
        """`(T, objects)` share of the frame's pixels that each object fills at most."""
        return self.visibility if self.possible is None else self.possible

    @cached_property
    def largest(self) -> tuple[np.float32, ...]:
        """Of each object, the largest share of a frame's pixels that it fills."""
        return tuple(self.visibility.max(axis=0))


@dataclass(frozen=True, eq=False)
class Video:
    """What the model is shown of a scene.

    Attributes:
        frames: uint8 `(T, H, W, 3)` RGB.
        views: When and from where the frames were taken, and what they show.
    """

    frames: NDArray[np.uint8]
    views: Views


@dataclass(frozen=True, eq=False)
class Image:
    """A still picture that the model is shown.

    Attributes:
        pixels: uint8 `(H, W, 3)` RGB.
    """

    pixels: NDArray[np.uint8]

    @property
    def frames(self) -> NDArray[np.uint8]:
        """uint8 `(1, H, W, 3)`, as a video's."""
        return self.pixels[None]


class Footage(Protocol):
    """Where a scene's frames come from: a renderer, a folder of images, a video file."""

    def load(self, scene: Scene, budget: FrameBudget) -> Video:
        """Returns `budget.num_frames` frames, or all of a recording that has fewer."""

    def without(self, scene: Scene, video: Video, dropped: Collection[int]) -> Video:
        """The same frames as those of a loaded video, without some objects.

        Args:
            scene: The scene, with all of its objects.
            video: What `load` returned for this scene.
            dropped: Ids of the objects that the frames must not show; their visibility is 0.
        """


@dataclass(frozen=True, eq=False)
class Scene:
    """A room or a few, with annotated objects.

    Attributes:
        id: Unique among all scenes of a run.
        source: Name of the data set.
        objects: In a fixed order; an object's id is its index.
        counts: Number of objects per category. Counts that the source corrected by hand win over the number
            of boxes. A category of `complete` with the count 0 is known to be absent.
        complete: Categories of which every object is annotated. Only these may be counted, and only of these can
            one say that there is a single one.
        floor_area: Square metres.
        floor: `(n, 2)` outline of the floor, metres, or None if the source has none.
        footage: Loads the frames; the rest of a scene is available without opening any file.
        benchmarks: Benchmarks that test on this scene. Training on it must then be allowed explicitly.
        known_as: Paths that may tell what the scene is of: where it lies, or lay before it was stored.
        not_benchmark: Whether the source says that no benchmark tests on it, whatever its names look like.
        room: What its data set or its owner calls the room that it is a recording of; "" if only names tell.
        unified: The category of each label of the source that is another word for it.
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
    known_as: tuple[str, ...] = ()
    not_benchmark: bool = False
    room: str = ""
    unified: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SkippedScene:
    """A scene that could not be used, and the reason in one line that names file and field."""

    id: str
    reason: str
