"""What else a comparative may mean: an open question is kept only if its answer is the same by all readings.

Who asks which of two things is bigger may mean volume, height, the longest side or the floor that they cover. Two
programs agree if both take volume. So the scene is changed until there is nothing left to choose: every box
becomes a cube on the floor, as large as the thing is by one reading. Whatever side of it a program compares,
it compares by that reading. A text that says what is measured ("the higher top", "longer along its longest side")
has one reading. All lists were chosen by hand.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from lightning_ouro.programs.families.wording import LENGTH
from lightning_ouro.programs.geometry import Floats
from lightning_ouro.programs.scene_geometry import SceneGeometry

_SIZES = ("height", "size", "longest_side", "extents")  # by which programs measure things
_LEAST = 0.01  # metres of a cube's side


def _volume(geometry: SceneGeometry) -> Floats:
    return np.asarray(np.cbrt(geometry.sizes.prod(axis=1)))


def _longest(geometry: SceneGeometry) -> Floats:
    return np.asarray(geometry.sizes.max(axis=1))


def _height(geometry: SceneGeometry) -> Floats:
    return np.asarray(np.ptp(geometry.corners[..., 2], axis=1))


def _footprint(geometry: SceneGeometry) -> Floats:
    longer, shorter = _level_sides(geometry)
    return np.sqrt(longer * shorter)


def _longer(geometry: SceneGeometry) -> Floats:
    return _level_sides(geometry)[0]


def _shorter(geometry: SceneGeometry) -> Floats:
    return _level_sides(geometry)[1]


def _level_sides(geometry: SceneGeometry) -> tuple[Floats, Floats]:
    """The longer and the shorter side of each box but the most upright one, metres."""
    upright = np.abs(geometry.rotations[:, 2]).argmax(axis=1)
    rows = np.arange(len(upright))
    one, other = (geometry.sizes[rows, (upright + turn) % 3] for turn in (1, 2))
    return np.maximum(one, other), np.minimum(one, other)


def _top(geometry: SceneGeometry) -> Floats:
    return np.asarray(geometry.corners[..., 2].max(axis=1) - _floor(geometry))


def _middle(geometry: SceneGeometry) -> Floats:
    return np.asarray(geometry.centers[:, 2] - _floor(geometry))


def _floor(geometry: SceneGeometry) -> float:
    return float(geometry.bottoms.min(initial=np.inf)) if geometry.ground is None else geometry.ground


def _either(geometry: SceneGeometry, turned: int) -> Floats:
    """The longer level side of every second category, the shorter one of the others: which is the width?"""
    names = geometry.categories()
    is_longer = [names.index(item.category) % 2 == turned for item in geometry.scene.objects]
    return np.where(is_longer, _longer(geometry), _shorter(geometry))


Reading = Callable[[SceneGeometry], Floats]


@dataclass(frozen=True)
class _Comparative:
    """Words that compare, and what they may mean.

    Attributes:
        words: Their pattern.
        said: The pattern of what says which reading is meant.
        readings: What may be meant, metres.
        unless_length: Readings that are not meant where a text gives a length ("higher than 1 m").
        also: Attributes of the API besides `_SIZES` by which a program compares so.
    """

    words: re.Pattern[str]
    said: re.Pattern[str]
    readings: tuple[Reading, ...]
    unless_length: tuple[Reading, ...] = ()
    also: tuple[str, ...] = ()


_LEVEL = r"area|footprints?|cover\w*|take\w* up|occup\w+|square|seen from above|horizontal\w*"
_COMPARATIVES = (
    _Comparative(
        re.compile(r"\b(?:bigger|biggest|larger|largest|smaller|smallest|bulkier|bulkiest|more space)\b"),
        re.compile(rf"\b(?:heights?|tall\w*|volume|longest|longer|{_LEVEL})\b"),
        (_volume, _longest, _height, _footprint),
    ),
    _Comparative(
        re.compile(r"\b(?:longer|longest)\b"),
        re.compile(rf"\b(?:(?:longer|longest) (?:side|dimension|edge|extent)s?|height|{_LEVEL})\b"),
        (_longest, _longer),
    ),
    _Comparative(
        re.compile(r"\b(?:shorter|shortest)\b"),
        re.compile(
            rf"\b(?:(?:shorter|shortest) (?:side|dimension|edge|extent)s?|heights?|tall\w*|{_LEVEL})\b"
        ),
        (_height,),
        (_longest,),
    ),
    _Comparative(
        re.compile(r"\b(?:wider|widest|broader|broadest|narrower|narrowest)\b"),
        re.compile(rf"\b(?:front|long|sides?|longe\w+|shorte\w+|{_LEVEL})\b"),
        (_longer, _shorter, lambda geometry: _either(geometry, 0), lambda geometry: _either(geometry, 1)),
    ),
    _Comparative(
        re.compile(
            r"\b(?:reach\w*|ris(?:es?|ing)|rose)\b(?=.*\b(?:higher|highest|lower|farther|furthest|farthest|above)\b)"
        ),
        re.compile(r"\b(?:bottoms?|lower (?:edge|end)s?|cent(?:er|re)s?|middles?)\b"),
        (_top,),
    ),
    _Comparative(
        re.compile(r"\b(?:higher|highest|lower|lowest)\b"),
        re.compile(
            r"\b(?:cent(?:er|re)s?|middles?|tops?|bottoms?|edges?|surfaces?|points?|ends?|reach\w*|ris\w+|rose|tall\w*|"
            r"heights?)\b"
        ),
        (_top, _height),
        (_middle,),
        ("center",),
    ),
)


def other_readings(text: str, program: str, geometry: SceneGeometry) -> Iterator[tuple[str, SceneGeometry]]:
    """The words of a text that have several readings, each with a scene in which only one of them is left.

    None for a program that measures no object: then the words are about ways or distances.
    """
    text, program = text.casefold(), program.casefold()
    has_length = LENGTH.search(text) is not None
    for comparative in _COMPARATIVES:
        found = comparative.words.search(text)
        if found is None or comparative.said.search(text):
            continue
        if not any(f".{name}" in program for name in (*_SIZES, *comparative.also)):
            continue
        for reading in comparative.readings + (() if has_length else comparative.unless_length):
            yield found[0], _cubes(geometry, reading(geometry))


def _cubes(geometry: SceneGeometry, sides: Floats) -> SceneGeometry:
    """The scene with a cube with a side of so many metres `(n,)` on the floor in every object's place."""
    sides = np.maximum(sides, _LEAST)
    centers = geometry.centers.copy()
    centers[:, 2] = _floor(geometry) + sides / 2
    rotations = np.broadcast_to(np.eye(3), geometry.rotations.shape).copy()
    return replace(geometry, centers=centers, sizes=np.repeat(sides[:, None], 3, axis=1), rotations=rotations)
