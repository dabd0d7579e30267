"""Paths over the floor, compared with a fine grid and dense samples."""

from itertools import combinations, pairwise, permutations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from lightning_ouro.programs.scene_geometry import ground_of, jittered, scene_geometry
from lightning_ouro.scenes.synthetic.procedural import procedural_scene
from lightning_ouro.scenes.types import Scene, SceneObject

from .grid_paths import PITCH, clearance, obstacles_between, on_floor, shortest_on_grid
from .walks import Lines, most_through, path_between

RADIUS = 0.2
BEND = 0.02  # metres that the two tangents around a corner may add
U_SHAPE = [(-5, -5), (5, -5), (5, 5), (2, 5), (2, -2), (-2, -2), (-2, 5), (-5, 5)]
ANGLED = Rotation.from_euler("xyz", [25, 50, 20], degrees=True).as_matrix()


def room_of(boxes, floor=((-5, -5), (5, -5), (5, 5), (-5, 5))):
    """Boxes `(x, y, bottom, width, depth, height, degrees)`; the first two are the ends of the path."""
    objects = []
    for i, (x, y, bottom, width, depth, height, degrees) in enumerate(boxes):
        center, size = np.array([x, y, bottom + height / 2]), np.array([width, depth, height], float)
        turn = degrees if isinstance(degrees, np.ndarray) else turned(degrees)
        objects.append(SceneObject(i, f"object {i}", center, size, turn))
    return Scene("room", "hand", tuple(objects), {}, frozenset(), 100.0, np.array(floor, float), None)


def turned(degrees):
    return Rotation.from_euler("z", degrees, degrees=True).as_matrix()


def small(x, y):
    return x, y, 0, 0.1, 0.1, 0.5, 0


def ground_of_scene(scene):
    return ground_of([scene_geometry(scene)])


def path_of(scene, start=0, goal=1):
    return path_between(ground_of_scene(scene), 0, start, goal)


def length(path):
    return float(np.linalg.norm(np.diff(path, axis=0), axis=1).sum())


WALLS = [
    (0, 1, 0, 2.2, 0.1, 1, 0),
    (1, 0, 0, 0.1, 2, 1, 0),
    (0, -1, 0, 2.2, 0.1, 1, 0),
    (-1, 0, 0, 0.1, 2, 1, 0),
]
HAND_MADE = {
    "empty": room_of([small(-4, -3), small(4, 3)]),
    "a wall to go round": room_of([small(-3, 0), small(3, 0.5), (0, -1, 0, 0.2, 6, 2, 0)]),
    "a turned box": room_of([small(-3, 0), small(3, 0), (0, 0.2, 0, 2, 1, 1, 30)]),
    "two walls to pass between": room_of(
        [small(-4, 4), small(4, -4), (-1.5, 2, 0, 0.3, 6.1, 1, 0), (1.5, -2, 0, 0.3, 6.1, 1, 10)]
    ),
    "a box inside another": room_of(
        [small(-3, 0), small(3, 0), (0, 0, 0, 2, 3, 1, 0), (0, 0.5, 1, 0.4, 0.4, 0.3, 0)]
    ),
    "two crossing boxes": room_of(
        [small(-3, 0), small(3, 0), (0, 0, 0, 3, 0.5, 1, 15), (0, 0, 0, 0.5, 4, 1, 15)]
    ),
    "out of three walls": room_of([small(0, 0), small(3, 3), *WALLS[:3]]),
}
PROCEDURAL = [procedural_scene(index) for index in (2, 5, 7)]


def some_pairs(scene, most):
    pairs = list(combinations(range(len(scene.objects)), 2))
    chosen = np.random.default_rng(len(pairs)).permutation(len(pairs))[:most]
    return [pairs[i] for i in chosen]


ASKED = [pytest.param(scene, 0, 1, id=name) for name, scene in HAND_MADE.items()] + [
    pytest.param(scene, *pair, id=f"{scene.id[-1]} {pair}")
    for scene in PROCEDURAL
    for pair in some_pairs(scene, 6)
]


@pytest.mark.parametrize(("scene", "first", "second"), ASKED)
def test_a_path_is_free_and_as_long_as_the_shortest_on_a_fine_grid(scene, first, second):
    path = path_of(scene, first, second)
    upper = shortest_on_grid(scene, first, second, RADIUS, 0.25)
    if path is None:
        assert upper == np.inf
        return
    ends = [scene.objects[end].center[:2] for end in (first, second)]
    np.testing.assert_array_equal(path[[0, -1]], ends)
    points = np.concatenate(
        [np.linspace(*leg, 2 + int(length(np.stack(leg)) / 0.01)) for leg in pairwise(path)]
    )
    assert clearance(points, obstacles_between(scene, first, second)).min() >= RADIUS - 1e-6
    assert on_floor(points, scene.floor).all()
    assert np.linalg.norm(np.subtract(*ends)) - 1e-9 <= length(path) <= upper + BEND * (len(path) - 2)
    lower = shortest_on_grid(scene, first, second, RADIUS - 1.2 * PITCH, 0)
    assert lower <= 1.0275 * length(path) + 2 * PITCH  # 16 neighbours: 1 / cos(13.3 degrees)


