"""Which obstacles block the straight lines between points on the floor, for many lines at once.

Seen from outside, an obstacle that is widened by the walker's radius fills a cone between two tangents, and
blocks what lies in the cone beyond the chord between the two tangent points. These are three half planes, so
a product of matrices tests the lines from one point to all others against all obstacles. Sets of obstacles
are 64-bit numbers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lightning_ouro.programs.clearance import LEAST_GAP, cross, dot, inside, to_segment
from lightning_ouro.programs.geometry import Floats

MOST = 64  # obstacles, as many as a number has bits
_AT_ONCE = 20_000  # lines times obstacles in one product of matrices, so that it fits a processor's cache
Sets = NDArray[np.uint64]
Flags = NDArray[np.bool_]


def as_sets(flags: Flags) -> Sets:
    """Sets `(...)` from the membership `(..., k)` of up to 64 obstacles."""
    padded = np.zeros((*flags.shape[:-1], MOST), dtype=bool)
    padded[..., : flags.shape[-1]] = flags
    return np.packbits(padded, axis=-1, bitorder="little").view(np.uint64)[..., 0]


def too_near(points: Floats, shapes: Floats) -> Flags:
    """Whether a walker at each point `(..., n, 2)` would touch each convex shape `(..., k, 6, 2)`, `(..., n, k)`."""
    middles = shapes.mean(axis=-2)
    reach = np.linalg.norm(shapes - middles[..., None, :], axis=-1).max(axis=-1, initial=0.0) + LEAST_GAP
    apart = np.linalg.norm(points[..., :, None, :] - middles[..., None, :, :], axis=-1)
    touching = apart < reach[..., None, :]
    where = np.nonzero(touching)
    near_points, near_shapes = points[where[:-1]], shapes[(*where[:-2], where[-1])]
    ends = np.roll(near_shapes, -1, axis=1)
    gaps = to_segment(near_points[:, None], near_shapes, ends).min(axis=1, initial=np.inf)
    touching[where] = (gaps < LEAST_GAP) | inside(near_points, near_shapes)
    return touching


def blockers(starts: Floats, ends: Floats, shapes: Floats) -> Sets:
    """The sets `(..., m, n)` of shapes that block the lines from points `(..., m, 2)` to points `(..., n, 2)`.

    For points that are not too near to a shape; others say so by `too_near`.
    """
    planes = _half_planes(starts, shapes)
    lifted = np.concatenate([ends, np.ones((*ends.shape[:-1], 1))], axis=-1).swapaxes(-1, -2)[..., None, :, :]
    sets = np.empty((*starts.shape[:-1], ends.shape[-2]), dtype=np.uint64)
    step = max(1, _AT_ONCE * starts.shape[-2] // max(1, sets.size * shapes.shape[-3]))
    for first in range(0, starts.shape[-2], step):
        rows = slice(first, first + step)
        left, right, far = (planes[..., rows, :, :] @ lifted) > 0
        hit = np.zeros((*left.shape[:-2], MOST, left.shape[-1]), dtype=bool)
        np.logical_and(left & right, far, out=hit[..., : shapes.shape[-3], :])
        packed = np.packbits(hit, axis=-2, bitorder="little").swapaxes(-1, -2)
        sets[..., rows, :] = np.ascontiguousarray(packed).view(np.uint64)[..., 0]
    return sets


def crossings(starts: Floats, ends: Floats, outline: Floats) -> Flags:
    """Whether the lines from points `(..., m, 2)` to points `(..., n, 2)` cross the floor's outline, `(..., m, n)`."""
    crossing = np.zeros((*starts.shape[:-1], ends.shape[-2]), dtype=bool)
    following = np.roll(outline, -1, axis=0)
    corners, edges = (of.reshape(-1, *[1] * (starts.ndim - 1), 2) for of in (outline, following - outline))
    start_sides, end_sides = (np.sign(cross(edges, points - corners)) for points in (starts, ends))
    for side in (1, -1):
        splits = (start_sides == side).any(axis=-1) & (end_sides == -side).any(axis=-1)
        for edge, *lead in np.argwhere(
            splits
        ).tolist():  # none of a rectangle's, if all points are on the floor
            draw = tuple(lead)
            rows = np.flatnonzero(start_sides[edge][draw] == side)
            columns = np.flatnonzero(end_sides[edge][draw] == -side)
            start = starts[draw][rows, None]
            line, to_corner, to_following = (
                ends[draw][columns] - start,
                outline[edge] - start,
                following[edge] - start,
            )
            crossing[draw][np.ix_(rows, columns)] |= cross(line, to_corner) * cross(line, to_following) < 0
    return crossing


def _half_planes(points: Floats, shapes: Floats) -> Floats:
    """`(3, ..., m, k, 3)` numbers (a, b, c): a line to (x, y) is blocked where all three a x + b y + c are above 0."""
    to_corner = shapes[..., None, :, :, :] - points[..., :, None, None, :]  # (..., m, k, 6, 2)
    square = dot(to_corner, to_corner)
    along = np.sqrt(np.maximum(square - LEAST_GAP**2, 0))[..., None]  # metres to the tangent point
    aside = LEAST_GAP * np.stack([-to_corner[..., 1], to_corner[..., 0]], axis=-1)
    ahead = (shapes.mean(axis=-2)[..., None, :, :] - points[..., :, None, :])[..., None, :]
    scale = along / np.maximum(square, 1e-300)[..., None]
    edges = []
    for side in (1, -1):  # left, right: the tangent that turns furthest from the shape's middle
        tangents = to_corner * along + side * aside  # as long as the square of the distance
        furthest = (side * _turn(ahead, tangents)).argmax(axis=-1)[..., None, None]
        edges.append(np.take_along_axis(tangents * scale, furthest, axis=-2)[..., 0, :])
    left, right = edges  # from the point to its tangent points
    origin = points[..., :, None, :]
    return np.stack(
        [_right_of(left, origin), _right_of(-right, origin), _right_of(left - right, origin + right)]
    )


def _turn(ahead: Floats, vectors: Floats) -> Floats:
    """A number that grows with the angle from `ahead` to each vector, from -2 at -180 to 2 at 180 degrees."""
    x, y = dot(ahead, vectors), cross(ahead, vectors)
    return np.asarray(np.copysign(1 - x / np.maximum(np.abs(x) + np.abs(y), 1e-300), y))


def _right_of(directions: Floats, points: Floats) -> Floats:
    """`(..., 3)` numbers (a, b, c): a x + b y + c is above 0 to the right of lines through points."""
    x, y = directions[..., 0], directions[..., 1]
    return np.stack([y, -x, cross(directions, np.broadcast_to(points, directions.shape))], axis=-1)
