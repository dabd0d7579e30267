"""Which way cameras are held: upright, on a side, or upside down."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# By number of clockwise quarter turns that set an image upright: how far the camera's x, y and z axes then
# point up in the world (`z_orien` in apple/ARKitScenes @7283761 `threedod/benchmark_scripts/rectify_im.py`).
_UP_COMPONENTS = np.array([(0.0, -1.0, 0.0), (-1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0)])
_STEEP = (
    0.87  # cosine of 30° between the optical axis and the vertical; below it, "up" in a picture says little
)
# Chosen by hand: the camera's y axis points down, and its x axis is level up to 30°.
_DOWN, _LEVEL = -0.4, 0.5


def quarter_turns(poses: Floats) -> int:
    """Number of clockwise quarter turns, 0 to 3, that set most images of `(N, 4, 4)` poses upright.

    A single pose would not do: it is undecided where the camera looks at the floor or the ceiling.
    """
    return int(np.bincount((poses[:, 2, :3] @ _UP_COMPONENTS.T).argmax(axis=1), minlength=4).argmax())


def steep(poses: Floats) -> NDArray[np.bool_]:
    """Which of `(N, 4, 4)` cameras look up or down within 30° of the vertical."""
    return np.asarray(np.abs(poses[:, 2, 2]) > _STEEP)


def uprightness(poses: Floats) -> float | None:
    """The share of `(N, 4, 4)` cameras that are held upright, z being up; None if most look up or down."""
    level = poses[~steep(poses)]
    if 2 * len(level) < len(poses) or len(level) == 0:
        return None
    return float(((level[:, 2, 1] < _DOWN) & (np.abs(level[:, 2, 0]) < _LEVEL)).mean())
