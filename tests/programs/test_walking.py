"""Ways over the floor, against a fine grid and dense samples that share no code with them."""

from itertools import combinations, pairwise, permutations

import numpy as np
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import ConvexHull
from scipy.spatial.transform import Rotation

from lightning_ouro.programs.scene_geometry import common_ground, jittered, scene_geometry
from lightning_ouro.scenes.synthetic.procedural import procedural_scene
from lightning_ouro.scenes.types import Scene, SceneObject

RADIUS = 0.2
PITCH = 0.05
BEND = 0.02  # metres that the two chords round a corner may add, and more at a sharper one
MOVES = [(1, 0), (0, 1), (1, 1), (1, -1), (2, 1), (1, 2), (2, -1), (1, -2)]  # and back: 16 neighbours
U_SHAPE = [(-5, -5), (5, -5), (5, 5), (2, 5), (2, -2), (-2, -2), (-2, 5), (-5, 5)]
ANGLED = Rotation.from_euler("xyz", [25, 50, 20], degrees=True).as_matrix()


def room_of(things, floor=((-5, -5), (5, -5), (5, 5), (-5, 5))):
    """Boxes `(x, y, bottom, width, depth, height, degrees)`; the first two are the ends of the way."""
    objects = []
    for i, (x, y, bottom, width, depth, height, degrees) in enumerate(things):
        center, size = np.array([x, y, bottom + height / 2]), np.array([width, depth, height], float)
        turn = degrees if isinstance(degrees, np.ndarray) else turned(degrees)
        objects.append(SceneObject(i, f"thing {i}", center, size, turn))
    return Scene("room", "hand", tuple(objects), {}, frozenset(), 100.0, np.array(floor, float), None)


def turned(degrees):
    return Rotation.from_euler("z", degrees, degrees=True).as_matrix()


def small(x, y):
    return x, y, 0, 0.1, 0.1, 0.5, 0


def ground_of(scene):
    return common_ground([scene_geometry(scene)])


def way_of(scene, first=0, second=1):
    return ground_of(scene).way(0, first, second)


def length(way):
    return float(np.linalg.norm(np.diff(way, axis=0), axis=1).sum())


# The reference: outlines by scipy's convex hull, clearance by distance to segments, ways by Dijkstra on a grid.


def gap(points, outline):
    """Metres from points to a convex outline, 0 inside of it."""
    least = np.full(len(points), np.inf)
    for start, end in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        share = np.clip((points - start) @ (end - start) / ((end - start) @ (end - start)), 0, 1)
        least = np.minimum(least, np.linalg.norm(points - start - share[:, None] * (end - start), axis=1))
    halves = ConvexHull(outline).equations
    return np.where((points @ halves[:, :2].T + halves[:, 2] <= 0).all(axis=1), 0, least)


def obstacles_between(scene, first, second):
    """Outlines of what stands on the floor or hangs low, without the two ends and what they stand on or under."""
    corners = [thing.corners() for thing in scene.objects]
    lowest = min(points[:, 2].min() for points in corners)
    standing = [p[:, :2] for p in corners if p[:, 2].min() < lowest + 1.8 and p[:, 2].max() > lowest + 0.1]
    outlines = [points[ConvexHull(points).vertices] for points in standing]
    ends = np.array([scene.objects[end].center[:2] for end in (first, second)])
    return [outline for outline in outlines if (gap(ends, outline) > 0).all()]


def clearance(points, obstacles):
    return np.min([np.full(len(points), 9.0), *(gap(points, outline) for outline in obstacles)], axis=0)


def on_floor(points, floor):
    """By the angle that the outline turns through around a point; a point on the outline is on the floor."""
    around = floor[None] - points[:, None]
    angles = np.angle((np.roll(around, -1, axis=1) @ [1, 1j]) * np.conj(around @ [1, 1j])).sum(axis=1)
    return np.abs(angles) > 3