def test_the_rooms_have_paths_of_every_kind():
    corners = [
        0 if (path := path_of(scene, *pair)) is None else len(path)
        for scene in PROCEDURAL
        for pair in some_pairs(scene, 40)
    ]
    assert {0, 2, 3, 4} <= set(corners)


def jumble(seed):
    """Boxes of all sizes that stand in one another, so that much may be walked through by some pairs only."""
    rng = np.random.default_rng(seed)
    places, sizes = rng.uniform(-3.5, 3.5, (7, 2)), rng.uniform((0.2, 0.1), (3, 2), (7, 2))
    turns, heights = rng.choice([0, 0, 30, 75], 7), rng.choice([0.5, 1, 2], 7)
    return room_of(
        [(*place, 0, *size, *rest) for place, size, *rest in zip(places, sizes, heights, turns, strict=True)]
    )


@pytest.mark.parametrize("scene", [*HAND_MADE.values(), *PROCEDURAL, *map(jumble, range(8))])
def test_all_paths_are_as_long_as_the_shortest_among_the_same_lines_by_shapely(scene):
    ground = ground_of([scene_geometry(scene), *jittered(scene, draws=1)])
    for draw in range(2):
        lines = Lines(ground, draw)
        for pair in combinations(range(len(scene.objects)), 2):
            path, expected = path_between(ground, draw, *pair), lines.shortest(*pair)
            assert (path is None) == (expected == np.inf)
            assert path is None or length(path) == pytest.approx(expected, abs=1e-6)


def transformed(scene, turn, shift):
    """The whole scene rotated (or mirrored) about the origin and shifted."""
    handed = np.diag([1, 1, np.linalg.det(turn)])  # a box is its own mirror image
    objects = tuple(
        SceneObject(t.id, t.category, turn @ t.center + shift, t.size, turn @ t.rotation @ handed)
        for t in scene.objects
    )
    floor = scene.floor @ turn[:2, :2].T + shift[:2]
    return Scene("moved", "hand", objects, {}, frozenset(), scene.floor_area, floor, None)


@pytest.mark.parametrize("degrees", [0, 37, 180])
@pytest.mark.parametrize("mirror", [1, -1])
def test_moving_rotating_or_mirroring_a_scene_does_the_same_to_its_paths(degrees, mirror):
    turn, shift = turned(degrees) @ np.diag([mirror, 1, 1]), np.array([12.0, -7, 3])
    some = [(HAND_MADE["two walls to pass between"], 0, 1), (HAND_MADE["a turned box"], 0, 1)]
    some += [(scene, *pair) for scene in PROCEDURAL for pair in some_pairs(scene, 10)]
    for scene, first, second in some:
        path, moved = path_of(scene, first, second), path_of(transformed(scene, turn, shift), first, second)
        assert (path is None) == (moved is None)
        if path is not None:
            assert length(moved) == pytest.approx(length(path), abs=1e-7)
            np.testing.assert_allclose(moved, path @ turn[:2, :2].T + shift[:2], atol=1e-6)


@pytest.mark.parametrize(("width", "is_open"), [(0.39, False), (0.41, True)])
@pytest.mark.parametrize("degrees", [0, 33])
@pytest.mark.parametrize("ends", [[(-2, 1), (2, 1)], [(-2, -3), (2, -2)]], ids=["straight", "aside"])
def test_a_gap_in_a_wall_is_open_for_a_walker_of_40_cm(width, is_open, degrees, ends):
    walls = [(0, 1 + side * (10 + width / 2), 0, 0.1, 20, 1, 0) for side in (1, -1)]
    scene = transformed(room_of([small(*end) for end in ends] + walls), turned(degrees), np.zeros(3))
    assert (path_of(scene) is not None) == is_open


@pytest.mark.parametrize(
    ("bottom", "height", "stands"),
    [
        (0, 0.09, False),
        (0, 0.11, True),
        (1.81, 0.5, False),
        (1.79, 0.5, True),
        (0.05, 0.04, False),
        (-0.0, 3, True),
    ],
)
@pytest.mark.parametrize("raised", [0, -1.3])
def test_only_objects_between_10_and_180_cm_above_the_floor_are_obstacles(bottom, height, stands, raised):
    scene = room_of([small(-2, 0), small(2, 0), (0, 0, bottom, 0.5, 20, height, 0)])
    scene = transformed(scene, np.eye(3), np.array([0, 0, raised]))
    assert (path_of(scene) is None) == stands
    assert ground_of_scene(scene).are_straight(*np.array([[0], [0], [1]])).tolist() == [not stands]


