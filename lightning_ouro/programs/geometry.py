"""Exact geometry of oriented boxes: the distance between all pairs of a scene at once, and angles on the floor.

Distance law. Two convex boxes overlap exactly if none of 15 axes separates them (3 + 3 face normals, 9 cross products
of edges). If they are apart, the closest points are a corner of one and the other box, or an edge of each; in the
latter case they lie along `a_i x b_j` and the edges are those that support the boxes along it. The distance is
the largest gap that any direction shows, so an edge pair can only be closest if no axis shows a larger gap than its
own, and the others are never tried. Where a face is perpendicular to the axis two parallel edges support the box
equally, and both have to be tried (upright boxes do this all the time).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lightning_ouro.scenes.types import CORNER_SIGNS

Floats = NDArray[np.float64]

PARALLEL = (
    1e-9  # sine of the angle below which two edges count as parallel: then a corner is as close as they are
)
_SLACK = 1e-9  # metres of rounding between gaps that are equal
_NEXT = np.array([1, 2, 0])
_LAST = np.array([2, 0, 1])


def box_distances(centers: Floats, sizes: Floats, rotations: Floats) -> Floats:
    """Least distance between the boxes of every pair, metres; 0 where they touch, overlap or contain each other.

    Args:
        centers: `(..., n, 3)`.
        sizes: `(..., n, 3)` full extents.
        rotations: `(..., n, 3, 3)`, columns are axes.

    Returns:
        `(..., n, n)`, symmetric, zero diagonal.
    """
    n = centers.shape[-2]
    first, second = np.triu_indices(n, k=1)
    lead = centers.shape[:-2]
    half = sizes / 2
    pairs = _pair_distances(
        *(
            values[..., index, :].reshape(-1, 3)
            if values.ndim == centers.ndim
            else values[..., index, :, :].reshape(-1, 3, 3)
            for index in (first, second)
            for values in (centers, half, rotations)
        )
    )
    distances = np.zeros((*lead, n, n))
    distances[..., first, second] = pairs.reshape(*lead, len(first))
    return distances + np.swapaxes(distances, -1, -2)


def _pair_distances(ca: Floats, ha: Floats, ra: Floats, cb: Floats, hb: Floats, rb: Floats) -> Floats:
    """Distances `(m,)` of m pairs: centres `(m, 3)`, half extents `(m, 3)`, rotations `(m, 3, 3)`."""
    face_gap, edge_gap = _gaps(ca, ha, ra, cb, hb, rb)
    lower = np.maximum(face_gap, edge_gap.max(axis=(1, 2)))
    best = np.minimum(_corner_distances(ca, ha, ra, cb, hb, rb), _corner_distances(cb, hb, rb, ca, ha, ra))
    pair, i, j = np.nonzero(
        (edge_gap >= lower[:, None, None] - _SLACK) & ((lower > 0) & (best > lower))[:, None, None]
    )
    candidates = _edge_distances(ca[pair], ha[pair], ra[pair], cb[pair], hb[pair], rb[pair], i, j)
    np.minimum.at(best, pair, candidates)
    return np.where(lower > 0, best, 0.0)


def _gaps(ca: Floats, ha: Floats, ra: Floats, cb: Floats, hb: Floats, rb: Floats) -> tuple[Floats, Floats]:
    """Gaps between the projections on the separating axes: largest over faces `(m,)`, and per edge pair `(m, 3, 3)`.

    The textbook form (Gottschalk 1996): everything in the first box's frame.
    """
    turn = np.swapaxes(ra, 1, 2) @ rb
    size = np.abs(turn)
    offset = np.einsum("mki,mk->mi", ra, cb - ca)
    gap_a = np.abs(offset) - ha - np.einsum("mij,mj->mi", size, hb)
    gap_b = np.abs(np.einsum("mij,mi->mj", turn, offset)) - hb - np.einsum("mij,mi->mj", size, ha)
    length = np.hypot(turn[:, _NEXT], turn[:, _LAST])
    apart = np.abs(offset[:, _LAST, None] * turn[:, _NEXT] - offset[:, _NEXT, None] * turn[:, _LAST])
    radius_a = ha[:, _NEXT, None] * size[:, _LAST] + ha[:, _LAST, None] * size[:, _NEXT]
    radius_b = hb[:, None, _NEXT] * size[:, :, _LAST] + hb[:, None, _LAST] * size[:, :, _NEXT]
    edge_gap = np.full_like(turn, -np.inf)
    np.divide(apart - radius_a - radius_b, length, out=edge_gap, where=length > PARALLEL)
    return np.maximum(gap_a.max(axis=1), gap_b.max(axis=1)), edge_gap


def _corner_distances(ca: Floats, ha: Floats, ra: Floats, cb: Floats, hb: Floats, rb: Floats) -> Floats:
    """Least distance `(m,)` from the corners of the first boxes to the second boxes."""
    inward = np.swapaxes(rb, 1, 2)
    middle = np.einsum("mij,mj->mi", inward, ca - cb)
    corners = middle[:, None] + (CORNER_SIGNS * ha[:, None]) @ np.swapaxes(inward @ ra, 1, 2)
    outside = np.maximum(np.abs(corners) - hb[:, None], 0)
    return np.sqrt(np.einsum("mci,mci->mc", outside, outside).min(axis=1))


def _edge_distances(
    ca: Floats,
    ha: Floats,
    ra: Floats,
    cb: Floats,
    hb: Floats,
    rb: Floats,
    i: NDArray[np.intp],
    j: NDArray[np.intp],
) -> Floats:
    """Least distance `(m,)` between edges along axis `i` of the first and axis `j` of the second boxes."""
    each = np.arange(len(i))
    along_a, along_b = ra[each, :, i], rb[each, :, j]
    axis = np.cross(along_a, along_b)
    axis *= np.sign(np.einsum("mi,mi->m", axis, cb - ca))[:, None]
    least = np.full(len(i), np.inf)
    for middle_a in _supporting_edges(ca, ha, ra, axis, i):
        for middle_b in _supporting_edges(cb, hb, rb, -axis, j):
            apart = _segment_distances(
                middle_a, along_a * ha[each, i, None], middle_b, along_b * hb[each, j, None]
            )
            np.minimum(least, apart, out=least)
    return least


def _supporting_edges(
    center: Floats, half: Floats, rotation: Floats, axis: Floats, direction: NDArray[np.intp]
) -> tuple[Floats, Floats]:
    """Midpoints `(m, 3)` of the edges along `direction` that are farthest along `axis`; they differ only in a tie."""
    slope = np.einsum("mki,mk->mi", rotation, axis)
    up, down = np.where(slope > -PARALLEL, 1.0, -1.0), np.where(slope > PARALLEL, 1.0, -1.0)
    middles = []
    for signs in (up, down):
        signs[np.arange(len(direction)), direction] = 0
        middles.append(center + np.einsum("mij,mj->mi", rotation, signs * half))
    return middles[0], middles[1]


def _segment_distances(p: Floats, u: Floats, q: Floats, v: Floats) -> Floats:
    """Least distance `(m,)` between segments `p + s u` and `q + t v`, `|s|, |t| <= 1`, which are not parallel.

    Ericson, Real-Time Collision Detection, 5.1.9, with segments centred on their midpoints.
    """
    gap = p - q
    uu, vv, uv = (np.einsum("mi,mi->m", x, y) for x, y in ((u, u), (v, v), (u, v)))
    ug, vg = (np.einsum("mi,mi->m", x, gap) for x in (u, v))
    # Nearly parallel: any s is a valid point, and then all of them are about as close.
    s = np.clip((uv * vg - ug * vv) / np.maximum(uu * vv - uv * uv, 1e-200), -1, 1)
    t = np.clip((uv * s + vg) / vv, -1, 1)
    s = np.clip((uv * t - ug) / uu, -1, 1)
    return np.linalg.norm(gap + s[:, None] * u - t[:, None] * v, axis=1)


def direction_degrees(standing: Floats, facing: Floats, target: Floats) -> Floats:
    """Angle on the floor from (facing - standing) to (target - standing), counter-clockwise seen from above.

    Args:
        standing: `(..., 2 or 3)`, likewise the others; only x and y count.
        facing: Where one looks to.
        target: What one asks about.

    Returns:
        Degrees in [0, 360).
    """
    ahead, aside = (facing - standing)[..., :2], (target - standing)[..., :2]
    cross = ahead[..., 0] * aside[..., 1] - ahead[..., 1] * aside[..., 0]
    angle = np.degrees(np.arctan2(cross, (ahead * aside).sum(axis=-1))) % 360
    return np.where(angle < 360, angle, 0.0)  # -1e-17 % 360 is 360


def point_distances(points: Floats, centers: Floats, sizes: Floats, rotations: Floats) -> Floats:
    """Metres from points `(t, 3)` to the nearest points of boxes, as in `box_distances`; 0 inside: `(..., t, n)`."""
    offsets = points[:, None] - centers[..., None, :, :]
    inward = np.abs(np.einsum("...nki,...tnk->...tni", rotations, offsets))
    return np.linalg.norm(np.maximum(inward - sizes[..., None, :, :] / 2, 0), axis=-1)


def footprints(centers: Floats, sizes: Floats, rotations: Floats) -> Floats:
    """Outlines `(..., n, 6, 2)` of boxes' shadows on the floor, counter-clockwise; an upright box repeats two corners.

    The shadow of a box is the sum of the shadows of its three half axes: a hexagon whose sides are those, by angle.
    """
    sides = np.swapaxes(rotations * sizes[..., None, :] / 2, -2, -1)[
        ..., :2
    ]  # (..., n, 3, 2), rows are half axes
    points_down = (sides[..., 1] < 0) | ((sides[..., 1] == 0) & (sides[..., 0] < 0))
    sides = np.where(points_down[..., None], -sides, sides)
    order = np.argsort(np.arctan2(sides[..., 1], sides[..., 0]), axis=-1)
    sides = np.take_along_axis(sides, order[..., None], axis=-2)
    half = 2 * np.cumsum(sides, axis=-2) - sides.sum(
        axis=-2, keepdims=True
    )  # three corners; the others lie opposite
    return centers[..., None, :2] + np.concatenate([half, -half], axis=-2)
