import json

import numpy as np
import pytest

from lightning_ouro.programs import prelude
from lightning_ouro.programs.loaded_scene import HostFunctions, plain_data
from lightning_ouro.programs.scene_geometry import jittered, scene_geometry
from lightning_ouro.scenes.types import Views


def test_plain_data_survive_json(room):
    poses = np.tile(np.eye(4), (5, 1, 1))
    poses[:, :3, :3] = [[1, 0, 0], [0, 0, 1], [0, -1, 0]]
    times = np.array([0.0, 0.449, 1.26, 2.0, 3.95])
    views = Views(times, np.tile(np.eye(3), (5, 1, 1)), poses, np.zeros((5, 9), np.float32))
    data = plain_data([scene_geometry(room, views), *jittered(room, draws=2)])
    direct, from_json = prelude._load(**data), prelude._load(**json.loads(json.dumps(data)))
    for scenes in zip(direct, from_json, strict=True):
        distances = [scene.distance(*scene.objects[:2]) for scene in scenes]
        assert distances[0] == distances[1]
    exact = from_json[0]
    assert [camera.time for camera in exact.cameras] == [0, 0.4, 1.3, 2, 4]
    assert exact.unique("tv").extents == pytest.approx([1.2, 0.1, 0.7])
    assert exact.distance(exact.unique("sofa"), exact.unique("tv")) == pytest.approx(3 - 0.45 - 0.05)


@pytest.fixture(scope="module")
def functions(make_scene):
    boxes = [("chair", (2 * i, 0, 0), (0.5, 0.6, 0.9)) for i in range(4)]
    return HostFunctions([scene_geometry(make_scene(boxes))] * 3)


@pytest.mark.parametrize("odd", [-1, 4, 1.0, True, "a", None, [], 10**30])
def test_the_host_trusts_no_argument_of_a_program(functions, odd):
    for arguments in ((odd, 1), (1, odd)):
        with pytest.raises(ValueError, match="two objects of the scene are needed"):
            functions.are_straight(*arguments)
        with pytest.raises(ValueError, match="two objects of the scene are needed"):
            functions.path(0, *arguments)
    with pytest.raises(ValueError, match="two objects of the scene are needed"):
        functions.path(odd, 0, 1)


def test_the_host_answers_for_every_draw_and_refuses_where_no_path_is(make_scene):
    open_floor = scene_geometry(
        make_scene([(name, (x, 0, 0), (0.2, 0.2, 1)) for name, x in (("a", 0), ("b", 3))])
    )
    functions = HostFunctions([open_floor] * 3)
    assert functions.are_straight(0, 1) == [True] * 3
    assert functions.path(2, 0, 1) == [(0, 0), (3, 0)]
    wall = ("wall", (1.5, 0, 0), (0.1, 50, 2))
    boxes = [("a", (0, 0, 0), (0.2, 0.2, 1)), ("b", (3, 0, 0), (0.2, 0.2, 1)), wall]
    functions = HostFunctions([scene_geometry(make_scene(boxes))])
    assert functions.are_straight(0, 1) == [False]
    for _ in range(2):
        with pytest.raises(ValueError, match="there is no way to walk from a to b"):
            functions.path(0, 0, 1)
