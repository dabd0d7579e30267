"""The geometry of a scene that programs and families' rules share: exact, or under noise.

Noise (`noise`) leaves counts, cameras and what the frames show as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np

from lightning_ouro.programs.camera_movement import CameraMovement, face_no_side
from lightning_ouro.programs.clearance import metres_outside
from lightning_ouro.programs.first_seen import VISIBLE, FirstSeen, find_first_seen, seen_objects
from lightning_ouro.programs.geometry import (
    Floats,
    box_distances,
    footprints,
    outline_gaps,
    point_distances,
)
from lightning_ouro.programs.ground_level import ground_level
from lightning_ouro.programs.margins import FOR_ALL, FamilyMargins
from lightning_ouro.programs.noise import Boxes, exact_and_noisy_areas, exact_and_noisy_boxes
from lightning_ouro.programs.pictures import Pictures
from lightning_ouro.programs.shown_room import ShownRoom
from lightning_ouro.programs.walking import Ground
from lightning_ouro.scenes.floor import floor_outline
from lightning_ouro.scenes.naming import unclear_among
from lightning_ouro.scenes.room_kinds import may_be_there_as
from lightning_ouro.scenes.types import CORNER_SIGNS, Scene, Views


@dataclass(frozen=True, eq=False)
class SceneGeometry:
    """A scene with boxes and a floor area that are exact or a draw under noise, and what follows from them.

    Attributes:
        scene: Supplies categories, counts and outline; its own boxes and floor area are superseded by those
            below.
        views: How the scene was filmed, or None if only metadata are known; then no frame shows anything.
        centers: `(n, 3)`, metres.
        sizes: `(n, 3)` full extents along the boxes' axes, metres.
        rotations: `(n, 3, 3)`, columns are axes.
        distances: `(n, n)` between the boxes, metres.
        floor_area: Square metres.
        margins: How clear answers have to be, by family.
    """

    scene: Scene
    views: Views | None
    centers: Floats
    sizes: Floats
    rotations: Floats
    distances: Floats
    floor_area: float
    margins: FamilyMargins = FOR_ALL

    @cached_property
    def _indices(self) -> dict[str, list[int]]:
        indices: dict[str, list[int]] = {}
        for obj in self.scene.objects:
            indices.setdefault(obj.category, []).append(obj.id)
        return indices

    @cached_property
    def corners(self) -> Floats:
        """The `(n, 8, 3)` corners of the boxes, metres."""
        offsets = (CORNER_SIGNS * self.sizes[:, None] / 2) @ np.swapaxes(self.rotations, 1, 2)
        return self.centers[:, None] + offsets

    @cached_property
    def camera_distances(self) -> Floats:
        """The `(frames, n)` distances from the cameras to the nearest points of the boxes, metres."""
        eyes = np.zeros((0, 3)) if self.views is None else self.views.poses[:, :3, 3]
        return point_distances(eyes, self.centers, self.sizes, self.rotations)

    @cached_property
    def floor_gaps(self) -> Floats:
        """The `(n, n)` distances on the floor between the outlines of the boxes seen from above, metres."""
        return outline_gaps(footprints(self.centers, self.sizes, self.rotations))

    @cached_property
    def floor_distances(self) -> Floats:
        """The `(n, n)` distances on the floor between the centres, metres."""
        return np.asarray(np.linalg.norm(self.centers[:, None, :2] - self.centers[:, :2], axis=-1))

    @cached_property
    def bottoms(self) -> Floats:
        """The heights `(n,)` of the boxes' lowest corners, metres."""
        return np.asarray(self.corners[..., 2].min(axis=1, initial=np.inf))

    @cached_property
    def ground(self) -> float | None:
        """The height of the floor, metres; None if it is not known."""
        return ground_level(self.bottoms, self.eyes)

    @property
    def eyes(self) -> Floats:
        """`(frames,)` heights of the cameras, metres."""
        return np.zeros(0) if self.views is None else self.views.poses[:, 2, 3]

    @cached_property
    def outside(self) -> Floats:
        """How far the boxes' centres are outside of the source's outline of the floor, `(n,)` metres; 0 inside."""
        if self.scene.floor is None:
            return np.zeros(len(self.centers))
        return metres_outside(self.centers[:, :2], self.scene.floor)

    @cached_property
    def pictures(self) -> Pictures | None:
        """The shown frames as pictures; None without frames, or if their size is unknown."""
        if self.views is None or self.views.size is None:
            return None
        boxes = (self.centers, self.sizes, self.rotations)
        return Pictures(self.views, self.views.size, *boxes, self.scene.floor, self.ground)

    @cached_property
    def shown_room(self) -> ShownRoom | None:
        """What the frames show together; None without pictures."""
        return None if self.pictures is None else ShownRoom(self.pictures, floor_outline(self.scene))

    @cached_property
    def walkable(self) -> frozenset[tuple[int, int]]:
        """Indices of unique objects between which one can walk straight, each pair in both orders."""
        unique = [self.indices(category)[0] for category in self.unique_categories()]
        pairs = np.array(list(combinations(unique, 2)), dtype=int).reshape(-1, 2)
        free = ground_of([self]).are_straight(np.zeros(len(pairs), dtype=int), *pairs.T)
        straight = map(tuple, pairs[free].tolist())
        return frozenset(pair for a, b in straight for pair in ((a, b), (b, a)))

    @cached_property
    def seen(self) -> frozenset[int]:
        """Indices of the objects that the frames show."""
        return self.shown(VISIBLE)

    def shown(self, share: float) -> frozenset[int]:
        """Indices of the objects that fill at least this share of some frame's pixels."""
        if share not in self._shown:
            seen = frozenset[int]() if self.views is None else seen_objects(self.views.visibility, share)
            self._shown[share] = seen
        return self._shown[share]

    @cached_property
    def _shown(self) -> dict[float, frozenset[int]]:
        """What `shown` has found so far, by share."""
        return {}

    @cached_property
    def times(self) -> tuple[str, ...]:
        """Seconds that stand in the prompt before the shown frames, with one decimal, as questions name them."""
        return () if self.views is None else tuple(f"{seconds:.1f}" for seconds in self.views.prompt_times)

    @cached_property
    def first_seen(self) -> Mapping[str, FirstSeen]:
        """When each category is first seen, without the categories that no frame shows."""
        if self.views is None:
            return {}
        first_seen = {
            category: find_first_seen(self.views.visibility, self.indices(category), self.views.at_most)
            for category in self.categories()
        }
        return {category: first for category, first in first_seen.items() if first is not None}

    @cached_property
    def forwards(self) -> Floats:
        """The `(frames, 2)` unit vectors on the floor in which the cameras look; NaN where one faces no side."""
        if self.views is None:
            return np.zeros((0, 2))
        level = np.where(face_no_side(self.views.poses)[:, None], np.nan, self.views.poses[:, :2, 2])
        return np.asarray(level / np.linalg.norm(level, axis=1, keepdims=True))

    @cached_property
    def movement(self) -> CameraMovement:
        """How the camera moves and turns between the shown frames; only of a scene that was filmed."""
        assert self.views is not None, "the scene was filmed"
        return CameraMovement(self.views)

    def frame(self, seconds: str) -> int | None:
        """The index of the first frame shown at a time, to one decimal, or None."""
        printed = f"{float(seconds):.1f}"
        return self.times.index(printed) if printed in self.times else None

    def indices(self, category: str) -> list[int]:
        """The indices, which are the ids, of the category's objects."""
        return self._indices.get(category, [])

    def nearest(self, index: int, category: str) -> int:
        """The index of the category's object that is nearest to another object."""
        return min(self.indices(category), key=lambda candidate: self.distances[index, candidate])

    def count(self, category: str) -> int:
        """How many there are: the source's corrected count, or else the number of boxes."""
        return self.scene.counts.get(category, len(self.indices(category)))

    def is_complete(self, category: str) -> bool:
        """Whether the name fits some objects, and every one of them is known and has a box."""
        boxes = len(self.indices(category))
        is_known = category in self.scene.complete and 0 < boxes == self.count(category)
        return is_known and not self.kinds(category)

    @cached_property
    def absent(self) -> tuple[str, ...]:
        """The categories of which the scene is known to have none, sorted; they can be counted, no more.

        None of its objects could be called so, or taken for one, either.
        """
        none = sorted(name for name, number in self.scene.counts.items() if number == 0)
        there = self._there
        return tuple(
            name
            for name in none
            if name in self.scene.complete and not any(may_be_there_as(name, other) for other in there)
        )

    def kinds(self, category: str) -> list[str]:
        """The other categories of the scene whose objects could be called so too, sorted."""
        return self._kinds.get(category, [])

    @cached_property
    def _kinds(self) -> dict[str, list[str]]:
        return unclear_among(tuple(self._there))

    @cached_property
    def _there(self) -> list[str]:
        """The categories of which there is an object, with a box or without, sorted."""
        counted = (name for name, number in self.scene.counts.items() if number > 0)
        return sorted({*self._indices, *counted})

    def is_unique(self, category: str) -> bool:
        """Whether the name fits exactly one object, as far as can be known."""
        return len(self.indices(category)) == 1 and self.is_complete(category)

    def categories(self) -> list[str]:
        """Every category with a box, sorted."""
        return sorted(self._indices)

    def unique_categories(self) -> list[str]:
        """The categories that name exactly one object, sorted."""
        return [category for category in self.categories() if self.is_unique(category)]


