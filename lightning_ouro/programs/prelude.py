"""The API of programs: what `answer(scene)` may use. This file's text is what the sandbox runs.

It has to stay within what pydantic-monty knows: no decorated methods, no `collections.abc`. Geometry that is not a
one-liner is computed by the host and handed in. All that a program can reach is frozen, so that programs that share an
interpreter cannot change what the next one sees. `api.STUB` is this file without its bodies and private names.
"""

import math
from dataclasses import dataclass
from typing import Any

_STRAIGHT: dict[tuple[int, int], list[bool]] = {}  # what the host has told, for all readings


@dataclass(frozen=True)
class Answer:
    """A typed answer; made by the functions count, centimetres, metres, square_metres and choice."""

    kind: str
    value: object
    among: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Object:
    """One object of a scene.

    Attributes:
        id: Its place in `scene.objects`.
        category: Its name, such as "chair".
        center: (x, y, z) in metres; z is up.
        size: The three side lengths of its box in metres, in no particular order.
        longest_side: The longest of them.
        extents: How far it reaches along x, y and z in metres.
        height: How far it reaches upwards in metres.
    """

    id: int
    category: str
    center: tuple[float, float, float]
    size: tuple[float, float, float]
    longest_side: float
    extents: tuple[float, float, float]
    height: float


@dataclass(frozen=True)
class Camera:
    """Where the camera was when one of the shown frames was taken.

    Attributes:
        id: Its place in `scene.cameras`.
        time: Seconds from the start of the video, to a tenth, as questions name it.
        position: (x, y, z) in metres.
        forward: (x, y) of the direction on the floor in which it looks, of length 1.
        right: (x, y) of the direction on the floor that lies on its right, of length 1.
    """

    id: int
    time: float
    position: tuple[float, float, float]
    forward: tuple[float, float]
    right: tuple[float, float]


@dataclass(frozen=True)
class ProgramScene:
    """A place with objects, filmed by a camera.

    Attributes:
        objects: All of them.
        floor_area: In square metres.
        cameras: One for each shown frame, in order of time.
    """

    objects: tuple[Object, ...]
    floor_area: float
    cameras: tuple[Camera, ...]
    _by_category: dict[str, tuple[Object, ...]]
    _counts: dict[str, int]
    _distances: tuple[tuple[float, ...], ...]
    _camera_distances: tuple[tuple[float, ...], ...]
    _first_sights: dict[str, float]
    _reading: int

    def all(self, category: str) -> list[Object]:
        """The objects of a category; an empty list if there is none."""
        return list(self._by_category.get(category, ()))

    def unique(self, category: str) -> Object:
        """The only object of a category; a ValueError if there is none or more than one."""
        found = self._by_category.get(category, ())
        number = max(len(found), self._counts.get(category, 0))
        if len(found) != 1 or number != 1:
            raise ValueError(f"the scene has {number} objects of category {category!r}, not one")
        return found[0]

    def count(self, category: str) -> int:
        """How many objects of a category there are."""
        return self._counts.get(category, 0)

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
        return _degrees(ahead_x, ahead_y, aside_x, aside_y)

    def is_straight(self, a: Object, b: Object) -> bool:
        """Whether one can walk straight from `a` to `b`: nothing stands in between."""
        if (a.id, b.id) not in _STRAIGHT:
            _STRAIGHT[a.id, b.id] = _are_straight(a.id, b.id)  # type: ignore[name-defined]  # noqa: F821  the host's
        return _STRAIGHT[a.id, b.id][self._reading]

    def path(self, a: Object, b: Object) -> list[tuple[float, float]]:
        """The corners (x, y) of the shortest way to walk from `a` to `b` round everything that stands in between.

        The first is the centre of `a`, the last that of `b`; two corners are a straight way. A ValueError if there is
        no way.
        """
        return _path(self._reading, a.id, b.id)  # type: ignore[name-defined]  # noqa: F821  the host's

    def first_sight(self, category: str) -> float:
        """Seconds at which a category is first seen in the shown frames; a ValueError if it never is."""
        if category not in self._first_sights:
            raise ValueError(f"no frame shows a {category!r}")
        return self._first_sights[category]

    def camera(self, seconds: float) -> Camera:
        """The camera at the time of a shown frame, to a tenth of a second; a ValueError if there is none."""
        for camera in self.cameras:
            if abs(camera.time - seconds) < 0.05:
                return camera
        raise ValueError(
            f"no frame is shown at {seconds} s; there are {[camera.time for camera in self.cameras]}"
        )

    def camera_distance(self, camera: Camera, thing: Object) -> float:
        """Metres from a camera to the closest point of an object."""
        return self._camera_distances[camera.id][thing.id]

    def motion(self, first: Camera, second: Camera) -> tuple[float, float, float]:
        """Metres to the right, forward and up from one camera to another, as the first one sees it."""
        x = second.position[0] - first.position[0]
        y = second.position[1] - first.position[1]
        rightward = x * first.right[0] + y * first.right[1]
        onward = x * first.forward[0] + y * first.forward[1]
        return rightward, onward, second.position[2] - first.position[2]

    def turn(self, first: Camera, second: Camera) -> float:
        """Degrees by which the second camera looks further left than the first, -180 to 180; negative is right."""
        angle = _degrees(first.forward[0], first.forward[1], second.forward[0], second.forward[1])
        return angle if angle <= 180 else angle - 360


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


