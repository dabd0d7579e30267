import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
import shapely

from lightning_ouro.scenes.floor_area import ALPHA, alpha_shape_area, polygon_area, scanned_floor_area
from lightning_ouro.scenes.synthetic.procedural import procedural_scene
from tests.scenes.readers.film import mesh_of


def area_by_polygons(points, alpha=ALPHA):
    """Like the package `alphashape`: the union of the polygons that the kept triangles' border edges enclose."""
    parts = shapely.get_parts(shapely.delaunay_triangles(shapely.multipoints(points)))
    triangles = shapely.get_coordinates(parts).reshape(-1, 4, 2)[:, :3]
    first, second, third = triangles.transpose(1, 0, 2)
    # The circumcentre has the same distance from all corners.
    sides = 2 * np.stack([second - first, third - first], axis=1)
    squares = np.stack([(second**2 - first**2).sum(axis=1), (third**2 - first**2).sum(axis=1)], axis=1)
    proper = np.abs(np.linalg.det(sides)) > 1e-14
    centers = np.linalg.solve(sides[proper], squares[proper][..., None])[..., 0]
    kept = triangles[proper][np.linalg.norm(centers - first[proper], axis=1) < 1 / alpha]
    edges = Counter(
        tuple(sorted((tuple(corners[index]), tuple(corners[index - 1]))))
        for corners in kept.tolist()
        for index in range(3)
    )
    border = [list(edge) for edge, times in edges.items() if times == 1]
    if not border:
        return 0.0
    return shapely.unary_union(shapely.get_parts(shapely.polygonize(shapely.linestrings(border)))).area


def ring(rng, number, inner, outer):
    radii, angles = np.sqrt(rng.uniform(inner**2, outer**2, number)), rng.uniform(0, 2 * np.pi, number)
    return np.stack([radii * np.cos(angles), radii * np.sin(angles)], axis=1)


def noisy_room(rng, width, depth):
    """A scanned floor with walls seen from above, and points outside a window."""
    floor = rng.uniform(0, [width, depth], (2500, 2))
    walls = np.concatenate(
        [np.stack([np.full(300, x), rng.uniform(0, depth, 300)], axis=1) for x in (0, width)]
        + [np.stack([rng.uniform(0, width, 300), np.full(300, y)], axis=1) for y in (0, depth)]
    )
    window = rng.uniform([width, 1], [width + 3, 2], (60, 2))
    return np.concatenate([floor, walls + rng.normal(0, 0.03, walls.shape), window])


def clouds():
    rng = np.random.default_rng(0)
    sides = (0.3, 0.5, 1.0, 2.0, 3.0, 6.0, 6.0, 8.0)
    for number, side in zip((3, 10, 40, 100, 400, 400, 700, 900), sides, strict=True):
        yield f"{number} points in {side} m", rng.uniform(0, side, (number, 2))
    yield "3000 points of a cloud", rng.normal(0, 1.5, (3000, 2))
    yield "a ring", ring(rng, 3000, 1.0, 1.5)
    yield "a ring with an island", np.concatenate([ring(rng, 3000, 1.0, 1.5), ring(rng, 300, 0.0, 0.4)])
    yield "nested rings", np.concatenate([ring(rng, 3000, 2.0, 2.4), ring(rng, 2000, 1.0, 1.4)])
    yield "two blobs", np.concatenate([rng.uniform(0, 1, (800, 2)), rng.uniform(3, 4, (800, 2))])
    yield "two blobs that touch", np.concatenate([rng.uniform(0, 1, (800, 2)), rng.uniform(1, 2, (800, 2))])
    for index in range(3):
        yield f"noisy room {index}", noisy_room(rng, *rng.uniform(2, 6, 2))
    yield "points that repeat", rng.uniform(0, 2, (200, 2))[rng.integers(200, size=2000)]


CLOUDS = dict(clouds())


@pytest.mark.parametrize("cloud", CLOUDS)
def test_the_area_equals_that_of_the_joined_polygons(cloud):
    expected = area_by_polygons(np.unique(CLOUDS[cloud], axis=0))
    assert alpha_shape_area(CLOUDS[cloud]) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("alpha", [1.0, 2.0, 20.0])
