"""The shortest path over the free floor from one object to another.

A walker is a disc with a radius of 0.2 m that keeps clear of every object between 0.1 and 1.8 m above the
floor and does not leave the floor's outline. It walks from the centre of one object's footprint to the centre
of the other's; those two, and whatever they stand on or under, are not obstacles. Where the straight line is
free it is the shortest path. Otherwise the shortest path bends at corners of obstacles and at inner corners
of the floor; the arc around a corner is replaced by two tangents outside it, which is 1.7 cm longer around a
right angle. Moving, rotating or mirroring the scene does the same to the path. `paths` finds it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lightning_ouro.programs.clearance import clear, inside, leaves
from lightning_ouro.programs.geometry import Floats, footprints

LOWEST, HIGHEST = 0.1, 1.8  # metres above the floor between which an object is an obstacle; chosen by hand

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
        holds_an_end = inside(start[:, None], shapes) | inside(goal[:, None], shapes)
        are_clear = clear(start, goal, shapes, self.are_obstacles[draws] & ~holds_an_end)
        return are_clear & ~leaves(start, goal, self.outline)
