"""From timestamps to frames, for families whose questions name times of the video."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lightning_ouro.programs.families.ordering import random_order
from lightning_ouro.programs.first_seen import VISIBLE
from lightning_ouro.programs.scene_geometry import SceneGeometry


def pairs_of_times(geometry: SceneGeometry, rng: np.random.Generator) -> Iterator[tuple[str, str]]:
    """All pairs of shown frames' times, the earlier one first, in random order."""
    times = list(dict.fromkeys(geometry.times))
    firsts, seconds = np.triu_indices(len(times), k=1)
    return ((times[firsts[i]], times[seconds[i]]) for i in random_order(len(firsts), rng))


def frames_at(geometry: SceneGeometry, times: tuple[str, ...]) -> list[int] | None:
    """The indices of the frames shown at these times, or None if a time has no frame."""
    frames = [frame for seconds in times if (frame := geometry.frame(seconds)) is not None]
    return frames if len(frames) == len(times) else None


def not_in_picture(geometry: SceneGeometry, seconds: str, *categories: str) -> str | None:
    """Which unique category the frame at a time does not show, or that there is no such frame; else None."""
    frame = geometry.frame(seconds)
    if geometry.views is None or frame is None:
        return f"no frame is shown at {seconds} s"
    for category in categories:
        if geometry.views.visibility[frame, geometry.indices(category)[0]] < VISIBLE:
            return f"the {category} is not in the picture at {seconds} s"
    return None


@dataclass(frozen=True)
class CameraChange:
    """How the camera moved and turned between two frames, in the coordinates of the first.

    Attributes:
        right: Metres to the right, parallel to the floor.
        forward: Metres ahead, parallel to the floor.
        up: Metres upwards.
        left_turn: Degrees turned to the left, -180 to 180.
    """

    right: float
    forward: float
    up: float
    left_turn: float


def camera_change(geometry: SceneGeometry, times: tuple[str, ...]) -> CameraChange:
    """What changed between two times, each of which has a frame."""
    frames = frames_at(geometry, times)
    assert geometry.views is not None and frames is not None, "times were checked"
    x, y, z = np.diff(geometry.views.poses[frames, :3, 3], axis=0)[0].tolist()
    before, after = geometry.forwards[frames].tolist()
    angle = math.atan2(
        before[0] * after[1] - before[1] * after[0], before[0] * after[0] + before[1] * after[1]
    )
    return CameraChange(
        right=x * before[1] - y * before[0],
        forward=x * before[0] + y * before[1],
        up=z,
        left_turn=math.degrees(angle),
    )
