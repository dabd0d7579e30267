import json
import subprocess
import sys

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from lightning_ouro.programs import prelude
from lightning_ouro.programs.loaded_scene import plain_data
from lightning_ouro.programs.scene_geometry import exact_and_jittered, ground_of, jittered, scene_geometry
from lightning_ouro.scenes.synthetic.procedural import procedural_scene
from lightning_ouro.scenes.types import FrameBudget, Scene, SceneObject, Views

from .walks import most_through, path_between

TIMES = [0.0, 0.449, 1.26, 2.0, 3.95]


def views_of(eyes, seconds=TIMES, rotation=None):
    """Cameras at these positions, all with the same rotation; by default they look along +y, level."""
    poses = np.tile(np.eye(4), (len(eyes), 1, 1))
    poses[:, :3, :3] = [[1, 0, 0], [0, 0, 1], [0, -1, 0]] if rotation is None else rotation
    poses[:, :3, 3] = eyes
    visibility = np.zeros((len(eyes), 9), np.float32)
    intrinsics = np.tile(np.eye(3), (len(eyes), 1, 1))
    return Views(np.array(seconds[: len(eyes)], float), intrinsics, poses, visibility)


@pytest.fixture(scope="module")
def filmed():
    scene = procedural_scene(3)
    return scene, scene.footage.load(scene, FrameBudget()).views


def camera_at(geometry, seconds):
    """The camera that programs get for a time."""
    (api,) = prelude._load(**plain_data([geometry]))
    return api.camera(float(seconds))


def test_without_frames_nothing_is_filmed_or_seen(room):
    bare = scene_geometry(room)
    assert bare.times == () and bare.frame("0.0") is None
    assert bare.seen == frozenset() and bare.first_seen == {}
    assert bare.camera_distances.shape == (0, 9) and bare.forwards.shape == (0, 2)
    (api,) = prelude._load(**plain_data([bare]))
    assert api.cameras == ()


def test_corrected_counts_take_precedence_over_boxes(make_scene):
    boxes = [("door", (0, 0, 0), (1, 1, 1)), ("sofa", (3, 0, 0), (1, 1, 1)), ("sofa", (5, 0, 0), (1, 1, 1))]
    geometry = scene_geometry(make_scene(boxes, counts={"door": 3, "sofa": 1, "lamp": 2}))
    assert [geometry.count(name) for name in ("door", "sofa", "lamp", "cat")] == [3, 1, 2, 0]
    assert not any(map(geometry.is_unique, ("door", "sofa", "lamp", "cat")))
    assert geometry.categories() == ["door", "sofa"] and geometry.unique_categories() == []


def test_the_nearest_object_of_a_category_is_nearest_by_its_box(make_scene):
    boxes = [("sofa", (0, 0, 0), (1, 1, 1)), ("bed", (3, 0, 0), (1, 1, 1)), ("bed", (4, 0, 0), (5, 1, 1))]
    assert scene_geometry(make_scene(boxes)).nearest(0, "bed") == 2


def test_times_have_one_decimal_and_name_their_frames(room):
    geometry = scene_geometry(room, views_of([(0, -4, 1.5)] * 5))
    assert geometry.times == ("0.0", "0.4", "1.3", "2.0", "4.0")
    assert [geometry.frame(time) for time in geometry.times] == [0, 1, 2, 3, 4]
    assert [geometry.frame(time) for time in ("0.2", "1.2", "1.4", "3.9", "9.9")] == [None] * 5
    assert [camera_at(geometry, time).id for time in geometry.times] == [0, 1, 2, 3, 4]


def test_a_time_that_two_frames_share_names_the_first(room):
    geometry = scene_geometry(room, views_of([(0, -4, 1.5)] * 3, [1.02, 1.04, 2.0]))
    assert geometry.times == ("1.0", "1.0", "2.0")
    assert geometry.frame("1.0") == 0 == camera_at(geometry, "1.0").id


def test_camera_distances_run_to_the_nearest_point_of_a_box(room):
    eyes = [(0, 0, 0.4), (0, -1.45, 0.4), (3, 0, 1.8), (1.5, 0.95, 0.3)]
    to_sofa = scene_geometry(room, views_of(eyes)).camera_distances[:, 0]  # 2 x 0.9 x 0.8 m about (0, 0, 0.4)
    assert to_sofa.tolist() == pytest.approx([0, 1, np.hypot(2, 1), np.hypot(0.5, 0.5)])


