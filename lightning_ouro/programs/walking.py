"""The shortest way over the free floor from one object to another.

A walker is a disc of 0.2 m that keeps clear of every object between 0.1 and 1.8 m above the floor and does not leave
the floor's outline. It goes from the centre of one object's shadow on the floor to the centre of the other's; those
two, and whatever they stand on or under, are no obstacles. Where the straight way is free it is the shortest. Else the
shortest way bends at corners of obstacles and inner corners of the floor; the arc round a corner is taken as two
tangents outside of it (1.7 cm longer round a right angle). Moving, turning or mirroring the scene moves, turns or
mirrors the way.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lightning_ouro.programs.geometry import Floats, footprints

RADIUS = 0.2  # metres from the walker's middle to any obstacle
LOWEST, HIGHEST = 0.1, 1.8  # metres above the floor between which an object stands in the way
_EPSILON = 1e-9

Places = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Ground:
    """The floor and what stands on it, in several readings of a scene's metadata.

    Attributes:
        outline: `(k, 2)` of the floor, metres, in either direction.
        shadows: `(w, n, 6, 2)` outlines of all objects in each reading, counter-clockwise.
        middles: `(w, n, 2)` their centres.
        standing: `(w, n)` whether an object stands in the way.
    """

    outline: Floats
    shadows: Floats
    middles: Floats
    standing: NDArray[np.bool_]

    def are_straight(self, readings: Places, firsts: Places, seconds: Places) -> NDArray[np.bool_]:
        """Whether one can walk straight between objects, `(m,)` triples of a reading and two objects' places."""
        starts, goals = self.middles[readings, firsts], self.middles[readings, seconds]
        shadows = self.shadows[readings]
        holds = _inside(starts[:, None], shadows) | _inside(goals[:, None], shadows)
        clear = _clear(starts, goals, shadows, self.standing[readings] & ~holds)
        return clear & ~_leaves(starts, goals, self.outline)

    def way(self, reading: int, first: int, second: int) -> Floats | None:
        """The corners `(m, 2)` of the shortest way from one object to another, both ends included; None if none."""
        start, goal = self.middles[reading, [first, second]]
        shadows = self.shadows[reading]
        holds = _inside(start, shadows) | _inside(goal, shadows)
        obstacles = shadows[self.standing[reading] & ~holds]
        bends = (_around(obstacles), _inner_corners(self.outline))
        return self._search(np.concatenate([goal[None], start[None], *bends]), obstacles)

    def _free(self, start: Floats, ends: Floats, obstacles: Floats) -> NDArray[np.bool_]:
        """Which of the straight ways from one point to several `(m, 2)` are free."""
        starts, shape = np.broadcast_to(start, ends.shape), (len(ends), *obstacles.shape)
        standing = np.ones(shape[:2], dtype=bool)
        return _clear(starts, ends, np.broadcast_to(obstacles, shape), standing) & ~_leaves(
            starts, ends, self.outline
        )

    def _search(self, points: Floats, obstacles: Floats) -> Floats | None:
        """A* from the second point to the first over the others (Hart, Nilsson, Raphael 1968)."""
        left = np.linalg.norm(points - points[0], axis=1)
        cost = np.full(len(points), np.inf)
        cost[1], before, done = 0.0, np.full(len(points), -1), np.zeros(len(points), dtype=bool)
        queue = [(float(left[1]), 1)]
        while queue:
            _, here = heapq.heappop(queue)
            if here == 0:
                way = [0]
                while before[way[-1]] >= 0:
                    way.append(int(before[way[-1]]))
                return points[way[::-1]]
            if done[here]:
                continue
            done[here] = True
            reach = cost[here] + np.linalg.norm(points - points[here], axis=1)
            better = np.flatnonzero(~done & (reach < cost - _EPSILON))
            better = better[self._free(points[here], points[better], obstacles)]
            cost[better], before[better] = reach[better], here
            for place in better.tolist():
                heapq.heappush(queue, (float(cost[place] + left[place]), place))
        return None


def ground(outline: Floats, corners: Floats, centers: Floats, sizes: Floats, rotations: Floats) -> Ground:
    """The ground under boxes in w readings, with `(w, n, 8, 3)` corners; the lowest corner stands on the floor."""
    heights = corners[..., 2] - corners[..., 2].min(axis=(1, 2), initial=np.inf)[:, None, None]
    standing = (heights.min(axis=2) < HIGHEST) & (heights.max(axis=2) > LOWEST)
    return Ground(outline, footprints(centers, sizes, rotations), centers[..., :2], standing)


def _cross(a: Floats, b: Floats) -> Floats:
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]


def _dot(a: Floats, b: Floats) -> Floats:
    return a[..., 0] * b[..., 0] + a[..., 1] * b[..., 1]


