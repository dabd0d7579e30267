import json

import numpy as np
import pytest

from lightning_ouro.programs import prelude
from lightning_ouro.programs.loaded_scene import plain_data
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
