"""What frames do not show is not asked about: blank frames, floor behind walls, other rooms, hidden ends."""

import dataclasses

import numpy as np
import pytest

from lightning_ouro.programs.answers import TypedAnswer
from lightning_ouro.programs.families import FAMILIES
from lightning_ouro.programs.margins import STRICT, FamilyMargins
from lightning_ouro.programs.scene_geometry import scene_geometry

ANY = TypedAnswer("count", 2)
SQUARE = [(-4, -4), (4, -4), (4, 4), (-4, 4)]
U_SHAPE = [(-4, -4), (-1, -4), (-1, 2), (1, 2), (1, -4), (4, -4), (4, 4), (-4, 4)]
SOFA, TABLE, BED = (
    ("sofa", (-3, 2, 0.4), (0.8, 1.4, 0.8)),
    ("table", (-2, -1, 0.4), (1, 1, 0.8)),
    ("bed", (3, -1, 0.3), (1.4, 1.8, 0.6)),
)
STRICTLY = FamilyMargins(STRICT)


@pytest.fixture
def seen(make_scene, make_views):
    """A room with boxes on a floor, seen by wide cameras at some places, all of which show all objects."""

    def geometry(
        boxes, floor=SQUARE, eyes=((-3.5, -3.5, 1.5),), headings=-45.0, tilt=10.0, area=None, **more
    ):
        scene = make_scene(boxes, **more)
        outline = None if floor is None else np.array(floor, float)
        scene = dataclasses.replace(scene, floor=outline, floor_area=64.0 if area is None else area)
        views = make_views(eyes, headings, objects=len(boxes), tilt=tilt)
        wide = np.array([[40, 0, 64], [0, 40, 48], [0, 0, 1]], float)
        cameras = np.tile(wide, (len(eyes), 1, 1))
        return scene_geometry(scene, dataclasses.replace(views, size=(96, 128), intrinsics=cameras), STRICTLY)

    return geometry


def test_a_room_that_is_shown_has_a_size(seen):
    assert FAMILIES["room_size_estimation"].check(seen([SOFA, TABLE, BED]), {}) is None


def test_an_arm_behind_walls_is_no_floor_that_is_shown(seen):
    eyes = [(-3.5, -3.5, 1.5), (-2, -3.5, 1.5)]
    left = seen([SOFA, TABLE], U_SHAPE, eyes, area=52.0)
    assert "walls hide" in FAMILIES["room_size_estimation"].check(left, {})
    both = seen([SOFA, TABLE], U_SHAPE, [*eyes, (3.5, -3.5, 1.5)], [-45, -20, 20], area=52.0)
    assert FAMILIES["room_size_estimation"].check(both, {}) is None


def test_a_divider_that_nobody_can_look_over_hides_the_floor_behind_it(seen):
    for height, shown in ((1.4, True), (2.6, False)):
        divider = ("divider", (0, -2, height / 2), (8, 0.1, height))
        eyes = [(x, -3.9, 1.5) for x in (-3, 0, 3)]
        problem = FAMILIES["room_size_estimation"].check(
            seen([SOFA, TABLE, BED, divider], eyes=eyes, headings=0), {}
        )
        assert (problem is None) == shown and (shown or "of the floor is in the pictures" in problem)


def test_furniture_needs_at_least_its_own_floor(seen):
    assert "spread over" in FAMILIES["room_size_estimation"].check(
        seen([SOFA, TABLE, BED], None, area=9.0), {}
    )


def test_what_stands_outside_of_the_floor_is_in_another_room(seen):
    beyond = [("chair", (x, 0, 0.4), (0.5, 0.5, 0.8)) for x in (1.0, 6.0)]
    near = [("chair", (x, 0, 0.4), (0.5, 0.5, 0.8)) for x in (1.0, 4.3)]
    counting, size = FAMILIES["object_counting"], FAMILIES["room_size_estimation"]
    for chairs, kept in ((near, True), (beyond, False)):
        geometry = seen([SOFA, *chairs])
        problem = counting.check(geometry, {"object": ("chair",)})
        assert problem is None if kept else problem == "a chair stands outside of the floor"
        assert (size.check(geometry, {}) is None) == kept


