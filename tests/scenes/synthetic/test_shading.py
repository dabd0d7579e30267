import pytest
import torch

from lightning_ouro.scenes.synthetic.furniture import TEXTURES
from lightning_ouro.scenes.synthetic.shading import Paint, shade

RED, WALL, FLOOR = (200.0, 40.0, 40.0), (180.0, 180.0, 180.0), (20.0, 60.0, 120.0)


def paint(texture="plain"):
    """A unit cube and a room of 8 by 6 by 3 metres."""
    halves = torch.tensor([[0.5, 0.5, 0.5], [4.0, 3.0, 1.5]])
    textures = torch.tensor([TEXTURES.index(texture), 0])
    return Paint(halves, torch.eye(3).repeat(2, 1, 1), torch.tensor([RED, WALL, FLOOR]), textures)


def colours(points, index, texture="plain"):
    points = torch.tensor(points)[None]
    boxes, footprint = torch.full(points.shape[:2], index), torch.full(points.shape[:2], 0.001)
    return shade(paint(texture), boxes, points, footprint)[0]


def test_tops_are_brightest_and_undersides_darkest():
    faces = [[0.5, 0.1, 0.1], [-0.5, 0.1, 0.1], [0.1, 0.5, 0.1], [0.1, -0.5, 0.1]]
    faces += [[0.1, 0.1, 0.5], [0.1, 0.1, -0.5]]
    red = colours(faces, 0)[:, 0].tolist()
    assert len(set(red)) == 6 and max(red) == red[4] and min(red) == red[5]


def test_shading_preserves_the_hue():
    red, green, blue = colours([[0.1, 0.1, 0.5]], 0)[0].tolist()
    assert green == blue and red / green == pytest.approx(5, abs=0.3)


def test_only_the_floor_of_the_room_has_the_floors_colour():
    floor, wall, ceiling = colours([[0.1, 0.1, -1.5], [4.0, 0.1, 0.1], [0.1, 0.1, 1.5]], 1).tolist()
    assert floor[2] > 2 * floor[0]
    assert wall[0] == wall[1] == wall[2] and ceiling[0] == ceiling[1] == ceiling[2]
    assert floor[2] / FLOOR[2] > 0.9 > ceiling[0] / WALL[0]  # the light falls on what faces up


def test_floor_tiles_are_half_a_metre():
    row = colours([[0.05 + 0.1 * step, 0.1, -1.5] for step in range(30)], 1)[:, 2]
    changes = (row[1:] != row[:-1]).nonzero().flatten().tolist()
    assert changes == [4, 9, 14, 19, 24]


@pytest.mark.parametrize("texture", [name for name in TEXTURES if name != "plain"])
def test_every_texture_has_two_brightnesses_and_a_pattern_of_its_own(texture):
    points = [[0.5, y / 50, z / 50] for y in range(-20, 21) for z in range(-20, 21)]
    own = colours(points, 0, texture)
    assert len(own.unique(dim=0)) == 2
    for other in TEXTURES:
        if other != texture:
            assert (own != colours(points, 0, other)).any(-1).float().mean() > 0.1


def test_stripes_are_level_and_bars_upright():
    level = colours([[0.5, y / 50, 0.03] for y in range(-20, 21)], 0, "stripes")
    upright = colours([[0.5, 0.03, z / 50] for z in range(-20, 21)], 0, "bars")
    assert len(level.unique(dim=0)) == len(upright.unique(dim=0)) == 1


def test_edges_are_darker_and_at_least_one_pixel_wide():
    inner, edge = colours([[0.5, 0.4, 0.1], [0.5, 0.495, 0.1]], 0)[:, 0].tolist()
    assert edge < 0.7 * inner
    points, index = torch.tensor([[[0.5, 0.45, 0.1]]]), torch.zeros((1, 1), dtype=torch.int64)
    far, near = (shade(paint(), index, points, torch.full((1, 1), width))[0, 0, 0] for width in (0.08, 0.001))
    assert far < near