def shortest_on_grid(scene, first, second, needed, slack):
    """Length of the shortest way on a grid whose edges' ends and middles keep clear by `needed` plus slack per metre.

    With a slack of 0.25, no point of an edge is closer than `needed`; it begins and ends at the free nodes next to the
    ends, and their distance to them counts.
    """
    low, high = scene.floor.min(axis=0), scene.floor.max(axis=0)
    axes = [np.arange(low[i] - PITCH / 2, high[i] + PITCH, PITCH / 2) for i in range(2)]
    points = np.stack(
        np.meshgrid(*axes, indexing="ij"), axis=-1
    )  # at half the pitch: nodes and middles of edges
    flat = points.reshape(-1, 2)
    clear = clearance(flat, obstacles_between(scene, first, second))
    clear = np.where(on_floor(flat, scene.floor), clear, -1).reshape(points.shape[:2])
    nodes = np.arange(clear.size).reshape(clear.shape)
    at = np.argwhere(np.ones_like(clear[::2, ::2], dtype=bool)) * 2
    rows, columns, lengths = [], [], []
    for move in MOVES:
        to = at + 2 * np.array(move)
        inside = ((to >= 0) & (to < clear.shape)).all(axis=1)
        a, b, step = at[inside], to[inside], PITCH * float(np.hypot(*move))
        middle = (a + b) // 2
        least = np.min([clear[tuple(place.T)] for place in (a, middle, b)], axis=0)
        kept = least >= needed + slack * step
        rows.append(nodes[tuple(a[kept].T)])
        columns.append(nodes[tuple(b[kept].T)])
        lengths.append(np.full(kept.sum(), step))
    places, lengths = (np.concatenate(rows), np.concatenate(columns)), np.concatenate(lengths)
    graph = coo_array((lengths, places), shape=(clear.size, clear.size)).tocsr()
    used = np.unique(places)
    hops = [np.linalg.norm(flat[used] - scene.objects[end].center[:2], axis=1) for end in (first, second)]
    start, goal = (used[hop.argmin()] for hop in hops)
    nearest = [float(hop.min()) for hop in hops]
    return (
        dijkstra(graph, directed=False, indices=start)[goal] + sum(nearest)
        if max(nearest) <= PITCH
        else np.inf
    )


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
    "a box with another inside": room_of(
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
def test_a_way_is_free_and_as_long_as_the_shortest_on_a_fine_grid(scene, first, second):
    way = way_of(scene, first, second)
    surely = shortest_on_grid(scene, first, second, RADIUS, 0.25)
    if way is None:
        assert surely == np.inf
        return
    ends = [scene.objects[end].center[:2] for end in (first, second)]
    np.testing.assert_array_equal(way[[0, -1]], ends)
    points = np.concatenate(
        [np.linspace(*leg, 2 + int(length(np.stack(leg)) / 0.01)) for leg in pairwise(way)]
    )
    assert clearance(points, obstacles_between(scene, first, second)).min() >= RADIUS - 1e-6
    assert on_floor(points, scene.floor).all()
    assert np.linalg.norm(np.subtract(*ends)) - 1e-9 <= length(way) <= surely + BEND * (len(way) - 2)
    at_best = shortest_on_grid(scene, first, second, RADIUS - 1.2 * PITCH, 0)
    assert at_best <= 1.0275 * length(way) + 2 * PITCH  # 16 neighbours: 1 / cos(13.3 degrees)


def test_the_rooms_have_ways_of_every_kind():
    corners = [
        0 if (way := way_of(scene, *pair)) is None else len(way)
        for scene in PROCEDURAL
        for pair in some_pairs(scene, 40)
    ]
    assert {0, 2, 3, 4} <= set(corners)


@pytest.mark.parametrize("scene", PROCEDURAL, ids=lambda scene: scene.id[-1])
def test_there_and_back_are_equally_long(scene):
    ground = ground_of(scene)
    for first, second in some_pairs(scene, 30):
        there, back = ground.way(0, first, second), ground.way(0, second, first)
        assert (there is None) == (back is None)
        assert there is None or length(there) == pytest.approx(length(back), abs=1e-9)


def transformed(scene, turn, shift):
    """The whole scene turned (or mirrored) about the origin and shifted."""
    handed = np.diag([1, 1, np.linalg.det(turn)])  # a box is its own mirror image
    objects = tuple(
        SceneObject(t.id, t.category, turn @ t.center + shift, t.size, turn @ t.rotation @ handed)
        for t in scene.objects
    )
    floor = scene.floor @ turn[:2, :2].T + shift[:2]
    return Scene("moved", "hand", objects, {}, frozenset(), scene.floor_area, floor, None)


@pytest.mark.parametrize("degrees", [0, 37, 180])
@pytest.mark.parametrize("mirror", [1, -1])
def test_moving_turning_and_mirroring_the_scene_does_so_to_its_ways(degrees, mirror):
    turn, shift = turned(degrees) @ np.diag([mirror, 1, 1]), np.array([12.0, -7, 3])
    some = [(HAND_MADE["two walls to pass between"], 0, 1), (HAND_MADE["a turned box"], 0, 1)]
    some += [(scene, *pair) for scene in PROCEDURAL for pair in some_pairs(scene, 10)]
    for scene, first, second in some:
        way, other = way_of(scene, first, second), way_of(transformed(scene, turn, shift), first, second)
        assert (way is None) == (other is None)
        if way is not None:
            assert length(other) == pytest.approx(length(way), abs=1e-7)
            np.testing.assert_allclose(other, way @ turn[:2, :2].T + shift[:2], atol=1e-6)


@pytest.mark.parametrize(("width", "is_open"), [(0.39, False), (0.41, True)])
@pytest.mark.parametrize("degrees", [0, 33])
@pytest.mark.parametrize("ends", [[(-2, 1), (2, 1)], [(-2, -3), (2, -2)]], ids=["straight", "aside"])
def test_a_gap_in_a_wall_is_open_for_a_walker_of_40_cm(width, is_open, degrees, ends):
    walls = [(0, 1 + side * (10 + width / 2), 0, 0.1, 20, 1, 0) for side in (1, -1)]
    scene = transformed(room_of([small(*end) for end in ends] + walls), turned(degrees), np.zeros(3))
    assert (way_of(scene) is not None) == is_open


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
def test_only_what_reaches_between_10_and_180_cm_above_the_floor_stands_in_the_way(
    bottom, height, stands, raised
):
    scene = room_of([small(-2, 0), small(2, 0), (0, 0, bottom, 0.5, 20, height, 0)])
    scene = transformed(scene, np.eye(3), np.array([0, 0, raised]))
    assert (way_of(scene) is None) == stands
    assert ground_of(scene).are_straight(*np.array([[0], [0], [1]])).tolist() == [not stands]


def test_a_tilted_box_stands_in_the_way_with_its_whole_shadow():
    plank = (0.3, 0, 1.15, 2.5, 0.3, 0.1, ANGLED)
    reach = room_of([plank]).objects[0].corners()[:, 0].max()
    for x, is_straight in ((reach + 0.19, False), (reach + 0.21, True)):
        ground = ground_of(room_of([small(x, -3), small(x, 3), plank]))
        assert ground.are_straight(*np.array([[0], [0], [1]])).tolist() == [is_straight]


def test_what_the_ends_stand_on_is_no_obstacle():
    table = (0, 0, 0, 2, 1, 0.7, 0)
    lamp = (0.5, 0, 0.7, 0.2, 0.2, 0.4, 0)
    assert len(way_of(room_of([lamp, small(3, 3), table]))) == 2
    assert len(way_of(room_of([small(-3, 0), small(3, 0), table, lamp]))) > 2


def test_no_way_leads_through_a_table_by_the_lamp_that_stands_on_it():
    table, lamp = (0, 0, 0, 2, 9.9, 0.7, 0), (0, 1, 0.7, 0.3, 0.3, 0.4, 0)
    assert way_of(room_of([small(-3, 0), small(3, 0), table])) is None
    assert way_of(room_of([small(-3, 0), small(3, 0), table, lamp])) is None


def test_between_four_walls_there_is_no_way_out():
    assert way_of(room_of([small(0, 0), small(3, 3), *WALLS])) is None
    assert way_of(HAND_MADE["out of three walls"]) is not None


def test_what_stands_off_the_floor_cannot_be_reached():
    scene = room_of([small(0, 0), small(6, 0)])
    assert way_of(scene) is None
    assert not ground_of(scene).are_straight(*np.array([[0], [0], [1]]))[0]


@pytest.mark.parametrize("floor", [U_SHAPE, U_SHAPE[::-1]], ids=["counter-clockwise", "clockwise"])
def test_nobody_walks_where_there_is_no_floor(floor):
    scene = room_of([small(-4, 4), small(4, 4), small(-4, -4), small(4, -4)], floor)
    pairs = np.array([(0, 1), (0, 2), (2, 3), (1, 3), (0, 3)])
    straight = ground_of(scene).are_straight(np.zeros(5, int), *pairs.T)
    assert straight.tolist() == [False, True, True, True, False]


@pytest.mark.parametrize("floor", [U_SHAPE, U_SHAPE[::-1]], ids=["counter-clockwise", "clockwise"])
def test_a_way_bends_round_the_inner_corners_of_the_floor(floor):
    scene = room_of([small(-4, 4), small(4, 4)], floor)
    way = way_of(scene)
    assert way is not None
    np.testing.assert_allclose(way, [(-4, 4), (-2, -2), (2, -2), (4, 4)], atol=1e-3)
    assert on_floor(np.concatenate([np.linspace(*leg, 500) for leg in pairwise(way)]), scene.floor).all()


def test_a_way_is_straight_exactly_if_it_has_two_corners():
    for scene in [*HAND_MADE.values(), *PROCEDURAL]:
        ground = ground_of(scene)
        pairs = list(permutations(range(len(scene.objects)), 2))
        straight = ground.are_straight(np.zeros(len(pairs), int), *np.array(pairs).T)
        for pair, is_straight in zip(pairs, straight.tolist(), strict=True):
            way = ground.way(0, *pair)
            assert is_straight == (way is not None and len(way) == 2)


def test_each_reading_has_its_own_ways():
    scene = PROCEDURAL[0]
    draws, pairs = jittered(scene, draws=3), some_pairs(scene, 20)
    together, places = common_ground(draws), np.array(pairs).T
    for reading, draw in enumerate(draws):
        alone = common_ground([draw])
        assert (
            together.are_straight(np.full(20, reading), *places)
            == alone.are_straight(np.zeros(20, int), *places)
        ).all()
        for pair in pairs[:5]:
            np.testing.assert_array_equal(together.way(reading, *pair), alone.way(0, *pair))
