"""How high the floor lies in a scene's coordinates, as far as the objects tell.

Readers keep their source's coordinates: in VSI-Bench's layouts, z = 0 is 0.2 to 1.8 m above the floor. The lowest
box need not stand on the floor (where only a tv is annotated, it doesn't), but if several boxes begin at
the lowest height, that is what they stand on. In 157 of VSI-Bench's 238 rooms they do.
"""

from __future__ import annotations

import numpy as np

from lightning_ouro.scenes.types import Scene

# Three boxes that begin at one height stand on something that is wider than a table, nearly always. Both chosen by
# hand; layouts from scans, which end boxes where the scanned points end, spread by half of that.
LEAST_STANDING = 3
LEVEL = 0.1  # metres


def floor_level(scene: Scene) -> float | None:
    """The z of the floor in metres, to a millimetre; None if too few objects tell."""
    if len(scene.objects) < LEAST_STANDING:
        return None
    bottoms = np.array([item.corners()[:, 2].min() for item in scene.objects])
    standing = bottoms[bottoms <= bottoms.min() + LEVEL]
    return round(float(np.median(standing)), 3) + 0.0 if len(standing) >= LEAST_STANDING else None