def test_camera_distances_to_rotated_boxes_are_least_over_dense_samples():
    rng = np.random.default_rng(0)
    turns = Rotation.random(4, random_state=1).as_matrix()
    sizes, centers = rng.uniform(0.2, 1.5, (4, 3)), rng.normal(size=(4, 3)) * 2
    boxes = tuple(SceneObject(i, f"box {i}", centers[i], sizes[i], turns[i]) for i in range(4))
    scene = Scene("s", "", boxes, {}, frozenset(), 9.0, None, None)
    eyes = rng.normal(size=(5, 3)) * 3
    grid = np.stack(np.meshgrid(*[np.linspace(-0.5, 0.5, 41)] * 3), axis=-1).reshape(-1, 3)
    distances = scene_geometry(scene, views_of(eyes)).camera_distances
    for box in range(4):
        points = centers[box] + (grid * sizes[box]) @ turns[box].T
        dense = np.linalg.norm(points[None] - eyes[:, None], axis=2).min(axis=1)
        assert (distances[:, box] <= dense + 1e-9).all()
        np.testing.assert_allclose(distances[:, box], dense, atol=0.04)


@pytest.mark.parametrize(("degrees", "forward"), [(0, (0, 1)), (90, (-1, 0)), (-30, (0.5, np.sqrt(0.75)))])
@pytest.mark.parametrize("down", [-90, -61, -59, 0, 59, 61, 90])
def test_a_camera_faces_where_it_looks_unless_that_is_up_or_down(room, degrees, forward, down):
    level = Rotation.from_matrix([[1, 0, 0], [0, 0, 1], [0, -1, 0]])
    heading, tilt = (
        Rotation.from_euler(axis, angle, degrees=True) for axis, angle in (("z", degrees), ("x", -down))
    )
    turn = heading * level * tilt
    geometry = scene_geometry(room, views_of([(0, 0, 1.5)], rotation=turn.as_matrix()))
    if abs(down) > 60:
        assert np.isnan(geometry.forwards).all()
    else:
        assert geometry.forwards[0].tolist() == pytest.approx(list(forward), abs=1e-9)


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


def test_the_floor_area_varies_like_two_sides_with_3_percent_of_noise(make_scene):
    empty = make_scene([])
    areas = np.array([draw.floor_area for draw in jittered(empty, draws=20_000)])
    logs = np.log(areas / empty.floor_area)
    assert areas.mean() == pytest.approx(empty.floor_area, rel=0.002)
    assert logs.std() == pytest.approx(0.03 * np.sqrt(2), rel=0.02)
    areas = [jittered(make_scene([], scene_id=name), draws=1)[0].floor_area for name in ("a", "b", "c")]
    assert len(set(areas)) == 3


def test_distances_under_noise_are_those_of_the_boxes_under_noise(room):
    for draw in jittered(room):
        fresh = [SceneObject(i, "", draw.centers[i], draw.sizes[i], draw.rotations[i]) for i in range(9)]
        again = scene_geometry(Scene("", "", tuple(fresh), {}, frozenset(), 1.0, None, None))
        np.testing.assert_array_equal(draw.distances, again.distances)
        np.testing.assert_allclose(draw.corners, [obj.corners() for obj in fresh], atol=1e-12)


def test_the_exact_geometry_comes_before_those_under_noise(filmed):
    scene, views = filmed
    apart = [scene_geometry(scene, views), *jittered(scene, views, 3)]
    for one, other in zip(apart, exact_and_jittered(scene, views, 3), strict=True):
        assert other.floor_area == one.floor_area and other.views is views
        for name in ("centers", "sizes", "rotations", "distances"):
            np.testing.assert_array_equal(getattr(other, name), getattr(one, name))


