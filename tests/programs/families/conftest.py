"""Filmed scenes: procedural ones, and a handmade den in which every family has something to ask."""

import dataclasses
import json
import math
from collections.abc import Callable, Mapping, Sequence
from itertools import cycle, islice

import numpy as np
import pytest

from lightning_ouro.programs.answers import TypedAnswer
from lightning_ouro.programs.families import Family, Roles
from lightning_ouro.programs.margins import FOR_ALL, FamilyMargins
from lightning_ouro.programs.questions import Proposal, Rejection
from lightning_ouro.programs.sandbox import LoadedScene, Outcome, Sandbox
from lightning_ouro.programs.scene_geometry import jittered, scene_geometry
from lightning_ouro.programs.verification import Verifier
from lightning_ouro.scenes.synthetic.procedural import procedural_scene
from lightning_ouro.scenes.types import CameraPath, FrameBudget, Scene, SceneObject, Views

Filmed = tuple[Scene, Views]
CLEAR = 0.02  # of a frame's pixels


def camera_pose(eye: Sequence[float], heading: float, tilt: float) -> np.ndarray:
    """A camera that faces `heading` degrees counter-clockwise of +y, tilted down by `tilt` degrees."""
    turn, down = np.radians(heading), np.radians(tilt)
    right = np.array([np.cos(turn), np.sin(turn), 0])
    ahead = np.array([-np.sin(turn), np.cos(turn), 0])
    forward = np.cos(down) * ahead - np.sin(down) * np.array([0, 0, 1])
    pose = np.eye(4)
    pose[:3] = np.stack([right, np.cross(forward, right), forward, np.asarray(eye, float)], axis=1)
    return pose


def camera_path(
    times: Sequence[float], eyes: Sequence[Sequence[float]], headings: Sequence[float], tilt: float = 0.0
) -> CameraPath:
    """A camera that goes straight from eye to eye and turns evenly from heading to heading, ten poses a second."""
    every = np.union1d(times, np.arange(times[0], times[-1], 0.1))
    x, y, z, turned = (np.interp(every, times, column) for column in (*np.transpose(eyes), headings))
    poses = [camera_pose(eye, heading, tilt) for *eye, heading in zip(x, y, z, turned, strict=True)]
    return CameraPath(every, np.array(poses))


def camera_views(
    eyes: Sequence[Sequence[float]],
    headings: Sequence[float] | float = 0.0,
    objects: int = 0,
    seconds: Sequence[float] | None = None,
    visibility: np.ndarray | None = None,
    tilt: float = 0.0,
) -> Views:
    """Cameras that face `headings` degrees counter-clockwise of +y, all tilted down by `tilt` degrees.

    By default a frame is taken each second, and every frame shows all objects clearly. Between two frames the
    camera goes straight on and turns evenly, by the difference of the two headings.
    """
    number = len(eyes)
    visibility = np.full((number, objects), CLEAR) if visibility is None else visibility
    times = np.arange(number, dtype=float) if seconds is None else np.asarray(seconds, float)
    path = camera_path(times, eyes, np.broadcast_to(headings, number), tilt)
    poses = path.poses[path.indices(times)]
    return Views(times, np.tile(np.eye(3), (number, 1, 1)), poses, visibility.astype(np.float32), path=path)


@pytest.fixture(scope="session")
def make_views() -> Callable[..., Views]:
    return camera_views


@pytest.fixture(scope="session")
def filmed() -> list[Filmed]:
    """Rooms as the loop uses them; in every second one, objects come into view one after the other."""
    scenes = [procedural_scene(index) for index in (1, 3, 4, 8, 10, 12)]
    films = [(scene, scene.footage.load(scene, FrameBudget()).views) for scene in scenes]
    return [(scene, staggered(scene, views) if i % 2 else views) for i, (scene, views) in enumerate(films)]


def staggered(scene: Scene, views: Views) -> Views:
    """The same cameras, but each object becomes visible at a frame of its own."""
    rng = np.random.default_rng(len(scene.objects))
    starts = rng.integers(len(views.timestamps), size=len(scene.objects))
    seen = np.arange(len(views.timestamps))[:, None] >= starts
    return dataclasses.replace(views, visibility=np.where(seen, CLEAR, 0).astype(np.float32))


_DEN = (  # category, x, y, bottom, width, depth, height, degrees, first frame that shows it
    ("sofa", 1.3, 0.8, 0.0, 2.0, 0.9, 0.8, 10, 2),
    ("tv", 1.0, 4.3, 0.6, 1.2, 0.1, 0.7, -5, 0),
    ("bed", 5.7, 3.7, 0.0, 1.6, 2.1, 0.6, 3, 4),
    ("stove", 6.5, 0.6, 0.0, 0.6, 0.65, 0.9, 20, 3),
    ("lamp", 3.6, 2.3, 0.0, 0.3, 0.35, 1.6, 40, 1),
    ("piano", 3.7, 4.6, 0.0, 1.5, 0.6, 1.2, 0, 5),
    ("chair", 2.3, 3.4, 0.0, 0.5, 0.45, 0.9, 15, 0),
    ("chair", 2.4, 2.4, 0.0, 0.45, 0.55, 0.85, 75, 0),
    ("chair", 4.5, 1.5, 0.0, 0.5, 0.52, 0.95, 130, 1),
    ("chair", 5.2, 0.6, 0.0, 0.48, 0.5, 1.0, 160, 2),
    ("rug", 3.0, 1.6, 0.0, 1.9, 1.2, 0.02, 30, 3),
    ("basket", 0.5, 2.6, 0.0, 0.4, 0.4, 0.5, 45, 6),
    ("basket", 6.7, 2.0, 0.0, 0.35, 0.4, 0.5, 25, 6),
)
_EYES = (
    (2.9, 0.4, 1.5),
    (2.0, 1.6, 1.7),
    (3.0, 3.3, 1.4),
    (4.6, 2.6, 1.6),
    (5.9, 1.5, 1.9),
    (4.1, 0.7, 1.2),
    (4.3, 1.9, 1.5),
)


