"""Space has no preferred position, direction or hand: answers follow when a scene is moved, rotated or mirrored."""

import dataclasses
import re
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from lightning_ouro.programs import source
from lightning_ouro.programs.answers import TypedAnswer
from lightning_ouro.programs.families import FAMILIES, OPEN
from lightning_ouro.programs.sandbox import LoadedScene
from lightning_ouro.programs.scene_geometry import scene_geometry
from lightning_ouro.scenes.types import CameraPath, Scene, Views

ANY = TypedAnswer("count", 2)
ASKING = [name for name in FAMILIES if name != OPEN.name]
SIDED = [name for name in ASKING if name.startswith(("object_rel_direction", "route", "camera_motion"))]
OTHER_SIDE = {"left": "right", "right": "left", "Left": "Right", "Right": "Left"}
POWER = {"metres": 1, "centimetres": 1, "square_metres": 2, "count": 0}  # of length
MOST = 8  # questions per family and scene


@dataclass(frozen=True)
class Change:
    """`x -> scale * linear @ x + shift`, for everything that has a position: boxes, floor, cameras."""

    linear: np.ndarray = field(default_factory=lambda: np.eye(3))
    shift: tuple[float, float, float] = (0.0, 0.0, 0.0)
    scale: float = 1.0

    @property
    def mirrors(self) -> bool:
        return np.linalg.det(self.linear) < 0

    def points(self, points: np.ndarray) -> np.ndarray:
        size = points.shape[-1]
        return self.scale * points @ self.linear[:size, :size].T + np.array(self.shift)[:size]

    def scene(self, scene: Scene) -> Scene:
        objects = tuple(
            dataclasses.replace(
                obj,
                center=self.points(obj.center),
                size=self.scale * obj.size,
                # A mirrored box is the same box with one axis reversed, and so right-handed again.
                rotation=self.linear @ obj.rotation * ([-1, 1, 1] if self.mirrors else [1, 1, 1]),
            )
            for obj in scene.objects
        )
        floor = None if scene.floor is None else self.points(scene.floor)
        return dataclasses.replace(
            scene, objects=objects, floor=floor, floor_area=scene.floor_area * self.scale**2
        )

    def views(self, views: Views) -> Views:
        assert views.path is not None
        path = CameraPath(views.path.times, self.cameras(views.path.poses))
        return dataclasses.replace(
            views, poses=path.poses[np.searchsorted(path.times, views.timestamps)], path=path
        )

    def cameras(self, poses: np.ndarray) -> np.ndarray:
        changed = poses.copy()
        changed[:, :3, 3] = self.points(poses[:, :3, 3])
        changed[:, :3, :3] = self.linear @ poses[:, :3, :3]
        if self.mirrors:
            changed[:, :3, 0] *= -1  # a camera is right-handed, so its image is mirrored too
        return changed

    def answer(self, name: str, answer: TypedAnswer) -> TypedAnswer:
        """What a family's answer becomes."""
        if answer.among is None:
            return dataclasses.replace(answer, value=answer.value * self.scale ** POWER[answer.kind])
        if not self.mirrors or name not in SIDED:
            return answer
        return dataclasses.replace(
            answer, value=swapped(answer.value), among=tuple(map(swapped, answer.among))
        )


def swapped(text: str) -> str:
    return re.sub("left|right", lambda side: OTHER_SIDE[side[0]], text, flags=re.IGNORECASE)


def about_vertical(degrees: float) -> np.ndarray:
    return Rotation.from_euler("z", degrees, degrees=True).as_matrix()


RIGID = {
    "moved": Change(shift=(13.7, -41.2, 3.3)),
    "rotated by a right angle": Change(about_vertical(90)),
    "rotated by half a circle": Change(about_vertical(180)),
    "rotated": Change(about_vertical(33.3)),
    "moved and rotated": Change(about_vertical(-141.7), shift=(-8.1, 5.9, -2.2)),
}
MIRRORS = {
    "mirrored in x": Change(np.diag([-1.0, 1.0, 1.0])),
    "mirrored in y": Change(np.diag([1.0, -1.0, 1.0]), shift=(2.0, 7.0, 0.5)),
    "mirrored askew": Change(about_vertical(61.3) @ np.diag([-1.0, 1.0, 1.0])),
}
SCALES = {"scaled up": Change(scale=1.37), "scaled down": Change(scale=0.71)}
CHANGES = RIGID | MIRRORS | SCALES


def questions(family, geometry, seed=0):
    return list(islice(family.candidates(geometry, np.random.default_rng(seed)), MOST))


def answers(sandbox, geometry, family, asked):
    outcomes = sandbox.run_all(
        [source.read(family.program(roles)) for roles in asked], LoadedScene([geometry])
    )
    return [None if outcome.failure else outcome.answers[0] for outcome in outcomes]


@pytest.fixture(scope="session")
def films(filmed, den):
    return [*filmed, den]


