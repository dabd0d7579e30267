"""Rooms for lessons in proposing: procedural ones, alone or side by side, with invented names.

Only what metadata say counts there, so names need not fit what things look like; a proposer that is to copy any name
must not come to know some.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np

from lightning_ouro.bootstrap.names import invented
from lightning_ouro.scenes.synthetic.procedural import procedural_scene
from lightning_ouro.scenes.types import Scene, SceneObject

_SEED = 77_003
_SIDE_BY_SIDE = (0.55, 0.25, 0.12, 0.08)  # of layouts have 1, 2, 3, 4 rooms
_INCOMPLETE = 0.08  # of categories are not annotated completely
_GAP = 0.2  # metres between rooms


def layout(index: int, categories: int | None = None) -> Scene:
    """The layout of a number, or what it has of so many categories; the same in every process."""
    rng = np.random.default_rng((_SEED, index))
    rooms = 1 + int(rng.choice(len(_SIDE_BY_SIDE), p=_SIDE_BY_SIDE))
    scene = _joined(f"layout-{index:07d}", [procedural_scene(int(rng.integers(10**9))) for _ in range(rooms)])
    scene = _renamed(scene, rng)
    if categories is not None:
        chosen = set(rng.permutation(sorted(scene.counts))[:categories].tolist())
        kept = [thing for thing in scene.objects if thing.category in chosen]
        scene = _counted(scene, [replace(thing, id=place) for place, thing in enumerate(kept)])
    complete = frozenset(name for name in sorted(scene.complete) if rng.random() > _INCOMPLETE)
    return replace(scene, complete=complete)


def _joined(id: str, rooms: list[Scene]) -> Scene:
    things: list[SceneObject] = []
    right, depth = 0.0, 0.0
    for room in rooms:
        assert room.floor is not None, "procedural rooms have one"
        for thing in room.objects:
            things.append(replace(thing, id=len(things), center=thing.center + np.array([right, 0.0, 0.0])))
        right += float(room.floor[:, 0].max()) + _GAP
        depth = max(depth, float(room.floor[:, 1].max()))
    return _scene(id, rooms[0], things, (right - _GAP) * depth, right - _GAP, depth)


def _scene(id: str, like: Scene, things: list[SceneObject], area: float, width: float, depth: float) -> Scene:
    floor = np.array([[0, 0], [width, 0], [width, depth], [0, depth]], dtype=np.float64)
    return _counted(replace(like, id=id, floor_area=area, floor=floor), things)


def _counted(scene: Scene, things: list[SceneObject]) -> Scene:
    """The scene with these things, all annotated."""
    counts = Counter(thing.category for thing in things)
    return replace(scene, objects=tuple(things), counts=dict(counts), complete=frozenset(counts))


def _renamed(scene: Scene, rng: np.random.Generator) -> Scene:
    """Every category under an invented name; rarely two under one."""
    old = sorted(scene.counts)
    names: dict[str, str] = {}
    for name in old:
        taken = list(names.values())
        names[name] = str(rng.choice(taken)) if taken and rng.random() < 0.1 else invented(rng)
    return _counted(scene, [replace(thing, category=names[thing.category]) for thing in scene.objects])
