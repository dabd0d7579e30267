"""The host's side of what programs see: a scene's geometry, the same under noise, and both as plain data.

Noise law (8 draws a scene, the same for all of its questions): Gaussian, sigma 3 cm per coordinate of a centre, 3 %
per side, the floor's two sides included, 2 degrees about the vertical. Counts, cameras and what frames show stay.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np

from lightning_ouro.programs.first_seen import FirstSeen, find_first_seen, seen_objects
from lightning_ouro.programs.geometry import Floats, box_distances, point_distances
from lightning_ouro.programs.walking import Ground, ground
from lightning_ouro.scenes.floor import floor_outline
from lightning_ouro.scenes.types import CORNER_SIGNS, Scene, Views

CENTER_SIGMA = 0.03
SIDE_SIGMA = 0.03
TURN_SIGMA = np.radians(2)


@dataclass(frozen=True, eq=False)
class SceneGeometry:
    """One reading of a scene's metadata, with the geometry that programs and rules share.

    Attributes:
        scene: Its categories, counts and outline; its boxes and floor area are those below.
        views: How it was filmed; None where only metadata are at hand, and then nothing is shown.
        centers: `(n, 3)` metres.
        sizes: `(n, 3)` full extents along the boxes' axes, metres.
        rotations: `(n, 3, 3)`, columns are axes.
        distances: `(n, n)` between boxes, metres.
        floor_area: Square metres.
    """

    scene: Scene
    views: Views | None
    centers: Floats
    sizes: Floats
    rotations: Floats
    distances: Floats
    floor_area: float

    @cached_property
    def _indices(self) -> dict[str, list[int]]:
        places: dict[str, list[int]] = {}
        for thing in self.scene.objects:
            places.setdefault(thing.category, []).append(thing.id)
        return places

    @cached_property
    def corners(self) -> Floats:
        """The `(n, 8, 3)` corners of the boxes, metres."""
        offsets = (CORNER_SIGNS * self.sizes[:, None] / 2) @ np.swapaxes(self.rotations, 1, 2)
        return self.centers[:, None] + offsets

    @cached_property
    def camera_distances(self) -> Floats:
        """`(T, n)` metres from the cameras to the nearest points of the boxes."""
        positions = np.zeros((0, 3)) if self.views is None else self.views.poses[:, :3, 3]
        return point_distances(positions, self.centers, self.sizes, self.rotations)

    @cached_property
    def walkable(self) -> frozenset[tuple[int, int]]:
        """Pairs of places of unique objects between which one can walk straight, in both orders."""
        places = [self.indices(category)[0] for category in self.unique_categories()]
        pairs = np.array(list(combinations(places, 2)), dtype=int).reshape(-1, 2)
        free = common_ground([self]).are_straight(np.zeros(len(pairs), dtype=int), *pairs.T)
        straight = map(tuple, pairs[free].tolist())
        return frozenset(pair for one, other in straight for pair in ((one, other), (other, one)))

    @cached_property
    def seen(self) -> frozenset[int]:
        """Ids of the objects that the frames show."""
        return frozenset() if self.views is None else seen_objects(self.views.visibility)

    @cached_property
    def times(self) -> tuple[str, ...]:
        """Seconds of the shown frames as questions name them, with one decimal."""
        return () if self.views is None else tuple(f"{seconds:.1f}" for seconds in self.views.timestamps)

    @cached_property
    def first_seen(self) -> Mapping[str, FirstSeen]:
        """When and how clearly each category is first seen; without the categories that no frame shows."""
        if self.views is None:
            return {}
        found = {
            category: find_first_seen(self.views.visibility, self.indices(category))
            for category in self.categories()
        }
        return {category: sight for category, sight in found.items() if sight is not None}

    @cached_property
    def forwards(self) -> Floats:
        """`(T, 2)` unit vectors on the floor in which the cameras look; straight up or down, their image's top."""
        if self.views is None:
            return np.zeros((0, 2))
        forward, top = self.views.poses[:, :2, 2], -self.views.poses[:, :2, 1]
        level = np.where(np.linalg.norm(forward, axis=1, keepdims=True) < 1e-6, top, forward)
        return level / np.maximum(np.linalg.norm(level, axis=1, keepdims=True), 1e-12)

    def frame(self, seconds: str) -> int | None:
        """The place of the frame that is shown at a time with one decimal, or None."""
        printed = f"{float(seconds):.1f}"
        return self.times.index(printed) if printed in self.times else None

    def indices(self, category: str) -> list[int]:
        """The ids of the category's objects."""
        return self._indices.get(category, [])

    def count(self, category: str) -> int:
        """How many there are: the source's corrected count, else the number of boxes."""
        return self.scene.counts.get(category, len(self.indices(category)))

    def is_unique(self, category: str) -> bool:
        """Whether exactly one is annotated and exactly one counted."""
        return len(self.indices(category)) == 1 == self.count(category)

    def categories(self) -> list[str]:
        """Every category with a box, sorted."""
        return sorted(self._indices)

    def unique_categories(self) -> list[str]:
        """The categories that name one object, sorted."""
        return [category for category in self.categories() if self.is_unique(category)]


