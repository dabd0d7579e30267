"""The straight ways and paths of a scene as tables, found once a program may ask for them.

They are found in this process: scenes that are too large are refused, no step takes more than a few
milliseconds, and the clock is looked at after each. What has been found when the time is over is kept.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from functools import cached_property
from typing import Any, final

import numpy as np

from lightning_ouro.programs.blocking import Flags
from lightning_ouro.programs.lines import MOST_OBSTACLES, find_straight
from lightning_ouro.programs.paths import Paths, find_paths
from lightning_ouro.programs.questions import Failure
from lightning_ouro.programs.scene_geometry import SceneGeometry, ground_of
from lightning_ouro.programs.walking import Ground

Tables = dict[str, list[Any]]  # by the function of the API, one for each draw
_PAIRS = 2_000  # of objects that are looked at for several draws at once; chosen by hand
MOST_OBJECTS = 200  # of which straight ways are found, in 1 s for all draws; chosen by hand


@final
class Ways:
    """The tables that the prelude's `is_straight` and `path` look up.

    Args:
        draws: The scene's exact geometry, then its draws under noise.
    """

    def __init__(self, draws: Sequence[SceneGeometry]) -> None:
        self._draws = draws
        self._work = {"is_straight": self._find_straight(), "path": self._find_paths()}
        self._straight: Flags | None = None
        self._tables: Tables = {name: [] for name in self._work}

    def tables(self, names: frozenset[str], seconds: float) -> Tables | Failure:
        """The tables of some functions of the API.

        Fails if the scene is too large, or if they were not all found after so many seconds.
        """
        end = time.monotonic() + seconds
        for name in sorted(names):
            problem = self._too_large(name)
            for _ in () if problem else self._work[name]:
                if time.monotonic() > end:
                    problem = f"finding the ways in this scene took more than {seconds:.2g} s"
                    break
            if problem is not None:
                return Failure("limit", problem)
        return {name: self._tables[name] for name in sorted(names)}

    def _too_large(self, name: str) -> str | None:
        objects = len(self._draws[0].scene.objects)
        if objects > MOST_OBJECTS:
            return f"the scene has {objects} objects; {name} is possible with up to {MOST_OBJECTS}"
        obstacles = int(self._ground.are_obstacles.sum(axis=1).max(initial=0))
        if name == "path" and obstacles > MOST_OBSTACLES:
            return f"the scene has {obstacles} obstacles; path is possible with up to {MOST_OBSTACLES}"
        return None

    @cached_property
    def _ground(self) -> Ground:
        return ground_of(self._draws)

    def _know_straight(self) -> Generator[None, None, Flags]:
        if self._straight is None:
            self._straight = yield from find_straight(self._ground)
        return self._straight

    def _find_straight(self) -> Iterator[None]:
        """For each draw a text with a 1 for each pair of objects with a straight way between them, or else a 0."""
        straight = yield from self._know_straight()
        at_once = max(1, _PAIRS // max(1, straight[0].size))
        for first in range(0, len(straight), at_once):
            some = straight[first : first + at_once]
            draws, starts, goals = np.indices(some.shape).reshape(3, -1)
            leads_through = self._ground.lead_through(first + draws, starts, goals).reshape(some.shape)
            for free in some & ~leads_through:
                self._tables["is_straight"].append(np.where(free, b"1", b"0").tobytes().decode())
            yield

    def _find_paths(self) -> Iterator[None]:
        """For each draw the points at which paths bend, and a text with the paths between all pairs."""
        for draw, straight in enumerate((yield from self._know_straight())):
            paths = yield from find_paths(self._ground, draw, straight)
            self._tables["path"].append(_path_table(paths))


def _path_table(paths: Paths) -> tuple[list[tuple[float, float]], str]:
    """Points, and for each pair the numbers of those on its way; "-" stands for no way. Short: it is copied often."""
    used = sorted({bend for way in paths.ways if way for bend in way})
    numbers = {bend: str(number) for number, bend in enumerate(used)}
    ways = ("-" if way is None else " ".join(numbers[bend] for bend in way) for way in paths.ways)
    return [(x, y) for x, y in paths.bends[used].tolist()], ";".join(ways)
