"""What the shown frames show: which objects are visible, and when a category is first seen.

An object is visible in a frame if it covers at least 0.3 % of the pixels. A category is first seen in the
first frame in which one of its objects is visible. That is doubtful if an earlier frame holds a trace of the
category, 0.05 % to 0.3 % of the pixels, or may hold one where it is not known what the pixels show. Both limits
were chosen by hand: public generators of such questions count a single pixel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lightning_ouro.scenes.types import VISIBLE as VISIBLE

# What has to be judged decides how much of an object a frame has to show. Of the smallest frames that are shown,
# 128 x 96 pixels, 0.3 % are 6 x 6 pixels: enough to be there. 0.5 % are 8 x 8, and 1 % are 11 x 11: half a
# pixel at either edge is then 9 % of a side (in quadrature), and a whole one 9 %. So what a place is judged by,
# the apparent size, is off by less than the 10 % by which an answer may be, and so is the size itself in the
# worst case.
PLACED = 0.005
SIZED = 0.01
TRACE = 0.0005  # of a frame's pixels


def seen_objects(visibility: NDArray[np.float32], share: float = VISIBLE) -> frozenset[int]:
    """Indices of the objects that fill at least this share of some frame; `visibility` is `(frames, objects)`."""
    return frozenset(np.flatnonzero((visibility >= share).any(axis=0)).tolist())


@dataclass(frozen=True)
class FirstSeen:
    """When a category is first seen.

    Attributes:
        frame: Index of the first frame in which one of its objects is visible.
        clearness: How far that is from being doubtful: 1 at the limit, doubtful below. The smaller of two
            ratios: the share of the pixels in that frame to the share required, and the largest share allowed
            in an earlier frame to the share found there.
    """

    frame: int
    clearness: float


def find_first_seen(
    visibility: NDArray[np.float32], indices: Sequence[int], at_most: NDArray[np.float32] | None = None
) -> FirstSeen | None:
    """When the objects with these indices are first seen, or None if no frame is known to show them.

    Args:
        visibility: `(frames, objects)` shares of the pixels.
        indices: Of some objects.
        at_most: The same at most, where it is not known what some pixels show.
    """
    shares = visibility[:, list(indices)]
    seen = np.flatnonzero((shares >= VISIBLE).any(axis=1))
    if not len(seen):
        return None
    first = int(seen[0])
    earlier = shares[:first] if at_most is None else at_most[:first, list(indices)]
    trace = float(earlier.sum(axis=1).max(initial=0.0))
    ratio = float(shares[first].max()) / VISIBLE
    return FirstSeen(first, min(ratio, TRACE / trace) if trace > 0 else ratio)
