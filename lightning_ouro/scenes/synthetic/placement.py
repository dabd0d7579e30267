"""Upright boxes in a rectangular room: whether two of them overlap, and where one may stand.

Two upright boxes are apart if their heights do not overlap, or if their outlines are separated along one of
their four edge directions (the separating axis theorem, exact for rectangles). Lengths are in metres; the
room is `[0, width] x [0, depth]`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from lightning_ouro.scenes.synthetic.furniture import Range

# All chosen by hand.
_GAP = 0.02  # minimum distance in metres of two boxes, except of a box from its support
_WALL_GAP: Range = (0.005, 0.04)  # metres between a wall and the back of what stands or hangs there
_ALIGNED = 0.7  # share of free-standing boxes that are parallel to the walls
_TURN = math.radians(15)  # maximum angle between a box and its support


@dataclass(frozen=True)
class Upright:
    """A box that is rotated about the vertical axis only.

    Attributes:
        x, y: Centre, metres.
        bottom: Height of the lower face, metres.
        size: Full extents along its own axes, metres.
        yaw: Counter-clockwise from the room's x axis, radians.
    """

    x: float
    y: float
    bottom: float
    size: tuple[float, float, float]
    yaw: float

    @property
    def top(self) -> float:
        return self.bottom + self.size[2]

    def reach(self, direction: float) -> float:
        """Half the extent of the outline along a direction, which is given as an angle in radians."""
        turn = self.yaw - direction
        return (self.size[0] * abs(math.cos(turn)) + self.size[1] * abs(math.sin(turn))) / 2


@dataclass(frozen=True)
class Area:
    """A rectangular room.

    Attributes:
        width: Along x, metres.
        depth: Along y, metres.
    """

    width: float
    depth: float

    def holds(self, box: Upright) -> bool:
        """Whether the whole outline is inside the room."""
        across, along = box.reach(0.0), box.reach(math.pi / 2)
        return across <= box.x <= self.width - across and along <= box.y <= self.depth - along


def apart(a: Upright, b: Upright, gap: float = _GAP) -> bool:
    """Whether a plane separates the boxes by at least `gap` metres along its normal."""
    if a.bottom >= b.top + gap or b.bottom >= a.top + gap:
        return True
    x, y = b.x - a.x, b.y - a.y
    for direction in (a.yaw, a.yaw + math.pi / 2, b.yaw, b.yaw + math.pi / 2):
        distance = abs(x * math.cos(direction) + y * math.sin(direction))
        if distance >= a.reach(direction) + b.reach(direction) + gap:
            return True
    return False


def at_wall(
    area: Area, size: tuple[float, float, float], bottom: float, rng: np.random.Generator
) -> Upright | None:
    """A box with its back to a random wall, or None if the room is too small for it there."""
    wall = int(rng.integers(4))
    wall_length, room_depth = (area.width, area.depth) if wall % 2 == 0 else (area.depth, area.width)
    if size[0] > wall_length or size[1] > room_depth:
        return None
    along = rng.uniform(size[0] / 2, wall_length - size[0] / 2)
    back = rng.uniform(*_WALL_GAP) + size[1] / 2
    centers = ((along, back), (area.width - back, along), (along, area.depth - back), (back, along))
    return Upright(*centers[wall], bottom, size, wall * math.pi / 2)


def on_floor(area: Area, size: tuple[float, float, float], rng: np.random.Generator) -> Upright:
    """A box anywhere on the floor; it may extend beyond the walls."""
    quarter = float(rng.integers(4)) * math.pi / 2
    yaw = quarter if rng.random() < _ALIGNED else float(rng.uniform(0, 2 * math.pi))
    return Upright(rng.uniform(0, area.width), rng.uniform(0, area.depth), 0.0, size, yaw)


def on_top(support: Upright, size: tuple[float, float, float], rng: np.random.Generator) -> Upright | None:
    """A box whose whole lower face rests on another box, or None if it is too large for that."""
    turn = float(rng.uniform(-_TURN, _TURN))
    box = Upright(0.0, 0.0, support.top, size, support.yaw + turn)
    free = [
        extent / 2 - box.reach(support.yaw + axis)
        for extent, axis in zip(support.size[:2], (0, math.pi / 2), strict=True)
    ]
    if min(free) < 0:
        return None
    across, along = rng.uniform(-free[0], free[0]), rng.uniform(-free[1], free[1])
    cos, sin = math.cos(support.yaw), math.sin(support.yaw)
    x, y = support.x + across * cos - along * sin, support.y + across * sin + along * cos
    return Upright(x, y, support.top, size, box.yaw)
