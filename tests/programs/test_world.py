import json
import subprocess
import sys

import numpy as np
import pytest

from lightning_ouro.programs.prelude import Scene as ApiScene
from lightning_ouro.programs.world import jittered, world


def test_plain_data_are_json_and_open_the_api(room):
    scene = ApiScene(**json.loads(json.dumps(world(room).plain())))
    assert scene.count("chair") == 2
    assert scene.unique("sofa").longest_side == 2
    assert scene.unique("tv").extents == pytest.approx([1.2, 0.1, 0.7])
    assert scene.distance(scene.unique("sofa"), scene.unique("tv")) == pytest.approx(np.hypot(3 - 0.45 - 0.05, 0))


def test_corrected_counts_win_over_boxes(make_scene):
    scene = make_scene([("door", (0, 0, 0), (1, 1, 1))], counts={"door": 3})
    assert world(scene).count("door") == 3
    assert not world(scene).is_unique("door")
    with pytest.raises(ValueError, match="3 objects of category 'door'"):
        ApiScene(**world(scene).plain()).unique("door")


def test_noise_has_the_stated_size(make_scene):
    many = make_scene([(f"box{i}", (i, 0, 0), (1, 2, 3)) for i in range(60)])
    exact, draws = world(many), jittered(many, 50)
    shifts = np.array([draw.centers - exact.centers for draw in draws])
    ratios = np.array([draw.sizes / exact.sizes for draw in draws])
    turns = np.degrees([np.arctan2(draw.rotations[:, 1, 0], draw.rotations[:, 0, 0]) for draw in draws])
    assert shifts.std() == pytest.approx(0.03, rel=0.05)
    assert ratios.std() == pytest.approx(0.03, rel=0.05)
    assert turns.std() == pytest.approx(2, rel=0.05)
    assert max(abs(shifts.mean()), abs(ratios.mean() - 1)) < 0.002
    assert all((draw.rotations[:, 2] == [0, 0, 1]).all() for draw in draws)


def test_noise_is_the_same_in_every_process_and_for_every_number_of_draws(room):
    code = (
        "import numpy as np; from lightning_ouro.scenes.types import Scene, SceneObject;"
        "from lightning_ouro.programs.world import jittered;"
        "things = tuple(SceneObject(i, 'box', np.zeros(3), np.ones(3), np.eye(3)) for i in range(9));"
        "scene = Scene('scene', '', things, {}, frozenset(), 1.0, None, None);"
        "print([[draw.centers.tolist() for draw in jittered(scene)]])"
    )
    elsewhere = json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)[0]
    exact, draws, fewer = world(room), jittered(room), jittered(room, 3)
    assert [(draw.centers - exact.centers).tolist() for draw in draws] == [
        pytest.approx(np.array(c)) for c in elsewhere
    ]
    assert all((one.centers == other.centers).all() for one, other in zip(draws, fewer, strict=False))
    assert len({draw.centers.tobytes() for draw in draws}) == 8


def test_counts_and_floor_stay_under_noise(room):
    plain = world(room).plain()
    for draw in jittered(room):
        assert draw.plain()["counts"] == plain["counts"]
        assert draw.plain()["floor_area"] == plain["floor_area"]
