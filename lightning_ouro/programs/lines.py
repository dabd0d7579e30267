"""The straight lines of a walk: between objects and the points where a path may bend, and what blocks them.

They are the same for all pairs of objects. What differs is which obstacles count: those that hold a pair's
ends do not, and a path does not bend at their corners.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import final

import numpy as np

from lightning_ouro.programs.blocking import MOST, Flags, Sets, as_sets, blockers, crossings, too_near
from lightning_ouro.programs.clearance import EPSILON, RADIUS, dot, inside, on_floor, unit
from lightning_ouro.programs.geometry import Floats
from lightning_ouro.programs.walking import Ground, Indices

MOST_OBSTACLES = MOST - 1
OUTSIDE = np.uint64(1 << MOST_OBSTACLES)  # stands in a set for the floor's outline, which always counts
CHUNK = 32  # points or pairs between two pauses: 5 ms in the largest of VSI-Bench's rooms
_TESTS = 40_000  # of a line against an obstacle that are done for several draws at once


def find_straight(ground: Ground) -> Generator[None, None, Flags]:
    """Whether each pair of objects has a straight way in each draw, `(draws, n, n)`; with pauses."""
    draws, n = ground.are_obstacles.shape
    straight = ~crossings(ground.centers, ground.centers, ground.outline)
    are_on_floor = on_floor(ground.centers.reshape(-1, 2), ground.outline).reshape(draws, n)
    straight &= are_on_floor[:, :, None] & are_on_floor[:, None]
    for start in range(0, n, MOST):
        obstacles = slice(start, start + MOST)
        at_once = max(1, _TESTS // (n * n * min(n, MOST)))
        for first in range(0, draws, at_once):
            some = slice(first, first + at_once)
            centers, shapes = ground.centers[some], ground.footprints[some, obstacles]
            counting = as_sets(ground.are_obstacles[some, obstacles])[:, None, None]
            near = as_sets(too_near(centers, shapes))
            under = as_sets(inside(centers[:, :, None], shapes[:, None]))
            for row in range(0, n, CHUNK):
                rows = slice(row, row + CHUNK)
                blocked = blockers(centers[:, rows], centers, shapes) | near[:, rows, None] | near[:, None]
                aside = under[:, rows, None] | under[:, None]
                straight[some, rows] &= is_within(blocked & counting, aside)
                yield
    return straight & straight.swapaxes(1, 2)  # also where rounding decides


@final
class Lines:
    """The lines in one draw of a scene with at most `MOST_OBSTACLES` obstacles.

    Attributes:
        pairs: `(p, 2)` objects a > b without a straight way, each of which can be left.
        aside: `(p,)` sets of the obstacles that do not count for these pairs.
        under: `(n,)` sets of the obstacles that hold the objects.
        bends: `(m, 2)` points, metres, at which a path between one of the pairs may bend.
        own: `(m,)` the obstacle around whose corner a bend leads, as a set.
        near: `(m,)` sets of the obstacles that a walker would touch at a bend.
        blocked: `(m, m)` sets of the obstacles that block the lines between bends.
        blocked_objects: `(n, m)` the same for lines from objects to bends.
        lengths: `(m, m)` metres.
        from_objects: `(n, m)` metres.
    """

    def __init__(self, ground: Ground, draw: int) -> None:
        self._outline, self._centers = ground.outline, ground.centers[draw]
        self._shapes = ground.footprints[draw][ground.are_obstacles[draw]]
        self.under = as_sets(inside(self._centers[:, None], self._shapes))
        around, owner = bends_around(self._shapes)
        self.bends = np.concatenate([around, inner_corners(self._outline)])
        self.own = np.zeros(len(self.bends), dtype=np.uint64)
        self.own[: len(owner)] = np.uint64(1) << owner.astype(np.uint64)
        self.near = as_sets(too_near(self.bends, self._shapes))
        self.blocked_objects = np.zeros((len(self._centers), len(self.bends)), dtype=np.uint64)
        sets = np.unique(self.under[:, None] | self.under)
        self._keep(on_floor(self.bends, self._outline) & is_within(self.near[:, None], sets).any(axis=1))

    def find(self, straight: Flags) -> Iterator[None]:
        """Finds all lines, with pauses, given the pairs of objects that need none."""
        self.blocked_objects = self._look(self._centers, self.bends) | self.near
        near = as_sets(too_near(self._centers, self._shapes))
        off_floor = np.where(on_floor(self._centers, self._outline), np.uint64(0), OUTSIDE)
        self.blocked_objects |= (near | off_floor)[:, None]
        yield
        self._find_pairs(straight)
        needed, odd = (self.near == 0) & (len(self.pairs) > 0), np.flatnonzero(self.near)
        needed[odd] = self.are_free(odd, np.unique(self.aside)[:, None]).any(axis=0)
        self._keep(needed)
        m = len(self.bends)
        self.blocked = np.empty((m, m), dtype=np.uint64)
        for start in range(0, m, CHUNK):
            blocked = self._look(self.bends[start : start + CHUNK], self.bends[start:])
            self.blocked[start : start + CHUNK, start:] = blocked
            self.blocked[start:, start : start + CHUNK] = blocked.T
            yield
        self.blocked |= self.near[:, None] | self.near
        self.lengths, self.from_objects = (
            np.linalg.norm(points[:, None] - self.bends, axis=-1) for points in (self.bends, self._centers)
        )
        self.blocked[self.lengths == 0] |= OUTSIDE  # nothing leads from a point to itself

    def are_free(self, bends: Indices, aside: Sets) -> Flags:
        """Whether paths may bend at some bends if obstacles do not count."""
        return is_within(self.near[bends], aside) & ((self.own[bends] & aside) == 0)

    def _look(self, starts: Floats, ends: Floats) -> Sets:
        """What blocks the lines between points that are near to nothing."""
        blocked = blockers(starts, ends, self._shapes)
        blocked[crossings(starts, ends, self._outline)] |= OUTSIDE
        return blocked

    def _find_pairs(self, straight: Flags) -> None:
        aside = self.under[:, None] | self.under
        exits = np.zeros_like(straight)
        for start, sets in enumerate(aside):
            # At most as many blockers as do not count for any pair: few lines are that free.
            most = int(np.bitwise_count(sets).max())
            bends = np.flatnonzero(np.bitwise_count(self.blocked_objects[start]) <= most)
            leads = is_within(self.blocked_objects[start, bends], sets[:, None])
            exits[start] = (leads & self.are_free(bends, sets[:, None])).any(axis=1)
        self.pairs = np.argwhere(np.tril(exits & exits.T & ~straight, -1))
        self.aside = aside[tuple(self.pairs.T)]

    def _keep(self, kept: Flags) -> None:
        """Forgets all other bends."""
        self.bends, self.own, self.near = self.bends[kept], self.own[kept], self.near[kept]
        self.blocked_objects = self.blocked_objects[:, kept]


def is_within(sets: Sets | np.uint64, others: Sets | np.uint64) -> Flags:
    """Whether each set is part of the other."""
    return np.asarray((sets & ~others) == 0)


def bends_around(shapes: Floats) -> tuple[Floats, Indices]:
    """The points `(m, 2)` where a walker's centre bends around corners, two for each, and whose corners.

    They lie where the tangents at both ends of the arc meet the tangent at its middle.
    """
    edges = np.roll(shapes, -1, axis=1) - shapes
    real = np.hypot(edges[..., 0], edges[..., 1]) > EPSILON
    points: list[Floats] = [np.zeros((0, 2))]
    for shape, shape_edges, is_real in zip(shapes, edges, real, strict=True):
        corners = np.roll(shape, -1, axis=0)[is_real]  # where each real edge ends
        normals = unit(np.stack([shape_edges[is_real][:, 1], -shape_edges[is_real][:, 0]], axis=1))
        following = np.roll(normals, -1, axis=0)
        middle = unit(normals + following)
        for quarter in (unit(normals + middle), unit(middle + following)):
            points.append(corners + (RADIUS + EPSILON) / dot(quarter, middle)[:, None] * quarter)
    owners = np.repeat(np.arange(len(shapes)), 2 * real.sum(axis=1))
    return np.concatenate(points), owners


def inner_corners(outline: Floats) -> Floats:
    """Points on the floor next to the corners of its outline; paths only bend at those that point inwards."""
    arriving = unit(outline - np.roll(outline, 1, axis=0))
    leaving = unit(np.roll(outline, -1, axis=0) - outline)
    aside = 1e-6 * unit(arriving - leaving)  # away from the inside of the corner
    points = np.concatenate([outline + aside, outline - aside])
    return points[on_floor(points, outline)]
