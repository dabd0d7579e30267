"""Rooms generated from an index: the same index gives the same room, bit for bit, in every process.

A room is a rectangle of 8 to 45 square metres that holds 6 to 16 objects of its kind (living room, bedroom,
office, kitchen, washroom), with sizes from `furniture.FURNITURE`. No two boxes overlap; only objects that
stand on others touch them. All objects are annotated, so every category is complete, and what its like has but a
room lacks is counted as 0. The constants were chosen by hand.
"""

from __future__ import annotations

import math
from collections import Counter

import numpy as np

from lightning_ouro.scenes.room_kinds import absent_categories
from lightning_ouro.scenes.synthetic.furniture import FURNITURE, ROOM_KINDS, Range, RoomKind
from lightning_ouro.scenes.synthetic.placement import Area, Upright, apart, at_wall, on_floor, on_top
from lightning_ouro.scenes.synthetic.walks import RenderedFootage
from lightning_ouro.scenes.types import Scene, SceneObject

_SEED = 46_021  # keeps these random streams apart from others that are seeded with small numbers
_FLOOR_AREAS: dict[RoomKind, Range] = {  # square metres
    "living room": (14.0, 45.0),
    "bedroom": (10.0, 28.0),
    "office": (10.0, 45.0),
    "kitchen": (9.0, 26.0),
    "washroom": (8.0, 16.0),
}
_ANCHORS: dict[RoomKind, str] = {  # what every room of the kind has, and what small objects may stand on
    "living room": "sofa",
    "bedroom": "bed",
    "office": "table",
    "kitchen": "counter",
    "washroom": "toilet",
}
_MAX_ASPECT = 1.6  # of the longer side to the shorter
_MIN_OBJECTS, _MAX_OBJECTS = 6, 16
_TRIES = 20  # positions tried per object
_CLEARANCE = 0.7  # metres of free floor in front of a door
_SINGLE = 0.6  # share of the categories allowed several objects that get only one
_FREE_FLOOR = 0.5  # minimum share of the floor that stays free for walking

Placed = list[tuple[str, Upright]]


def procedural_scene(index: int) -> Scene:
    """The scene `procedural-<index>`, index >= 0, whose floor has one corner at the origin."""
    assert index >= 0, index
    for attempt in range(100):
        rng = np.random.default_rng((_SEED, index, attempt))
        kind = ROOM_KINDS[int(rng.integers(len(ROOM_KINDS)))]
        area = _draw_area(kind, rng)
        placed = _furnish(area, _plan(area, kind, rng), rng)
        if len(placed) >= _MIN_OBJECTS:
            return _to_scene(f"procedural-{index:06d}", area, placed)
    raise AssertionError(f"no room for {index} in 100 attempts")


def procedural_scenes(first: int, count: int) -> list[Scene]:
    """The scenes with index `first` to `first + count - 1`."""
    return [procedural_scene(index) for index in range(first, first + count)]


def _draw_area(kind: RoomKind, rng: np.random.Generator) -> Area:
    square_metres = float(rng.uniform(*_FLOOR_AREAS[kind]))
    ratio = float(rng.uniform(1.0, _MAX_ASPECT))
    long, short = math.sqrt(square_metres * ratio), math.sqrt(square_metres / ratio)
    return Area(long, short) if rng.random() < 0.5 else Area(short, long)


def _plan(area: Area, kind: RoomKind, rng: np.random.Generator) -> list[str]:
    """Categories in the order of placement: doors, large objects, hung objects, objects on others."""
    expected = _MIN_OBJECTS + 2 + (_MAX_OBJECTS - _MIN_OBJECTS) * (area.width * area.depth - 8) / 30
    wanted = int(np.clip(round(expected + rng.normal(0, 1.5)), _MIN_OBJECTS + 1, _MAX_OBJECTS))
    suitable = [name for name, furniture in FURNITURE.items() if kind[0] in furniture.rooms]
    names = ["door", _ANCHORS[kind], *(suitable[index] for index in rng.permutation(len(suitable)))]
    plan: list[str] = []
    for name in dict.fromkeys(names):
        supports = FURNITURE[name].supports
        if not supports or any(support in plan for support in supports):
            plan += [name] * min(_draw_count(FURNITURE[name].most, rng), wanted - len(plan))
    return sorted(plan, key=_placement_order)


