"""The API of programs: what `answer(scene)` may use. This file's text is what the sandbox runs.

It has to stay within what pydantic-monty knows: no decorated methods, no `collections.abc`. Geometry that is not a
one-liner is computed by the host and handed in. CPython imports it too, so that tests can compare the two.
"""

import math
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Answer:
    """A typed answer; made by the functions at the end of this file."""

    kind: str
    value: object
    among: list[str] | None = None


class Object:
    """One object of a scene.

    Attributes:
        id: Its place in `scene.objects`.
        category: Its name, such as "chair".
        center: (x, y, z) in metres; z is up.
        size: The three side lengths of its box in metres, in no particular order.
        longest_side: The longest of them.
        extents: How far it reaches along x, y and z in metres; `extents[2]` is its height.
    """

    def __init__(
        self,
        id: int,
        category: str,
        center: tuple[float, float, float],
        size: tuple[float, float, float],
        extents: tuple[float, float, float],
    ) -> None:
        self.id = id
        self.category = category
        self.center = center
        self.size = size
        self.longest_side = max(size)
        self.extents = extents


class Scene:
    """A place with objects.

    Attributes:
        objects: All of them.
        floor_area: In square metres.
    """

    def __init__(
        self,
        objects: list[tuple[int, str, tuple, tuple, tuple]],
        counts: dict[str, int],
        floor_area: float,
        distances: list[list[float]],
    ) -> None:
        self.objects = [Object(*fields) for fields in objects]
        self.floor_area = floor_area
        self._counts = counts
        self._distances = distances

    def all(self, category: str) -> list[Object]:
        """The objects of a category; an empty list if there is none."""
        return [thing for thing in self.objects if thing.category == category]

    def unique(self, category: str) -> Object:
        """The only object of a category; a ValueError if there is none or more than one."""
        found = self.all(category)
        number = self._counts.get(category, len(found))
        if len(found) != 1 or number != 1:
            raise ValueError(f"the scene has {max(number, len(found))} objects of category {category!r}, not one")
        return found[0]

    def count(self, category: str) -> int:
        """How many objects of a category there are."""
        return self._counts.get(category, len(self.all(category)))

    def distance(self, a: Object, b: Object) -> float:
        """Metres between the closest points of two objects; 0 if they touch."""
        return self._distances[a.id][b.id]

    def direction(self, standing: Object, facing: Object, target: Object) -> float:
        """Where `target` is for someone who stands by `standing` and faces `facing`.

        Degrees counter-clockwise on the floor, 0 to 360: 0 is ahead, 90 left, 180 behind, 270 right.
        """
        ahead_x = facing.center[0] - standing.center[0]
        ahead_y = facing.center[1] - standing.center[1]
        aside_x = target.center[0] - standing.center[0]
        aside_y = target.center[1] - standing.center[1]
        cross = ahead_x * aside_y - ahead_y * aside_x
        dot = ahead_x * aside_x + ahead_y * aside_y
        angle = math.degrees(math.atan2(cross, dot)) % 360
        return angle if angle < 360 else 0.0


def count(n: int) -> Answer:
    """Answers with a number of things."""
    return Answer("count", n)


def centimetres(x: float) -> Answer:
    """Answers with a length in centimetres, unrounded."""
    return Answer("centimetres", x)


def metres(x: float) -> Answer:
    """Answers with a length in metres, unrounded."""
    return Answer("metres", x)


def square_metres(x: float) -> Answer:
    """Answers with an area in square metres, unrounded."""
    return Answer("square_metres", x)


def choice(value: str, among: list[str]) -> Answer:
    """Answers with one of several texts."""
    return Answer("choice", value, list(among))


def _answers(worlds: list[Scene], answer: Any) -> Any:
    plain = []
    for world in worlds:
        given = answer(world)
        if not isinstance(given, Answer):
            return type(given).__name__
        plain.append((given.kind, given.value, given.among))
    return plain
