"""How high the floor of a scene is, told from what stands on it and from who films it.

Readers keep their source's coordinates: in VSI-Bench's layouts, z = 0 is 0.2 to 1.8 m above the floor. The lowest
box alone does not tell: a mat may lie on a sunken floor, and where only things on walls are annotated the
lowest of them hangs. Several boxes have to stand on the floor, and the cameras, which somebody holds, are above it.
"""

from __future__ import annotations

import math

import numpy as np

from lightning_ouro.programs.geometry import Floats

# All chosen by hand.
TOGETHER = 0.15  # metres between the lowest points of boxes that stand on one floor
LEAST_SHARE = 0.1  # of the boxes, that stand on the floor
LEAST, FEW = 3, 5  # boxes on the floor, and of how few boxes two are enough
LOWEST_CAMERA, HIGHEST_CAMERA = 0.8, 2.2  # metres above the floor, of the median camera


def ground_level(bottoms: Floats, eyes: Floats) -> float | None:
    """The height of the floor in metres, to a millimetre; None if it is not known. The median box on it tells.

    Args:
        bottoms: `(n,)` heights of the boxes' lowest points.
        eyes: `(frames,)` heights of the cameras.
    """
    ordered = np.sort(bottoms)
    standing = np.searchsorted(ordered, ordered + TOGETHER + 1e-9, side="right") - np.arange(len(ordered))
    is_level = standing >= (2 if len(ordered) <= FEW else max(LEAST, math.ceil(LEAST_SHARE * len(ordered))))
    lower = np.arange(
        len(ordered)
    )  # than each; where there are some, more have to stand together than may by chance
    is_level &= (lower == 0) | (standing >= np.maximum(LEAST, 2 * lower + 1))
    if len(eyes):
        above = np.median(eyes) - ordered
        is_level &= (above >= LOWEST_CAMERA) & (above <= HIGHEST_CAMERA)
    if not is_level.any():
        return None
    first = int(is_level.argmax())
    return round(float(np.median(ordered[first : first + standing[first]])), 3) + 0.0
