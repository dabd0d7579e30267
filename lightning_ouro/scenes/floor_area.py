"""Floor area of a scanned room, as VSI-Bench computes it: the area of an alpha shape of the mesh seen from above.

10,000 points of the mesh are drawn with replacement; of their Delaunay triangles those with a circumradius below 1/5 m
stay, and holes that they enclose are filled (which is what `alphashape` does when it joins polygons; SCENES.md A6). The
area depends on how dense the points are, so their number is part of the definition; which are drawn depends on the
scene's id alone. VSI-Bench draws anew each time: its own spread is 0.2 m² at most.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import Delaunay, QhullError

ALPHA = 5.0  # 1 / metres
POINTS = 10_000


def scanned_floor_area(points: NDArray[np.float64], scene_id: str) -> float:
    """Square metres of a scan with `(V, 3)` points, V > 0; 0 if they lie on one line seen from above."""
    rng = np.random.default_rng(list(hashlib.sha256(f"floor {scene_id}".encode()).digest()))
    return alpha_shape_area(points[rng.integers(len(points), size=POINTS), :2])


def polygon_area(outline: NDArray[np.float64]) -> float:
    """Square metres inside an outline `(k, 2)`, whichever way it runs."""
    x, y = outline.T
    return float(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2)


def alpha_shape_area(points: NDArray[np.float64], alpha: float = ALPHA) -> float:
    """The area of the alpha shape of `(n, 2)` points, holes filled."""
    try:
        found = Delaunay(np.unique(points, axis=0))
    except (QhullError, ValueError):
        return 0.0
    corners = found.points[found.simplices]  # (m, 3, 2)
    sides = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2)
    one, other = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    areas = np.abs(one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0]) / 2
    kept = sides.prod(axis=1) < 4 * areas / alpha  # the circumradius is abc / 4A
    return float(areas[kept | ~_outside(kept, found.neighbors)].sum())


def _outside(kept: NDArray[np.bool_], neighbours: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Triangles that one reaches from outside of all without stepping on a kept one."""
    number = len(kept)
    sides = np.repeat(np.arange(number), 3)
    across = np.where(neighbours.ravel() < 0, number, neighbours.ravel())  # the outside is one more
    walls = np.append(kept, False)
    free = ~walls[sides] & ~walls[across]
    links = coo_array(
        (np.ones(free.sum(), dtype=bool), (sides[free], across[free])), shape=(number + 1, number + 1)
    )
    _, part = connected_components(links, directed=False)
    return np.asarray(part[:-1] == part[-1])
