"""The host's side of what programs see: a scene's geometry, the same under noise, and both as plain data.

Noise law (8 draws a scene, the same for all of its questions): Gaussian, sigma 3 cm per coordinate of a centre, 3 %
per side, 2 degrees about the vertical. Counts and floor area don't depend on boxes and stay.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from lightning_ouro.programs.geometry import Floats, box_distances
from lightning_ouro.scenes.types import CORNER_SIGNS, Scene

CENTER_SIGMA = 0.03
SIDE_SIGMA = 0.03
TURN_SIGMA = np.radians(2)


@dataclass(frozen=True, eq=False)
class World:
    """One reading of a scene's metadata, with the geometry that programs and rules share.

    Attributes:
        scene: Its categories, counts and floor; its boxes are those below.
        centers: `(n, 3)` metres.
        sizes: `(n, 3)` full extents along the boxes' axes, metres.
        rotations: `(n, 3, 3)`, columns are axes.
        distances: `(n, n)` between boxes, metres.
    """

    scene: Scene
    centers: Floats
    sizes: Floats
    rotations: Floats
    distances: Floats

    @cached_property
    def _places(self) -> dict[str, list[int]]:
        places: dict[str, list[int]] = {}
        for thing in self.scene.objects:
            places.setdefault(thing.category, []).append(thing.id)
        return places

    @cached_property
    def corners(self) -> Floats:
        """The `(n, 8, 3)` corners of the boxes, metres."""
        offsets = (CORNER_SIGNS * self.sizes[:, None] / 2) @ np.swapaxes(self.rotations, 1, 2)
        return self.centers[:, None] + offsets

    def places(self, category: str) -> list[int]:
        """The ids of the category's objects."""
        return self._places.get(category, [])

    def count(self, category: str) -> int:
        """How many there are: the source's corrected count, else the number of boxes."""
        return self.scene.counts.get(category, len(self.places(category)))

    def is_unique(self, category: str) -> bool:
        """Whether exactly one is annotated and exactly one counted."""
        return len(self.places(category)) == 1 == self.count(category)

    def categories(self) -> list[str]:
        """Every category with a box, sorted."""
        return sorted(self._places)

    def unique_categories(self) -> list[str]:
        """The categories that name one object, sorted."""
        return [category for category in self.categories() if self.is_unique(category)]

    def plain(self) -> dict[str, Any]:
        """The arguments of the prelude's `Scene`: lists, strings and numbers only."""
        extents = np.ptp(self.corners, axis=1)
        columns = (self.centers.tolist(), self.sizes.tolist(), extents.tolist())
        return {
            "objects": [
                (thing.id, thing.category, tuple(center), tuple(size), tuple(extent))
                for thing, center, size, extent in zip(self.scene.objects, *columns, strict=True)
            ],
            "counts": dict(self.scene.counts),
            "floor_area": float(self.scene.floor_area),
            "distances": self.distances.tolist(),
        }


def world(scene: Scene) -> World:
    """The scene as its metadata say."""
    centers, sizes, rotations = _boxes(scene)
    return World(scene, centers, sizes, rotations, box_distances(centers, sizes, rotations))


def jittered(scene: Scene, draws: int = 8) -> list[World]:
    """The scene under noise: `draws` readings that depend on the scene's id and boxes only."""
    centers, sizes, rotations = _boxes(scene)
    seed = hashlib.sha256(f"jitter {scene.id}".encode()).digest()
    noise = np.random.default_rng(list(seed)).standard_normal((draws, len(scene.objects), 7))
    centers = centers + CENTER_SIGMA * noise[..., :3]
    sizes = sizes * np.clip(1 + SIDE_SIGMA * noise[..., 3:6], 0.5, 1.5)
    rotations = _about_vertical(TURN_SIGMA * noise[..., 6]) @ rotations
    distances = box_distances(centers, sizes, rotations)
    return [World(scene, *draw) for draw in zip(centers, sizes, rotations, distances, strict=True)]


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
