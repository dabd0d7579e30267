"""Layouts for lessons in proposing: one to four procedural rooms in a row, under invented names.

A proposer reads metadata only, so names need not fit what the objects look like; and a proposer that should
copy any name must not get to know some. All shares are chosen by hand.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np

from lightning_ouro.bootstrap.names import invented_name
from lightning_ouro.scenes.synthetic.procedural import procedural_scene
from lightning_ouro.scenes.types import Scene, SceneObject

_SEED = 77_003  # any constant serves
_ROOM_SHARES = (0.55, 0.25, 0.12, 0.08)  # of layouts with 1, 2, 3 and 4 rooms
_INCOMPLETE_SHARE = 0.08  # of categories: not annotated completely, so they cannot be counted
_SAME_NAME_SHARE = (
    0.1  # of categories: given the name of another one, so that there are several objects of a name
)
_GAP = 0.2  # metres between rooms


def layout(index: int, num_categories: int | None = None) -> Scene:
    """The layout with an index, the same in every process; `num_categories` keeps only some categories."""
    rng = np.random.default_rng((_SEED, index))
    num_rooms = 1 + int(rng.choice(len(_ROOM_SHARES), p=_ROOM_SHARES))
    rooms = [procedural_scene(int(rng.integers(10**9))) for _ in range(num_rooms)]
    scene = _with_invented_names(_side_by_side(f"layout-{index:07d}", rooms), rng)
    if num_categories is not None:
        chosen = set(rng.permutation(sorted(scene.counts))[:num_categories].tolist())
        kept = [item for item in scene.objects if item.category in chosen]
        scene = _with_objects(scene, [replace(item, id=new_id) for new_id, item in enumerate(kept)])
    complete = frozenset(name for name in sorted(scene.complete) if rng.random() > _INCOMPLETE_SHARE)
    return replace(scene, complete=complete)


def _side_by_side(scene_id: str, rooms: list[Scene]) -> Scene:
    objects: list[SceneObject] = []
    left, depth = 0.0, 0.0  # of the next room
    for room in rooms:
        assert room.floor is not None, "procedural rooms have one"
        shift = np.array([left, 0.0, 0.0])
        for item in room.objects:
            objects.append(replace(item, id=len(objects), center=item.center + shift))
        left += float(room.floor[:, 0].max()) + _GAP
        depth = max(depth, float(room.floor[:, 1].max()))
    width = left - _GAP
    floor = np.array([[0, 0], [width, 0], [width, depth], [0, depth]], dtype=np.float64)
    joined = replace(rooms[0], id=scene_id, floor_area=width * depth, floor=floor)
    return _with_objects(joined, objects)


def _with_objects(scene: Scene, objects: list[SceneObject]) -> Scene:
    """The scene with these objects in place of its own, all categories completely annotated."""
    counts = Counter(item.category for item in objects)
    return replace(scene, objects=tuple(objects), counts=dict(counts), complete=frozenset(counts))


def _with_invented_names(scene: Scene, rng: np.random.Generator) -> Scene:
    new_names: dict[str, str] = {}
    for name in sorted(scene.counts):
        taken = list(new_names.values())
        is_shared = bool(taken) and rng.random() < _SAME_NAME_SHARE
        new_names[name] = str(rng.choice(taken)) if is_shared else invented_name(rng)
    return _with_objects(scene, [replace(item, category=new_names[item.category]) for item in scene.objects])
