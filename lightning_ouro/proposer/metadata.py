"""A scene's metadata as text for a proposer: what the frames show, one line a category, within a bound.

Objects that no frame shows are left out: no question about them would be kept. Of the others, when there are too many,
categories of one object come first, those that take the largest part of a frame before the others; then categories of
several objects likewise, whole or not at all. Names that are no plain words (line breaks, quotes, markup, more than 40
characters) are left out too: metadata come from anywhere, and a name must not become part of the prompt's structure.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain, count
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from lightning_ouro.programs.families import Family, Roles
from lightning_ouro.programs.first_seen import VISIBLE
from lightning_ouro.programs.scene_geometry import SceneGeometry

_LESS, _MORE, _FULL = 32, 48, 64  # where the parts of short names' numbers begin
STEP = 0.2  # metres between two places of compact metadata
_SHORT = re.compile(r"@[mo]?[0-9]+|#[0-9]+")
PLAIN = re.compile(r"[^\W_][\w '&+/()-]{0,39}")


@dataclass(frozen=True)
class Line:
    """A category as a prompt shows it.

    Attributes:
        category: Its name.
        number: How many there are.
        is_countable: Whether all of them are annotated, boxed and shown.
        objects: Those that are shown, by id.
        share: The largest part of a frame that one of them takes.
    """

    category: str
    number: int
    is_countable: bool
    objects: tuple[int, ...]
    share: float


def is_plain(name: str) -> bool:
    """Whether a name may stand in a prompt."""
    return PLAIN.fullmatch(name) is not None


def lines(geometry: SceneGeometry, max_objects: int) -> list[Line]:
    """The categories that a prompt shows, in the order of their first objects."""
    every = [
        line for name in geometry.categories() if is_plain(name) and (line := _line(geometry, name)).objects
    ]
    kept, room = set[str](), max_objects
    for line in sorted(every, key=lambda line: (line.number > 1, -line.share, line.category)):
        if len(line.objects) <= room:
            kept.add(line.category)
            room -= len(line.objects)
    return [line for line in every if line.category in kept]


def _line(geometry: SceneGeometry, category: str) -> Line:
    places = geometry.indices(category)
    seen = tuple(place for place in places if place in geometry.seen)
    countable = category in geometry.scene.complete and len(seen) == len(places) == geometry.count(category)
    share = (
        0.0 if geometry.views is None or not seen else float(geometry.views.visibility[:, list(seen)].max())
    )
    return Line(category, geometry.count(category), countable, seen, share)


class References:
    """Short names of categories and times, which a small model copies where it would misspell long ones.

    A name says what a category is good for: `@3` is one object, `@m3` several that can be counted, `@o3` several that
    cannot. Its number says what last round showed: from 0 if nothing was asked about it, from 32 if less should be,
    from 48 if more should be. (A small model goes by what a name itself says; bands in lines of their own it ignored.)
    Each such part of each kind is numbered without gaps, so that its first number is nearly always somebody's name;
    which is whose is dealt by chance, the same for the same scene. A time is its frame's number, `#2`.

    Args:
        names: Short by long, of categories.
        times: Short by long, as questions write seconds.
    """

    def __init__(self, names: Mapping[str, str], times: Mapping[str, str]) -> None:
        self.names, self.times = names, times
        self._long = {short: name for long in (names, times) for name, short in long.items()}

    @classmethod
    def of(
        cls, geometry: SceneGeometry, max_objects: int, asked_about: Mapping[str, bool] = MappingProxyType({})
    ) -> References:
        """Those of everything that a prompt shows; `asked_about` is as a `Brief` has it."""
        digest = hashlib.sha256(f"short names {geometry.scene.id}".encode()).digest()
        rng, names = np.random.default_rng(list(digest)), dict[str, str]()
        shown = lines(geometry, max_objects)
        for kind in ("@", "@m", "@o"):
            mine = [line.category for line in shown if _kind(line) == kind]
            rest = count(_FULL)
            parts = {None: range(_LESS), False: range(_LESS, _MORE), True: range(_MORE, _FULL)}
            numbers = {part: chain(numbered, rest) for part, numbered in parts.items()}
            for place in rng.permutation(len(mine)):
                name = mine[int(place)]
                number = next(numbers[asked_about.get(name)])
                names[name] = f"{kind}{number}"
        times: dict[str, str] = {}
        for place, seconds in enumerate(geometry.times):
            times.setdefault(seconds, _frame(place))
        return cls(names, times)

    def roles(self, family: Family, roles: Roles) -> Roles:
        """What a question names, by short names."""
        found = dict(roles)
        for role, values in roles.items():
            short = self.times if role == "times" else {} if role in family.words else self.names
            found[role] = tuple(short.get(value, value) for value in values)
        return found

    def option(self, option: str) -> str:
        """A choice with short names: a category, several, or words."""
        return ", ".join(self.names.get(part, part) for part in option.split(", "))

    def resolved(self, reply: str) -> str:
        """A reply with each short name that is known written out."""
        return _SHORT.sub(lambda match: self._long.get(match[0], match[0]), reply)


def _kind(line: Line) -> str:
    return "@" if line.number == 1 else "@m" if line.is_countable else "@o"


def frames_of(geometry: SceneGeometry, place: int) -> list[int]:
    """The frames that show an object."""
    assert geometry.views is not None, "only asked for what is shown"
    return [int(frame) for frame in np.flatnonzero(geometry.views.visibility[:, place] >= VISIBLE)]


def compact(geometry: SceneGeometry, short: References, max_objects: int) -> list[str]:
    """For a small model: `x6y3#0#2;x4y8#1^#0@m3 2 chair`, two chairs, where each is and which frames show it.

    What is known of a category stands before its short name, so that a model that reads from left to right knows it
    where it reads the name; `^` says in which frame it is first seen, if that is clear. The camera's places come first,
    `x4y9d27#3`, d being the direction in tens of degrees. Places are in steps of 0.2 m from the lowest of each axis.
    """
    assert geometry.views is not None, "prompts are about what was filmed"
    shown = lines(geometry, max_objects)
    things, cameras = geometry.centers[:, :2], geometry.views.poses[:, :2, 3]
    lowest = np.concatenate([cameras, things[[place for line in shown for place in line.objects]]]).min(
        axis=0
    )
    found = [f"floor {geometry.floor_area:.1f}"]
    for frame, forward in enumerate(geometry.forwards):
        facing = round(math.degrees(math.atan2(forward[1], forward[0])) / 10) % 36
        found.append(f"{_place(cameras[frame] - lowest)}d{facing}{_frame(frame)}")
    for line in shown:
        every = [
            _place(things[place] - lowest) + "".join(map(_frame, frames_of(geometry, place)))
            for place in line.objects
        ]
        sight = geometry.first_seen.get(line.category)
        first = f"^{_frame(sight.frame)}" if sight is not None and sight.clearness >= 1 else ""
        found.append(f"{';'.join(every)}{first}{short.names[line.category]} {line.number} {line.category}")
    return found


def _place(from_lowest: NDArray[np.float64]) -> str:
    x, y = (round(float(value) / STEP) for value in from_lowest)
    return f"x{x}y{y}"


def _frame(number: int) -> str:
    return f"#{number}"


def full(geometry: SceneGeometry, max_objects: int) -> list[str]:
    """For a full-size model: `chair: 2 (all shown)`, then a line an object with centre, size and frames in metres."""
    found = [
        f"Floor area: {geometry.floor_area:.1f} m2.",
        f"Frames, by number and seconds: {', '.join(f'{i} at {t}' for i, t in enumerate(geometry.times))}.",
    ]
    for line in lines(geometry, max_objects):
        found.append(
            f"{line.category}: {line.number}{'' if line.is_countable else ', not all shown or annotated'}"
        )
        for place in line.objects:
            center, size = (
                " ".join(f"{float(value):.1f}" for value in values)
                for values in (geometry.centers[place], geometry.sizes[place])
            )
            found.append(f"- center {center} size {size} frames {_ranges(frames_of(geometry, place))}")
    return found


def _ranges(numbers: list[int]) -> str:
    """`0-3 7` for 0, 1, 2, 3, 7."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and parts[-1][-1] == number - 1:
            parts[-1][1:] = [number]
        else:
            parts.append([number])
    return " ".join("-".join(map(str, part)) for part in parts)
