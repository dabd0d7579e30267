"""How the camera moves and turns between two timestamps."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from lightning_ouro.programs.families.timestamps import frames_at
from lightning_ouro.programs.scene_geometry import SceneGeometry


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

    def label(self, is_turn: bool) -> tuple[str, bool, bool]:
        """Distinguishes the answers to a question about the turn, or else about the movement."""
        if is_turn:
            return "turn", self.left_turn > 0, False
        is_sideways = abs(self.right) >= abs(self.forward)
        return "move", is_sideways, (self.right if is_sideways else self.forward) > 0


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