def _inside(points: Floats, shapes: Floats) -> NDArray[np.bool_]:
    """Which points `(..., 2)` lie in which convex shapes `(..., 6, 2)`, one each."""
    edges = np.roll(shapes, -1, axis=-2) - shapes
    return np.asarray((_cross(edges, points[..., None, :] - shapes) >= -_EPSILON).all(axis=-1))


def _clear(starts: Floats, ends: Floats, shapes: Floats, standing: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which segments `(m, 2)` keep clear of those of the shapes `(m, n, 6, 2)` that stand."""
    middles = shapes.mean(axis=2)
    reach = np.linalg.norm(shapes - middles[:, :, None], axis=-1).max(axis=2) + RADIUS
    near = standing & (_to_segment(middles, starts[:, None], ends[:, None]) < reach)
    segment, shape = np.nonzero(near)
    hit = _gaps(starts[segment], ends[segment], shapes[segment, shape]) < RADIUS - _EPSILON
    return ~np.bincount(segment, hit, minlength=len(starts)).astype(bool)


def _gaps(starts: Floats, ends: Floats, shapes: Floats) -> Floats:
    """`(p,)` metres between segments and convex shapes `(p, 6, 2)`; 0 where they meet."""
    a, b, others = starts[:, None], ends[:, None], np.roll(shapes, -1, axis=1)
    least = np.minimum(_to_segment(a, shapes, others), _to_segment(b, shapes, others))
    least = np.minimum(least, _to_segment(shapes, a, b)).min(axis=1, initial=np.inf)
    meets = _crosses(a, b, shapes, others).any(axis=1) | _inside(starts, shapes) | _inside(ends, shapes)
    return np.where(meets, 0.0, least)


def _to_segment(points: Floats, starts: Floats, ends: Floats) -> Floats:
    along, offset = ends - starts, points - starts
    share = np.clip(_dot(offset, along) / np.maximum(_dot(along, along), 1e-300), 0, 1)
    gap = offset - share[..., None] * along
    return np.hypot(gap[..., 0], gap[..., 1])


def _crosses(a: Floats, b: Floats, c: Floats, d: Floats) -> NDArray[np.bool_]:
    """Whether segments `ab` and `cd` cross at an inner point of both."""
    one, other = _cross(b - a, c - a) * _cross(b - a, d - a), _cross(d - c, a - c) * _cross(d - c, b - c)
    return (one < 0) & (other < 0)


def _leaves(starts: Floats, ends: Floats, outline: Floats) -> NDArray[np.bool_]:
    """Which segments `(m, 2)` are not wholly on the floor: they cross its outline, or end outside."""
    if len(outline) == 0:
        return np.ones(len(starts), dtype=bool)
    following = np.roll(outline, -1, axis=0)
    crossing = _crosses(starts[:, None], ends[:, None], outline, following).any(axis=1)
    return crossing | ~_on_floor(starts, outline) | ~_on_floor(ends, outline)


def _on_floor(points: Floats, outline: Floats) -> NDArray[np.bool_]:
    """Even-odd rule, for an outline of any shape."""
    (x, y), low, high = points.T[..., None], outline, np.roll(outline, -1, axis=0)
    spans = (low[:, 1] > y) != (high[:, 1] > y)
    rise = np.where(high[:, 1] == low[:, 1], 1.0, high[:, 1] - low[:, 1])
    at = low[:, 0] + (y - low[:, 1]) / rise * (high[:, 0] - low[:, 0])
    return np.asarray((spans & (x < at)).sum(axis=1) % 2 == 1)


def _around(shapes: Floats) -> Floats:
    """Where a walker's middle bends round the corners of shapes: two points a corner.

    They lie where the tangents at both ends of the arc meet the tangent at its middle.
    """
    edges = np.roll(shapes, -1, axis=1) - shapes
    real = np.hypot(edges[..., 0], edges[..., 1]) > _EPSILON
    points: list[Floats] = [np.zeros((0, 2))]
    for shape, own, is_real in zip(shapes, edges, real, strict=True):
        corners = np.roll(shape, -1, axis=0)[is_real]  # where each real edge ends
        normals = _unit(np.stack([own[is_real][:, 1], -own[is_real][:, 0]], axis=1))
        following = np.roll(normals, -1, axis=0)
        middle = _unit(normals + following)
        for quarter in (_unit(normals + middle), _unit(middle + following)):
            points.append(corners + (RADIUS + _EPSILON) / _dot(quarter, middle)[:, None] * quarter)
    return np.concatenate(points)


def _inner_corners(outline: Floats) -> Floats:
    """Points on the floor by the corners of its outline; ways bend only at those that point inwards."""
    before, after = (
        _unit(outline - np.roll(outline, 1, axis=0)),
        _unit(np.roll(outline, -1, axis=0) - outline),
    )
    aside = 1e-6 * _unit(before - after)  # away from the corner's inside
    points = np.concatenate([outline + aside, outline - aside])
    return points[_on_floor(points, outline)]


def _unit(vectors: Floats) -> Floats:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-300))
