"""The conditions of VSI-Bench's families about objects, at their limits and just beyond."""

import dataclasses

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from lightning_ouro.programs.answers import TypedAnswer
from lightning_ouro.programs.families import FAMILIES
from lightning_ouro.programs.sandbox import LoadedScene
from lightning_ouro.programs.scene_geometry import SceneGeometry, scene_geometry

ANY = TypedAnswer("count", 2)
STANDING = {"standing": ("a",), "facing": ("b",), "target": ("t",)}


@pytest.fixture
def placed(make_scene):
    """Someone stands by `a` at the origin and faces `b` at (0, 2.6); the target is rotated by `askew` degrees."""

    def place(target: tuple[float, float], size: float = 0.2, askew: float = 0.0) -> SceneGeometry:
        sizes = [(0.2, 0.2, 0.2), (0.2, 0.2, 0.2), (size, size, size)]
        centers = [(0, 0, 0.1), (0, 2.6, 0.1), (*target, size / 2)]
        scene = make_scene(list(zip("abt", centers, sizes, strict=True)))
        *others, last = scene.objects
        turned = dataclasses.replace(last, rotation=Rotation.from_euler("z", askew, degrees=True).as_matrix())
        return scene_geometry(dataclasses.replace(scene, objects=(*others, turned)))

    return place


def at(degrees: float, distance: float = 2.0) -> tuple[float, float]:
    """The point this many degrees counter-clockwise of (0, 1)."""
    return -distance * np.sin(np.radians(degrees)), distance * np.cos(np.radians(degrees))


@pytest.mark.parametrize(
    ("level", "boundary"),
    [("easy", 0), ("easy", 180)]
    + [("medium", boundary) for boundary in (0, 135, 225)]
    + [("hard", boundary) for boundary in (0, 90, 180, 270)],
)
@pytest.mark.parametrize("side", [-1, 1])
def test_directions_keep_ten_degrees_from_every_boundary_on_both_sides(placed, level, boundary, side):
    family = FAMILIES[f"object_rel_direction_{level}"]
    close, far = (placed(at(boundary + side * degrees), size=0.1) for degrees in (9.9, 10.1))
    assert "boundary" in family.check(close, STANDING, ANY)
    assert family.check(far, STANDING, ANY) is None
    assert family.slack(far, STANDING) == pytest.approx(1.01)


@pytest.mark.parametrize(
    ("level", "names"),
    [
        ("easy", {0.1: "left", 179.9: "left", 180.1: "right", 359.9: "right"}),
        (
            "medium",
            {0.1: "left", 134.9: "left", 135.1: "back", 224.9: "back", 225.1: "right", 359.9: "right"},
        ),
        ("hard", {0.1: "front-left", 89.9: "front-left", 90.1: "back-left", 179.9: "back-left"}),
        ("hard", {180.1: "back-right", 269.9: "back-right", 270.1: "front-right", 359.9: "front-right"}),
    ],
)
def test_directions_are_named_by_degrees_counter_clockwise_from_ahead(placed, sandbox, level, names):
    program = FAMILIES[f"object_rel_direction_{level}"].program(STANDING)
    for degrees, name in names.items():
        (answer,) = sandbox.run(program, LoadedScene([placed(at(degrees))])).answers
        assert answer.value == name
        assert len(answer.among) == {"easy": 2, "medium": 3, "hard": 4}[level]


@pytest.mark.parametrize(("level", "degrees"), [("easy", 90), ("easy", 225), ("medium", 180), ("hard", 45)])
def test_directions_inside_a_sector_are_kept(placed, level, degrees):
    family, geometry = FAMILIES[f"object_rel_direction_{level}"], placed(at(degrees, 2.3))
    assert family.check(geometry, STANDING, ANY) is None
    # 90 degrees are 9 times enough, but 2.3 m to the target are only 4.6 times 0.5 m.
    assert family.slack(geometry, STANDING) == pytest.approx(
        4.6 if level == "easy" and degrees == 90 else 4.5
    )


@pytest.mark.parametrize(("size", "askew", "stray"), [(1.0, 0, 0), (0.7, 45, 0), (0.8, 45, 2), (1.1, 0, 4)])
def test_directions_with_over_two_corners_in_another_sector_are_rejected(placed, size, askew, stray):
    geometry = placed(at(75), size, askew)
    x, y = geometry.corners[2, :, 0], geometry.corners[2, :, 1]
    assert int(((x > 0) | (y < 0)).sum()) == stray  # outside front-left, when facing along y
    problem = FAMILIES["object_rel_direction_hard"].check(geometry, STANDING, ANY)
    assert problem is None if stray <= 2 else "corners" in problem


@pytest.mark.parametrize(("distance", "kept"), [(0.29, False), (0.31, True), (4.99, True), (5.01, False)])
def test_directions_need_objects_that_are_neither_close_nor_far(make_scene, distance, kept):
    small = (0.2, 0.2, 0.2)
    geometry = scene_geometry(
        make_scene([("a", (0, 0, 0), small), ("b", (-1, 1, 0), small), ("t", (-distance - 0.2, 0, 0), small)])
    )
    problem = FAMILIES["object_rel_direction_easy"].check(geometry, STANDING, ANY)
    assert problem is None if kept else "apart" in problem


def boxes_at(distances):
    """A target `x` and boxes of 0.2 m at these box distances from it."""
    small = (0.2, 0.2, 0.2)
    return [("x", (0, 0, 0), small), *((name, (d + 0.2, 0, 0), small) for name, d in distances)]


NEAREST = {"target": ("x",), "options": ("a", "b", "c", "d")}


