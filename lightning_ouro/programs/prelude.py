"""The API that programs use in `answer(scene)`. The sandbox runs the text of this file.

The code has to stay within what pydantic-monty supports: no decorated methods, no `collections.abc`. Geometry
that takes more than a line is computed by the host and passed in, never asked for: what the host does for a
program while it runs would count towards none of its limits. Everything that a program can reach is
frozen, so programs that share an interpreter cannot change what the next one sees. `api.STUB` is this file
without function bodies and private names; public names, signatures and docstrings are what a full-size model
reads in its prompt.
"""

import math
from dataclasses import dataclass
from typing import Any

# Tables of the ways between objects, one for each draw, in interpreters whose programs may ask for them.
_STRAIGHT: list[str] = []
_NEAR = 0.5  # metres on the floor between centres, as the families ask of directions
_PATHS: list[tuple[list[tuple[float, float]], list[str]]] = []


@dataclass(frozen=True)
class Answer:
    """A typed answer, created by the functions count, centimetres, metres, square_metres and choice."""

    kind: str
    value: object
    among: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Object:
    """One object of a scene.

    Attributes:
        id: Its index in `scene.objects`.
        category: Its name, such as "chair".
        center: (x, y, z) in metres; z is up, from the floor.
        size: The three side lengths of its box in metres, in no particular order.
        longest_side: The longest of the three.
        extents: Its extents along the x, y and z axes in metres; not its sides where it is turned.
        height: Its vertical extent in metres.
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
    """The camera as it took one of the shown frames.

    Attributes:
        id: Its index in `scene.cameras`.
        time: Seconds from the start of the video, rounded to a tenth, as questions name it.
        position: (x, y, z) in metres.
        forward: (x, y) of the direction on the floor in which it looks, of length 1; None if held steep or askew.
        right: (x, y) of the direction to its right, likewise.
    """

    id: int
    time: float
    position: tuple[float, float, float]
    forward: tuple[float, float]
    right: tuple[float, float]


@dataclass(frozen=True)
class ProgramScene:
    """A scene with objects, filmed by a camera.

    Attributes:
        objects: All objects.
        floor_area: In square metres.
        cameras: One for each shown frame, in order of time.
    """

    objects: tuple[Object, ...]
    floor_area: float
    cameras: tuple[Camera, ...]
    _by_category: dict[str, tuple[Object, ...]]
    _only: dict[str, Object]
    _counts: dict[str, int]
    _distances: tuple[tuple[float, ...], ...]
    _camera_distances: tuple[tuple[float, ...], ...]
    _first_seen: dict[str, float]
    _headings: tuple[tuple[int, float], ...]
    _aside: float
    _draw: int

    def all(self, category: str) -> list[Object]:
        """The objects of a category; an empty list if there are none."""
        return list(self._by_category.get(category, ()))

    def unique(self, category: str) -> Object:
        """The only object of a category; a ValueError if there are none or several."""
        if category not in self._only:
            number = max(len(self._by_category.get(category, ())), self._counts.get(category, 0))
            raise ValueError(f"the scene has {number} objects of category {category!r}, not one")
        return self._only[category]

    def count(self, category: str) -> int:
        """The number of objects of a category."""
        return self._counts.get(category, 0)

    def distance(self, a: Object, b: Object) -> float:
        """The distance between the closest points of two objects in metres; 0 if they touch."""
        return self._distances[a.id][b.id]

    def direction(self, standing: Object, facing: Object, target: Object) -> float:
        """The direction of `target` for someone who stands by `standing` and faces `facing`.

        In degrees, counter-clockwise on the floor, 0 to 360: 0 is ahead, 90 left, 180 behind, 270 right.
        """
        ahead_x = facing.center[0] - standing.center[0]
        ahead_y = facing.center[1] - standing.center[1]
        aside_x = target.center[0] - standing.center[0]
        aside_y = target.center[1] - standing.center[1]
        if self._aside:
            near = min(math.hypot(ahead_x, ahead_y), math.hypot(aside_x, aside_y))
            if near < _NEAR:
                raise ValueError(f"{near:.2f} m are too near for a direction")
        return (_degrees(ahead_x, ahead_y, aside_x, aside_y) + self._aside) % 360

    def is_straight(self, a: Object, b: Object) -> bool:
        """Whether one can walk straight from `a` to `b` because nothing stands in between."""
        return _STRAIGHT[self._draw][a.id * len(self.objects) + b.id] == "1"

    def path(self, a: Object, b: Object) -> list[tuple[float, float]]:
        """The corners (x, y) of the shortest walk from `a` to `b` around everything that stands in between.

        The first corner is the centre of `a`, the last the centre of `b`; a straight walk has only these two.
        A ValueError if there is no way to walk.
        """
        bends, ways = _PATHS[self._draw]
        high, low = max(a.id, b.id), min(a.id, b.id)
        way = ways[high * (high + 1) // 2 + low]  # from the higher to the lower one
        if way == "-":
            raise ValueError(f"there is no way to walk from {a.category} to {b.category}")
        corners = [bends[int(number)] for number in way.split()]
        if a.id < b.id:
            corners.reverse()
        ends = [self.objects[end.id].center for end in (a, b)]
        return [(ends[0][0], ends[0][1]), *corners, (ends[1][0], ends[1][1])]

    # Everywhere else this is "first seen"; the shipped weights were trained to write this name.
    def first_sight(self, category: str) -> float:
        """The seconds at which a category is first seen in the shown frames; a ValueError if it never is."""
        if category not in self._first_seen:
            raise ValueError(f"no frame shows a {category!r}")
        return self._first_seen[category]

    def camera(self, seconds: float) -> Camera:
        """The camera at the time of a shown frame, rounded to a tenth; a ValueError if there is none."""
        for camera in self.cameras:
            if abs(camera.time - seconds) < 0.05:
                return camera
        raise ValueError(
            f"no frame is shown at {seconds} s; there are "
            f"{[camera.time for camera in self.cameras if camera.time == camera.time]}"  # not the nans
        )

    def camera_distance(self, camera: Camera, thing: Object) -> float:
        """The distance from a camera to the closest point of an object in metres."""
        return self._camera_distances[camera.id][thing.id]

    def motion(self, first: Camera, second: Camera) -> tuple[float, float, float]:
        """Metres to the right, forward and up from one camera's position to another's, as the first one sees it."""
        if first.forward is None:
            raise ValueError(f"the camera is held too steeply or askew at {first.time} s to face a side")
        x = second.position[0] - first.position[0]
        y = second.position[1] - first.position[1]
        rightward = x * first.right[0] + y * first.right[1]
        ahead = x * first.forward[0] + y * first.forward[1]
        return rightward, ahead, second.position[2] - first.position[2]

    def turn(self, first: Camera, second: Camera) -> float:
        """Degrees by which the camera turns to the left on its whole way from `first` to `second`.

        Turns to the right are subtracted, and a full circle is 360. A ValueError if the camera was not tracked
        all the way, or looks up or down so steeply that it faces no side.
        """
        (stretch, start), (other_stretch, end) = self._headings[first.id], self._headings[second.id]
        if stretch != other_stretch:
            raise ValueError(f"it is not known how the camera turns between {first.time} and {second.time} s")
        return end - start


def count(n: int) -> Answer:
    """Answers with a number of objects."""
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
    """Answers with one of several texts: `value` has to be one of `among`."""
    return Answer("choice", value, tuple(among))


def _degrees(ahead_x: float, ahead_y: float, aside_x: float, aside_y: float) -> float:
    """The angle from one direction to another, counter-clockwise, 0 to 360."""
    cross = ahead_x * aside_y - ahead_y * aside_x
    dot = ahead_x * aside_x + ahead_y * aside_y
    angle = math.degrees(math.atan2(cross, dot)) % 360
    return angle if angle < 360 else 0.0


def _load(
    shared: tuple[Any, Any, Any, Any, Any, float], draws: list[tuple[Any, Any, Any, Any]]
) -> list[ProgramScene]:
    counts, first_seen, camera_fields, headings, categories, aside = shared
    cameras = tuple([Camera(*fields) for fields in camera_fields])
    scenes = []
    for draw, (rows, floor_area, distances, camera_distances) in enumerate(draws):
        fields = [
            (i, categories[i], row[:3], row[3:6], row[6], row[7:], row[9]) for i, row in enumerate(rows)
        ]
        objects = tuple([Object(*each) for each in fields])
        named = {name: tuple([objects[index] for index in indices]) for name, (_, indices) in counts.items()}
        numbers = {name: number for name, (number, _) in counts.items()}
        alone = {name: group[0] for name, group in named.items() if len(group) == 1 and numbers[name] <= 1}
        apart = (distances, camera_distances)
        seen = (first_seen, headings)
        scenes.append(
            ProgramScene(objects, floor_area, cameras, named, alone, numbers, *apart, *seen, aside, draw)
        )
    return scenes


def _load_ways(tables: dict[str, Any]) -> None:
    _STRAIGHT.extend(tables.get("is_straight", []))
    for bends, ways in tables.get("path", []):
        _PATHS.append((bends, ways.split(";")))


def _attempt(scenes: list[ProgramScene], program: Any) -> Any:
    """The answers of one of several programs, or None if it fails: then it is run again alone."""
    try:
        return _answers(scenes, program())
    except Exception:
        return None


def _answers(scenes: list[ProgramScene], answer: Any) -> Any:
    joined: list[Any] = []
    plain = [_answer(scenes[0], answer, joined)]
    for scene in scenes[1:]:
        try:
            plain.append(_answer(scene, answer, joined))
        except ValueError:  # noise may block a path or hide an object: no answer there, but not a failure
            plain.append(None)
    return [*plain, _answer(scenes[0], answer, joined)]  # exposes a program that remembers anything


def _answer(scene: ProgramScene, answer: Any, joined: list[Any]) -> Any:
    """The answer as numbers and short texts, or what is wrong with it: nothing huge or foreign gets out.

    The texts of a choice are the same for most scenes: `joined` holds the last ones, and all of them as one text.
    """
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
        if not joined or joined[0] != among:
            texts = [
                text
                for text in among[:100]
                if isinstance(text, str) and len(text) <= 400 and "\n" not in text
            ]
            if len(texts) < len(among):
                return "a choice among more or other things than short texts"
            joined[:] = [among, "\n".join(texts)]
        lines = joined[1]  # one text crosses to the host faster than many
    elif among is not None:
        return "an Answer of its own making"
    return kind[:40], value[:400] if isinstance(value, str) else value, lines
