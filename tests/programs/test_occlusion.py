"""What hides points, by hand-built rooms and against rays that are followed in small steps through shapely's polygons."""

import numpy as np
import pytest
import shapely
from scipy.spatial.transform import Rotation

from lightning_ouro.programs.occlusion import WALL, Occluders

L_SHAPE = np.array([(-5, -5), (1, -5), (1, 0), (5, 0), (5, 5), (-5, 5)], float)
TWO_ROOMS = np.array([(-5, -4), (-0.1, -4), (-0.1, 0), (0.1, 0), (0.1, -4), (5, -4)], float)
TWO_ROOMS = np.concatenate([TWO_ROOMS, [(5, 4), (0.1, 4), (0.1, 1), (-0.1, 1), (-0.1, 4), (-5, 4)]])
NOTHING = (np.zeros((0, 3)), np.zeros((0, 3)), np.zeros((0, 3, 3)))
FREE = np.array([-1])


def boxes(*given):
    """Boxes `(center, size)` that stand upright."""
    centers, sizes = (np.array(column, float) for column in zip(*given, strict=True))
    return centers, sizes, np.tile(np.eye(3), (len(centers), 1, 1))


def is_hidden(occluders, eye, point, owner=-1):
    (hidden,) = occluders.hide(np.array([eye], float), np.array([point], float), np.array([owner]))
    return bool(hidden)


SOFA, SCREEN = ((0, 4, 0.4), (2, 1, 0.8)), ((0, 2, 1), (1, 0.1, 2))


def test_a_box_hides_what_is_behind_it_from_where_it_stands_in_between():
    room = Occluders(*boxes(SOFA, SCREEN), None)
    assert is_hidden(room, (0, 0, 1.5), (0, 3.5, 0.4), owner=0)
    assert not is_hidden(room, (0, 0, 1.5), (0.9, 3.5, 0.4), owner=0)  # beside the screen
    assert not is_hidden(room, (0, 0, 1.5), (0, 1.9, 1), owner=1)  # the screen itself
    assert not is_hidden(room, (0, 2, 1.5), (0, 3.5, 0.4), owner=0)  # from inside of it


@pytest.mark.parametrize(("thick", "hidden"), [(0.015, False), (0.03, True)])
def test_what_lies_flat_against_an_object_does_not_hide_it(thick, hidden):
    cloth = ((0, 3.5 - thick / 2, 0.4), (1, thick, 0.4))
    assert is_hidden(Occluders(*boxes(SOFA, cloth), None), (0, 0, 0.4), (0, 3.5, 0.4), owner=0) == hidden


def test_an_object_does_not_hide_its_own_far_side():
    room = Occluders(*boxes(SOFA), None)
    assert not is_hidden(room, (0, 0, 1.5), (0, 4.5, 0.1), owner=0)
    assert is_hidden(room, (0, 0, 1.5), (0, 4.6, 0.1))  # but the floor behind it


def test_walls_hide_what_lies_around_a_corner_of_the_floor():
    for outline in (L_SHAPE, L_SHAPE[::-1]):
        room = Occluders(*NOTHING, outline)
        assert is_hidden(room, (0, -4, 1.5), (4, 1, 0))
        assert not is_hidden(room, (0, -4, 1.5), (1.2, 4, 0))
        assert is_hidden(room, (4, 1, 1.5), (0, -4, 0))


def test_a_wall_between_two_rooms_hides_but_not_its_doorway():
    rooms = Occluders(*NOTHING, TWO_ROOMS)
    assert is_hidden(rooms, (-3, -2, 1.5), (3, -2, 0)) and is_hidden(rooms, (-3, 3, 1.5), (3, 3, 0))
    assert not is_hidden(rooms, (-3, 0.5, 1.5), (3, 0.5, 0))


SQUARE = np.array([(-5, -5), (5, -5), (5, 5), (-5, 5)], float)


