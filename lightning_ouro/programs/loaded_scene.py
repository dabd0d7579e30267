"""A scene as the sandbox gets it: plain data for the interpreter, which asks nothing back.

The data are tuples, lists, dicts, strings and numbers only, laid out as the prelude's `_load` takes them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, final

import numpy as np

from lightning_ouro.programs.geometry import Floats
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
    shared = (*_shared(draws[0], floor, known, later), aside)
    rows = zip(draws, [None] * len(draws) if guesses is None else guesses, strict=True)
    return {"shared": shared, "draws": [_draw(draw, floor, known, guess) for draw, guess in rows]}


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


def _draw(draw: SceneGeometry, floor: Floats, known: Known, guess: Guess | None) -> tuple[Any, ...]:
    """Objects, floor area, distances between objects, and distances from the cameras."""
    if guess is None:
        centers = sizes = extents = distances = longest = None
    else:
        centers, sizes, extents, distances = (
            guess.centers - floor,
            guess.sizes,
            guess.extents,
            guess.distances,
        )
        longest = sizes.max(axis=1)
    heights, sides, places = known.heights, known.sides, known.places
    columns = (
        only(np.stack([places, places, known.levels], axis=1), draw.centers - floor, centers),
        only((sides & heights)[:, None], draw.sizes, sizes),
        only(sides, draw.sizes.max(axis=1), longest),
        only(np.stack([sides, sides, heights], axis=1), np.ptp(draw.corners, axis=1), extents),
    )
    objects = tuple(
        (obj.id, obj.category, tuple(center), tuple(size), longest_side, tuple(extents_), extents_[2])
        for obj, center, size, longest_side, extents_ in zip(draw.scene.objects, *columns, strict=True)
    )
    apart = tuple(map(tuple, only(known.gaps, draw.distances, distances)))
    from_cameras = tuple(map(tuple, only(known.from_cameras, draw.camera_distances)))
    return objects, draw.floor_area if known.floor_area else None, apart, from_cameras
