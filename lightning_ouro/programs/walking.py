"""The shortest path over the free floor from one object to another.

A walker is a disc with a radius of 0.2 m that keeps clear of every object between 0.1 and 1.8 m above the
floor and does not leave the floor's outline. It walks from the centre of one object's footprint to the centre
of the other's; those two, and whatever they stand on or under, are not obstacles. Where the straight line is
free it is the shortest path. Otherwise the shortest path bends at corners of obstacles and at inner corners
of the floor; the arc around a corner is replaced by two tangents outside it, which is 1.7 cm longer around a
right angle. Moving, rotating or mirroring the scene does the same to the path. Radius and heights were chosen
by hand.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lightning_ouro.programs.geometry import Floats, footprints

RADIUS = 0.2  # metres from the walker's centre to any obstacle
LOWEST, HIGHEST = 0.1, 1.8  # metres above the floor between which an object is an obstacle
_EPSILON = 1e-9

Indices = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Ground:
    """The floor and the obstacles on it, in several draws of a scene's geometry.

    Attributes:
        outline: `(k, 2)` of the floor, in either direction, metres.
        footprints: `(draws, n, 6, 2)` outlines of all objects seen from above, counter-clockwise.
        centers: `(draws, n, 2)` of the objects.
        are_obstacles: `(draws, n)`, whether an object is an obstacle to anyone who does not start or end
            there.
    """

    outline: Floats
    footprints: Floats
    centers: Floats
    are_obstacles: NDArray[np.bool_]

    @classmethod
    def under_boxes(
        cls, outline: Floats, corners: Floats, centers: Floats, sizes: Floats, rotations: Floats
    ) -> Ground:
        """The ground under boxes `(draws, n, ...)` and their corners `(draws, n, 8, 3)`; the lowest is on it."""
        heights = corners[..., 2] - corners[..., 2].min(axis=(1, 2), initial=np.inf)[:, None, None]
        are_obstacles = (heights.min(axis=2) < HIGHEST) & (heights.max(axis=2) > LOWEST)
        return cls(outline, footprints(centers, sizes, rotations), centers[..., :2], are_obstacles)

    def are_straight(self, draws: Indices, starts: Indices, goals: Indices) -> NDArray[np.bool_]:
        """Whether one can walk straight between two objects, for `(m,)` triples of a draw and two indices."""
        start, goal = self.centers[draws, starts], self.centers[draws, goals]
        shapes = self.footprints[draws]
        holds_an_end = _inside(start[:, None], shapes) | _inside(goal[:, None], shapes)
        clear = _clear(start, goal, shapes, self.are_obstacles[draws] & ~holds_an_end)
        return clear & ~_leaves(start, goal, self.outline)

    def path(self, draw: int, start: int, goal: int) -> Floats | None:
        """The corners `(m, 2)` of the shortest path between two objects, ends included; None if there is none."""
        start_point, goal_point = self.centers[draw, [start, goal]]
        shapes = self.footprints[draw]
        holds_an_end = _inside(start_point, shapes) | _inside(goal_point, shapes)
        obstacles = shapes[self.are_obstacles[draw] & ~holds_an_end]
        bends = (_around(obstacles), _inner_corners(self.outline))
        return self._search(np.concatenate([goal_point[None], start_point[None], *bends]), obstacles)

    def _free(self, start: Floats, ends: Floats, obstacles: Floats) -> NDArray[np.bool_]:
        """Which of the straight lines from one point to several `(m, 2)` are free."""
        starts, shape = np.broadcast_to(start, ends.shape), (len(ends), *obstacles.shape)
        are_obstacles = np.ones(shape[:2], dtype=bool)
        clear = _clear(starts, ends, np.broadcast_to(obstacles, shape), are_obstacles)
        return clear & ~_leaves(starts, ends, self.outline)

    def _search(self, points: Floats, obstacles: Floats) -> Floats | None:
        """A* from the second point to the first by way of the others (Hart, Nilsson, Raphael 1968)."""
        remaining = np.linalg.norm(points - points[0], axis=1)
        cost = np.full(len(points), np.inf)
        cost[1], previous, done = 0.0, np.full(len(points), -1), np.zeros(len(points), dtype=bool)
        queue = [(float(remaining[1]), 1)]
        while queue:
            _, current = heapq.heappop(queue)
            if current == 0:
                path = [0]
                while previous[path[-1]] >= 0:
                    path.append(int(previous[path[-1]]))
                return points[path[::-1]]
            if done[current]:
                continue
            done[current] = True
            reached = cost[current] + np.linalg.norm(points - points[current], axis=1)
            better = np.flatnonzero(~done & (reached < cost - _EPSILON))
            better = better[self._free(points[current], points[better], obstacles)]
            cost[better], previous[better] = reached[better], current
            for index in better.tolist():
                heapq.heappush(queue, (float(cost[index] + remaining[index]), index))
        return None


def _cross(a: Floats, b: Floats) -> Floats:
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]


def _dot(a: Floats, b: Floats) -> Floats:
    return a[..., 0] * b[..., 0] + a[..., 1] * b[..., 1]


def _inside(points: Floats, shapes: Floats) -> NDArray[np.bool_]:
    """Whether each point `(..., 2)` lies in its convex shape `(..., 6, 2)`."""
    edges = np.roll(shapes, -1, axis=-2) - shapes
    return np.asarray((_cross(edges, points[..., None, :] - shapes) >= -_EPSILON).all(axis=-1))


def _clear(
    starts: Floats, ends: Floats, shapes: Floats, are_obstacles: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Which segments `(m, 2)` keep clear of those of the shapes `(m, n, 6, 2)` that are obstacles."""
    middles = shapes.mean(axis=2)
    reach = np.linalg.norm(shapes - middles[:, :, None], axis=-1).max(axis=2) + RADIUS
    near = are_obstacles & (_to_segment(middles, starts[:, None], ends[:, None]) < reach)
    segment, shape = np.nonzero(near)
    hit = _gaps(starts[segment], ends[segment], shapes[segment, shape]) < RADIUS - _EPSILON
    return ~np.bincount(segment, hit, minlength=len(starts)).astype(bool)