@pytest.fixture(scope="session")
def originals(sandbox, films):
    """Questions and answers about the unchanged scenes by family: `(scene with views, roles, answers)`."""
    by_family = {name: [] for name in ASKING}
    for name in ASKING:
        family = FAMILIES[name]
        for film in films:
            geometry = scene_geometry(*film)
            asked = questions(family, geometry)
            by_family[name].append((film, asked, answers(sandbox, geometry, family, asked)))
    return by_family


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("name", ASKING)
def test_answers_change_as_geometry_demands(sandbox, originals, name, change):
    family, compared, swaps = FAMILIES[name], 0, 0
    for (scene, views), asked, original_answers in originals[name]:
        geometry = scene_geometry(change.scene(scene), change.views(views))
        changed_answers = answers(sandbox, geometry, family, asked)
        for roles, original, changed in zip(asked, original_answers, changed_answers, strict=True):
            assert original is not None
            if changed is None and name == "route_planning" and change.scale != 1:
                continue  # a walker does not grow with the room, so some legs are no longer free
            expected = change.answer(name, original)
            assert expected.equals(changed), (scene.id, roles, original, changed)
            compared += 1
            swaps += expected.value != original.value
    assert compared >= 7
    measures = originals[name][-1][2][0].kind in ("metres", "centimetres", "square_metres")
    assert (swaps > 0) == (change.mirrors if name in SIDED else measures and change.scale != 1)


@pytest.mark.parametrize("name", SIDED)
def test_the_original_answers_are_on_both_sides(originals, name):
    values = " ".join(answer.value for _, _, known in originals[name] for answer in known).casefold()
    assert "left" in values
    assert "right" in values
    assert "route" not in name or "back" in values
    assert name != "camera_motion" or ("forward" in values and "back" in values)


def any_roles(family, geometry, rng, number=60):
    """Roles of all kinds, most of which violate some condition."""
    categories = geometry.categories()
    words = {"times": list(geometry.times), "motion": ["move", "turn"], "order": ["farthest"]}
    for _ in range(number):
        form = family.forms[int(rng.integers(len(family.forms)))]
        yield {
            role: tuple(str(rng.choice(words.get(role, categories))) for _ in range(size))
            for role, size in form.sizes.items()
        }


def kind_of(problem):
    """What is wrong, without its numbers, whose last digit may be rounded differently."""
    return None if problem is None else re.sub(r"[\d.]+", "0", problem)


@pytest.mark.parametrize("change", (RIGID | MIRRORS).values(), ids=RIGID | MIRRORS)
@pytest.mark.parametrize("name", ASKING)
def test_conditions_and_slack_do_not_depend_on_where_a_scene_lies(films, name, change):
    family, verdicts = FAMILIES[name], set()
    for seed, (scene, views) in enumerate(films):
        geometry = scene_geometry(scene, views)
        changed = scene_geometry(change.scene(scene), change.views(views))
        rng = np.random.default_rng(seed)
        for roles in [*questions(family, geometry, seed=1), *any_roles(family, geometry, rng)]:
            problem = family.check(geometry, roles, ANY)
            assert kind_of(family.check(changed, roles, ANY)) == kind_of(problem), roles
            verdicts.add(problem is None)
            if problem is None:
                near = 0.02 if name == "room_size_estimation" else 1e-6  # shares of a grid on the floor
                assert family.slack(changed, roles) == pytest.approx(family.slack(geometry, roles), rel=near)
                assert family.must_show(changed, roles) == family.must_show(geometry, roles)
    assert verdicts == ({True} if name == "room_size_estimation" else {True, False})


@pytest.mark.parametrize("change", (RIGID | MIRRORS).values(), ids=RIGID | MIRRORS)
@pytest.mark.parametrize(
    "name", [name for name in ASKING if name != "route_planning"]
)  # its walks are random
def test_the_same_questions_are_offered_wherever_a_scene_lies(films, name, change):
    for scene, views in films[::3]:
        original = scene_geometry(scene, views)
        changed = scene_geometry(change.scene(scene), change.views(views))
        assert all_keys(FAMILIES[name], original) == all_keys(FAMILIES[name], changed)


def all_keys(family, geometry):
    return sorted(
        str(family.key("", roles)) for roles in family.candidates(geometry, np.random.default_rng(0))
    )


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_changed_scene_is_a_valid_scene(films, change):
    for scene, views in films:
        boxes = np.array([obj.rotation for obj in change.scene(scene).objects])
        cameras = change.views(views).poses[:, :3, :3]
        for rotations in (boxes, cameras):
            identity = np.broadcast_to(np.eye(3), rotations.shape)
            np.testing.assert_allclose(rotations @ rotations.swapaxes(1, 2), identity, atol=1e-12)
            np.testing.assert_allclose(np.linalg.det(rotations), 1)
        corners = np.array([obj.corners() for obj in scene.objects])
        changed = np.array([obj.corners() for obj in change.scene(scene).objects])
        for expected, actual in zip(change.points(corners), changed, strict=True):  # in any order
            assert np.allclose(sorted(expected.round(9).tolist()), sorted(actual.round(9).tolist()))
