"""What stands in front of a point: other boxes, as if they were solid, the floor, and the walls on its outline.

A box hides a point if the way from the camera enters it `TOUCHING` before the object that the point belongs to; so a
cloth that lies flat against an object does not hide it, nor does a box that reaches out of the object's own. An object
does not hide its own points, since what is seen there is the object. A box that the camera itself is in cannot be
solid.

Walls stand on the sides of the outline and reach the ceiling. A wall hides what lies behind it where the way from
the camera leaves the floor and comes back to it, and where it ends out of the room: farther outside than what hangs on
a wall or is set in it, since outlines are drawn on either side of walls. The floor hides what lies below it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lightning_ouro.programs.clearance import cross, following, on_floor, to_segment
from lightning_ouro.programs.geometry import Floats
from lightning_ouro.scenes.types import CORNER_SIGNS

TOUCHING = 0.02  # metres before an object within which nothing hides it; chosen by hand
# Metres that a way leads outside of the floor, if a wall is there: thinner than walls between rooms, thicker than
# the dents of an outline drawn by hand; chosen by hand.
WALL = 0.1
# Metres from an outline outside of which an object is no longer in the room. Chosen by hand.
AT_WALL = 0.5
# Metres below the floor from which on something is under it. Of the boxes in VSI-Bench's layouts, 1 in 170 begins
# lower, as if it went through the floor, and none ends there.
BELOW = 0.2
_AT_ONCE = 100_000  # rays times boxes, so that memory stays bounded

Flags = NDArray[np.bool_]
Indices = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Occluders:
    """What can stand in front of a point.

    Attributes:
        centers: `(n, 3)` of the boxes, metres.
        sizes: `(n, 3)` full extents along the boxes' axes, metres.
        rotations: `(n, 3, 3)`, columns are axes.
        walls: `(k, 2)` outline of the floor, metres, in either direction; None if it is not known.
        ground: Height of the floor, metres; None if it is not known.
    """

    centers: Floats
    sizes: Floats
    rotations: Floats
    walls: Floats | None
    ground: float | None = None

    def hide(self, eyes: Floats, points: Floats, owners: Indices) -> Flags:
        """Which points `(m, 3)` a box, a wall or the floor hides from the eyes `(m, 3)`.

        Args:
            eyes: Where cameras are.
            points: What they look at.
            owners: `(m,)` the objects to which the points belong; -1 for none.
        """
        hidden = [self._hide(eyes[part], points[part], owners[part]) for part in self._parts(len(points))]
        return np.concatenate([np.zeros(0, dtype=bool), *hidden])

    def walled_off(self, eyes: Floats, points: Floats, owners: Indices | None = None) -> Flags:
        """Which points `(m, 3)` a wall or the floor hides from the eyes `(m, 3)`.

        Args:
            eyes: Where cameras are.
            points: What they look at.
            owners: `(m,)` the objects to which the points belong, -1 for none; for none by default.
        """
        owners = np.full(len(points), -1) if owners is None else owners
        hidden = [
            self._beyond(eyes[part], points[part], np.ones(len(points[part])), owners[part])
            for part in self._parts(len(points))
        ]
        return np.concatenate([np.zeros(0, dtype=bool), *hidden])

    def _parts(self, number: int) -> list[slice]:
        sides = 0 if self.walls is None else len(self.walls)
        step = max(1, _AT_ONCE // max(1, len(self.centers), sides))
        return [slice(first, first + step) for first in range(0, number, step)]

    def _hide(self, eyes: Floats, points: Floats, owners: Indices) -> Flags:
        enters, leaves, holds_eye = self._passed(eyes, points)
        rays, lengths = np.arange(len(points)), np.linalg.norm(points - eyes, axis=1)
        ends, owned = np.ones(len(points)), owners >= 0
        ends[owned] = np.clip(enters[owners[owned], rays[owned]], 0, 1)
        ends -= TOUCHING / np.maximum(lengths, 1e-9)
        hides = (enters <= leaves) & (enters < ends) & (leaves > 0) & ~holds_eye
        hides[owners[owned], rays[owned]] = False
        return np.asarray(hides.any(axis=0) | self._beyond(eyes, points, ends, owners))

    def _passed(self, eyes: Floats, points: Floats) -> tuple[Floats, Floats, Flags]:
        """Where lines from eyes to points enter and leave each box, 0 at the eye and 1 at the point; all `(n, m)`.

        And whether the boxes hold the eyes. A line that misses a box leaves it before it enters it.
        """
        (axes, middles), shape = self._in_their_axes, (3, len(self.centers), len(eyes))
        start = (axes @ eyes.T).reshape(shape) - middles[..., None]
        way = (axes @ (points - eyes).T).reshape(shape)
        way[np.abs(way) < 1e-12] = 1e-12
        half = self.sizes.T[..., None] / 2
        first, last = (-half - start) / way, (half - start) / way
        holds_eye: Flags = np.asarray((np.abs(start) <= half).all(axis=0))
        return np.minimum(first, last).max(axis=0), np.maximum(first, last).min(axis=0), holds_eye

    @cached_property
    def _in_their_axes(self) -> tuple[Floats, Floats]:
        """All boxes' axes as the rows of one matrix `(3 n, 3)`, and their centres along these, `(3, n)`."""
        axes = np.moveaxis(self.rotations, 2, 0).reshape(3 * len(self.rotations), 3)
        return axes, np.einsum("nki,nk->in", self.rotations, self.centers)

    def _beyond(self, eyes: Floats, points: Floats, ends: Floats, owners: Indices) -> Flags:
        """Whether the ways from eyes to points lead through a wall, before their ends, out of the room or below it."""
        hidden, may_leave = np.zeros(len(points), dtype=bool), owners < 0
        if not may_leave.all():
            may_leave |= ~self._surely_in_room[owners]
        some = np.flatnonzero(may_leave)
        if len(some) == 0:
            return hidden
        hidden[some] = self._leave_room(eyes[some], points[some], ends[some])
        return hidden

    @cached_property
    def _surely_in_room(self) -> Flags:
        """`(n,)` which boxes lie in a room without a corner to look around, above its floor."""
        corners = self.centers[:, None] + (CORNER_SIGNS * self.sizes[:, None] / 2) @ np.swapaxes(
            self.rotations, 1, 2
        )
        inside = np.ones(len(corners), dtype=bool)
        if self.ground is not None:
            inside &= (corners[..., 2] >= self.ground - BELOW).all(axis=1)
        if self.walls is not None:
            inside &= self._are_convex & on_floor(corners.reshape(-1, 3)[:, :2], self.walls).reshape(
                -1, 8
            ).all(axis=1)
        return inside

    def _leave_room(self, eyes: Floats, points: Floats, ends: Floats) -> Flags:
        """As `_beyond`, whatever the points belong to."""
        hidden = np.zeros(len(points), dtype=bool)
        if self.ground is not None:
            hidden |= (points[:, 2] < self.ground - BELOW) & (eyes[:, 2] >= self.ground)
        if self.walls is None:
            return hidden
        out = np.flatnonzero(~hidden & ~on_floor(points[:, :2], self.walls))
        apart = to_segment(points[out, None, :2], self.walls, following(self.walls)).min(
            axis=1, initial=np.inf
        )
        hidden[out] = apart > AT_WALL
        hidden[out] &= np.isfinite(self._crossings(eyes[out], points[out])).any(axis=1)
        return hidden if self._are_convex else hidden | self._behind_wall(eyes, points, ends)

    def _crossings(self, eyes: Floats, points: Floats) -> Floats:
        """Where the ways from eyes to points cross the outline, `(m, k)` shares of them; infinite beyond the last."""
        assert self.walls is not None, "there are walls"
        start, way = eyes[:, None, :2], (points - eyes)[:, None, :2]
        sides, after = self._sides(eyes, points)
        is_split = (sides > 0) != (after > 0)
        share = sides / np.where(is_split, sides - after, 1)  # of the edge, up to the crossing
        along = ((self.walls + share[..., None] * self._edges - start) * way).sum(axis=-1)
        along = along / np.maximum((way * way).sum(axis=-1), 1e-300)
        return np.sort(np.where(is_split & (along > 0) & (along < 1), along, np.inf), axis=1)

    def _sides(self, eyes: Floats, points: Floats) -> tuple[Floats, Floats]:
        """On which side of the lines through eyes and points each corner of the outline is, and the one after it.

        Both `(m, k)`, above 0 on the left.
        """
        assert self.walls is not None, "there are walls"
        sides = cross((points - eyes)[:, None, :2], self.walls - eyes[:, None, :2])
        return sides, np.concatenate((sides[:, 1:], sides[:, :1]), axis=1)

    def _behind_wall(self, eyes: Floats, points: Floats, ends: Floats) -> Flags:
        """Whether the ways from eyes to points leave the floor, before their ends, and come back to it."""
        sides, after = self._sides(eyes, points)
        # A line that crosses the outline twice enters the floor and leaves it.
        some = np.flatnonzero(((sides > 0) != (after > 0)).sum(axis=1) > 2)
        hidden = np.zeros(len(points), dtype=bool)
        hidden[some] = self._come_back(eyes[some], points[some], ends[some])
        return hidden

    def _come_back(self, eyes: Floats, points: Floats, ends: Floats) -> Flags:
        """As `_behind_wall`, for lines that cross the outline more than twice."""
        assert self.walls is not None, "there are walls"
        times = self._crossings(eyes, points)
        begin = np.where(
            on_floor(eyes[:, :2], self.walls), 0, 1
        )  # who looks in from outside first comes to it
        lengths = np.linalg.norm((points - eyes)[:, :2], axis=-1)
        hidden = np.zeros(len(points), dtype=bool)
        for first in range(times.shape[1] - 1):
            left, back = times[:, first], times[:, first + 1]
            is_way_out = (first % 2 == begin % 2) & (first >= begin) & np.isfinite(back)
            outside = np.where(is_way_out, np.minimum(back, ends), 0) - np.where(is_way_out, left, 0)
            hidden |= outside * lengths > WALL
        return hidden

    @cached_property
    def _edges(self) -> Floats:
        assert self.walls is not None, "there are walls"
        return following(self.walls) - self.walls

    @cached_property
    def _are_convex(self) -> bool:
        turns = cross(self._edges, following(self._edges))
        return bool((turns >= -1e-9).all() or (turns <= 1e-9).all())