@pytest.mark.filterwarnings("error")
def test_an_outline_that_encloses_nothing_shows_nothing(seen):
    twice = seen([SOFA, TABLE, BED], SQUARE * 2, area=128.0)
    assert twice.shown_room.floor_shown == 0
    assert "not in this room" in FAMILIES["room_size_estimation"].check(twice, {})


def test_what_is_absent_is_denied_only_if_the_floor_is_shown(seen):
    counts = {"sofa": 1, "table": 1, "bed": 1, "piano": 0}
    for tilt, kept in ((10, True), (-85, False), (88, False)):
        geometry = seen([SOFA, TABLE, BED], tilt=tilt, counts=counts)
        problem = FAMILIES["object_counting"].check(geometry, {"object": ("piano",)})
        assert problem is None if kept else "of the floor is shown: there may be a piano" in problem
        assert FAMILIES["object_counting"].check(geometry, {"object": ("sofa",)}) is None


@pytest.mark.parametrize("blank", [0, 1])
def test_a_displacement_is_asked_between_frames_that_show_an_object(make_scene, make_views, blank):
    shift, roles = FAMILIES["camera_displacement"], {"times": ("0.0", "1.0")}
    visibility = np.full((2, 1), 0.02)
    assert (
        shift.check(
            scene_geometry(make_scene([SOFA]), make_views([(0, 0, 1), (0, 2, 1)], visibility=visibility)),
            roles,
        )
        is None
    )
    visibility[blank] = 0.002
    geometry = scene_geometry(make_scene([SOFA]), make_views([(0, 0, 1), (0, 2, 1)], visibility=visibility))
    assert shift.check(geometry, roles) == f"the frame at {blank}.0 s shows no object"


BENCH = ("bench", (0, 3, 0.25), (4, 0.5, 0.5))


@pytest.mark.parametrize(("x", "hidden"), [(1.5, True), (0.0, False)])
def test_a_size_needs_both_ends_in_sight(seen, x, hidden):
    cupboard = ("cupboard", (x, 2.5, 1), (2, 0.3, 2))
    geometry = seen([BENCH, cupboard, SOFA], eyes=[(-0.5, -3.5, 1.5), (0.5, -3.5, 1.5)], headings=0)
    assert geometry.pictures.ends_framed[0] != hidden
    alone = seen([BENCH, SOFA], eyes=[(-0.5, -3.5, 1.5), (0.5, -3.5, 1.5)], headings=0)
    assert alone.pictures.ends_framed[0]


def test_closest_points_behind_a_screen_are_not_framed(seen):
    cabinets = [
        ("cabinet", (-1.6, 2.2, 0.9), (1.6, 0.6, 1.8)),
        ("bookshelf", (1.5, 2.6, 0.9), (1.4, 0.5, 1.8)),
    ]
    eyes = [(x, -3.5, 1.5) for x in (-3, 0, 3)]
    for more, framed in (([], True), ([("screen", (0, 1.2, 1), (3.4, 0.1, 2))], False)):
        geometry = seen([*cabinets, *more, SOFA], eyes=eyes, headings=[-20, 0, 20])
        assert bool(geometry.pictures.closest_framed[0, 1]) == framed


def test_a_low_screen_leaves_the_upper_ends_of_a_gap_in_sight(seen):
    cabinets = [
        ("cabinet", (-1.6, 2.2, 0.9), (1.6, 0.6, 1.8)),
        ("bookshelf", (1.5, 2.6, 0.9), (1.4, 0.5, 1.8)),
    ]
    screen = ("screen", (0, 1.2, 0.6), (3.4, 0.1, 1.2))
    geometry = seen(
        [*cabinets, screen, SOFA], eyes=[(x, -3.5, 1.5) for x in (-3, 0, 3)], headings=[-20, 0, 20]
    )
    assert geometry.pictures.closest_framed[0, 1] and geometry.pictures.closest_framed[1, 0]


def test_routes_are_not_asked_where_objects_without_a_box_may_stand_in_the_way(room):
    family = FAMILIES["route_planning"]
    geometry = scene_geometry(room)
    roles = next(iter(family.candidates(geometry, np.random.default_rng(0))))
    counted = dataclasses.replace(room, counts={**room.counts, "chair": 12})
    problem = family.check(scene_geometry(counted), roles)
    assert problem == "12 chair are counted but 2 have a box: others may stand in the way"
