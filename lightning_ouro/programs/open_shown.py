"""What of the objects that an open question's program uses the frames have to show.

A family knows what its answer depends on, and asks for just that: enough of an object to judge its place or its size,
and the part in the picture that says it (`families`). An open question's program may use anything. So it runs
with less than the metadata say. What the frames don't show enough of, or don't frame, is half as much or twice as much,
and the answer has to stay: how far off the farthest of ten chairs is, does not change how many are within a metre. What
nobody could guess is missing: the floor area where most of the floor is out of sight, how far a camera is from what its
own frame does not show. A program that fails then has used it, however it came by it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from lightning_ouro.programs.families.framing import upper_and_lower_ends_framed
from lightning_ouro.programs.families.obj_appearance_order import FAMILY as APPEARANCE
from lightning_ouro.programs.families.room_size_estimation import FAMILY as ROOM_SIZE
from lightning_ouro.programs.first_seen import PLACED, SIZED, VISIBLE
from lightning_ouro.programs.geometry import Floats
from lightning_ouro.programs.known import Guess, Known, Mask
from lightning_ouro.programs.pictures import BORDER
from lightning_ouro.programs.sandbox import LoadedScene
from lightning_ouro.programs.scene_geometry import SceneGeometry

_WORDS = {
    "from_cameras": "how far an object is from a camera whose frame does not show what is nearest",
    "floor_area": "the floor area, of which the frames show too little",
}
_TIMES = 2.0  # by which what is not framed is larger or smaller; chosen by hand
_LEAST_STEP = 0.5  # metres by which a place that is not framed is another one

Runs = Callable[[LoadedScene], bool]
"""Whether a program answers in such a scene."""


@dataclass(frozen=True, eq=False)
class _Shown:
    """What the frames show of `n` objects.

    Attributes:
        placed: `(n,)` enough to judge their places.
        sized: `(n,)` enough to judge their sizes.
        centers: `(n,)` their centres.
        ends: `(n, 2)` their upper and lower ends.
        sides: `(n,)` both ends of their longest sides.
        gaps: `(n, n)` what is closest to each other.
        nearest: `(frames, n)` what is nearest to the camera.
    """

    placed: Mask
    sized: Mask
    centers: Mask
    ends: Mask
    sides: Mask
    gaps: Mask
    nearest: Mask

    @classmethod
    def by_frames(cls, geometry: SceneGeometry) -> _Shown:
        placed, sized = (
            np.isin(np.arange(len(geometry.centers)), sorted(geometry.shown(share)))
            for share in (PLACED, SIZED)
        )
        if geometry.views is None:
            placed = sized = np.ones(len(placed), dtype=bool)
        ends, views, pictures = upper_and_lower_ends_framed(geometry), geometry.views, geometry.pictures
        nearest = np.ones((0, len(placed)), dtype=bool) if views is None else views.visibility >= VISIBLE
        if pictures is None:
            each, gaps = np.ones(len(placed), dtype=bool), np.ones((len(placed), len(placed)), dtype=bool)
            return cls(placed, sized, each, ends, each, gaps, nearest)
        gaps = pictures.closest_framed & pictures.closest_framed.T
        nearest &= (pictures.nearest_inside >= BORDER) & ~pictures.nearest_hidden
        return cls(placed, sized, pictures.centers_framed, ends, pictures.ends_framed, gaps, nearest)


class ShownByFrames:
    """A scene without what its frames don't show.

    Args:
        geometry: The scene.
    """

    def __init__(self, geometry: SceneGeometry) -> None:
        self._geometry = geometry
        self._everything = Known.all_of(len(geometry.centers), len(geometry.eyes))

    @cached_property
    def _shown(self) -> _Shown:
        return _Shown.by_frames(self._geometry)

    @cached_property
    def _known(self) -> Known:
        """All but what nobody could guess."""
        return replace(
            self._everything,
            from_cameras=self._shown.nearest,
            floor_area=ROOM_SIZE.check(self._geometry, {}) is None,
        )

    @cached_property
    def _without(self) -> LoadedScene:
        return LoadedScene([self._geometry], self._known)

    def lacks(self, runs: Runs) -> str | None:
        """What a program uses that the frames don't tell, or None."""
        if runs(self._without):
            return None
        unknown = (name for name in _WORDS if not runs(self._with(**{name: getattr(self._known, name)})))
        return next((_WORDS[name] for name in unknown), " or ".join(_WORDS.values()))

    @cached_property
    def guessed(self) -> tuple[LoadedScene, LoadedScene]:
        """The scene with what is not framed guessed, in many ways; one of the two has to leave an answer as it is.

        If one end of a thing is framed, and its middle, either the middle is where it is, or the end.
        """
        shown = self._shown
        placed, heights = shown.placed & shown.centers, shown.sized & shown.ends.all(axis=1)
        known = replace(
            self._everything,
            places=placed,
            levels=placed | heights,
            heights=heights,
            sides=shown.sized & shown.sides,
            gaps=shown.gaps & shown.placed & shown.placed[:, None],
        )
        ends = shown.ends & shown.sized[:, None]
        fixed = (np.zeros_like(ends), ends)
        by_middles, by_ends = (list(_guesses(self._geometry, known, ends)) for ends in fixed)
        geometries = [self._geometry] * len(by_middles)
        return (
            LoadedScene(geometries, known, by_middles),
            LoadedScene(geometries, replace(known, levels=heights), by_ends),
        )

    def lacks_at_cameras(self, runs: Runs) -> str | None:
        """That a program relates a camera to the middle of what its own frame does not show, or None.

        The frames whose camera it uses are those without which it fails.
        """
        frames = len(self._geometry.eyes)
        nowhere, no_camera = np.zeros(len(self._geometry.centers), dtype=bool), np.zeros(frames, dtype=bool)
        if runs(self._with(places=nowhere)) or runs(self._with(cameras=no_camera)):
            return None
        used = [frame for frame in range(frames) if not runs(self._with(cameras=np.arange(frames) != frame))]
        in_all = np.asarray(_centers_in_frames(self._geometry)[used or slice(None)].all(axis=0))
        return (
            None
            if runs(self._with(places=in_all))
            else "where the middle of an object is from a camera whose frame does not show it"
        )

    def at_other_times(self, names: Sequence[str]) -> Iterator[LoadedScene]:
        """The scene with one of these categories first seen earlier or later, by what `obj_appearance_order` asks."""
        gap = APPEARANCE.margins(self._geometry).first_seen
        for name in names:
            for later in (-gap, gap):
                yield LoadedScene([self._geometry], later={name: later})

    def _with(self, **known: Any) -> LoadedScene:
        """The scene with some fields of `Known` as given, and all else known."""
        return LoadedScene([self._geometry], replace(self._everything, **known))