def _gaps(starts: Floats, ends: Floats, shapes: Floats) -> Floats:
    """Metres `(p,)` between segments and convex shapes `(p, 6, 2)`; 0 where they meet."""
    a, b, following = starts[:, None], ends[:, None], np.roll(shapes, -1, axis=1)
    least = np.minimum(_to_segment(a, shapes, following), _to_segment(b, shapes, following))
    least = np.minimum(least, _to_segment(shapes, a, b)).min(axis=1, initial=np.inf)
    meets = _crosses(a, b, shapes, following).any(axis=1) | _inside(starts, shapes) | _inside(ends, shapes)
    return np.where(meets, 0.0, least)


def _to_segment(points: Floats, starts: Floats, ends: Floats) -> Floats:
    """Metres from points to segments."""
    along, offset = ends - starts, points - starts
    share = np.clip(_dot(offset, along) / np.maximum(_dot(along, along), 1e-300), 0, 1)
    gap = offset - share[..., None] * along
    return np.hypot(gap[..., 0], gap[..., 1])


def _crosses(a: Floats, b: Floats, c: Floats, d: Floats) -> NDArray[np.bool_]:
    """Whether segments `ab` and `cd` cross at an inner point of both."""
    cd_is_split, ab_is_split = (
        _cross(b - a, c - a) * _cross(b - a, d - a) < 0,
        _cross(d - c, a - c) * _cross(d - c, b - c) < 0,
    )
    return np.asarray(cd_is_split & ab_is_split)


def _leaves(starts: Floats, ends: Floats, outline: Floats) -> NDArray[np.bool_]:
    """Which segments `(m, 2)` are not entirely on the floor: they cross its outline, or end outside it."""
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
    """The points where a walker's centre bends around the corners of shapes: two for each corner.

    They lie where the tangents at both ends of the arc meet the tangent at its middle.
    """
    edges = np.roll(shapes, -1, axis=1) - shapes
    real = np.hypot(edges[..., 0], edges[..., 1]) > _EPSILON
    points: list[Floats] = [np.zeros((0, 2))]
    for shape, shape_edges, is_real in zip(shapes, edges, real, strict=True):
        corners = np.roll(shape, -1, axis=0)[is_real]  # where each real edge ends
        normals = _unit(np.stack([shape_edges[is_real][:, 1], -shape_edges[is_real][:, 0]], axis=1))
        following = np.roll(normals, -1, axis=0)
        middle = _unit(normals + following)
        for quarter in (_unit(normals + middle), _unit(middle + following)):
            points.append(corners + (RADIUS + _EPSILON) / _dot(quarter, middle)[:, None] * quarter)
    return np.concatenate(points)


def _inner_corners(outline: Floats) -> Floats:
    """Points on the floor next to the corners of its outline; paths only bend at those that point inwards."""
    arriving = _unit(outline - np.roll(outline, 1, axis=0))
    leaving = _unit(np.roll(outline, -1, axis=0) - outline)
    aside = 1e-6 * _unit(arriving - leaving)  # away from the inside of the corner
    points = np.concatenate([outline + aside, outline - aside])
    return points[_on_floor(points, outline)]


def _unit(vectors: Floats) -> Floats:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-300))
