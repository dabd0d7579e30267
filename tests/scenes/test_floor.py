import numpy as np
import pytest
import shapely
from scipy.spatial.transform import Rotation

from lightning_ouro.scenes.floor import floor_outline, floor_rectangle, grid_on_floor, least_rectangle
from lightning_ouro.scenes.synthetic.procedural import procedural_scene
from lightning_ouro.scenes.types import Scene, SceneObject


def scene_of(boxes, floor_area, floor=None):
    """A scene of boxes `(x, y, width, depth, degrees)`."""
    objects = tuple(
        SceneObject(
            index,
            "box",
            np.array([x, y, 0.5]),
            np.array([width, depth, 1.0]),
            Rotation.from_euler("z", degrees, degrees=True).as_matrix(),
        )
        for index, (x, y, width, depth, degrees) in enumerate(boxes)
    )
    outline = None if floor is None else np.array(floor, float)
    return Scene("scene", "hand", objects, {}, frozenset(), floor_area, outline, None)


def random_boxes(rng, number=6):
    centers = rng.uniform(-4, 4, (number, 2))
    return np.column_stack([centers, rng.uniform(0.3, 2, (number, 2)), rng.uniform(0, 360, number)]).tolist()


def area(outline):
    x, y = outline.T
    return (x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2  # positive if counter-clockwise


def within(points, corners):
    """Which points lie in a counter-clockwise convex outline, to a micrometre."""
    edges, offsets = np.roll(corners, -1, axis=0) - corners, points[:, None] - corners
    return ((edges[:, 0] * offsets[..., 1] - edges[:, 1] * offsets[..., 0]) >= -1e-6).all(axis=1)


def extents_along(points, angle):
    axes = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.ptp(points @ axes, axis=0)


def test_the_least_rectangle_contains_all_points_and_no_angle_is_better():
    rng = np.random.default_rng(0)
    for _ in range(20):
        points = rng.normal(size=(12, 2)) * rng.uniform(0.2, 3, 2)
        rectangle = least_rectangle(points)
        assert within(points, rectangle.corners()).all()
        assert area(rectangle.corners()) == pytest.approx(rectangle.extents.prod())
        others = [extents_along(points, angle).prod() for angle in np.linspace(0, np.pi / 2, 500)]
        assert min(others) >= rectangle.extents.prod() - 1e-9
        assert min(others) == pytest.approx(rectangle.extents.prod(), rel=0.03)


@pytest.mark.parametrize("floor_area", [4.0, 30.0, 129.0])
def test_the_rectangle_around_the_objects_has_the_floor_area(floor_area):
    rng = np.random.default_rng(1)
    for _ in range(10):
        scene = scene_of(random_boxes(rng), floor_area)
        outline = floor_outline(scene)
        assert area(outline) == pytest.approx(floor_area)
        np.testing.assert_array_equal(outline, floor_rectangle(scene).corners())


def test_scaling_keeps_the_least_rectangles_middle_axis_and_aspect():
    rng = np.random.default_rng(2)
    for _ in range(10):
        scene = scene_of(random_boxes(rng), 40.0)
        points = np.concatenate([item.corners() for item in scene.objects])[:, :2]
        least, rectangle = least_rectangle(points), floor_rectangle(scene)
        np.testing.assert_array_equal(rectangle.axis, least.axis)
        np.testing.assert_array_equal(rectangle.middle, least.middle)
        ratio = least.extents.max() / least.extents.min()
        assert rectangle.extents.max() / rectangle.extents.min() == pytest.approx(min(ratio, 2))
        assert (rectangle.extents.argmax() == least.extents.argmax()) or ratio == pytest.approx(1)
        assert within(points, rectangle.corners()).all() == (rectangle.extents >= least.extents).all()


def test_a_floor_as_large_as_the_objects_need_covers_them():
    boxes = [(-1, -1, 1, 1, 0), (2, 1, 2, 2, 0), (-1.25, 1.75, 0.5, 0.5, 0), (2.75, -1.25, 0.5, 0.5, 0)]
    scene = scene_of(boxes, 4.5 * 3.5)
    points = np.concatenate([item.corners() for item in scene.objects])[:, :2]
    assert within(points, floor_outline(scene)).all()
    corners = sorted(map(tuple, floor_outline(scene).round(9).tolist()))
    assert corners == [(-1.5, -1.5), (-1.5, 2), (3, -1.5), (3, 2)]


def test_the_room_of_a_single_sofa_is_not_a_corridor():
    rectangle = floor_rectangle(scene_of([(0, 0, 3, 0.5, 0)], 18.0))
    assert sorted(rectangle.extents.tolist()) == pytest.approx([3, 6])


def test_the_rectangle_turns_with_the_scene():
    boxes = np.array(random_boxes(np.random.default_rng(3)))
    turn = np.array([[np.cos(0.7), -np.sin(0.7)], [np.sin(0.7), np.cos(0.7)]])
    moved = np.column_stack([boxes[:, :2] @ turn.T + [5, -2], boxes[:, 2:4], boxes[:, 4] + np.degrees(0.7)])
    before, after = (floor_outline(scene_of(listed.tolist(), 25.0)) for listed in (boxes, moved))
    expected = before @ turn.T + [5, -2]
    assert max(np.linalg.norm(after - corner, axis=1).min() for corner in expected) < 1e-9


def test_a_scenes_own_outline_takes_precedence():
    corners = [(0, 0), (6, 0), (6, 2), (2, 2), (2, 5), (0, 5)]
    scene = scene_of([(1, 1, 1, 1, 0)], 18.0, corners)
    np.testing.assert_array_equal(floor_outline(scene), corners)
    rectangle = floor_rectangle(scene)
    assert rectangle.extents.prod() == pytest.approx(18.0)
    assert sorted(rectangle.extents / np.sqrt(18 / 30)) == pytest.approx([5, 6])


def test_procedural_rooms_outlines_equal_their_rectangles():
    for index in range(5):
        scene = procedural_scene(index)
        assert floor_outline(scene) is scene.floor
        corners = floor_rectangle(scene).corners()
        assert max(np.linalg.norm(corners - corner, axis=1).min() for corner in scene.floor) < 1e-6
        points = np.concatenate([item.corners() for item in scene.objects])[:, :2]
        assert within(points, corners).all()


def test_a_scene_without_outline_and_objects_has_no_floor():
    assert floor_outline(scene_of([], 10.0)).shape == (0, 2)
    assert floor_outline(scene_of([], 4.0, [(0, 0), (2, 0), (2, 2), (0, 2)])).shape == (4, 2)


@pytest.mark.parametrize(
    "corners",
    [
        [(0, 0), (4, 0), (4, 3), (0, 3)],
        [(0, 0), (0, 3), (4, 3), (4, 0)],
        [(0, 0), (5, 0), (5, 1), (2, 1), (2, 4), (0, 4)],
        [(0, 0), (3, 1), (6, 0), (3, 5)],
    ],
)
def test_the_grid_on_a_floor_has_the_points_inside_its_outline(corners):
    outline, cells = np.array(corners, float), 24
    grid, shape = grid_on_floor(outline, cells), shapely.Polygon(corners)
    (low_x, low_y, high_x, high_y) = shape.bounds
    cell = (high_x - low_x) * (high_y - low_y) / cells**2
    assert all(shape.buffer(1e-9).contains(shapely.Point(point)) for point in grid)
    assert len(grid) * cell == pytest.approx(shape.area, rel=0.05)