def scene_geometry(scene: Scene, views: Views | None = None) -> SceneGeometry:
    """The scene as its metadata say."""
    boxes = _boxes(scene)
    return SceneGeometry(scene, views, *boxes, box_distances(*boxes), float(scene.floor_area))


def jittered(scene: Scene, views: Views | None = None, draws: int = 8) -> list[SceneGeometry]:
    """The scene under noise: `draws` readings that depend on the scene's id, boxes and floor area only."""
    centers, sizes, rotations = _boxes(scene)
    noise = _generator(f"jitter {scene.id}").standard_normal((draws, len(scene.objects), 7))
    centers = centers + CENTER_SIGMA * noise[..., :3]
    sizes = sizes * np.clip(1 + SIDE_SIGMA * noise[..., 3:6], 0.5, 1.5)
    rotations = _about_vertical(TURN_SIGMA * noise[..., 6]) @ rotations
    distances = box_distances(centers, sizes, rotations)
    sides = np.clip(
        1 + SIDE_SIGMA * _generator(f"jitter floor {scene.id}").standard_normal((draws, 2)), 0.5, 1.5
    )
    areas = scene.floor_area * sides.prod(axis=1)
    return [
        SceneGeometry(scene, views, *draw)
        for draw in zip(centers, sizes, rotations, distances, areas.tolist(), strict=True)
    ]


def common_ground(worlds: Sequence[SceneGeometry]) -> Ground:
    """The ground of several readings of one scene."""
    corners, *boxes = (
        np.stack([getattr(geometry, name) for geometry in worlds])
        for name in ("corners", "centers", "sizes", "rotations")
    )
    return ground(floor_outline(worlds[0].scene), corners, *boxes)


def plain(worlds: Sequence[SceneGeometry]) -> dict[str, Any]:
    """The arguments of the prelude's `_load`: tuples, lists, dicts, strings and numbers only."""
    return {"shared": _shared(worlds[0]), "readings": [_reading(geometry) for geometry in worlds]}


def _shared(first: SceneGeometry) -> tuple[Any, ...]:
    """What all readings have in common: counts, first sights, cameras."""
    names = {*first.categories(), *first.scene.counts}
    counts = {name: (first.count(name), first.indices(name)) for name in sorted(names)}
    if first.views is None:
        return counts, {}, ()
    seconds = first.views.timestamps.tolist()
    first_seen = {category: seconds[sight.frame] for category, sight in first.first_seen.items()}
    forwards = first.forwards
    columns = (map(float, first.times), first.views.poses[:, :3, 3].tolist(), forwards.tolist())
    cameras = tuple(
        (place, time, tuple(position), tuple(forward), (forward[1], -forward[0]))
        for place, (time, position, forward) in enumerate(zip(*columns, strict=True))
    )
    return counts, first_seen, cameras


def _reading(reading: SceneGeometry) -> tuple[Any, ...]:
    extents = np.ptp(reading.corners, axis=1).tolist()
    columns = (reading.centers.tolist(), reading.sizes.tolist(), extents)
    objects = tuple(
        (thing.id, thing.category, tuple(center), tuple(size), max(size), tuple(extent), extent[2])
        for thing, center, size, extent in zip(reading.scene.objects, *columns, strict=True)
    )
    distances = tuple(map(tuple, reading.distances.tolist()))
    return objects, reading.floor_area, distances, tuple(map(tuple, reading.camera_distances.tolist()))


def _generator(name: str) -> np.random.Generator:
    return np.random.default_rng(list(hashlib.sha256(name.encode()).digest()))


def _boxes(scene: Scene) -> tuple[Floats, Floats, Floats]:
    n = len(scene.objects)
    centers = np.array([thing.center for thing in scene.objects], dtype=float).reshape(n, 3)
    sizes = np.array([thing.size for thing in scene.objects], dtype=float).reshape(n, 3)
    rotations = np.array([thing.rotation for thing in scene.objects], dtype=float).reshape(n, 3, 3)
    return centers, sizes, rotations


def _about_vertical(angles: Floats) -> Floats:
    turns = np.zeros((*angles.shape, 3, 3))
    turns[..., 0, 0] = turns[..., 1, 1] = np.cos(angles)
    turns[..., 1, 0] = np.sin(angles)
    turns[..., 0, 1] = -turns[..., 1, 0]
    turns[..., 2, 2] = 1
    return turns
