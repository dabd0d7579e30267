"""A scene's metadata as text for a proposer: what the frames show, one line a category, within a bound.

Objects that no frame shows are left out: no question about them would be kept. Of the others, when there are too many,
categories of one object come first, those that take the largest part of a frame before the others; then categories of
several objects likewise, whole or not at all. Names that are no plain words (line breaks, quotes, markup, more than 40
characters) are left out too: metadata come from anywhere, and a name must not become part of the prompt's structure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from lightning_ouro.programs.sight import VISIBLE
from lightning_ouro.programs.world import World

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


def lines(world: World, max_objects: int) -> list[Line]:
    """The categories that a prompt shows, in the order of their first objects."""
    every = [line for name in world.categories() if is_plain(name) and (line := _line(world, name)).objects]
    kept, room = set[str](), max_objects
    for line in sorted(every, key=lambda line: (line.number > 1, -line.share, line.category)):
        if len(line.objects) <= room:
            kept.add(line.category)
            room -= len(line.objects)
    return [line for line in every if line.category in kept]


def _line(world: World, category: str) -> Line:
    places = world.places(category)
    seen = tuple(place for place in places if place in world.seen)
    countable = category in world.scene.complete and len(seen) == len(places) == world.count(category)
    share = 0.0 if world.views is None or not seen else float(world.views.visibility[:, list(seen)].max())
    return Line(category, world.count(category), countable, seen, share)


def frames_of(world: World, place: int) -> list[int]:
    """The frames that show an object."""
    assert world.views is not None, "only asked for what is shown"
    return [int(frame) for frame in np.flatnonzero(world.views.visibility[:, place] >= VISIBLE)]


def compact(world: World, max_objects: int) -> list[str]:
    """For a small model: `chair 2: 12 -3 0 2 4; 8 0 1`, two chairs, each with x and y in decimetres and its frames.

    A question mark behind the number says that the category cannot be counted.
    """
    times = " ".join(world.times)
    found = [f"floor {world.floor_area:.1f}", f"frames {times}"]
    for line in lines(world, max_objects):
        things = []
        for place in line.objects:
            x, y = (round(10 * float(value)) for value in world.centers[place][:2])
            things.append(f"{x} {y} {' '.join(map(str, frames_of(world, place)))}")
        found.append(f"{line.category} {line.number}{'' if line.is_countable else '?'}: {'; '.join(things)}")
    return found


def full(world: World, max_objects: int) -> list[str]:
    """For a full-size model: `chair: 2 (all shown)`, then a line an object with centre, size and frames in metres."""
    found = [
        f"Floor area: {world.floor_area:.1f} m2.",
        f"Frames, by number and seconds: {', '.join(f'{i} at {t}' for i, t in enumerate(world.times))}.",
    ]
    for line in lines(world, max_objects):
        found.append(f"{line.category}: {line.number}{'' if line.is_countable else ', not all shown or annotated'}")
        for place in line.objects:
            center, size = (
                " ".join(f"{float(value):.1f}" for value in values)
                for values in (world.centers[place], world.sizes[place])
            )
            found.append(f"- center {center} size {size} frames {_ranges(frames_of(world, place))}")
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
