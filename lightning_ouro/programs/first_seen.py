"""What the shown frames show: which objects, when a category is first seen, and how clear that is.

An object is seen in a frame where it takes 0.3 % of the pixels. The first sight of a category is the first frame that
sees one of its objects; it is doubtful if an earlier frame holds a trace of it, 0.05 % to 0.3 %.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

VISIBLE = 0.003  # of a frame's pixels
TRACE = 0.0005


def seen_objects(visibility: NDArray[np.float32]) -> frozenset[int]:
    """Ids of the objects that at least one frame shows; visibility is `(T, objects)`."""
    return frozenset(np.flatnonzero((visibility >= VISIBLE).any(axis=0)).tolist())


@dataclass(frozen=True)
class FirstSeen:
    """The first sight of a category.

    Attributes:
        frame: The first frame that sees one of its objects.
        clearness: How far that is from being doubtful: 1 is the limit, below it is. The lesser of two ratios: what the
            frame shows to what it has to, and what an earlier one may hold to what it does.
    """

    frame: int
    clearness: float


def find_first_seen(visibility: NDArray[np.float32], places: Sequence[int]) -> FirstSeen | None:
    """The first sight of the objects at these places, or None if no frame shows them."""
    shares = visibility[:, list(places)]
    seen = np.flatnonzero((shares >= VISIBLE).any(axis=1))
    if not len(seen):
        return None
    first = int(seen[0])
    trace = float(shares[:first].sum(axis=1).max(initial=0.0))
    here = float(shares[first].max()) / VISIBLE
    return FirstSeen(first, min(here, TRACE / trace) if trace > 0 else here)
