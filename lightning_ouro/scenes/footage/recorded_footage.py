"""Turns a recording on disk into the `Video` that the model is shown.

N frames are sampled uniformly from the valid ones (those with an image and a pose, and not broken), decoded one at
a time, and resized to the budget's pixels at nearly their own aspect ratio. Intrinsics are scaled along; times are
those of the recording. Of the camera's path, ten poses a second are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import closing
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from lightning_ouro.errors import BadSceneError, InputError
from lightning_ouro.scenes.footage.lens_slack import with_slack
from lightning_ouro.scenes.footage.masking import masked
from lightning_ouro.scenes.footage.read_frames import read_frames
from lightning_ouro.scenes.footage.recording import Recording
from lightning_ouro.scenes.types import PATH_RATE, VISIBLE, CameraPath, FrameBudget, Scene, Video, Views

# Chosen by hand: with so many frames and objects, a recording shows more objects than that by chance.
_ENOUGH_FRAMES, _ENOUGH_OBJECTS, _BY_CHANCE = 8, 5, 1


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
    size = budget.size_for(*shots.size)
    read = read_frames(scene, recording, budget.num_frames, size)
    indices = read.indices
    recording.check(scene, indices, read.visibility)
    _check_seen(read.possible)
    certain, possible = read.visibility, read.possible
    if recording.lens_slack:
        certain, possible = with_slack(scene, recording, indices, certain, possible)
    scale = np.array([size[1] / shots.size[1], size[0] / shots.size[0], 1.0])
    intrinsics = shots.intrinsics[indices] * scale[:, None]
    times, path = shots.times[indices], thinned(recording.path(), shots.times[indices])
    views = Views(
        times,
        intrinsics,
        shots.poses[indices],
        certain,
        size,
        path,
        possible=possible,
        frames_per_time=budget.frames_per_time,
    )
    return Video(read.images, views)


def _check_seen(possible: NDArray[np.float32]) -> None:
    """Refuses a recording that shows next to nothing of its scene, whoever wrote it.

    Nothing right could be asked about it: what little is seen lies there by chance. Short clips of a large flat are
    left alone: they show a few objects.

    Args:
        possible: `(T, objects)` share of the pixels that each object may fill.

    Raises:
        BadSceneError: poses and boxes are not of one world.
    """
    frames, objects = possible.shape
    seen = int((possible >= VISIBLE).any(axis=0).sum())
    if frames >= _ENOUGH_FRAMES and objects >= _ENOUGH_OBJECTS and seen <= _BY_CHANCE:
        raise BadSceneError(
            f"only {seen} of {objects} objects may be seen in {frames} frames: poses, boxes, depth and intrinsics do "
            "not belong together"
        )


def thinned(path: CameraPath, times: NDArray[np.float64]) -> CameraPath:
    """At most ten poses of each second, and always those of some `(T,)` times, all of which it has."""
    tenths = np.floor((path.times - path.times[0]) * PATH_RATE)
    required = path.indices(times)
    is_first = np.diff(tenths, prepend=-1) > 0
    kept = np.union1d(np.flatnonzero(is_first & ~np.isin(tenths, tenths[required])), required)
    return CameraPath(path.times[kept], path.poses[kept])
