"""A scene as the sandbox gets it: plain data for the interpreter, which asks nothing back.

The data are tuples, lists, dicts, strings and numbers only, laid out as the prelude's `_load` takes them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, final

import numpy as np

from lightning_ouro.programs.geometry import Floats, point_distances
from lightning_ouro.programs.ground_level import ground_level
from lightning_ouro.programs.known import Guess, Known, only
from lightning_ouro.programs.scene_geometry import SceneGeometry
from lightning_ouro.programs.ways import Ways


@final
class LoadedScene:
    """A scene ready to run programs on.

    Args:
        draws: The scene's exact geometry, then its draws under noise.
        known: What is not known is missing: programs that use it fail.
        guesses: What stands for it instead, one for each draw.
        aside: Degrees by which `scene.direction` is off, to the left.
        later: Seconds by which categories are first seen later.
    """

    def __init__(
        self,
        draws: Sequence[SceneGeometry],
        known: Known | None = None,
        guesses: Sequence[Guess] | None = None,
        aside: float = 0.0,
        later: Mapping[str, float] = MappingProxyType({}),
    ) -> None:
        self.plain = plain_data(draws, known, guesses, aside, later)
        self.draws = len(draws)
        self.ways = Ways(draws)
        self.state: bytes | None = None  # dump of an interpreter with this scene, once one was needed


def plain_data(
    draws: Sequence[SceneGeometry],
    known: Known | None = None,
    guesses: Sequence[Guess] | None = None,
    aside: float = 0.0,
    later: Mapping[str, float] = MappingProxyType({}),
) -> dict[str, Any]:
    """The arguments of the prelude's `_load`: what all draws share, and what differs.

    Heights are above the floor where its level is known, and else as the source gives them.
    """
    exact = draws[0].scene  # the draws may come in another order, and each has a floor of its own
    bottoms = np.array([item.corners()[:, 2].min() for item in exact.objects])
    floor = np.array([0, 0, ground_level(bottoms, draws[0].eyes) or 0.0])
    if known is None:
        known = Known.all_of(len(exact.objects), len(draws[0].eyes))
    categories = tuple(item.category for item in exact.objects)
    shared = (*_shared(draws[0], floor, known, later), categories, aside)
    return {"shared": shared, "draws": _draws(draws, floor, known, guesses)}


def _shared(exact: SceneGeometry, floor: Floats, known: Known, later: Mapping[str, float]) -> tuple[Any, ...]:
    """Counts with indices by category, seconds of first appearances, cameras, and their headings."""
    names = {*exact.categories(), *exact.scene.counts}
    counts = {name: (exact.count(name), exact.indices(name)) for name in sorted(names)}
    if exact.views is None:
        return counts, {}, (), ()
    seconds = exact.views.prompt_times.tolist()
    first_seen = {
        category: seconds[first.frame] + later.get(category, 0.0)
        for category, first in exact.first_seen.items()
    }
    columns = (
        _times_of_cameras(exact),
        only(known.cameras[:, None], exact.views.poses[:, :3, 3] - floor),
        np.where(known.cameras[:, None], exact.forwards, np.nan).tolist(),
    )
    cameras = tuple(
        (index, time, tuple(position), *_sides(forward))
        for index, (time, position, forward) in enumerate(zip(*columns, strict=True))
    )
    movement = exact.movement
    headings = tuple(zip(movement.stretches.tolist(), movement.headings.tolist(), strict=True))
    return counts, first_seen, cameras, headings


def _times_of_cameras(exact: SceneGeometry) -> list[float]:
    """Seconds that stand in the prompt before each camera's frame; NaN where it shares them."""
    assert exact.views is not None, "the scene was filmed"
    step, times = exact.views.frames_per_time, exact.times
    alone = [len(times[frame // step * step :][:step]) == 1 for frame in range(len(times))]
    return [float(time) if is_alone else math.nan for time, is_alone in zip(times, alone, strict=True)]


def _sides(forward: list[float]) -> tuple[tuple[float, float] | None, tuple[float, float] | None]:
    """The directions ahead and to the right of a camera; None for one that faces no side."""
    x, y = forward
    return (None, None) if math.isnan(x) else ((x, y), (y, -x))


def _draws(
    draws: Sequence[SceneGeometry], floor: Floats, known: Known, guesses: Sequence[Guess] | None
) -> list[tuple[Any, ...]]:
    """Of each draw: its objects, floor area, distances between objects, and distances from the cameras."""
    centers, sizes, rotations, corners, gaps = (
        np.stack([getattr(draw, name) for draw in draws])
        for name in ("centers", "sizes", "rotations", "corners", "distances")
    )
    numbers = _numbers(centers - floor, sizes, np.ptp(corners, axis=2))
    if guesses is None:
        guessed = guessed_gaps = None
    else:
        guessed = np.stack([_numbers(guess.centers - floor, guess.sizes, guess.extents) for guess in guesses])
        guessed_gaps = np.stack([guess.distances for guess in guesses])
    sides, heights, places = known.sides, known.heights, known.places
    of_numbers = [places, places, known.levels, *[sides & heights] * 3, sides, sides, sides, heights]
    eyes = np.zeros((0, 3)) if draws[0].views is None else draws[0].views.poses[:, :3, 3]
    tables = (
        only(np.stack(of_numbers, axis=1), numbers, guessed),
        only(known.gaps, gaps, guessed_gaps),
        only(known.from_cameras, point_distances(eyes, centers, sizes, rotations)),
    )
    areas = [draw.floor_area if known.floor_area else None for draw in draws]
    rows = ([tuple(map(tuple, table)) for table in of_draws] for of_draws in tables)
    return [(objects, area, *apart) for area, objects, *apart in zip(areas, *rows, strict=True)]


def _numbers(centers: Floats, sizes: Floats, extents: Floats) -> Floats:
    """`(..., n, 10)`: centres, sides, the longest of them, and extents, as the prelude's `_load` takes them."""
    return np.concatenate([centers, sizes, sizes.max(axis=-1, keepdims=True), extents], axis=-1)
