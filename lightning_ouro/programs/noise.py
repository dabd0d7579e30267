"""What noise in a scene's metadata turns boxes by."""

from __future__ import annotations

import numpy as np

from lightning_ouro.programs.geometry import Floats


def about_vertical(angles: Floats) -> Floats:
    """Rotation matrices `(..., 3, 3)` by angles `(...)` in radians."""
    turns = np.zeros((*angles.shape, 3, 3))
    turns[..., 0, 0] = turns[..., 1, 1] = np.cos(angles)
    turns[..., 1, 0] = np.sin(angles)
    turns[..., 0, 1] = -turns[..., 1, 0]
    turns[..., 2, 2] = 1
    return turns