def scene_geometry(
    scene: Scene, views: Views | None = None, margins: FamilyMargins = FOR_ALL
) -> SceneGeometry:
    """The exact geometry, as the scene's metadata give it.

    Args:
        scene: The scene.
        views: How it was filmed; None if only metadata are known.
        margins: How clear answers have to be, by family.
    """
    boxes = _boxes(scene)
    return SceneGeometry(scene, views, *boxes, box_distances(*boxes), float(scene.floor_area), margins)


def jittered(scene: Scene, views: Views | None = None, draws: int = 8, by: float = 1) -> list[SceneGeometry]:
    """The geometry under noise, or `by` times as much; depends only on the scene's id, boxes and floor area."""
    return exact_and_jittered(scene, views, draws, by)[1:]


def exact_and_jittered(
    scene: Scene,
    views: Views | None = None,
    draws: int = 8,
    by: float = 1,
    margins: FamilyMargins = FOR_ALL,
) -> list[SceneGeometry]:
    """What `scene_geometry` and `jittered` give, in less time."""
    boxes = exact_and_noisy_boxes(scene.id, _boxes(scene), draws, by)
    areas = exact_and_noisy_areas(scene.id, scene.floor_area, draws, by)
    each = zip(*boxes, box_distances(*boxes), areas, strict=True)
    return [SceneGeometry(scene, views, *draw, margins) for draw in each]


def ground_of(draws: Sequence[SceneGeometry]) -> Ground:
    """The ground to walk on in several draws of one scene."""
    corners, centers, sizes, rotations = (
        np.stack([getattr(draw, name) for draw in draws])
        for name in ("corners", "centers", "sizes", "rotations")
    )
    level = draws[0].ground  # the floor is the same in all draws
    return Ground.under_boxes(floor_outline(draws[0].scene), level, corners, centers, sizes, rotations)


def _boxes(scene: Scene) -> Boxes:
    n = len(scene.objects)
    centers = np.array([obj.center for obj in scene.objects], dtype=float).reshape(n, 3)
    sizes = np.array([obj.size for obj in scene.objects], dtype=float).reshape(n, 3)
    rotations = np.array([obj.rotation for obj in scene.objects], dtype=float).reshape(n, 3, 3)
    return centers, sizes, rotations
