import json
import subprocess
import sys

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from lightning_ouro.programs import prelude
from lightning_ouro.programs.scene_geometry import common_ground, jittered, plain, scene_geometry
from lightning_ouro.scenes.synthetic.procedural import procedural_scene
from lightning_ouro.scenes.types import FrameBudget, Scene, SceneObject, Views

TIMES = [0.0, 0.449, 1.26, 2.0, 3.95]


def views_of(eyes, seconds=TIMES, visibility=None, rotation=None):
    """Cameras at places, all turned alike; by default they look along +y, level."""
    poses = np.tile(np.eye(4), (len(eyes), 1, 1))
    poses[:, :3, :3] = [[1, 0, 0], [0, 0, 1], [0, -1, 0]] if rotation is None else rotation
    poses[:, :3, 3] = eyes
    seen = np.zeros((len(eyes), 9)) if visibility is None else visibility
    intrinsics = np.tile(np.eye(3), (len(eyes), 1, 1))
    return Views(np.array(seconds[: len(eyes)], float), intrinsics, poses, np.asarray(seen, np.float32))


@pytest.fixture(scope="module")
def filmed():
    scene = procedural_scene(3)
    return scene, scene.footage.load(scene, FrameBudget()).views


def opened(worlds):
    """The API's scenes, in CPython."""
    return prelude._load(**plain(worlds))


def test_the_apis_scenes_hold_what_the_worlds_hold(filmed):
    scene, views = filmed
    readings = [scene_geometry(scene, views), *jittered(scene, views, 3)]
    assert len({reading.floor_area for reading in readings}) == 4
    for reading, api in zip(readings, opened(readings), strict=True):
        assert api.floor_area == reading.floor_area
        assert [thing.category for thing in api.objects] == [thing.category for thing in scene.objects]
        for i, thing in enumerate(api.objects):
            assert (thing.id, thing.center, thing.size) == (
                i,
                tuple(reading.centers[i]),
                tuple(reading.sizes[i]),
            )
            assert thing.longest_side == reading.sizes[i].max()
            low, high = reading.corners[i].min(axis=0), reading.corners[i].max(axis=0)
            assert thing.extents == tuple(high - low) and thing.height == (high - low)[2]
            assert [api.distance(thing, other) for other in api.objects] == reading.distances[i].tolist()
            far = [api.camera_distance(camera, thing) for camera in api.cameras]
            assert far == reading.camera_distances[:, i].tolist()
        for category in reading.categories():
            assert [thing.id for thing in api.all(category)] == reading.indices(category)
            assert api.count(category) == reading.count(category)


def test_the_apis_cameras_and_first_sights_are_those_of_the_views(filmed):
    scene, views = filmed
    (api,) = opened([scene_geometry(scene, views)])
    assert [camera.time for camera in api.cameras] == [
        float(f"{seconds:.1f}") for seconds in views.timestamps
    ]
    for camera, pose in zip(api.cameras, views.poses, strict=True):
        assert camera.position == tuple(pose[:3, 3])
        assert camera.right == pytest.approx(pose[:2, 0])  # these cameras are held level
        assert np.hypot(*camera.forward) == pytest.approx(1)
        assert np.dot(camera.forward, pose[:2, 2]) == pytest.approx(np.hypot(*pose[:2, 2]))
    for category in api._by_category:
        shares = views.visibility[:, [thing.id for thing in api.all(category)]].max(axis=1)
        seen = views.timestamps[shares >= 0.003]
        if len(seen):
            assert api.first_sight(category) == seen[0]
        else:
            with pytest.raises(ValueError, match="no frame shows"):
                api.first_sight(category)


def test_plain_data_survive_json(room):
    data = plain([scene_geometry(room, views_of([(0, -4, 1.5)] * 5)), *jittered(room, draws=2)])
    scenes = [prelude._load(**data), prelude._load(**json.loads(json.dumps(data)))]
    assert scenes[1][2].distance(*scenes[1][2].objects[:2]) == scenes[0][2].distance(
        *scenes[0][2].objects[:2]
    )
    assert [camera.time for camera in scenes[1][0].cameras] == [0, 0.4, 1.3, 2, 4]
    assert scenes[1][0].unique("tv").extents == pytest.approx([1.2, 0.1, 0.7])
    assert scenes[1][0].distance(*map(scenes[1][0].unique, ("sofa", "tv"))) == pytest.approx(3 - 0.45 - 0.05)


