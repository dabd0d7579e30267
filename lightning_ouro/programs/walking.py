"""The shortest path over the free floor from one object to another.

A walker is a disc with a radius of 0.2 m that keeps clear of every object between 0.1 and 1.8 m above the
floor and does not leave the floor's outline. It walks from the centre of one object's footprint to the centre
of the other's; those two, and whatever they stand on or under, are not obstacles. Where the straight line is
free it is the shortest path; the way is called straight if, besides, no more than 0.5 m of it lead through what
an end stands on or under, at that end. Otherwise the shortest path bends at corners of obstacles and at inner corners
of the floor; the arc around a corner is replaced by two tangents outside it, which is 1.7 cm longer around a
right angle. Moving, rotating or mirroring the scene does the same to the path. `paths` finds it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lightning_ouro.programs.clearance import clear, inside, leaves, metres_within
from lightning_ouro.programs.geometry import Floats, footprints

LOWEST, HIGHEST = 0.1, 1.8  # metres above the floor between which an object is an obstacle; chosen by hand
# Metres that a straight walk may lead over or under what one end stands on or under: what lies on a worktop or a table
# is reached from its edge. An arm's length; chosen by hand.
REACH = 0.5

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
        cls,
        outline: Floats,
        level: float | None,
        corners: Floats,
        centers: Floats,
        sizes: Floats,
        rotations: Floats,
    ) -> Ground:
        """The ground under boxes `(draws, n, ...)` and their corners `(draws, n, 8, 3)`.

        Args:
            outline: Of the floor.
            level: Its height; if None, the lowest corner is on it.
            corners: Of the boxes.
            centers: Of the boxes.
            sizes: Full extents along the boxes' axes.
            rotations: Columns are axes.
        """
        lowest = corners[..., 2].min(axis=(1, 2), initial=np.inf)[:, None, None]
        heights = corners[..., 2] - (lowest if level is None else level)
        are_obstacles = (heights.min(axis=2) < HIGHEST) & (heights.max(axis=2) > LOWEST)
        return cls(outline, footprints(centers, sizes, rotations), centers[..., :2], are_obstacles)

    def are_straight(self, draws: Indices, starts: Indices, goals: Indices) -> NDArray[np.bool_]:
        """Whether one can walk straight between two objects, for `(m,)` triples of a draw and two indices."""
        start, goal = self.centers[draws, starts], self.centers[draws, goals]
        shapes = self.footprints[draws]
        holds_an_end = inside(start[:, None], shapes) | inside(goal[:, None], shapes)
        are_clear = clear(start, goal, shapes, self.are_obstacles[draws] & ~holds_an_end)
        return are_clear & ~leaves(start, goal, self.outline) & ~self.lead_through(draws, starts, goals)

    def lead_through(self, draws: Indices, starts: Indices, goals: Indices) -> NDArray[np.bool_]:
        """Whether straight lines lead by more than `REACH` through what one end stands on or under, `(m,)`."""
        through = np.zeros(len(draws), dtype=bool)
        for here, there in ((starts, goals), (goals, starts)):
            rows = np.flatnonzero(self._in_another[draws, here])
            some, here, there = draws[rows], here[rows], there[rows]
            centers, shapes = self.centers[some], self.footprints[some]
            here_at, there_at = (centers[np.arange(len(rows)), end] for end in (here, there))
            holds = self.are_obstacles[some] & inside(here_at[:, None], shapes)
            line, obstacle = np.nonzero(holds)
            is_other = (obstacle != here[line]) & (obstacle != there[line])
            line, obstacle = line[is_other], obstacle[is_other]
            within = metres_within(here_at[line], there_at[line], shapes[line, obstacle])
            through[rows[line[within > REACH]]] = True
        return through

    @cached_property
    def _in_another(self) -> NDArray[np.bool_]:
        """Whether each object's centre is on or under another obstacle, `(draws, n)`."""
        holds = inside(self.centers[:, :, None], self.footprints[:, None]) & self.are_obstacles[:, None]
        return np.asarray((holds & ~np.eye(holds.shape[1], dtype=bool)).any(axis=2))
