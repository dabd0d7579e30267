"""The tables of straight ways and paths: what they say, when they are refused, and how long they take."""

import time

import numpy as np
import pytest

from lightning_ouro.programs import prelude, ways
from lightning_ouro.programs.loaded_scene import LoadedScene
from lightning_ouro.programs.questions import Failure
from lightning_ouro.programs.scene_geometry import ground_of, jittered, scene_geometry
from lightning_ouro.programs.ways import Ways
from lightning_ouro.scenes.synthetic.procedural import procedural_scene
from lightning_ouro.scenes.types import Scene, SceneObject

from .walks import most_through, path_between

BOTH = frozenset(("is_straight", "path"))


def furnished(number, pitch=1.5):
    """A large room with rows of boxes, turned at random, between which there is a way to everywhere."""
    rng, row = np.random.default_rng(0), int(np.ceil(np.sqrt(number)))
    objects = []
    for i in range(number):
        angle, aside = rng.uniform(0, np.pi), rng.uniform(-0.2, 0.2, 2)
        turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
        center = np.array([pitch * (i % row) + aside[0], pitch * (i // row) + aside[1], 0.4])
        objects.append(SceneObject(i, f"box {i}", center, np.array([0.6, 0.42, 0.8]), turn))
    side = pitch * row
    floor = np.array([(-1, -1), (side, -1), (side, side), (-1, side)], float)
    return Scene(f"room of {number}", "hand", tuple(objects), {}, frozenset(), side**2, floor, None)


def draws_of(scene, draws=8):
    return [scene_geometry(scene), *jittered(scene, draws=draws)]


@pytest.fixture
def load(monkeypatch):
    """Loads draws with their tables into the API in CPython, and returns its scenes."""

    def scenes(draws):
        monkeypatch.setattr(prelude, "_STRAIGHT", [])
        monkeypatch.setattr(prelude, "_PATHS", [])
        loaded = LoadedScene(draws)
        prelude._load_ways(loaded.ways.tables(BOTH, 60))
        return prelude._load(**loaded.plain)

    return scenes


@pytest.mark.parametrize("index", [2, 5])
def test_the_api_gives_the_ways_of_every_draw_in_both_directions(load, index):
    draws = draws_of(procedural_scene(index), 2)
    ground, number = ground_of(draws), len(draws[0].scene.objects)
    for draw, scene in enumerate(load(draws)):
        for a in scene.objects:
            for b in scene.objects:
                expected = path_between(ground, draw, a.id, b.id)
                straight = ground.are_straight(*np.array([[draw], [a.id], [b.id]]))[0]
                reached = expected is not None and len(expected) == 2
                assert scene.is_straight(a, b) == straight
                assert straight == (reached and most_through(ground, draw, a.id, b.id) <= 0.5)
                if expected is None:
                    with pytest.raises(ValueError, match=f"no way to walk from {a.category} to {b.category}"):
                        scene.path(a, b)
                else:
                    assert scene.path(a, b) == [tuple(corner) for corner in expected.tolist()]
    assert number > 9


def test_nothing_is_found_before_it_is_needed(monkeypatch):
    monkeypatch.setattr(ways, "ground_of", lambda draws: pytest.fail("no program asks for a way"))
    found = Ways(draws_of(furnished(4))).tables(frozenset(), 0)
    assert found == {}


@pytest.mark.parametrize("objects", [0, 1])
def test_scenes_with_hardly_anything_have_ways(objects):
    found = Ways(draws_of(furnished(objects), 1)).tables(BOTH, 60)
    assert found["is_straight"] == ["1" * objects] * 2
    assert found["path"] == [([], "")] * 2


def test_a_search_that_is_stopped_goes_on_where_it_was():
    draws = draws_of(furnished(30), 2)
    stopped = Ways(draws)
    started, failures = time.monotonic(), 0
    while isinstance(found := stopped.tables(BOTH, 0.01), Failure):
        assert found.reason == "limit"
        assert "took more than 0.01 s" in found.detail
        failures += 1
        assert time.monotonic() - started < 60
    assert failures > 3
    assert found == Ways(draws).tables(BOTH, 60)


def test_a_search_ends_soon_after_its_time():
    late, draws = [], draws_of(furnished(50), 1)
    for _ in range(5):
        started = time.monotonic()
        assert isinstance(Ways(draws).tables(BOTH, 0.05), Failure)
        late.append(time.monotonic() - started - 0.05)
    assert min(late) < 0.1  # a test may share its core


@pytest.mark.parametrize(("number", "names", "possible"), [
    (63, {"path"}, True), (64, {"path"}, False), (64, {"is_straight"}, True), (201, {"is_straight"}, False),
])  # fmt: skip
def test_scenes_that_are_too_large_are_refused_at_once(number, names, possible):
    draws = draws_of(furnished(number, pitch=3), 0)
    started = time.monotonic()
    found = Ways(draws).tables(frozenset(names), 60)
    assert isinstance(found, Failure) != possible
    if not possible:
        assert found.reason == "limit"
        assert f"the scene has {number} ob" in found.detail
        assert time.monotonic() - started < 1