def test_without_frames_nothing_is_filmed_or_seen(room):
    bare = scene_geometry(room)
    (api,) = opened([bare])
    assert (bare.times, bare.frame("0.0"), bare.seen, bare.first_seen, api.cameras) == (
        (),
        None,
        frozenset(),
        {},
        (),
    )
    assert bare.camera_distances.shape == (0, 9) and bare.forwards.shape == (0, 2)


def test_corrected_counts_win_over_boxes(make_scene):
    boxes = [("door", (0, 0, 0), (1, 1, 1)), ("sofa", (3, 0, 0), (1, 1, 1)), ("sofa", (5, 0, 0), (1, 1, 1))]
    reading = scene_geometry(make_scene(boxes, counts={"door": 3, "sofa": 1, "lamp": 2}))
    (api,) = opened([reading])
    assert [reading.count(name) for name in ("door", "sofa", "lamp", "cat")] == [3, 1, 2, 0]
    assert [api.count(name) for name in ("door", "sofa", "lamp", "cat")] == [3, 1, 2, 0]
    assert not any(map(reading.is_unique, ("door", "sofa", "lamp", "cat")))
    assert reading.categories() == ["door", "sofa"] and reading.unique_categories() == []
    for name, number in (("door", 3), ("sofa", 2), ("lamp", 2), ("cat", 0)):
        with pytest.raises(ValueError, match=f"{number} objects of category '{name}'"):
            api.unique(name)


def test_times_have_one_decimal_and_name_their_frames(room):
    reading = scene_geometry(room, views_of([(0, -4, 1.5)] * 5))
    assert reading.times == ("0.0", "0.4", "1.3", "2.0", "4.0")
    assert [reading.frame(time) for time in reading.times] == [0, 1, 2, 3, 4]
    assert [reading.frame(time) for time in ("0.2", "1.2", "1.4", "3.9", "9.9")] == [None] * 5
    assert [opened([reading])[0].camera(float(time)).id for time in reading.times] == [0, 1, 2, 3, 4]


def test_of_frames_with_the_same_time_the_first_is_meant(room):
    reading = scene_geometry(room, views_of([(0, -4, 1.5)] * 3, [1.02, 1.04, 2.0]))
    assert reading.times == ("1.0", "1.0", "2.0")
    assert reading.frame("1.0") == 0 == opened([reading])[0].camera(1.0).id


def test_camera_distances_run_to_the_nearest_point_of_a_box(room):
    eyes = [(0, 0, 0.4), (0, -1.45, 0.4), (3, 0, 1.8), (1.5, 0.95, 0.3)]
    to_sofa = scene_geometry(room, views_of(eyes)).camera_distances[:, 0]  # 2 x 0.9 x 0.8 m about (0, 0, 0.4)
    assert to_sofa.tolist() == pytest.approx([0, 1, np.hypot(2, 1), np.hypot(0.5, 0.5)])


def test_of_turned_boxes_camera_distances_are_least_over_dense_samples():
    rng = np.random.default_rng(0)
    turns = Rotation.random(4, random_state=1).as_matrix()
    sizes, centers = rng.uniform(0.2, 1.5, (4, 3)), rng.normal(size=(4, 3)) * 2
    things = tuple(SceneObject(i, f"box {i}", centers[i], sizes[i], turns[i]) for i in range(4))
    eyes = rng.normal(size=(5, 3)) * 3
    grid = np.stack(np.meshgrid(*[np.linspace(-0.5, 0.5, 41)] * 3), axis=-1).reshape(-1, 3)
    found = scene_geometry(
        Scene("s", "", things, {}, frozenset(), 9.0, None, None), views_of(eyes)
    ).camera_distances
    for box in range(4):
        points = centers[box] + (grid * sizes[box]) @ turns[box].T
        dense = np.linalg.norm(points[None] - eyes[:, None], axis=2).min(axis=1)
        assert (found[:, box] <= dense + 1e-9).all()
        np.testing.assert_allclose(found[:, box], dense, atol=0.04)


@pytest.mark.parametrize(("degrees", "forward"), [(0, (0, 1)), (90, (-1, 0)), (-30, (0.5, np.sqrt(0.75)))])
@pytest.mark.parametrize("down", [-90, -40, 0, 60, 90])
def test_a_camera_heads_where_it_looks_or_where_its_picture_has_its_top(room, degrees, forward, down):
    level = Rotation.from_matrix([[1, 0, 0], [0, 0, 1], [0, -1, 0]])
    turn = (
        Rotation.from_euler("z", degrees, degrees=True)
        * level
        * Rotation.from_euler("x", -down, degrees=True)
    )
    reading = scene_geometry(room, views_of([(0, 0, 1.5)], rotation=turn.as_matrix()))
    # Straight up, the top of the picture is what lies behind.
    expected = np.array(forward) * (-1 if down == -90 else 1)
    assert reading.forwards[0].tolist() == pytest.approx(expected.tolist(), abs=1e-9)