def _draw_count(most: int, rng: np.random.Generator) -> int:
    """One, or the larger of two draws from 2 to `most`, because lack of space will remove some again."""
    if most == 1 or rng.random() < _SINGLE:
        return 1
    return int(rng.integers(2, most + 1, size=2).max())


def _placement_order(category: str) -> tuple[int, float]:
    furniture = FURNITURE[category]
    order = 0 if category == "door" else {"wall": 1, "floor": 1, "hung": 2, "surface": 3}[furniture.place]
    return order, -furniture.width[1] * furniture.depth[1]


def _furnish(area: Area, plan: list[str], rng: np.random.Generator) -> Placed:
    placed: Placed = []
    free = area.width * area.depth * (1 - _FREE_FLOOR)
    for category in plan:
        box = _place(category, area, placed, rng)
        if box is None:
            continue
        if FURNITURE[category].place in ("wall", "floor"):
            free -= box.size[0] * box.size[1]
            if free < 0:
                continue
        placed.append((category, box))
    return placed


def _place(category: str, area: Area, placed: Placed, rng: np.random.Generator) -> Upright | None:
    """A box that overlaps no other and blocks no door, or None if no such box was found in `_TRIES` tries."""
    doorways = [_doorway(box) for name, box in placed if name == "door"]
    for _ in range(_TRIES):
        box, support = _draw_box(category, area, placed, rng)
        if box is None or not area.holds(box):
            continue
        obstacles = [other for _, other in placed if other is not support]
        obstacles += [] if category in ("door", "window") else doorways
        if all(apart(box, obstacle) for obstacle in obstacles):
            return box
    return None


def _draw_box(
    category: str, area: Area, placed: Placed, rng: np.random.Generator
) -> tuple[Upright | None, Upright | None]:
    """A candidate, or None if its size does not fit, and the box that it stands on, if any."""
    furniture = FURNITURE[category]
    width, depth, height, bottom = (
        float(rng.uniform(*extent))
        for extent in (furniture.width, furniture.depth, furniture.height, furniture.bottom)
    )
    size = (width, depth, height)
    if furniture.place == "floor":
        return on_floor(area, size, rng), None
    if furniture.place != "surface":
        return at_wall(area, size, bottom, rng), None
    supports = [box for name, box in placed if name in furniture.supports]
    if not supports:
        return None, None
    support = supports[int(rng.integers(len(supports)))]
    return on_top(support, size, rng), support


def _doorway(door: Upright) -> Upright:
    """The space in front of a door, whose own second axis points into the room."""
    shift = (door.size[1] + _CLEARANCE) / 2
    x, y = door.x - shift * math.sin(door.yaw), door.y + shift * math.cos(door.yaw)
    return Upright(x, y, 0.0, (door.size[0], _CLEARANCE, door.size[2]), door.yaw)


def _to_scene(scene_id: str, area: Area, placed: Placed) -> Scene:
    counts = dict(Counter(category for category, _ in placed))
    counts |= dict.fromkeys(sorted(absent_categories(FURNITURE.keys(), counts)), 0)
    return Scene(
        id=scene_id,
        source="procedural",
        objects=tuple(_to_object(index, *item) for index, item in enumerate(placed)),
        counts=counts,
        complete=frozenset(counts),
        floor_area=area.width * area.depth,
        floor=np.array(
            [[0, 0], [area.width, 0], [area.width, area.depth], [0, area.depth]], dtype=np.float64
        ),
        footage=RenderedFootage(),
    )


def _to_object(index: int, category: str, box: Upright) -> SceneObject:
    cos, sin = math.cos(box.yaw), math.sin(box.yaw)
    center = np.array([box.x, box.y, box.bottom + box.size[2] / 2])
    rotation = np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
    return SceneObject(index, category, center, np.array(box.size), rotation)
