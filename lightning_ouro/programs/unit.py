"""Whether a scene's lengths are metres, as every reader takes them to be.

A file in feet or centimetres, or a reconstruction without a scale, reads like any other. Some things have the same size
everywhere, and somebody holds the camera: where they contradict metres, nothing is asked whose answer is a length or an
area. What is asked by angles, order or number does not depend on the unit.
"""

from __future__ import annotations

import numpy as np

from lightning_ouro.programs.ground_level import ground_level
from lightning_ouro.programs.scene_geometry import SceneGeometry

# Median of the longest sides in VSI-Bench's 238 layouts, metres: of each category with 20 boxes or more of which nine
# in ten differ by no more than a factor of 2.2.
USUAL = {
    "backpack": 0.49,
    "bathtub": 1.65,
    "bed": 2.15,
    "chair": 0.86,
    "door": 1.69,
    "monitor": 0.57,
    "pillow": 0.61,
    "stove": 0.63,
    "toilet": 0.76,
    "washer": 0.86,
}
# The median object of a layout, as a ratio to the usual size, lies between 0.6 and 1.45 there.
MOST_TIMES = 2.0
HIGHEST_CAMERA = 3.0  # metres above the floor, of the median camera; chosen by hand


def no_metres(geometry: SceneGeometry) -> str | None:
    """Why the scene's unit may not be the metre, or None."""
    longest = geometry.sizes.max(axis=1, initial=0.0).tolist()
    ratios = [
        length / USUAL[item.category]
        for item, length in zip(geometry.scene.objects, longest, strict=True)
        if item.category in USUAL
    ]
    if ratios and not 1 / MOST_TIMES <= (times := float(np.median(ratios))) <= MOST_TIMES:
        return f"{', '.join(_known(geometry))} of {times:.2g} times the usual size: is the unit the metre?"
    level = ground_level(geometry.bottoms, np.zeros(0))
    if level is None or not len(geometry.eyes):
        return None
    height = float(np.median(geometry.eyes)) - level
    if height > HIGHEST_CAMERA:
        return f"the camera is held {height:.1f} m above the floor: is the unit the metre?"
    return None


def _known(geometry: SceneGeometry) -> list[str]:
    return [name for name in geometry.categories() if name in USUAL]
