"""The API in CPython: what its scenes hold, and that the sandbox computes the same."""

from dataclasses import replace

import numpy as np
import pytest

from lightning_ouro.programs import prelude
from lightning_ouro.programs.loaded_scene import plain_data
from lightning_ouro.programs.sandbox import LoadedScene
from lightning_ouro.programs.scene_geometry import jittered, scene_geometry
from lightning_ouro.scenes.synthetic.procedural import procedural_scene
from lightning_ouro.scenes.types import FrameBudget, Views


def loaded(draws):
    """The API's scenes, in CPython."""
    return prelude._load(**plain_data(draws))


@pytest.fixture(scope="module")
def filmed():
    scene = procedural_scene(3)
    return scene, scene.footage.load(scene, FrameBudget()).views


def test_the_apis_scenes_hold_what_the_draws_hold(filmed):
    scene, views = filmed
    draws = [scene_geometry(scene, views), *jittered(scene, views, 3)]
    assert len({draw.floor_area for draw in draws}) == 4
    for draw, api in zip(draws, loaded(draws), strict=True):
        assert api.floor_area == draw.floor_area
        assert [obj.category for obj in api.objects] == [obj.category for obj in scene.objects]
        for i, obj in enumerate(api.objects):
            assert (obj.id, obj.center, obj.size) == (i, tuple(draw.centers[i]), tuple(draw.sizes[i]))
            assert obj.longest_side == draw.sizes[i].max()
            low, high = draw.corners[i].min(axis=0), draw.corners[i].max(axis=0)
            assert obj.extents == tuple(high - low) and obj.height == (high - low)[2]
            assert [api.distance(obj, other) for other in api.objects] == draw.distances[i].tolist()
            from_cameras = [api.camera_distance(camera, obj) for camera in api.cameras]
            assert from_cameras == draw.camera_distances[:, i].tolist()
        for category in draw.categories():
            assert [obj.id for obj in api.all(category)] == draw.indices(category)
            assert api.count(category) == draw.count(category)


def test_no_camera_that_looks_at_the_floor_has_a_forward_or_sees_a_motion(filmed):
    scene, views = filmed
    poses = views.poses.copy()
    poses[0, :3, :3] = [[1, 0, 0], [0, -1, 0], [0, 0, -1]]
    (api,) = loaded([scene_geometry(scene, replace(views, poses=poses, path=None))])
    first, second = api.cameras[:2]
    assert first.forward is first.right is None and second.forward is not None
    with pytest.raises(ValueError, match=r"too steeply or askew at 0\.\d s"):
        api.motion(first, second)
    api.motion(second, first)


def test_the_apis_cameras_and_first_appearances_are_those_of_the_views(filmed):
    scene, views = filmed
    (api,) = loaded([scene_geometry(scene, views)])
    assert [camera.time for camera in api.cameras] == [
        float(f"{seconds:.1f}") for seconds in views.timestamps
    ]
    for camera, pose in zip(api.cameras, views.poses, strict=True):
        assert camera.position == tuple(pose[:3, 3])
        assert camera.right == pytest.approx(pose[:2, 0])  # these cameras are held level
        assert np.hypot(*camera.forward) == pytest.approx(1)
        assert np.dot(camera.forward, pose[:2, 2]) == pytest.approx(np.hypot(*pose[:2, 2]))
    for category in api._by_category:
        shares = views.visibility[:, [obj.id for obj in api.all(category)]].max(axis=1, initial=0)
        seen = views.timestamps[shares >= 0.003]
        if len(seen):
            assert api.first_sight(category) == seen[0]
        else:
            with pytest.raises(ValueError, match="no frame shows"):
                api.first_sight(category)


def test_corrected_counts_take_precedence_over_boxes(make_scene):
    boxes = [("door", (0, 0, 0), (1, 1, 1)), ("sofa", (3, 0, 0), (1, 1, 1)), ("sofa", (5, 0, 0), (1, 1, 1))]
    geometry = scene_geometry(make_scene(boxes, counts={"door": 3, "sofa": 1, "lamp": 2}))
    (api,) = loaded([geometry])
    assert [api.count(name) for name in ("door", "sofa", "lamp", "cat")] == [3, 1, 2, 0]
    for name, number in (("door", 3), ("sofa", 2), ("lamp", 2), ("cat", 0)):
        with pytest.raises(ValueError, match=f"{number} objects of category '{name}'"):
            api.unique(name)


def test_cpython_and_the_sandbox_agree_on_the_api(sandbox, room):
    poses = np.tile(np.eye(4), (2, 1, 1))
    poses[:, :3, :3] = [[1, 0, 0], [0, 0, 1], [0, -1, 0]]
    poses[1, :3, 3] = [1, -4, 1.5]
    visibility = np.full((2, len(room.objects)), 0.01, np.float32)
    views = Views(np.array([0.0, 0.9]), np.tile(np.eye(3), (2, 1, 1)), poses, visibility)
    program = (
        "def answer(scene):\n"
        "    sofa, bed, tv = scene.unique('sofa'), scene.unique('bed'), scene.unique('tv')\n"
        "    first, second = scene.camera(0.0), scene.camera(0.9)\n"
        "    total = scene.direction(sofa, bed, tv) / 90 + scene.distance(sofa, bed) + scene.floor_area\n"
        "    total += sum(scene.motion(first, second)) + scene.turn(first, second) + scene.first_sight('tv')\n"
        "    total += scene.camera_distance(second, bed) + scene.count('chair')\n"
        "    return metres(total + bed.longest_side + sum(thing.extents[2] for thing in scene.all('chair')))\n"
    )
    draws = [scene_geometry(room, views), *jittered(room, views)]
    names = dict(vars(prelude))
    exec(program, names)
    in_cpython = [names["answer"](scene).value for scene in loaded(draws)]
    in_sandbox = sandbox.run(program, LoadedScene(draws)).answers
    assert [answer.value for answer in in_sandbox] == in_cpython
