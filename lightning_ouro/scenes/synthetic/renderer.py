"""Ray casting of coloured boxes in a box-shaped room: colours, depth and the object that each pixel shows.

Pixel `(row, column)` is one ray through the continuous image point `(column + 0.5, row + 0.5)`; `intrinsics` map a
camera point to such image points. Rays have z = 1 in the camera's frame, so the ray's parameter at the hit is the depth
z. An object's hit is the entry of the slab test in the box's own frame, so a box that holds the camera is not drawn.
The room is a backdrop: its inner faces fill what no object covers, and an object that stands partly outside the walls
is still shown.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lightning_ouro.scenes.synthetic.furniture import TEXTURES, Texture
from lightning_ouro.scenes.synthetic.shading import Paint, look_up, shade

_NEAR = 1e-3  # metres; nearer surfaces are behind the image plane for all that matters
# Torch splits operations over threads from this size on (ATen's GRAIN_SIZE). Ours are so short that this gains nothing,
# and waiting for a thread whose core is taken costs 100 times the work: 3 s instead of 25 ms for 8 frames of 96 x 128.
_SERIAL = 32_768


@dataclass(frozen=True, eq=False)
class PaintedBoxes:
    """Boxes as the renderer needs them.

    Attributes:
        centers: `(n, 3)` metres.
        sizes: `(n, 3)` full extents along the boxes' own axes, metres.
        rotations: `(n, 3, 3)`, columns are the boxes' axes.
        colours: `(n, 3)` RGB, 0 to 255.
        textures: One for each box.
    """

    centers: NDArray[np.float64]
    sizes: NDArray[np.float64]
    rotations: NDArray[np.float64]
    colours: NDArray[np.float64]
    textures: tuple[Texture, ...]


@dataclass(frozen=True, eq=False)
class Room:
    """A box seen from inside; its own third axis points up.

    Attributes:
        center: `(3,)` metres.
        size: `(3,)` full extents, metres.
        rotation: `(3, 3)`, columns are the axes.
        wall: RGB of the walls, 0 to 255.
        floor: RGB of the floor, which has 0.5 m tiles.
    """

    center: NDArray[np.float64]
    size: NDArray[np.float64]
    rotation: NDArray[np.float64]
    wall: tuple[int, int, int]
    floor: tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class Rendering:
    """What the cameras see.

    Attributes:
        rgb: uint8 `(T, H, W, 3)`.
        depth: float32 `(T, H, W)` z in the camera's frame, metres.
        ids: int32 `(T, H, W)` place of the box in its list, -1 for the room.
    """

    rgb: NDArray[np.uint8]
    depth: NDArray[np.float32]
    ids: NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class _Local:
    """Rays of every camera in the frame of every box, the room last: `origin + z * (map @ (u, v, 1))`."""

    origins: Tensor  # (T, n + 1, 3)
    maps: Tensor  # (T, n + 1, 3, 3)
    paint: Paint


def render(
    boxes: PaintedBoxes,
    room: Room,
    intrinsics: NDArray[np.float64],
    poses: NDArray[np.float64],
    height: int,
    width: int,
) -> Rendering:
    """Renders every camera; a pure function of its inputs, bit-identical between runs on a CPU.

    Args:
        boxes: The objects; may be none.
        room: Must hold every camera.
        intrinsics: `(T, 3, 3)` pinhole matrices, last row `(0, 0, 1)`.
        poses: `(T, 4, 4)` camera to world, OpenCV axes.
        height: Rows of the images.
        width: Columns of the images.
    """
    local = _to_local(boxes, room, intrinsics, poses)
    assert (local.origins[:, -1].abs() < local.paint.halves[-1]).all(), "a camera stands outside the room"
    windows = _windows(boxes, intrinsics, poses, height, width)
    columns, rows = torch.arange(width) + 0.5, torch.arange(height) + 0.5
    shape = (len(poses), height, width)
    depth, ids = np.full(shape, np.inf, np.float32), np.full(shape, -1, np.int64)
    rgb = np.empty((*shape, 3), np.uint8)
    for frame in range(len(poses)):
        layers = (torch.from_numpy(depth[frame]), torch.from_numpy(ids[frame]), torch.from_numpy(rgb[frame]))
        _draw_boxes(local, frame, windows[frame], layers, columns, rows)
        _draw_room(local, frame, layers, columns, rows, float(intrinsics[frame, 0, 0]))
    return Rendering(rgb, depth, ids.astype(np.int32))


def _bands(top: int, bottom: int, row_elements: int) -> list[slice]:
    """Cuts rows into bands whose largest tensor stays below `_SERIAL` elements where one row does."""
    step = max(1, (_SERIAL - 1) // row_elements)
    return [slice(start, min(start + step, bottom)) for start in range(top, bottom, step)]


def _draw_boxes(
    local: _Local,
    frame: int,
    windows: NDArray[np.int64],
    layers: tuple[Tensor, Tensor, Tensor],
    columns: Tensor,
    rows: Tensor,
) -> None:
    """Fills depth and ids of one frame where boxes are hit, nearest first."""
    depth, ids, _ = layers
    for box in np.flatnonzero(windows[:, 0] < windows[:, 1]).tolist():
        left, right, top, bottom = windows[box].tolist()
        for band in _bands(top, bottom, 3 * (right - left)):
            tile = (band, slice(left, right))
            entry, leave = _slabs(local, frame, box, columns[left:right], rows[band])
            hit = (entry <= leave) & (entry > _NEAR) & (entry < depth[tile])
            depth[tile] = torch.where(hit, entry, depth[tile])
            ids[tile].masked_fill_(hit, box)


def _draw_room(
    local: _Local,
    frame: int,
    layers: tuple[Tensor, Tensor, Tensor],
    columns: Tensor,
    rows: Tensor,
    focal: float,
) -> None:
    """Fills the depth of one frame where no box is hit, and all its colours."""
    room = len(local.paint.halves) - 1
    for band in _bands(0, len(rows), 9 * len(columns)):
        depth, ids, rgb = (layer[band] for layer in layers)
        empty = ids < 0
        _, leave = _slabs(local, frame, room, columns, rows[band])
        depth.copy_(torch.where(empty, leave, depth))
        index = torch.where(empty, room, ids)
        points = _points(local, frame, index, depth, columns, rows[band])
        rgb.copy_(shade(local.paint, index, points, depth / focal))


def _to_local(
    boxes: PaintedBoxes, room: Room, intrinsics: NDArray[np.float64], poses: NDArray[np.float64]
) -> _Local:
    centers = np.concatenate([boxes.centers.reshape(-1, 3), room.center[None]])
    sizes = np.concatenate([boxes.sizes.reshape(-1, 3), room.size[None]])
    rotations = np.concatenate([boxes.rotations.reshape(-1, 3, 3), room.rotation[None]])
    # Most upright axis last, so that a texture's bands run level whatever the order of the source's axes.
    order = np.argsort(np.abs(rotations[:, 2]), axis=1, kind="stable")
    sizes = np.take_along_axis(sizes, order, axis=1)
    rotations = np.take_along_axis(rotations, order[:, None], axis=2)
    to_box = rotations.transpose(0, 2, 1)
    origins = np.einsum("nij,tnj->tni", to_box, poses[:, None, :3, 3] - centers)
    rays = poses[:, :3, :3] @ np.linalg.inv(intrinsics)
    maps = np.einsum("nij,tjk->tnik", to_box, rays)
    colours = np.concatenate([boxes.colours.reshape(-1, 3), [room.wall, room.floor]])
    textures = [TEXTURES.index(texture) for texture in (*boxes.textures, "plain")]
    paint = Paint(_float(sizes / 2), _float(rotations), _float(colours), torch.tensor(textures))
    return _Local(_float(origins), _float(maps), paint)


def _float(array: NDArray[np.float64]) -> Tensor:
    return torch.from_numpy(array).float()


def _windows(
    boxes: PaintedBoxes, intrinsics: NDArray[np.float64], poses: NDArray[np.float64], height: int, width: int
) -> NDArray[np.int64]:
    """`(T, n, 4)` left, right, top, bottom: the pixels that each box can cover; empty where it is behind the camera."""
    signs = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)])
    corners = boxes.centers[:, None] + np.einsum(
        "ncj,nij->nci", signs * boxes.sizes[:, None], boxes.rotations
    )
    seen = np.einsum("tji,tncj->tnci", poses[:, :3, :3], corners - poses[:, None, None, :3, 3])
    z = seen[..., 2]
    points = np.einsum("tij,tncj->tnci", intrinsics, seen)[..., :2] / np.maximum(z, _NEAR)[..., None]
    crosses, behind = z.min(-1) < _NEAR, z.max(-1) < _NEAR
    # A box that crosses the image plane projects to no bounded rectangle: try every pixel.
    low = np.where(crosses[..., None], 0, np.floor(points.min(2) - 0.5))
    high = np.where(crosses[..., None], max(height, width), np.ceil(points.max(2) + 0.5))
    limits = np.array([width, height])
    low, high = np.clip(low, 0, limits), np.clip(high, 0, limits)
    empty = behind | (low >= high).any(-1)
    windows = np.stack([low[..., 0], high[..., 0], low[..., 1], high[..., 1]], axis=-1)
    return np.where(empty[..., None], 0, windows).astype(np.int64)


def _slabs(local: _Local, frame: int, box: int, columns: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Depths `(H, W)` at which the rays enter and leave a box; they enter later than they leave where they miss."""
    ray, origin, half = local.maps[frame, box], local.origins[frame, box], local.paint.halves[box]
    across, down = ray[:, 0, None] * columns, ray[:, 1, None] * rows + ray[:, 2, None]
    inverse = (down[:, :, None] + across[:, None]).reciprocal_()
    first = inverse * (-half - origin)[:, None, None]
    second = inverse.mul_((half - origin)[:, None, None])
    return torch.minimum(first, second).amax(0), torch.maximum(first, second).amin(0)


def _points(local: _Local, frame: int, index: Tensor, depth: Tensor, columns: Tensor, rows: Tensor) -> Tensor:
    """The hit points `(H, W, 3)`, each in the frame of its box."""
    ray = look_up(local.maps[frame], index)  # (H, W, 3, 3)
    direction = ray[..., 0] * columns[:, None] + ray[..., 1] * rows[:, None, None] + ray[..., 2]
    return look_up(local.origins[frame], index) + depth[..., None] * direction
