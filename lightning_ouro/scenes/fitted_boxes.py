"""Fits oriented boxes to the points of an object, for data sets that annotate points but no boxes.

- `upright_box`: the rectangle of least area around the points seen from above, times their vertical extent;
  what a person would draw.
- `minimal_box`: the box of least volume among those with a face on a face of the convex hull, like Open3D's
  `get_minimal_oriented_bounding_box`. With it the authors of VSI-Bench fit their ScanNet boxes
  (VITA-Group/VLM-3R @6dd1264, vlm_3r_data_process/src/utils/scannetv2_utils.py), and so a quarter of these
  are tilted by more than 20 degrees and less than 1 % are upright (1,224 boxes in
  vision-x-nyu/thinking-in-space @51e089c, data/meta_info/scannet_meta_info_val.json).
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
"""Centre `(3,)`, full extents `(3,)`, rotation `(3, 3)` whose columns are the box's axes."""

THINNEST = 0.005  # minimum extent of a box in metres, for posters that were scanned as planes; chosen by hand
FEWEST = 4  # minimum number of points: fewer lie in one plane
_SMALLER = 1 - 1e-9  # a box beats the best one only by more than rounding errors of the volume


def fitted_box(points: Floats, kind: BoxKind) -> Box:
    """The upright or minimal box around `(n, 3)` points, n >= 4.

    Raises:
        ValueError: there are fewer points, or some are not finite.
    """
    return upright_box(points) if kind == "upright" else minimal_box(points)


def upright_box(points: Floats) -> Box:
    """The vertical box with the smallest footprint around `(n, 3)` points, n >= 4; its third axis points up.

    Raises:
        ValueError: there are fewer points, or some are not finite.
    """
    _check(points)
    axis = _rectangle_axis(points[:, :2])
    rotation = np.array([[axis[0], -axis[1], 0.0], [axis[1], axis[0], 0.0], [0.0, 0.0, 1.0]])
    return _box_along(points, rotation)


def minimal_box(points: Floats) -> Box:
    """The box of least volume around `(n, 3)` points, n >= 4: the upright box, or one on a face of their hull.

    The third axis of a box on a face of the hull is the normal of that face.

    Raises:
        ValueError: there are fewer points, or some are not finite.
    """
    _check(points)
    corners, normals = _hull(points)
    best = upright_box(points)
    for normal in normals:
        first = _unit(np.cross(normal, np.eye(3)[np.abs(normal).argmin()]))
        second = np.cross(normal, first)
        axis = _rectangle_axis(corners @ np.stack([first, second], axis=1))
        across = axis[0] * first + axis[1] * second
        box = _box_along(corners, np.stack([across, np.cross(normal, across), normal], axis=1))
        if box[1].prod() < best[1].prod() * _SMALLER:
            best = box
    return best


def _hull(points: Floats) -> tuple[Floats, Floats]:
    """Corners and unit normals of the convex hull; all points and their plane's normal if they are coplanar."""
    try:
        hull = ConvexHull(points)
    except QhullError:
        return points, np.linalg.svd(points - points.mean(axis=0), full_matrices=False)[2][2:]
    normals = hull.equations[:, :3]
    _, distinct = np.unique(normals.round(9), axis=0, return_index=True)
    return points[hull.vertices], normals[distinct]


def _rectangle_axis(points: Floats) -> Floats:
    """Direction of a side of the least rectangle around `(n, 2)` points, or of the line that they lie on."""
    try:
        return least_rectangle(points).axis
    except QhullError:
        offsets = points - points.mean(axis=0)
        farthest = offsets[np.linalg.norm(offsets, axis=1).argmax()]
        return _unit(farthest) if np.linalg.norm(farthest) > 0 else np.array([1.0, 0.0])


def _box_along(points: Floats, rotation: Floats) -> Box:
    """The box around the points with the given axes."""
    along = points @ rotation
    low, high = along.min(axis=0), along.max(axis=0)
    return rotation @ ((low + high) / 2), np.maximum(high - low, THINNEST), rotation


def _unit(vector: Floats) -> Floats:
    return np.asarray(vector / np.linalg.norm(vector))


def _check(points: Floats) -> None:
    if len(points) < FEWEST:
        raise ValueError(f"{len(points)} points; a box needs at least {FEWEST}")
    if not np.isfinite(points).all():
        raise ValueError("some points are not finite")
