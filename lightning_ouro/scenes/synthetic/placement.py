"""Upright boxes in a rectangular room: do two overlap, is one inside, where may one stand.

Two upright boxes are apart if their heights are, or if their outlines are along one of the four edge directions
(separating axes; exact for rectangles). Everything is in metres; the room is `[0, width] x [0, depth]`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from lightning_ouro.scenes.synthetic.furniture import Range

_GAP = 0.02  # metres between any two boxes, except a thing and what it stands on
_WALL_GAP: Range = (0.005, 0.04)
_ALIGNED = 0.7  # share of free-standing things that are parallel to the walls
_TURN = math.radians(15)  # how far a thing on a surface may be turned


@dataclass(frozen=True)
class Upright:
    """A box turned about the vertical only.

    Attributes:
        x, y: Centre, metres.
        bottom: Height of its lower face, metres.
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
        """Height of the upper face, metres."""
        return self.bottom + self.size[2]

    def reach(self, direction: float) -> float:
        """Half the outline's length along a direction given as an angle in radians."""
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
        """Whether the whole outline is inside."""
        across, along = box.reach(0.0), box.reach(math.pi / 2)
        return across <= box.x <= self.width - across and along <= box.y <= self.depth - along


def apart(a: Upright, b: Upright, gap: float = _GAP) -> bool:
    """Whether some plane separates two boxes by at least `gap` metres along its normal."""
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
    """A box with its back to a random wall, or None where it is wider than that wall."""
    wall = int(rng.integers(4))
    length, other = (area.width, area.depth) if wall % 2 == 0 else (area.depth, area.width)
    if size[0] > length or size[1] > other:
        return None
    along = rng.uniform(size[0] / 2, length - size[0] / 2)
    back = rng.uniform(*_WALL_GAP) + size[1] / 2
    x, y = {0: (along, back), 1: (area.width - back, along), 2: (along, area.depth - back), 3: (back, along)}[
        wall
    ]
    return Upright(x, y, bottom, size, wall * math.pi / 2)


def on_floor(area: Area, size: tuple[float, float, float], rng: np.random.Generator) -> Upright:
    """A box anywhere on the floor; it may stick out of the room."""
    quarter = float(rng.integers(4)) * math.pi / 2
    yaw = quarter if rng.random() < _ALIGNED else float(rng.uniform(0, 2 * math.pi))
    return Upright(rng.uniform(0, area.width), rng.uniform(0, area.depth), 0.0, size, yaw)


def on_top(support: Upright, size: tuple[float, float, float], rng: np.random.Generator) -> Upright | None:
    """A box standing on another, its whole foot on it, or None where it is too large."""
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
    return Upright(
        support.x + across * cos - along * sin,
        support.y + across * sin + along * cos,
        support.top,
        size,
        box.yaw,
    )
