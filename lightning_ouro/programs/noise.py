"""Noise in a scene's metadata, drawn once per scene for all of its questions.

It is Gaussian, with a standard deviation of 3 cm for each coordinate of a centre, 3 % for each side of a box and of
the floor, and 2 degrees about the vertical. The sizes of the noise were chosen by hand.
"""

from __future__ import annotations

import numpy as np

from lightning_ouro.programs.geometry import Floats
from lightning_ouro.seeding import generator_named

CENTER_SIGMA = 0.03  # metres
SIDE_SIGMA = 0.03  # of a side
TURN_SIGMA = np.radians(2)

Boxes = tuple[Floats, Floats, Floats]
"""Centres `(*b, n, 3)` in metres, sizes `(*b, n, 3)` in metres and rotations `(*b, n, 3, 3)`, columns are axes."""


def exact_and_noisy_boxes(scene_id: str, boxes: Boxes, draws: int, by: float) -> Boxes:
    """Boxes as they are, then under `by` times the noise, once for each draw; they depend only on these arguments."""
    centers, sizes, rotations = boxes
    noise = by * generator_named(f"jitter {scene_id}").standard_normal((draws, len(centers), 7))
    return (
        np.concatenate([centers[None], centers + CENTER_SIGMA * noise[..., :3]]),
        np.concatenate([sizes[None], sizes * np.clip(1 + SIDE_SIGMA * noise[..., 3:6], 0.5, 1.5)]),
        np.concatenate([rotations[None], _about_vertical(TURN_SIGMA * noise[..., 6]) @ rotations]),
    )


def exact_and_noisy_areas(scene_id: str, area: float, draws: int, by: float) -> list[float]:
    """The same for the area of the floor, square metres."""
    noise = by * generator_named(f"jitter floor {scene_id}").standard_normal((draws, 2))
    return [float(area), *(area * np.clip(1 + SIDE_SIGMA * noise, 0.5, 1.5).prod(axis=1)).tolist()]


def _about_vertical(angles: Floats) -> Floats:
    """Rotation matrices `(..., 3, 3)` by angles `(...)` in radians."""
    turns = np.zeros((*angles.shape, 3, 3))
    turns[..., 0, 0] = turns[..., 1, 1] = np.cos(angles)
    turns[..., 1, 0] = np.sin(angles)
    turns[..., 0, 1] = -turns[..., 1, 0]
    turns[..., 2, 2] = 1
    return turns