def test_the_area_equals_that_of_the_joined_polygons_for_any_alpha(alpha):
    for cloud in ("400 points in 6.0 m", "a ring with an island", "noisy room 0"):
        expected = area_by_polygons(CLOUDS[cloud], alpha)
        assert alpha_shape_area(CLOUDS[cloud], alpha) == pytest.approx(expected, rel=1e-9)


def test_holes_are_filled_but_gaps_between_blobs_are_not():
    assert alpha_shape_area(CLOUDS["a ring"]) == pytest.approx(np.pi * 1.5**2, rel=0.03)
    assert alpha_shape_area(CLOUDS["nested rings"]) == pytest.approx(np.pi * 2.4**2, rel=0.03)
    assert alpha_shape_area(CLOUDS["two blobs"]) == pytest.approx(2, rel=0.06)


def room(width=4.0, depth=5.0, spacing=0.05):
    x, y = (np.arange(0, side + 1e-9, spacing) for side in (width, depth))
    floor = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    return np.concatenate([np.c_[floor, np.zeros(len(floor))], np.c_[floor, np.full(len(floor), 2.5)]])


@pytest.mark.parametrize("degrees", [0, 17, 45])
def test_a_room_of_4_by_5_m_has_20_square_metres_within_2_percent(degrees):
    turn = np.radians(degrees)
    rotation = np.array([[np.cos(turn), np.sin(turn), 0], [-np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    points = room() @ rotation + 7
    for scene_id in ("a", "b", "c"):
        assert scanned_floor_area(points, scene_id) == pytest.approx(20, rel=0.02)


def test_the_missing_corner_of_an_l_shaped_room_has_no_area():
    points = room(5, 5)
    inside = (points[:, 0] < 2) | (points[:, 1] < 3)
    assert scanned_floor_area(points[inside], "l") == pytest.approx(2 * 5 + 3 * 3, rel=0.02)


def test_the_mesh_of_a_procedural_scene_has_its_floor_area_within_2_percent():
    for index in (1, 4, 6):
        scene = procedural_scene(index)
        assert scanned_floor_area(mesh_of(scene)[0], scene.id) == pytest.approx(scene.floor_area, rel=0.02)


def test_the_area_depends_on_points_and_slightly_on_the_id_only():
    points = np.random.default_rng(1).uniform(0, [4, 5, 2], (50_000, 3))
    areas = [scanned_floor_area(points, f"scene{index}") for index in range(6)]
    assert areas == [scanned_floor_area(points, f"scene{index}") for index in range(6)]
    assert len(set(areas)) == 6 and np.ptp(areas) < 0.2  # VSI-Bench's own spread
    program = (
        "import numpy as np\n"
        "from lightning_ouro.scenes.floor_area import scanned_floor_area\n"
        "points = np.random.default_rng(1).uniform(0, [4, 5, 2], (50_000, 3))\n"
        "print(repr(scanned_floor_area(points, 'scene3')))"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert float(ran.stdout) == areas[3]


LINE = np.linspace(0, 1, 500)


@pytest.mark.parametrize(
    "points",
    [
        np.c_[LINE, 2 * LINE, LINE],
        np.c_[LINE, 0 * LINE, LINE],
        np.c_[0 * LINE, 0 * LINE, LINE],
        np.zeros((9, 3)),
        np.ones((1, 3)),
        np.eye(3)[:2],
    ],
)
def test_collinear_points_have_no_area(points):
    assert scanned_floor_area(points, "line") == 0


def test_points_that_are_not_finite_have_no_area():
    assert alpha_shape_area(np.array([[0, 0], [0.1, 0], [0, 0.1], [np.nan, 0]])) == 0


@pytest.mark.parametrize("corners", [3, 4, 7, 30])
def test_the_area_of_an_outline_equals_shapelys_in_both_orientations(corners):
    rng = np.random.default_rng(corners)
    angles = np.sort(rng.uniform(0, 2 * np.pi, corners))
    outline = rng.uniform(1, 3, (corners, 1)) * np.stack([np.cos(angles), np.sin(angles)], axis=1) + [40, -3]
    expected = shapely.Polygon(outline).area
    assert polygon_area(outline) == pytest.approx(expected) == polygon_area(outline[::-1])
