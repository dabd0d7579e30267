"""What the frames show together: how much of the floor, and which frames show common things.

Two frames are *linked* if both show one object (or the second may show it, where that is not known), or if their
pictures share enough of the floor. Frames that are linked, in however many steps, form a group. Of frames of two groups
nothing tells how they lie to each other: neither by how much the camera moved from one to the other, nor how far the
things of the one are from those of the other.

A frame that shows no object shows no floor either: it may be black, or a wall. And of what is far away nothing is told
by the few lines below the horizon that it fills.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lightning_ouro.programs.first_seen import VISIBLE
from lightning_ouro.programs.geometry import Floats
from lightning_ouro.programs.occlusion import Occluders
from lightning_ouro.programs.pictures import Pictures
from lightning_ouro.scenes.floor import grid_on_floor

# All chosen by hand.
# Metres from a camera from which on floor is not shown: of the smallest frames, 128 x 96 pixels with a field of view of
# 90 degrees, one line there is a metre of floor.
FAR = 10.0
# Of the floor that one of two frames shows, how much the other shows as well, if it links them. Of a real office, eight
# frames form one or two groups, 32 frames one.
COMMON_FLOOR = 0.1
COMMON_POINTS = 5  # of the grid on the floor, of which that share is at least

Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class ShownRoom:
    """The shown frames of a room, taken together.

    Attributes:
        pictures: The frames.
        floor: `(k, 2)` outline of the floor, or the rectangle that stands in for it; `(0, 2)` if there is none.
    """

    pictures: Pictures
    floor: Floats

    @cached_property
    def _shows(self) -> Flags:
        """Which frames show which objects, `(frames, n)`."""
        return np.asarray(self.pictures.views.visibility >= VISIBLE)

    @cached_property
    def _floor_points(self) -> Floats:
        """`(k, 3)` points of a grid on the floor; none if its outline encloses nothing.

        They are as low as the lowest box where the height of the floor is not known.
        """
        points = grid_on_floor(self.floor) if len(self.floor) > 2 else np.zeros((0, 2))
        level, heights = self.pictures.ground, self.pictures.half_heights
        lowest = float(np.min(self.pictures.centers[:, 2] - heights)) if len(heights) else 0.0
        return np.hstack([points, np.full((len(points), 1), lowest if level is None else level)])

    @cached_property
    def _floor_seen(self) -> Flags:
        """Which frames show which points of the floor, `(frames, k)`.

        A wall hides what is behind it, and so does a box that one cannot look over from the camera's height. What
        furniture hides of the floor does not matter: it stands on it.
        """
        pictures, ground = self.pictures, self._floor_points
        eyes = pictures.views.poses[:, :3, 3]
        seen = np.asarray(pictures.inside(ground[None]) >= 0) & self._shows.any(axis=1, keepdims=True)
        seen &= np.linalg.norm(ground - eyes[:, None], axis=-1) <= FAR
        tops = pictures.centers[:, 2] + pictures.half_heights
        for frame, eye in enumerate(eyes):
            tall, some = tops > eye[2], np.flatnonzero(seen[frame])
            boxes = (pictures.centers[tall], pictures.sizes[tall], pictures.rotations[tall])
            ways = (np.broadcast_to(eye, (len(some), 3)), ground[some], np.full(len(some), -1))
            seen[frame, some] = ~Occluders(*boxes, pictures.walls).hide(*ways)
        return seen

    @cached_property
    def walled_off(self) -> float:
        """The share of the floor that walls hide from every camera, whichever way it looks; 0 if it is not known."""
        hidden = np.ones(len(self._floor_points), dtype=bool)
        for eye in self.pictures.views.poses[self._shows.any(axis=1), :3, 3]:
            points = self._floor_points[hidden]
            eyes = np.broadcast_to(eye, points.shape)
            hidden[hidden] = self.pictures.occluders.walled_off(eyes, points)
        return float(hidden.mean()) if len(hidden) else 0.0

    @cached_property
    def floor_shown(self) -> float:
        """The share of the floor that frames of one group show; infinite if the floor's outline is not known."""
        if len(self._floor_points) == 0:
            return 0.0 if len(self.floor) else math.inf
        seen = [self._floor_seen[self.groups == group].any(axis=0) for group in np.unique(self.groups)]
        return max(float(points.mean()) for points in seen)

    @cached_property
    def groups(self) -> NDArray[np.intp]:
        """`(frames,)` the number of each frame's group: the first of its frames."""
        may_show = (self.pictures.views.at_most >= VISIBLE).astype(float)  # what is unknown is not absent
        common_things = self._shows.astype(float) @ may_show.T > 0
        common_things |= common_things.T
        groups = _connected(common_things)
        if len(np.unique(groups[self._shows.any(axis=1)])) <= 1:
            return groups
        seen = self._floor_seen.astype(float)
        common, each = seen @ seen.T, seen.sum(axis=1)
        overlap = common >= np.maximum(COMMON_FLOOR * np.minimum(each[:, None], each), COMMON_POINTS)
        return _connected(common_things | overlap)

    @cached_property
    def object_groups(self) -> NDArray[np.intp]:
        """`(n,)` the group of the frames that show each object, which are linked by it; -1 where none does."""
        return np.where(self._shows.any(axis=0), self.groups[self._shows.argmax(axis=0)], -1)


def _connected(linked: Flags) -> NDArray[np.intp]:
    """The first member of each one's group, `(m,)`, of links `(m, m)` that hold both ways."""
    groups = np.arange(len(linked))
    while True:
        lowest = np.where(linked, groups, groups[:, None]).min(axis=1)
        if (lowest == groups).all():
            return groups
        groups = lowest
