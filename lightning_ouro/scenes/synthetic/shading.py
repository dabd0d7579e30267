"""Colours of the points where rays hit boxes: a light from above, a texture on every face, darker edges.

`brightness = light * texture * edge`. The light is half-Lambert, `a + (1 - a) (1 + n.l) / 2` with ambient
share `a`, so that all six faces of a box differ, even those turned away from the light. Points are given in
the box's own frame, so the face is the axis along which the point lies furthest out. The constants were
chosen by hand.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from lightning_ouro.scenes.synthetic.furniture import TEXTURES

_LIGHT = torch.tensor([0.36, 0.20, 0.91])  # unit vector towards the light, above and to one side
_AMBIENT = 0.45  # share of the light that has no direction
_DARK = 0.68  # brightness of the dark parts of a texture
_EDGE = 0.60  # brightness of an edge
_EDGE_WIDTH = 0.012  # metres, or one pixel if that is wider
_EDGE_SHARE = (
    0.2  # maximum width of an edge as a share of the half extent, so that thin boxes keep their colour
)
_FINE, _COARSE = 0.09, 0.14  # metres, widths of a texture's parts
_TILE, _TILE_DARK = 0.5, 0.86  # width of the floor's tiles in metres, brightness of the dark ones


@dataclass(frozen=True, eq=False)
class Paint:
    """How boxes look; the last box is the room, seen from inside.

    Attributes:
        halves: `(n + 1, 3)` half extents, metres; the most upright axis is the last.
        rotations: `(n + 1, 3, 3)`, columns are the axes.
        colours: `(n + 2, 3)` RGB, 0 to 255; the last two are the room's walls and its floor.
        textures: `(n + 1,)` indices into `TEXTURES`.
    """

    halves: Tensor
    rotations: Tensor
    colours: Tensor
    textures: Tensor


def shade(paint: Paint, index: Tensor, points: Tensor, footprint: Tensor) -> Tensor:
    """Colours uint8 `(H, W, 3)` of the points of one image.

    Args:
        paint: How the boxes look.
        index: `(H, W)` box of each point.
        points: `(H, W, 3)` on the box's surface, in the box's frame, metres.
        footprint: `(H, W)` width of a pixel at the point, metres.
    """
    halves = look_up(paint.halves, index)
    face = (points.abs() / halves).argmax(-1, keepdim=True)
    outward = points.gather(-1, face).sign()
    room = (index == len(paint.halves) - 1)[..., None]
    floor = (room & (face == 2) & (outward < 0))[..., 0]
    brightness = _light(paint, index, face, torch.where(room, -outward, outward))
    brightness *= _texture(look_up(paint.textures, index), _on_face(points, face), floor)
    brightness *= _edges(points, halves, face, footprint)
    colours = look_up(paint.colours, index + floor)
    return (colours * brightness[..., None]).clamp_(0, 255).to(torch.uint8)


def look_up(table: Tensor, index: Tensor) -> Tensor:
    """The row of a table `(n, ...)` for every pixel: `(H, W, ...)`.

    Equal to `table[index]`, which torch would split over threads from 3,000 pixels on (see
    `renderer._SERIAL`).
    """
    return table.index_select(0, index.flatten()).view(*index.shape, *table.shape[1:])


def _light(paint: Paint, index: Tensor, face: Tensor, sign: Tensor) -> Tensor:
    along_axes = torch.einsum("nij,i->nj", paint.rotations, _LIGHT)
    cosine = (look_up(along_axes, index).gather(-1, face) * sign)[..., 0]
    return _AMBIENT + (1 - _AMBIENT) * (1 + cosine) / 2


def _on_face(points: Tensor, face: Tensor) -> tuple[Tensor, Tensor]:
    """Coordinates across and up on the face that was hit, metres; up is the upright axis on the four sides."""
    face = face[..., 0]
    across = torch.where(face == 0, points[..., 1], points[..., 0])
    up = torch.where(face == 2, points[..., 1], points[..., 2])
    return across, up


def _texture(kinds: Tensor, coordinates: tuple[Tensor, Tensor], floor: Tensor) -> Tensor:
    across, up = coordinates
    fine_across, fine_up = _odd(across, _FINE), _odd(up, _FINE)
    dark = {
        "plain": torch.zeros_like(floor),
        "stripes": fine_up,
        "bars": fine_across,
        "checker": _odd(across, _COARSE) ^ _odd(up, _COARSE),
        "grid": across.remainder(_COARSE).minimum(up.remainder(_COARSE)) < _COARSE / 4,
        "dots": fine_across & fine_up,
    }
    patterns = torch.stack([dark[name] for name in TEXTURES])
    chosen = patterns.gather(0, kinds[None])[0]
    tiles = _odd(across, _TILE) ^ _odd(up, _TILE)
    on_boxes = 1 - (1 - _DARK) * chosen.float()
    return torch.where(floor, 1 - (1 - _TILE_DARK) * tiles.float(), on_boxes)


def _odd(coordinate: Tensor, width: float) -> Tensor:
    # floor() would be simpler, but MKL splits it over threads at any size (see `renderer._SERIAL`).
    return coordinate.remainder(2 * width) >= width


def _edges(points: Tensor, halves: Tensor, face: Tensor, footprint: Tensor) -> Tensor:
    gaps = (halves - points.abs()).scatter(-1, face, torch.inf)
    width = footprint.clamp(min=_EDGE_WIDTH)[..., None].minimum(_EDGE_SHARE * halves)
    return torch.where((gaps < width).any(-1), _EDGE, 1.0)