@pytest.fixture(scope="session")
def den() -> Filmed:
    """Thirteen boxes that stand askew, filmed from seven positions, so that nothing lines up by chance."""
    objects = []
    for index, (category, x, y, bottom, width, depth, height, degrees, _) in enumerate(_DEN):
        cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        turn = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
        size = np.array([width, depth, height], dtype=float)
        objects.append(SceneObject(index, category, np.array([x, y, bottom + height / 2]), size, turn))
    counts = {name: sum(row[0] == name for row in _DEN) for name in {row[0] for row in _DEN}}
    floor = np.array([[0, 0], [7.2, 0], [7.2, 5.2], [0, 5.2]], dtype=float)
    scene = Scene("den", "hand", tuple(objects), counts, frozenset(counts), 37.44, floor, footage=None)
    starts = np.array([row[-1] for row in _DEN])
    visibility = np.where(np.arange(len(_EYES))[:, None] >= starts, CLEAR, 0)
    # It goes forward, right, back, back, left and forward, and turns to the left and then to the right.
    headings = (20.0, 47.0, 53.5, 77.0, 24.0, 10.5, -69.5)
    times = np.arange(len(_EYES)) * 4.3
    return scene, camera_views(_EYES, headings, seconds=times, visibility=visibility, tilt=25)


Judge = Callable[..., dict[str, str]]


@pytest.fixture(scope="session")
def judge(sandbox: Sandbox) -> Judge:
    """The verdicts on programs under a correct text: "accepted", or reason and detail of the rejection.

    A program can be given by the body of `answer` alone. Each is paired with another form of the family.
    """

    def verdicts(
        film: Filmed,
        family: Family,
        roles: Roles,
        programs: Mapping[str, str],
        margins: FamilyMargins = FOR_ALL,
    ) -> dict[str, str]:
        (scene, views), verifier = film, Verifier(sandbox, margins=margins)
        proposals = [
            Proposal(scene.id, family.name, form.write(roles), _complete(body), "test", 0, slot)
            for slot, (body, form) in enumerate(zip(programs.values(), cycle(family.fitting(roles))))
        ]
        verdicts = verifier.verify(scene, views, proposals)
        return {
            name: f"{verdict.reason}: {verdict.detail}" if isinstance(verdict, Rejection) else "accepted"
            for name, verdict in zip(programs, verdicts, strict=True)
        }

    return verdicts


def _complete(body: str) -> str:
    if "def answer" in body:
        return body
    lines = body.strip("\n").split("\n")
    return "def answer(scene):\n" + "".join(f"    {line}\n" for line in lines)


Change = tuple[str, str]
# The body of `answer` with placeholders such as $pair0 and $pair*, or changes to the right program.
Wrong = str | tuple[Change, ...]


@pytest.fixture(scope="session")
def try_out(sandbox: Sandbox, judge: Judge) -> Callable[..., dict[str, set[str]]]:
    """The verdicts on each wrong program over several questions whose right program is accepted.

    A wrong program that is accepted counts as "the same" if it gave the right answer on all draws of the
    scene.
    """

    def verdicts(
        film: Filmed,
        family: Family,
        wrongs: Mapping[str, Wrong],
        keep: Callable[[Roles], bool],
        most: int = 60,
    ) -> dict[str, set[str]]:
        exact, by_name = scene_geometry(*film), {name: set[str]() for name in wrongs}
        loaded = LoadedScene([exact, *jittered(*film)])
        for roles in islice(filter(keep, family.candidates(exact, np.random.default_rng(0))), most):
            right = family.program(roles)
            written = {name: _written(wrong, roles, right) for name, wrong in wrongs.items()}
            programs = {name: _complete(text) for name, text in written.items() if text is not None}
            verdict = judge(film, family, roles, {"right": right} | programs)
            if verdict["right"] != "accepted":
                continue
            for name, text in programs.items():
                if verdict[name] == "accepted" and _same(
                    sandbox.run(text, loaded), sandbox.run(right, loaded)
                ):
                    verdict[name] = "the same"
                by_name[name].add(verdict[name].partition(" means ")[0])
            if all("disagrees: the text" in verdicts for verdicts in by_name.values()):
                break
        return by_name

    return verdicts


def _written(wrong: Wrong, roles: Roles, right: str) -> str | None:
    """The wrong program about these roles; None if the right one does not contain what is to be changed."""
    if isinstance(wrong, str):
        return _filled(wrong, roles)
    text = right
    for before, after in wrong:
        if _filled(before, roles) not in text:
            return None
        text = text.replace(_filled(before, roles), _filled(after, roles))
    return text


def _filled(text: str, roles: Roles) -> str:
    for role, names in roles.items():
        quoted = [name if role == "times" else json.dumps(name) for name in names]
        text = text.replace(f"${role}*", f"[{', '.join(quoted)}]")
        for index, name in enumerate(quoted):
            text = text.replace(f"${role}{index}", name)
    return text


def _same(first: Outcome, second: Outcome) -> bool:
    def are_equal(a: TypedAnswer | None, b: TypedAnswer | None) -> bool:
        if a is None or b is None:
            return a is b
        is_number = not isinstance(a.value, str) and not isinstance(b.value, str)
        values = math.isclose(a.value, b.value, rel_tol=1e-6) if is_number else a.value == b.value
        return values and a.kind == b.kind and sorted(a.among or ()) == sorted(b.among or ())

    return all(map(are_equal, first.answers, second.answers))