def test_noise_has_the_stated_size(make_scene):
    many = make_scene([(f"box{i}", (i, 0, 0), (1, 2, 3)) for i in range(60)])
    exact, draws = scene_geometry(many), jittered(many, draws=50)
    shifts = np.array([draw.centers - exact.centers for draw in draws])
    ratios = np.array([draw.sizes / exact.sizes for draw in draws])
    turns = np.degrees([np.arctan2(draw.rotations[:, 1, 0], draw.rotations[:, 0, 0]) for draw in draws])
    assert shifts.std() == pytest.approx(0.03, rel=0.05)
    assert ratios.std() == pytest.approx(0.03, rel=0.05)
    assert turns.std() == pytest.approx(2, rel=0.05)
    assert max(abs(shifts.mean()), abs(ratios.mean() - 1)) < 0.002
    assert all((draw.rotations[:, 2] == [0, 0, 1]).all() for draw in draws)


def test_the_floor_area_is_that_of_two_sides_off_by_3_percent(make_scene):
    empty = make_scene([])
    areas = np.array([draw.floor_area for draw in jittered(empty, draws=20_000)])
    logs = np.log(areas / empty.floor_area)
    assert areas.mean() == pytest.approx(empty.floor_area, rel=0.002)
    assert logs.std() == pytest.approx(0.03 * np.sqrt(2), rel=0.02)
    others = [jittered(make_scene([], id=name), draws=1)[0].floor_area for name in ("a", "b", "c")]
    assert len(set(others)) == 3


def test_noise_of_distances_is_that_of_the_boxes(room):
    for draw in jittered(room):
        fresh = [SceneObject(i, "", draw.centers[i], draw.sizes[i], draw.rotations[i]) for i in range(9)]
        again = scene_geometry(Scene("", "", tuple(fresh), {}, frozenset(), 1.0, None, None))
        np.testing.assert_array_equal(draw.distances, again.distances)
        np.testing.assert_allclose(draw.corners, [thing.corners() for thing in fresh], atol=1e-12)


def test_noise_is_the_same_in_every_process_and_for_every_number_of_draws(room):
    code = (
        "import numpy as np; from lightning_ouro.scenes.types import Scene, SceneObject;"
        "from lightning_ouro.programs.scene_geometry import jittered;"
        "things = tuple(SceneObject(i, 'box', np.zeros(3), np.ones(3), np.eye(3)) for i in range(9));"
        "scene = Scene('scene', '', things, {}, frozenset(), 20.0, None, None);"
        "print([[[draw.centers.tolist(), draw.floor_area] for draw in jittered(scene)]])"
    )
    elsewhere = json.loads(
        subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    )[0]
    exact, draws, fewer = scene_geometry(room), jittered(room), jittered(room, draws=3)
    for draw, (centers, area) in zip(draws, elsewhere, strict=True):
        np.testing.assert_allclose(draw.centers - exact.centers, centers, atol=1e-12)
        assert draw.floor_area == area
    assert all((one.centers == other.centers).all() for one, other in zip(draws, fewer, strict=False))
    assert [draw.floor_area for draw in draws[:3]] == [draw.floor_area for draw in fewer]
    assert len({draw.centers.tobytes() for draw in draws}) == 8


def test_counts_cameras_and_what_frames_show_stay_under_noise(filmed):
    scene, views = filmed
    exact, draws = scene_geometry(scene, views), jittered(scene, views)
    assert all(draw.views is views and draw.seen == exact.seen for draw in draws)
    assert all((draw.first_seen, draw.times) == (exact.first_seen, exact.times) for draw in draws)
    for draw, api in zip(draws, opened(draws), strict=True):
        assert plain([draw])["shared"] == plain([exact])["shared"]
        assert all(api.count(name) == exact.count(name) for name in exact.categories())


def test_walkable_pairs_are_those_of_unique_objects_with_a_straight_way(filmed):
    reading = scene_geometry(*filmed)
    ground, names = common_ground([reading]), reading.unique_categories()
    places = [reading.indices(name)[0] for name in names]
    pairs = {(a, b) for a in places for b in places if a != b}
    straight = {pair for pair in pairs if (way := ground.way(0, *pair)) is not None and len(way) == 2}
    assert reading.walkable == straight and 0 < len(straight) < len(pairs)