@pytest.mark.parametrize(
    ("distances", "floor", "problem"),
    [
        ((0.16, 0.5, 0.7, 0.9), 20, None),
        ((0.14, 0.5, 0.7, 0.9), 20, "nearest"),
        ((0.5, 0.66, 0.82, 0.98), 20, None),
        ((0.5, 0.66, 0.80, 0.98), 20, "differ"),  # though the nearest is clear
        ((0.5, 0.66, 0.82, 0.98), 40, None),
        ((0.5, 0.66, 0.82, 0.98), 40.1, "differ"),
        ((0.5, 0.81, 1.12, 1.43), 40.1, None),
        ((0.5, 0.81, 1.10, 1.43), 40.1, "differ"),
    ],
)
def test_relative_distance_needs_clearly_different_distances(make_scene, distances, floor, problem):
    geometry = scene_geometry(make_scene(boxes_at(zip("abcd", distances, strict=True)), floor_area=floor))
    violated = FAMILIES["object_rel_distance"].check(geometry, NEAREST, ANY)
    assert violated is None if problem is None else problem in violated


@pytest.mark.parametrize("options", [("a", "b", "c", "c"), ("a", "b", "c", "x")])
def test_relative_distance_needs_five_different_categories(make_scene, options):
    geometry = scene_geometry(make_scene(boxes_at(zip("abcd", (0.5, 0.8, 1.1, 1.4), strict=True))))
    violated = FAMILIES["object_rel_distance"].check(geometry, NEAREST | {"options": options}, ANY)
    assert "four" in violated


def test_relative_distance_needs_the_nearest_object_of_each_option_shown(make_scene):
    family = FAMILIES["object_rel_distance"]
    boxes = [("x", 0.0), ("a", 5.0), ("a", 0.7), ("b", 1.2), ("c", 1.7), ("d", 2.2)]
    geometry = scene_geometry(make_scene([(name, (x, 0, 0), (0.2, 0.2, 0.2)) for name, x in boxes]))
    assert family.check(geometry, NEAREST, ANY) is None
    assert family.must_show(geometry, NEAREST) == {0, 2, 3, 4, 5}
    assert family.slack(geometry, NEAREST) == pytest.approx(0.5 / 0.15)


@pytest.mark.parametrize(("distance", "kept"), [(0.199, False), (0.201, True)])
def test_distances_start_at_two_tenths_of_a_metre(make_scene, distance, kept):
    family, geometry = (
        FAMILIES["object_abs_distance"],
        scene_geometry(make_scene(boxes_at([("a", distance)]))),
    )
    roles = {"pair": ("a", "x")}
    assert (family.check(geometry, roles, ANY) is None) == kept
    assert not kept or family.slack(geometry, roles) == pytest.approx(distance / 0.2)


@pytest.mark.parametrize(
    ("name", "roles"),
    [
        ("object_size_estimation", {"object": ("chair",)}),
        ("object_abs_distance", {"pair": ("chair", "sofa")}),
        ("object_abs_distance", {"pair": ("sofa", "sofa")}),
        ("object_rel_distance", {"target": ("chair",), "options": ("sofa", "tv", "bed", "stove")}),
        ("object_rel_direction_easy", {"standing": ("sofa",), "facing": ("tv",), "target": ("table",)}),
        ("object_rel_direction_hard", {"standing": ("sofa",), "facing": ("tv",), "target": ("sofa",)}),
        ("route_planning", {"start": ("sofa",), "end": ("table",), "facing": ("tv",)}),
        ("route_planning", {"start": ("sofa",), "end": ("bed",), "via": ("tv", "sofa")}),
        ("route_planning", {"start": ("sofa",), "end": ("bed",), "facing": ("sofa",)}),
    ],
)
def test_each_category_has_to_name_one_object_and_all_have_to_differ(room, name, roles):
    problem = FAMILIES[name].check(scene_geometry(room), roles, ANY)
    assert "2 objects, not one" in problem or "different objects" in problem


def test_a_corrected_count_makes_a_single_box_ambiguous(room):
    corrected = scene_geometry(dataclasses.replace(room, counts={**room.counts, "sofa": 2}))
    assert "2 objects, not one" in FAMILIES["object_size_estimation"].check(
        corrected, {"object": ("sofa",)}, ANY
    )
    assert "sofa" not in corrected.unique_categories()


def test_counting_needs_two_objects_of_a_complete_category(make_scene, room):
    family = FAMILIES["object_counting"]
    assert family.check(scene_geometry(room), {"object": ("chair",)}, ANY) is None
    assert "at least 2" in family.check(scene_geometry(room), {"object": ("sofa",)}, ANY)
    partly = make_scene([("chair", (0, 0, 0), (1, 1, 1))] * 2, complete=set())
    assert "annotated" in family.check(scene_geometry(partly), {"object": ("chair",)}, ANY)
    more = make_scene([("chair", (0, 0, 0), (1, 1, 1))] * 2, counts={"chair": 3})
    assert "3 chair are counted but 2" in family.check(scene_geometry(more), {"object": ("chair",)}, ANY)


def test_counting_needs_every_object_shown(room):
    assert FAMILIES["object_counting"].must_show(scene_geometry(room), {"object": ("chair",)}) == {5, 6}


def test_room_size_is_always_kept_and_needs_nothing_shown(make_scene):
    family, geometry = FAMILIES["room_size_estimation"], scene_geometry(make_scene([]))
    assert family.check(geometry, {}, ANY) is None
    assert family.must_show(geometry, {}) == frozenset()