@pytest.mark.parametrize("outline", [SQUARE, SQUARE[::-1]])
def test_walls_hide_what_is_out_of_the_room_but_not_what_hangs_on_them(outline):
    room = Occluders(*NOTHING, outline)
    assert is_hidden(room, (0, 0, 1.5), (4, 5.6, 0)) and is_hidden(room, (0, 0, 1.5), (5.4, 5.4, 0))
    assert not is_hidden(room, (0, 0, 1.5), (4, 5.4, 0)) and not is_hidden(room, (0, 0, 1.5), (5.3, 5.3, 0))
    assert not is_hidden(room, (0, 9, 1.5), (4, 8, 0))  # both outside, on one side
    assert is_hidden(room, (0, 9, 1.5), (0, -5.6, 0)) and not is_hidden(room, (0, 9, 1.5), (0, -4, 0))


def test_the_end_of_a_box_that_goes_through_a_wall_or_the_floor_is_hidden():
    counter, pillar = ((5, 0, 0.5), (4, 0.6, 1)), ((0, 3, 0.2), (0.4, 0.4, 3.6))
    room = Occluders(*boxes(counter, pillar), SQUARE, ground=0.0)
    assert is_hidden(room, (0, 0, 1.5), (7, 0, 0.5), owner=0) and not is_hidden(
        room, (0, 0, 1.5), (3, 0, 0.5), 0
    )
    assert is_hidden(room, (0, 0, 1.5), (0, 3, -1.6), owner=1) and not is_hidden(
        room, (0, 0, 1.5), (0, 3, 2), 1
    )


@pytest.mark.parametrize(("height", "hidden"), [(-0.3, True), (-0.1, False), (0.0, False)])
def test_the_floor_hides_what_is_below_it_where_its_height_is_known(height, hidden):
    assert is_hidden(Occluders(*NOTHING, None, ground=0.0), (0, 0, 1.5), (1, 1, height)) == hidden
    assert not is_hidden(Occluders(*NOTHING, None), (0, 0, 1.5), (1, 1, height))
    assert not is_hidden(Occluders(*NOTHING, None, ground=0.0), (0, 0, -1), (1, 1, height))


def test_dents_of_an_outline_hide_nothing():
    for depth in (WALL / 2, WALL * 3):
        dent = np.array([(-5, 0), (-depth, 0), (0, 1), (depth, 0), (5, 0), (5, 5), (-5, 5)], float)
        assert is_hidden(Occluders(*NOTHING, dent), (-4, 0.4, 1.5), (4, 0.4, 0)) == (depth * 1.2 > WALL)


def test_who_looks_in_from_a_doorway_sees_the_room():
    room = Occluders(*NOTHING, L_SHAPE)
    assert not is_hidden(room, (0, -5.5, 1.5), (0, 4, 0))
    assert is_hidden(room, (0, -5.5, 1.5), (4, 0.2, 0))


@pytest.mark.parametrize("outline", [L_SHAPE, TWO_ROOMS], ids=["L", "two rooms"])
def test_rays_agree_with_small_steps_along_them(outline):
    rng, floor = np.random.default_rng(0), shapely.Polygon(outline)
    centers, sizes = rng.uniform((-4, -4, 0), (4, 4, 1.5), (6, 3)), rng.uniform(0.2, 1.5, (6, 3))
    rotations = Rotation.from_euler("zx", rng.uniform(-40, 40, (6, 2)), degrees=True).as_matrix()
    room, compared = Occluders(centers, sizes, rotations, outline), []
    while len(compared) < 300:
        eye, point = rng.uniform((-5, -5, 0.1), (5, 5, 2), (2, 3))
        if not shapely.contains_xy(floor, *np.array([eye, point])[:, :2].T).all():
            continue
        steps = np.linspace(eye, point, 4000)[:-1]
        inside = [
            (np.abs((steps - c) @ r) <= s / 2).all(1)
            for c, s, r in zip(centers, sizes, rotations, strict=True)
        ]
        beyond = np.linalg.norm(steps - point, axis=1) < 0.02
        in_a_box = any((met & ~beyond).any() and not met[0] for met in inside)
        out = shapely.LineString([eye[:2], point[:2]]).difference(floor)
        longest = max((part.length for part in getattr(out, "geoms", [out])), default=0.0)
        if abs(longest - WALL) < 0.03 or any(0 < met.sum() < 8 for met in inside):
            continue  # at the limit, or only just touched
        compared.append(in_a_box or longest > WALL)
        assert is_hidden(room, eye, point) == compared[-1], (eye, point)
    assert 50 < sum(compared) < 290
