"""A scene as programs see it: plain data for the interpreter, and host functions for what it asks back.

The data are tuples, lists, dicts, strings and numbers only, laid out as the prelude's `_load` takes them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, final

import numpy as np

from lightning_ouro.programs.scene_geometry import SceneGeometry, ground_of
from lightning_ouro.programs.walking import Ground


@final
class LoadedScene:
    """A scene ready to run programs on.

    Args:
        draws: The scene's exact geometry, then its draws under noise.
    """

    def __init__(self, draws: Sequence[SceneGeometry]) -> None:
        self.plain = plain_data(draws)
        self.draws = len(draws)
        host = HostFunctions(draws)
        self.host: dict[str, Callable[..., Any]] = {"_path": host.path, "_are_straight": host.are_straight}
        self.state: bytes | None = None  # dump of an interpreter with this scene, once one was needed


@final
class HostFunctions:
    """Answers what programs ask about walking, and remembers the paths; trusts none of the arguments.

    Args:
        draws: The scene's exact geometry, then its draws under noise.
    """

    def __init__(self, draws: Sequence[SceneGeometry]) -> None:
        self._draws = draws
        self._paths: dict[tuple[int, int, int], list[tuple[float, float]] | None] = {}

    @cached_property
    def _ground(self) -> Ground:
        return ground_of(self._draws)

    def are_straight(self, start: Any, goal: Any) -> list[bool]:
        """`ProgramScene.is_straight` in every draw.

        Raises:
            ValueError: The arguments are not indices of objects.
        """
        self._check(0, start, goal)
        draws = np.arange(len(self._draws))
        starts, goals = (np.full(len(draws), index) for index in (start, goal))
        return [bool(straight) for straight in self._ground.are_straight(draws, starts, goals)]

    def path(self, draw: Any, start: Any, goal: Any) -> list[tuple[float, float]]:
        """`ProgramScene.path` in one draw.

        Raises:
            ValueError: The arguments are not indices of a draw and of objects, or there is no path.
        """
        self._check(draw, start, goal)
        if (draw, start, goal) not in self._paths:
            corners = self._ground.path(draw, start, goal)
            self._paths[draw, start, goal] = (
                None if corners is None else [(x, y) for x, y in corners.tolist()]
            )
        path = self._paths[draw, start, goal]
        if path is None:
            names = [self._draws[0].scene.objects[index].category for index in (start, goal)]
            raise ValueError(f"there is no way to walk from {names[0]} to {names[1]}")
        return path

    def _check(self, draw: Any, start: Any, goal: Any) -> None:
        objects = len(self._draws[0].scene.objects)
        for index, end in ((draw, len(self._draws)), (start, objects), (goal, objects)):
            if type(index) is not int or not 0 <= index < end:
                raise ValueError("two objects of the scene are needed")


def plain_data(draws: Sequence[SceneGeometry]) -> dict[str, Any]:
    """The arguments of the prelude's `_load`: what all draws share, and what differs."""
    return {"shared": _shared(draws[0]), "draws": [_draw(draw) for draw in draws]}


def _shared(exact: SceneGeometry) -> tuple[Any, ...]:
    """Counts with indices by category, seconds of first appearances, cameras, and their headings."""
    names = {*exact.categories(), *exact.scene.counts}
    counts = {name: (exact.count(name), exact.indices(name)) for name in sorted(names)}
    if exact.views is None:
        return counts, {}, (), ()
    seconds = exact.views.timestamps.tolist()
    first_seen = {category: seconds[first.frame] for category, first in exact.first_seen.items()}
    columns = (map(float, exact.times), exact.views.poses[:, :3, 3].tolist(), exact.forwards.tolist())
    cameras = tuple(
        (index, time, tuple(position), tuple(forward), (forward[1], -forward[0]))
        for index, (time, position, forward) in enumerate(zip(*columns, strict=True))
    )
    movement = exact.movement
    headings = tuple(zip(movement.stretches.tolist(), movement.headings.tolist(), strict=True))
    return counts, first_seen, cameras, headings


def _draw(draw: SceneGeometry) -> tuple[Any, ...]:
    """Objects, floor area, distances between objects, and distances from the cameras."""
    extents = np.ptp(draw.corners, axis=1).tolist()
    columns = (draw.centers.tolist(), draw.sizes.tolist(), extents)
    objects = tuple(
        (obj.id, obj.category, tuple(center), tuple(size), max(size), tuple(extent), extent[2])
        for obj, center, size, extent in zip(draw.scene.objects, *columns, strict=True)
    )
    distances = tuple(map(tuple, draw.distances.tolist()))
    return objects, draw.floor_area, distances, tuple(map(tuple, draw.camera_distances.tolist()))