def choice(value: str, among: list[str] | tuple[str, ...]) -> Answer:
    """Answers with one of several texts."""
    return Answer("choice", value, tuple(among))


def _degrees(ahead_x: float, ahead_y: float, aside_x: float, aside_y: float) -> float:
    """Counter-clockwise from one direction to another, 0 to 360."""
    cross = ahead_x * aside_y - ahead_y * aside_x
    dot = ahead_x * aside_x + ahead_y * aside_y
    angle = math.degrees(math.atan2(cross, dot)) % 360
    return angle if angle < 360 else 0.0


def _load(shared: tuple[Any, Any, Any], readings: list[tuple[Any, Any, Any, Any]]) -> list[ProgramScene]:
    counts, first_sights, cameras = shared
    everywhere = tuple([Camera(*fields) for fields in cameras])
    scenes = []
    for reading, (objects, floor_area, distances, camera_distances) in enumerate(readings):
        things = tuple([Object(*fields) for fields in objects])
        named = {
            category: tuple([things[place] for place in places]) for category, (_, places) in counts.items()
        }
        numbers = {category: number for category, (number, _) in counts.items()}
        apart = (distances, camera_distances)
        scenes.append(
            ProgramScene(things, floor_area, everywhere, named, numbers, *apart, first_sights, reading)
        )
    return scenes


def _attempt(scenes: list[ProgramScene], program: Any) -> Any:
    """What a program among several gives; None if it fails: it is run again alone."""
    try:
        return _answers(scenes, program())
    except Exception:
        return None


def _answers(scenes: list[ProgramScene], answer: Any) -> Any:
    plain = [_answer(scenes[0], answer)]
    for scene in scenes[1:]:
        try:
            plain.append(_answer(scene, answer))
        except ValueError:  # noise may close a way or hide a thing: no answer there, but no failure
            plain.append(None)
    return [*plain, _answer(scenes[0], answer)]  # a program that remembers anything gives itself away


def _answer(scene: ProgramScene, answer: Any) -> Any:
    """A short text, numbers and texts only: what is huge or foreign stays here."""
    given = answer(scene)
    if not isinstance(given, Answer):
        return type(given).__name__[:40]
    kind, value, among = given.kind, given.value, given.among
    lines: str | None = None
    if not isinstance(kind, str) or not isinstance(value, (int, float, str)):
        return "an Answer of its own making"
    if isinstance(value, int):
        value = max(-1000000000, min(1000000000, value)) if not isinstance(value, bool) else value
    if isinstance(among, tuple):
        texts = [one for one in among[:100] if isinstance(one, str) and len(one) <= 400 and "\n" not in one]
        if len(texts) < len(among):
            return "a choice among more or other things than short texts"
        lines = "\n".join(texts)  # one text crosses to the host faster than many
    elif among is not None:
        return "an Answer of its own making"
    return kind[:40], value[:400] if isinstance(value, str) else value, lines
