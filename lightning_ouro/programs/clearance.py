"""Which straight lines and points on the floor keep clear of convex outlines, and which stay on the floor.

A walker's centre keeps `RADIUS` away from every obstacle.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lightning_ouro.programs.geometry import Floats

RADIUS = 0.2  # metres from the walker's centre to any obstacle; chosen by hand
EPSILON = 1e-9  # metres
LEAST_GAP = RADIUS - EPSILON  # what is nearer is hit


def cross(a: Floats, b: Floats) -> Floats:
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]


def dot(a: Floats, b: Floats) -> Floats:
    return a[..., 0] * b[..., 0] + a[..., 1] * b[..., 1]


def following(corners: Floats) -> Floats:
    """The corner after each of outlines' corners `(..., k, 2)`; as `np.roll` gives it, in a fifth of its time."""
    return np.concatenate((corners[..., 1:, :], corners[..., :1, :]), axis=-2)


def inside(points: Floats, shapes: Floats) -> NDArray[np.bool_]:
    """Whether each point `(..., 2)` lies in its convex shape `(..., 6, 2)`."""
    edges = following(shapes) - shapes
    return np.asarray((cross(edges, points[..., None, :] - shapes) >= -EPSILON).all(axis=-1))


def clear(
    starts: Floats, ends: Floats, shapes: Floats, are_obstacles: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Which segments `(m, 2)` keep clear of those of the shapes `(m, n, 6, 2)` that are obstacles."""
    middles = shapes.mean(axis=2)
    reach = np.linalg.norm(shapes - middles[:, :, None], axis=-1).max(axis=2) + RADIUS
    near = are_obstacles & (to_segment(middles, starts[:, None], ends[:, None]) < reach)
    segment, shape = np.nonzero(near)
    hit = gaps(starts[segment], ends[segment], shapes[segment, shape]) < LEAST_GAP
    return ~np.bincount(segment, hit, minlength=len(starts)).astype(bool)


def gaps(starts: Floats, ends: Floats, shapes: Floats) -> Floats:
    """Metres `(p,)` between segments and convex shapes `(p, 6, 2)`; 0 where they meet."""
    a, b, after = starts[:, None], ends[:, None], following(shapes)
    least = np.minimum(to_segment(a, shapes, after), to_segment(b, shapes, after))
    least = np.minimum(least, to_segment(shapes, a, b)).min(axis=1, initial=np.inf)
    meets = crosses(a, b, shapes, after).any(axis=1) | inside(starts, shapes) | inside(ends, shapes)
    return np.where(meets, 0.0, least)


def to_segment(points: Floats, starts: Floats, ends: Floats) -> Floats:
    """Metres from points to segments."""
    along, offset = ends - starts, points - starts
    share = np.clip(dot(offset, along) / np.maximum(dot(along, along), 1e-300), 0, 1)
    gap = offset - share[..., None] * along
    return np.hypot(gap[..., 0], gap[..., 1])


def crosses(a: Floats, b: Floats, c: Floats, d: Floats) -> NDArray[np.bool_]:
    """Whether segments `ab` and `cd` cross at an inner point of both."""
    cd_is_split, ab_is_split = (
        cross(b - a, c - a) * cross(b - a, d - a) < 0,
        cross(d - c, a - c) * cross(d - c, b - c) < 0,
    )
    return np.asarray(cd_is_split & ab_is_split)


def leaves(starts: Floats, ends: Floats, outline: Floats) -> NDArray[np.bool_]:
    """Which segments `(m, 2)` are not entirely on the floor: they cross its outline, or end outside it."""
    if len(outline) == 0:
        return np.ones(len(starts), dtype=bool)
    crossing = crosses(starts[:, None], ends[:, None], outline, following(outline)).any(axis=1)
    return crossing | ~on_floor(starts, outline) | ~on_floor(ends, outline)


def metres_within(starts: Floats, ends: Floats, shapes: Floats) -> Floats:
    """How far segments from inside convex shapes `(p, 6, 2)` lead through them, `(p,)`."""
    edges, way = following(shapes) - shapes, (ends - starts)[:, None]
    outwards = cross(way, edges)  # above 0 where the way leads to the outer side of an edge
    left = cross(edges, starts[:, None] - shapes) / np.where(outwards > 0, outwards, np.inf)
    share = np.where(outwards > 0, left, 1).min(axis=1, initial=1)
    return np.clip(share, 0, 1) * np.linalg.norm(ends - starts, axis=1)


def on_floor(points: Floats, outline: Floats) -> NDArray[np.bool_]:
    """Even-odd rule, for an outline of any shape."""
    (x, y), low, high = points.T[..., None], outline, following(outline)
    spans = (low[:, 1] > y) != (high[:, 1] > y)
    rise = np.where(high[:, 1] == low[:, 1], 1.0, high[:, 1] - low[:, 1])
    at = low[:, 0] + (y - low[:, 1]) / rise * (high[:, 0] - low[:, 0])
    return np.asarray((spans & (x < at)).sum(axis=1) % 2 == 1)


def metres_outside(points: Floats, outline: Floats) -> Floats:
    """How far points `(n, 2)` are outside of an outline `(k, 2)`, `(n,)`; 0 inside."""
    apart = to_segment(points[:, None], outline, following(outline)).min(axis=1, initial=np.inf)
    return np.where(on_floor(points, outline), 0.0, apart)


def unit(vectors: Floats) -> Floats:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-300))
