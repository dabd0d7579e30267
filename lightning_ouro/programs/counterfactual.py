"""Other worlds: the scene with everything else than its names changed, to see what an answer depends on.

A program that says "bed" whatever the scene is, is right about half of all scenes and stable under any noise.
In other worlds, where boxes have changed places and sizes, some of the objects of a kind are gone, the floor is
another one and the camera was elsewhere, the answer to a real question changes sooner or later.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from lightning_ouro.programs.scene_geometry import SceneGeometry, scene_geometry
from lightning_ouro.scenes.types import Scene, SceneObject, Views
from lightning_ouro.seeding import generator_named

# A question that is answered with "no" in three of four worlds keeps its answer in all of them once in a thousand.
WORLDS = 24
_SCALES = (0.5, 1.5)  # of a side and of the floor area; chosen by hand


def other_worlds(exact: SceneGeometry) -> Iterator[SceneGeometry]:
    """The geometries of `WORLDS` other worlds, drawn from the scene's id.

    A category that names one object still does, so that programs find what they look for; in every second world
    all objects are there, for those that look for two of a kind.
    """
    rng = generator_named(f"other worlds {exact.scene.id}")
    for world in range(WORLDS):
        kept = [item.id for item in exact.scene.objects] if world % 2 else _some_of_each(exact.scene, rng)
        yield _other_world(exact.scene, exact.views, kept, rng)


def _other_world(
    scene: Scene, views: Views | None, kept: list[int], rng: np.random.Generator
) -> SceneGeometry:
    boxes = rng.permutation(kept)
    objects = tuple(
        SceneObject(
            index,
            scene.objects[was].category,
            scene.objects[box].center,
            scene.objects[box].size * rng.uniform(*_SCALES, size=3),
            scene.objects[box].rotation,
        )
        for index, (was, box) in enumerate(zip(kept, boxes, strict=True))
    )
    gone = Counter(item.category for item in scene.objects) - Counter(item.category for item in objects)
    counts = {name: number - gone[name] for name, number in scene.counts.items()}
    area = scene.floor_area * float(rng.uniform(*_SCALES))
    world = replace(scene, objects=objects, counts=counts, floor_area=area)
    if views is None:
        return scene_geometry(world)
    order = rng.permutation(len(views.poses))
    visibility = views.visibility[order][:, boxes]
    poses = views.poses[order]
    middle = poses[:, :3, 3].mean(axis=0)
    poses[:, :3, 3] = middle + rng.uniform(*_SCALES, size=3) * (poses[:, :3, 3] - middle)
    # no way leads through these
    return scene_geometry(world, replace(views, poses=poses, visibility=visibility, path=None, possible=None))


def _some_of_each(scene: Scene, rng: np.random.Generator) -> list[int]:
    """Indices of at least one object of each category, at random; all where there is only one."""
    by_category: dict[str, list[int]] = {}
    for item in scene.objects:
        by_category.setdefault(item.category, []).append(item.id)
    kept: list[int] = []
    for indices in by_category.values():
        number = int(rng.integers(1, len(indices) + 1))
        kept += rng.choice(indices, size=number, replace=False).tolist()
    return sorted(kept)
