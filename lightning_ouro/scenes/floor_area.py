"""Floor area of a scanned room as VSI-Bench computes it: the alpha shape of the mesh seen from above.

10,000 points of the mesh are drawn with replacement, and `alphashape(alpha=5)` is computed of them: of their
Delaunay triangles those with a circumradius below 1/5 m are kept, and the holes that they enclose are filled,
since `alphashape` joins the triangles' outlines (`calculate_room_area` in VITA-Group/VLM-3R @6dd1264,
vlm_3r_data_process/src/utils/common_utils.py, which is helper code of VSI-Bench's authors). Everything
scanned counts, even through doors.

The number of points is part of the definition, because the area depends on their density: a ScanNet scan of
46 m² has 19 m² with 2,000 points, and 42 m² without filling holes. Which points are drawn depends on the
scene's id alone; VSI-Bench draws new ones each time, which changes the area by 0.2 m² at most (three ScanNet
scans, four seeds).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import Delaunay, QhullError

from lightning_ouro.seeding import generator_named

ALPHA = 5.0  # 1 / metres, as in `calculate_room_area`
POINTS = 10_000  # as in `calculate_room_area`


def scanned_floor_area(points: NDArray[np.float64], scene_id: str) -> float:
    """Square metres of a scan with `(V, 3)` points, V > 0; 0 if they are collinear seen from above."""
    rng = generator_named(f"floor {scene_id}")
    return alpha_shape_area(points[rng.integers(len(points), size=POINTS), :2])


def polygon_area(outline: NDArray[np.float64]) -> float:
    """Square metres inside an outline `(k, 2)`, clockwise or counter-clockwise."""
    x, y = outline.T
    return float(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2)


def alpha_shape_area(points: NDArray[np.float64], alpha: float = ALPHA) -> float:
    """The area of the alpha shape of `(n, 2)` points with its holes filled; 0 if they are collinear."""
    try:
        triangulation = Delaunay(np.unique(points, axis=0))
    except (QhullError, ValueError):
        return 0.0
    corners = triangulation.points[triangulation.simplices]  # (m, 3, 2)
    sides = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2)
    u, v = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    areas = np.abs(u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]) / 2
    kept = sides.prod(axis=1) < 4 * areas / alpha  # the circumradius is abc / 4A
    return float(areas[kept | ~_outside(kept, triangulation.neighbors)].sum())


def _outside(kept: NDArray[np.bool_], neighbours: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Which triangles are connected with the outside through triangles that are not kept.

    Args:
        kept: `(m,)`.
        neighbours: `(m, 3)` indices of the adjacent triangles, -1 for the outside.
    """
    outside = len(kept)  # one more node of the graph
    triangles = np.repeat(np.arange(outside), 3)
    adjacent = np.where(neighbours.ravel() < 0, outside, neighbours.ravel())
    blocked = np.append(kept, False)
    free = ~blocked[triangles] & ~blocked[adjacent]
    links = (np.ones(free.sum(), dtype=bool), (triangles[free], adjacent[free]))
    graph = coo_array(links, shape=(outside + 1, outside + 1))
    _, component = connected_components(graph, directed=False)
    return np.asarray(component[:-1] == component[-1])
