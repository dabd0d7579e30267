import math

import numpy as np
import pytest

from lightning_ouro.scenes.synthetic.placement import Area, Upright, apart, at_wall, on_floor, on_top

UNIT = Upright(0.0, 0.0, 0.0, (1.0, 1.0, 1.0), 0.0)


def inside(box, points):
    """Which of `(n, 3)` points are in the box, by the definition of a box, without separating axes."""
    cos, sin = math.cos(box.yaw), math.sin(box.yaw)
    x, y = points[:, 0] - box.x, points[:, 1] - box.y
    across, along = x * cos + y * sin, y * cos - x * sin
    level = (points[:, 2] >= box.bottom) & (points[:, 2] <= box.top)
    return (abs(across) <= box.size[0] / 2) & (abs(along) <= box.size[1] / 2) & level


def random_box(rng):
    x, y, bottom = rng.uniform(-1, 1, 3)
    width, depth, height = rng.uniform(0.2, 1.5, 3)
    return Upright(x, y, bottom, (width, depth, height), rng.uniform(0, 2 * math.pi))


def test_boxes_that_share_a_point_are_never_apart():
    rng = np.random.default_rng(0)
    num_sharing = 0
    for _ in range(300):
        a, b = random_box(rng), random_box(rng)
        points = rng.uniform((-2, -2, -1), (2, 2, 3), (4000, 3))
        share_a_point = bool((inside(a, points) & inside(b, points)).any())
        num_sharing += share_a_point
        assert not (share_a_point and apart(a, b, 0.0))
    assert 50 < num_sharing < 250


def test_a_turned_box_is_apart_even_if_the_bounding_boxes_overlap():
    turned = Upright(1.0, 1.0, 0.0, (0.8, 0.8, 1.0), math.pi / 4)
    assert apart(UNIT, turned, 0.1)
    assert not apart(UNIT, Upright(0.85, 0.85, 0.0, (0.8, 0.8, 1.0), 0.0), 0.0)


@pytest.mark.parametrize("gap", [0.0, 0.1, 0.3])
def test_the_gap_is_the_distance_between_parallel_faces(gap):
    assert apart(UNIT, Upright(1.0 + gap + 1e-9, 0.0, 0.0, (1.0, 1.0, 1.0), 0.0), gap)
    assert not apart(UNIT, Upright(1.0 + gap - 1e-6, 0.0, 0.0, (1.0, 1.0, 1.0), 0.0), gap)
    assert apart(UNIT, Upright(0.0, 0.0, 1.0 + gap + 1e-9, (1.0, 1.0, 1.0), 0.0), gap)


def test_a_room_holds_boxes_that_do_not_extend_beyond_it():
    area = Area(2.0, 3.0)
    assert area.holds(Upright(0.5, 0.5, 0.0, (1.0, 1.0, 1.0), 0.0))
    assert not area.holds(Upright(0.5, 0.5, 0.0, (1.0, 1.0, 1.0), 0.3))


def test_boxes_at_a_wall_have_their_back_to_it():
    rng, area = np.random.default_rng(1), Area(4.0, 3.0)
    for _ in range(100):
        box = at_wall(area, (1.0, 0.4, 1.0), 0.0, rng)
        back = np.array([box.x + math.sin(box.yaw) * 0.2, box.y - math.cos(box.yaw) * 0.2])
        assert area.holds(box)
        assert min(back[0], back[1], 4.0 - back[0], 3.0 - back[1]) <= 0.05


def test_a_box_wider_than_every_wall_is_not_placed_at_one():
    assert at_wall(Area(2.0, 2.0), (2.5, 0.4, 1.0), 0.0, np.random.default_rng(0)) is None


def test_free_standing_boxes_are_mostly_parallel_to_the_walls():
    rng = np.random.default_rng(2)
    yaws = [on_floor(Area(4.0, 4.0), (1.0, 1.0, 1.0), rng).yaw for _ in range(500)]
    aligned = np.mean([abs(math.sin(2 * yaw)) < 1e-9 for yaw in yaws])
    assert 0.6 < aligned < 0.8


def test_a_box_on_a_support_does_not_extend_beyond_it():
    rng, table = np.random.default_rng(3), Upright(2.0, 1.0, 0.0, (1.4, 0.8, 0.75), 0.6)
    for _ in range(200):
        box = on_top(table, (0.5, 0.4, 0.3), rng)
        cos, sin = math.cos(box.yaw), math.sin(box.yaw)
        offsets = [(a, b) for a in (-0.25, 0.25) for b in (-0.2, 0.2)]
        points = np.array([(box.x + a * cos - b * sin, box.y + a * sin + b * cos, 0.5) for a, b in offsets])
        assert box.bottom == table.top
        assert inside(Upright(2.0, 1.0, 0.0, (1.4 + 1e-9, 0.8 + 1e-9, 0.75), 0.6), points).all()


def test_a_box_larger_than_its_support_is_not_placed_on_it():
    assert on_top(UNIT, (1.2, 0.4, 0.3), np.random.default_rng(0)) is None
