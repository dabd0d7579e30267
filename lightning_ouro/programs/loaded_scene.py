"""A scene as the sandbox gets it: plain data for the interpreter, which asks nothing back.

The data are tuples, lists, dicts, strings and numbers only, laid out as the prelude's `_load` takes them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, final

import numpy as np

from lightning_ouro.programs.first_seen import VISIBLE
from lightning_ouro.programs.geometry import Floats
from lightning_ouro.programs.ground_level import ground_level
from lightning_ouro.programs.scene_geometry import SceneGeometry
from lightning_ouro.programs.ways import Ways


@final
class LoadedScene:
    """A scene ready to run programs on.

    Args:
        draws: The scene's exact geometry, then its draws under noise.
        is_blind: Whether a camera's distance to what its frame does not show is missing: programs that use it
            fail.
        aside: Degrees by which `scene.direction` is off, to the left.
    """

    def __init__(self, draws: Sequence[SceneGeometry], is_blind: bool = False, aside: float = 0.0) -> None:
        self.plain = plain_data(draws, is_blind, aside)
        self.draws = len(draws)
        self.ways = Ways(draws)
        self.state: bytes | None = None  # dump of an interpreter with this scene, once one was needed


def plain_data(draws: Sequence[SceneGeometry], is_blind: bool = False, aside: float = 0.0) -> dict[str, Any]:
    """The arguments of the prelude's `_load`: what all draws share, and what differs.

    Heights are above the floor where its level is known, and else as the source gives them.
    """
    exact = draws[0].scene  # the draws may come in another order, and each has a floor of its own
    bottoms = np.array([item.corners()[:, 2].min() for item in exact.objects])
    floor = np.array([0, 0, ground_level(bottoms, draws[0].eyes) or 0.0])
    shared = (*_shared(draws[0], floor), aside)
    return {"shared": shared, "draws": [_draw(draw, floor, is_blind) for draw in draws]}


def _shared(exact: SceneGeometry, floor: Floats) -> tuple[Any, ...]:
    """Counts with indices by category, seconds of first appearances, cameras, and their headings."""
    names = {*exact.categories(), *exact.scene.counts}
    counts = {name: (exact.count(name), exact.indices(name)) for name in sorted(names)}
    if exact.views is None:
        return counts, {}, (), ()
    seconds = exact.views.timestamps.tolist()
    first_seen = {category: seconds[first.frame] for category, first in exact.first_seen.items()}
    columns = (
        map(float, exact.times),
        (exact.views.poses[:, :3, 3] - floor).tolist(),
        exact.forwards.tolist(),
    )
    cameras = tuple(
        (index, time, tuple(position), *_sides(forward))
        for index, (time, position, forward) in enumerate(zip(*columns, strict=True))
    )
    movement = exact.movement
    headings = tuple(zip(movement.stretches.tolist(), movement.headings.tolist(), strict=True))
    return counts, first_seen, cameras, headings


def _sides(forward: list[float]) -> tuple[tuple[float, float] | None, tuple[float, float] | None]:
    """The directions ahead and to the right of a camera; None for one that faces no side."""
    x, y = forward
    return (None, None) if math.isnan(x) else ((x, y), (y, -x))


def _draw(draw: SceneGeometry, floor: Floats, is_blind: bool) -> tuple[Any, ...]:
    """Objects, floor area, distances between objects, and distances from the cameras."""
    extents = np.ptp(draw.corners, axis=1).tolist()
    columns = ((draw.centers - floor).tolist(), draw.sizes.tolist(), extents)
    objects = tuple(
        (obj.id, obj.category, tuple(center), tuple(size), max(size), tuple(extent), extent[2])
        for obj, center, size, extent in zip(draw.scene.objects, *columns, strict=True)
    )
    distances = tuple(map(tuple, draw.distances.tolist()))
    from_cameras = draw.camera_distances.tolist()
    if is_blind and draw.views is not None:
        shown = (draw.views.visibility >= VISIBLE).tolist()
        from_cameras = [
            [distance if is_shown else None for distance, is_shown in zip(*row, strict=True)]
            for row in zip(from_cameras, shown, strict=True)
        ]
    return objects, draw.floor_area, distances, tuple(map(tuple, from_cameras))