def test_noise_is_the_same_in_every_process_and_for_every_number_of_draws(room):
    code = (
        "import numpy as np; from lightning_ouro.scenes.types import Scene, SceneObject;"
        "from lightning_ouro.programs.scene_geometry import jittered;"
        "boxes = tuple(SceneObject(i, 'box', np.zeros(3), np.ones(3), np.eye(3)) for i in range(9));"
        "scene = Scene('scene', '', boxes, {}, frozenset(), 40.0, None, None);"
        "print([[[draw.centers.tolist(), draw.floor_area] for draw in jittered(scene)]])"
    )
    elsewhere = json.loads(
        subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    )[0]
    exact, draws, fewer = scene_geometry(room), jittered(room), jittered(room, draws=3)
    for draw, (centers, area) in zip(draws, elsewhere, strict=True):
        np.testing.assert_allclose(draw.centers - exact.centers, centers, atol=1e-12)
        assert draw.floor_area == area
    assert all((a.centers == b.centers).all() for a, b in zip(draws, fewer, strict=False))
    assert [draw.floor_area for draw in draws[:3]] == [draw.floor_area for draw in fewer]
    assert len({draw.centers.tobytes() for draw in draws}) == 8


def test_noise_leaves_counts_cameras_and_what_frames_show_alone(filmed):
    scene, views = filmed
    exact, draws = scene_geometry(scene, views), jittered(scene, views)
    assert all(draw.views is views and draw.seen == exact.seen for draw in draws)
    assert all((draw.first_seen, draw.times) == (exact.first_seen, exact.times) for draw in draws)
    for draw in draws:
        assert all(draw.count(name) == exact.count(name) for name in exact.categories())
        assert plain_data([draw])["shared"] == plain_data([exact])["shared"]


def test_walkable_pairs_are_unique_objects_with_a_straight_path(filmed):
    geometry = scene_geometry(*filmed)
    ground = ground_of([geometry])
    unique = [geometry.indices(name)[0] for name in geometry.unique_categories()]
    pairs = {(a, b) for a in unique for b in unique if a != b}
    straight = {
        pair for pair in pairs if (path := path_between(ground, 0, *pair)) is not None and len(path) == 2
    }
    far_through = {pair for pair in straight if most_through(ground, 0, *pair) > 0.5}
    assert geometry.walkable == straight - far_through
    assert far_through and 0 < len(straight) < len(pairs)


def test_distances_on_the_floor_ignore_heights(make_scene):
    boxes = [
        ("rug", (0, 0, 0), (2, 2, 0.1)),
        ("light", (0.5, 0, 2.5), (0.4, 0.4, 0.2)),
        ("bin", (3, 4, 0.3), (1, 1, 0.6)),
    ]
    geometry = scene_geometry(make_scene(boxes))
    assert geometry.floor_distances[0].tolist() == [0, 0.5, 5]
    assert geometry.floor_gaps[0, 1] == 0 and geometry.floor_gaps[0, 2] == pytest.approx(np.hypot(1.5, 2.5))
    assert geometry.bottoms == pytest.approx([-0.05, 2.4, 0])


def test_a_name_is_unique_if_all_that_it_fits_is_one_annotated_object(make_scene):
    boxes = [(name, (x, 0, 0), (1, 1, 1)) for x, name in enumerate(("table", "sofa", "bed", "lamp"))]
    assert scene_geometry(make_scene(boxes)).unique_categories() == ["bed", "lamp", "sofa", "table"]
    partly = scene_geometry(make_scene(boxes, complete={"table", "bed", "lamp"}))
    assert not partly.is_complete("sofa") and partly.unique_categories() == ["bed", "lamp", "table"]
    counted = {name: 1 for name, *_ in boxes} | {"coffee table": 1, "bunk bed": 0}
    named = scene_geometry(make_scene(boxes, counts=counted))  # one that is counted, without a box
    assert named.kinds("table") == ["coffee table"] and not named.is_complete("table")
    assert named.unique_categories() == ["bed", "lamp", "sofa"]


def test_shown_with_a_share_means_in_one_frame(room, filmed):
    views = views_of([(0, -4, 1.5)] * 2)
    views.visibility[:, 0], views.visibility[1, 1] = 0.004, 0.006
    geometry = scene_geometry(room, views)
    assert geometry.shown(0.003) == geometry.seen == {0, 1}
    assert geometry.shown(0.005) == {1} and geometry.shown(0.01) == frozenset()
