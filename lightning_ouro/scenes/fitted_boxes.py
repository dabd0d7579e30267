"""Boxes round the points of an object.

The upright box is the rectangle of least area round the points seen from above, times their vertical extent: what a
person would draw. The minimal box is the one of least volume with a face on a face of the convex hull, which is what
VSI-Bench's ScanNet boxes are (a quarter of them tilted by more than 20 degrees; SCENES.md, C).
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull, QhullError

from lightning_ouro.scenes.floor import least_rectangle

BoxKind = Literal["upright", "minimal"]
Floats = NDArray[np.float64]
Box = tuple[Floats, Floats, Floats]
"""Centre `(3,)`, full extents `(3,)`, rotation `(3, 3)` whose columns are axes."""

THINNEST = 0.005  # metres: the least extent of a box, of a poster seen as a plane
FEWEST = 4  # points


def fitted_box(points: Floats, kind: BoxKind) -> Box:
    """The box of a kind round `(n, 3)` points; raises as they do."""
    return upright_box(points) if kind == "upright" else minimal_box(points)


def upright_box(points: Floats) -> Box:
    """The upright box of least ground area round `(n, 3)` points, n >= 4; its third axis is up.

    Raises:
        ValueError: there are fewer points, or some are not finite.
    """
    _check(points)
    axis = _ground_axis(points[:, :2])
    rotation = np.array([[axis[0], -axis[1], 0.0], [axis[1], axis[0], 0.0], [0.0, 0.0, 1.0]])
    return _round(points, rotation)


def minimal_box(points: Floats) -> Box:
    """The box of least volume round `(n, 3)` points among those with a face on a face of their hull; z last if upright.

    Raises:
        ValueError: there are fewer than 4 points, or some are not finite.
    """
    _check(points)
    corners, normals = _hull(points)
    best = upright_box(points)
    for normal in normals:
        first = _unit(np.cross(normal, np.eye(3)[np.abs(normal).argmin()]))
        second = np.cross(normal, first)
        flat = corners @ np.stack([first, second], axis=1)
        axis = _ground_axis(flat)
        across = axis[0] * first + axis[1] * second
        box = _round(corners, np.stack([across, np.cross(normal, across), normal], axis=1))
        if box[1].prod() < best[1].prod() * (1 - 1e-9):
            best = box
    return best


def _hull(points: Floats) -> tuple[Floats, Floats]:
    """Corners and unit normals of the convex hull; all points and the normal of their plane where they are flat."""
    try:
        hull = ConvexHull(points)
    except QhullError:
        return points, np.linalg.svd(points - points.mean(axis=0), full_matrices=False)[2][2:]
    normals = hull.equations[:, :3]
    _, different = np.unique(normals.round(9), axis=0, return_index=True)
    return points[hull.vertices], normals[different]


def _ground_axis(points: Floats) -> Floats:
    """The direction of a side of the least rectangle round `(n, 2)` points; of their line where they are on one."""
    try:
        return least_rectangle(points).axis
    except QhullError:
        spread = points - points.mean(axis=0)
        farthest = spread[np.linalg.norm(spread, axis=1).argmax()]
        return _unit(farthest) if np.linalg.norm(farthest) > 0 else np.array([1.0, 0.0])


def _round(points: Floats, rotation: Floats) -> Box:
    along = points @ rotation
    low, high = along.min(axis=0), along.max(axis=0)
    return rotation @ ((low + high) / 2), np.maximum(high - low, THINNEST), rotation


def _unit(vector: Floats) -> Floats:
    return np.asarray(vector / np.linalg.norm(vector))


def _check(points: Floats) -> None:
    if len(points) < FEWEST:
        raise ValueError(f"{len(points)} points; a box needs at least {FEWEST}")
    if not np.isfinite(points).all():
        raise ValueError("there are points that are not finite")