def _guesses(geometry: SceneGeometry, known: Known, fixed: Mask) -> Iterator[Guess]:
    """Guesses between which any two objects differ in both ways: one is larger and the other smaller.

    Args:
        geometry: The scene with `n` objects.
        known: What need not be guessed.
        fixed: `(n, 2)` which upper and lower ends stay where they are.
    """
    number = np.arange(len(geometry.centers))
    for bit in range(max(1, math.ceil(math.log2(max(len(number), 1))))):
        for side in (1, -1):
            signs = np.where(number >> bit & 1, side, -side)
            yield _guess(geometry, known, fixed, signs, axis=bit % 2)


def _guess(geometry: SceneGeometry, known: Known, fixed: Mask, signs: Floats, axis: int) -> Guess:
    """A guess in which what is unknown of an object is larger, or farther along an axis, where its sign is 1."""
    rows, factors = np.arange(len(signs)), _TIMES**signs
    extents, sizes = np.ptp(geometry.corners, axis=1), geometry.sizes.copy()
    heights = extents[:, 2] * factors
    centers = geometry.centers.copy()
    centers[:, axis] += signs * np.maximum(geometry.sizes.max(axis=1) / 2, _LEAST_STEP)
    top, bottom = geometry.corners[..., 2].max(axis=1), geometry.corners[..., 2].min(axis=1)
    up = centers[:, 2] + signs * extents[:, 2] / 2
    centers[:, 2] = np.where(fixed[:, 1], bottom + heights / 2, np.where(fixed[:, 0], top - heights / 2, up))
    upright, longest = np.abs(geometry.rotations[:, 2]).argmax(axis=1), geometry.sizes.argmax(axis=1)
    sizes[rows, upright] *= np.where(known.heights, 1, factors)
    sizes[rows, longest] *= np.where(known.sides | (~known.heights & (upright == longest)), 1, factors)
    distances = geometry.distances * _TIMES ** (signs[:, None] * signs)
    return Guess(centers, sizes, extents * factors[:, None], distances)


def _centers_in_frames(geometry: SceneGeometry) -> Mask:
    """Whether each frame shows an object with its middle in the picture, `(frames, n)`."""
    assert geometry.views is not None, "the scene was filmed"
    shown = geometry.views.visibility >= VISIBLE
    pictures = geometry.pictures
    return shown if pictures is None else shown & (pictures.inside(geometry.centers[None]) >= 0)
