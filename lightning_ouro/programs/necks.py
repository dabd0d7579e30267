"""Whether a floor is that of several rooms, by the outline alone: its parts hang together by necks no wider than doors.

Who says "this room" about two rooms that a door joins may mean either, or both. A disc as wide as a double door is
moved over the floor: where it can't get from one part to another, there is a neck between them.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from lightning_ouro.programs.geometry import Floats

# Chosen by hand:
WIDEST_NECK = 1.7  # metres, to a step on either side; a double door has up to 1.5
LEAST_ROOM = 3.0  # square metres of a part that is a room; less is a closet or an alcove
_STEP, _MOST_STEPS = (
    0.1,
    150,
)  # metres between the points that are tried, and how many at most along the longer side


def has_neck(outline: Floats) -> bool:
    """Whether an outline `(k, 2)` of a floor, metres, encloses two rooms or more that a neck joins; to a step."""
    low, extents = outline.min(axis=0), np.ptp(outline, axis=0)
    step = max(_STEP, float(extents.max()) / _MOST_STEPS)
    walls = np.zeros(np.ceil(extents / step).astype(int) + 3, dtype=bool)  # with a free cell on every side
    for start, end in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        shares = np.linspace(0, 1, 2 + int(2 * np.linalg.norm(end - start) / step))[:, None]
        cells = np.rint((start + shares * (end - start) - low) / step).astype(int) + 1
        walls[cells[:, 0], cells[:, 1]] = True
    sides = ndimage.label(~walls)[0]
    is_inside = (sides != sides[0, 0]) & ~walls
    is_free = is_inside & (ndimage.distance_transform_edt(~walls) * step >= WIDEST_NECK / 2)
    parts, number = ndimage.label(is_free)
    rooms = 0
    for part in range(1, number + 1):
        reached = is_inside & (ndimage.distance_transform_edt(parts != part) * step <= WIDEST_NECK / 2)
        rooms += float(reached.sum()) * step**2 >= LEAST_ROOM
    return rooms > 1