def test_a_tilted_box_is_an_obstacle_with_its_whole_footprint():
    plank = (0.3, 0, 1.15, 2.5, 0.3, 0.1, ANGLED)
    reach = room_of([plank]).objects[0].corners()[:, 0].max()
    for x, is_straight in ((reach + 0.19, False), (reach + 0.21, True)):
        ground = ground_of_scene(room_of([small(x, -3), small(x, 3), plank]))
        assert ground.are_straight(*np.array([[0], [0], [1]])).tolist() == [is_straight]


def test_what_the_ends_stand_on_is_not_an_obstacle():
    table = (0, 0, 0, 2, 1, 0.7, 0)
    lamp = (0.5, 0, 0.7, 0.2, 0.2, 0.4, 0)
    assert len(path_of(room_of([lamp, small(3, 3), table]))) == 2
    assert len(path_of(room_of([small(-3, 0), small(3, 0), table, lamp]))) > 2


def test_a_lamp_on_a_table_does_not_open_a_path_through_the_table():
    table, lamp = (0, 0, 0, 2, 9.9, 0.7, 0), (0, 1, 0.7, 0.3, 0.3, 0.4, 0)
    assert path_of(room_of([small(-3, 0), small(3, 0), table])) is None
    assert path_of(room_of([small(-3, 0), small(3, 0), table, lamp])) is None


def test_no_path_leads_out_of_four_walls():
    assert path_of(room_of([small(0, 0), small(3, 3), *WALLS])) is None
    assert path_of(HAND_MADE["out of three walls"]) is not None


def test_objects_off_the_floor_cannot_be_reached():
    scene = room_of([small(0, 0), small(6, 0)])
    assert path_of(scene) is None
    assert not ground_of_scene(scene).are_straight(*np.array([[0], [0], [1]]))[0]


@pytest.mark.parametrize("floor", [U_SHAPE, U_SHAPE[::-1]], ids=["counter-clockwise", "clockwise"])
def test_nobody_walks_where_there_is_no_floor(floor):
    scene = room_of([small(-4, 4), small(4, 4), small(-4, -4), small(4, -4)], floor)
    pairs = np.array([(0, 1), (0, 2), (2, 3), (1, 3), (0, 3)])
    straight = ground_of_scene(scene).are_straight(np.zeros(5, int), *pairs.T)
    assert straight.tolist() == [False, True, True, True, False]


@pytest.mark.parametrize("floor", [U_SHAPE, U_SHAPE[::-1]], ids=["counter-clockwise", "clockwise"])
def test_a_path_bends_around_the_inner_corners_of_the_floor(floor):
    scene = room_of([small(-4, 4), small(4, 4)], floor)
    path = path_of(scene)
    assert path is not None
    np.testing.assert_allclose(path, [(-4, 4), (-2, -2), (2, -2), (4, 4)], atol=1e-3)
    assert on_floor(np.concatenate([np.linspace(*leg, 500) for leg in pairwise(path)]), scene.floor).all()


@pytest.mark.parametrize(("inside", "is_straight"), [(0.48, True), (0.52, False), (1.8, False)])
def test_a_straight_way_leads_by_half_a_metre_at_most_through_what_holds_an_end(inside, is_straight):
    bed, pillow = (0, 0, 0, 4, 3, 0.6, 0), (2 - inside, 0, 0.6, 0.3, 0.3, 0.2, 0)
    ground = ground_of_scene(room_of([pillow, small(4, 0), bed]))
    both_ways = ground.are_straight(np.zeros(2, int), np.array([0, 1]), np.array([1, 0]))
    assert both_ways.tolist() == [is_straight] * 2
    to_itself = ground_of_scene(room_of([bed, small(4, 0)]))
    assert to_itself.are_straight(*np.array([[0], [0], [1]]))[0]
    rug = (0, 0, 0, 4, 3, 0.05, 0)  # no obstacle
    assert ground_of_scene(room_of([pillow, small(4, 0), rug])).are_straight(*np.array([[0], [0], [1]]))[0]


def test_a_straight_way_is_a_path_with_two_corners_that_leads_through_nothing():
    for scene in [*HAND_MADE.values(), *PROCEDURAL]:
        ground = ground_of_scene(scene)
        pairs = list(permutations(range(len(scene.objects)), 2))
        straight = ground.are_straight(np.zeros(len(pairs), int), *np.array(pairs).T)
        for pair, is_straight in zip(pairs, straight.tolist(), strict=True):
            path = path_between(ground, 0, *pair)
            has_two = path is not None and len(path) == 2
            assert is_straight == (has_two and most_through(ground, 0, *pair) <= 0.5)


def test_each_draw_has_its_own_paths():
    scene = PROCEDURAL[0]
    draws, pairs = jittered(scene, draws=3), some_pairs(scene, 20)
    together, ends = ground_of(draws), np.array(pairs).T
    for i, draw in enumerate(draws):
        alone = ground_of([draw])
        assert (
            together.are_straight(np.full(20, i), *ends) == alone.are_straight(np.zeros(20, int), *ends)
        ).all()
        for pair in pairs[:5]:
            np.testing.assert_array_equal(path_between(together, i, *pair), path_between(alone, 0, *pair))
