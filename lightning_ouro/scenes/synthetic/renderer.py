"""Ray casting of coloured boxes in a box-shaped room: colour, depth and object id of every pixel.

Pixel `(row, column)` is one ray through the continuous image point `(column + 0.5, row + 0.5)`; `intrinsics`
map camera points to such image points. Rays have z = 1 in the camera's frame, so a hit's ray parameter is its
depth z. A ray hits an object where it enters the object's box (slab test in the box's own frame), so a box
that contains the camera is not drawn. The room is a backdrop: its inner faces fill the pixels that no object
covers, and objects outside the walls are drawn all the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lightning_ouro.scenes.synthetic.furniture import TEXTURES
from lightning_ouro.scenes.synthetic.shading import Paint, look_up, shade
from lightning_ouro.scenes.synthetic.types import PaintedBoxes, Rendering, Room
from lightning_ouro.scenes.types import CORNER_SIGNS

_NEAR = 1e-3  # metres; surfaces nearer than this count as behind the image plane
# Torch splits operations over threads from this size on (ATen's GRAIN_SIZE). Ours are so short that this gains
# nothing, and waiting for a thread whose core is taken costs 100 times the work: 3 s instead of 25 ms for 8 frames
# of 96 x 128.
_SERIAL = 32_768


@dataclass(frozen=True, eq=False)
class _BoxRays:
    """The rays of every camera in the frame of every box, the room last: `origin + z * (map @ (u, v, 1))`."""

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
    """Renders one image per camera: a pure function of its arguments, bit-identical between runs on a CPU.

    Args:
        boxes: The objects; there may be none.
        room: Must contain every camera.
        intrinsics: `(T, 3, 3)` pinhole matrices, last row `(0, 0, 1)`.
        poses: `(T, 4, 4)` camera to world, OpenCV axes.
        height: Rows of the images.
        width: Columns of the images.
    """
    rays = _box_rays(boxes, room, intrinsics, poses)
    assert (rays.origins[:, -1].abs() < rays.paint.halves[-1]).all(), "a camera is outside the room"
    windows = _windows(boxes, intrinsics, poses, height, width)
    columns, rows = torch.arange(width) + 0.5, torch.arange(height) + 0.5
    shape = (len(poses), height, width)
    depth, ids = np.full(shape, np.inf, np.float32), np.full(shape, -1, np.int64)
    rgb = np.empty((*shape, 3), np.uint8)
    for frame in range(len(poses)):
        layers = (torch.from_numpy(depth[frame]), torch.from_numpy(ids[frame]), torch.from_numpy(rgb[frame]))
        _draw_boxes(rays, frame, windows[frame], layers, columns, rows)
        _draw_room(rays, frame, layers, columns, rows, float(intrinsics[frame, 0, 0]))
    return Rendering(rgb, depth, ids.astype(np.int32))


def _bands(top: int, bottom: int, row_elements: int) -> list[slice]:
    """Splits rows into bands whose largest tensor has fewer than `_SERIAL` elements, or into single rows."""
    step = max(1, (_SERIAL - 1) // row_elements)
    return [slice(start, min(start + step, bottom)) for start in range(top, bottom, step)]


def _draw_boxes(
    rays: _BoxRays,
    frame: int,
    windows: NDArray[np.int64],
    layers: tuple[Tensor, Tensor, Tensor],
    columns: Tensor,
    rows: Tensor,
) -> None:
    """Writes the depth and id of the nearest box into the pixels of one frame that hit a box."""
    depth, ids, _ = layers
    for box in np.flatnonzero(windows[:, 0] < windows[:, 1]).tolist():
        left, right, top, bottom = windows[box].tolist()
        for band in _bands(top, bottom, 3 * (right - left)):
            tile = (band, slice(left, right))
            entry, leave = _slabs(rays, frame, box, columns[left:right], rows[band])
            hit = (entry <= leave) & (entry > _NEAR) & (entry < depth[tile])
            depth[tile] = torch.where(hit, entry, depth[tile])
            ids[tile].masked_fill_(hit, box)


def _draw_room(
    rays: _BoxRays,
    frame: int,
    layers: tuple[Tensor, Tensor, Tensor],
    columns: Tensor,
    rows: Tensor,
    focal: float,
) -> None:
    """Writes the room's depth into the pixels of one frame that hit no box, and the colours of all pixels."""
    room = len(rays.paint.halves) - 1
    for band in _bands(0, len(rows), 9 * len(columns)):
        depth, ids, rgb = (layer[band] for layer in layers)
        empty = ids < 0
        _, leave = _slabs(rays, frame, room, columns, rows[band])
        depth.copy_(torch.where(empty, leave, depth))
        index = torch.where(empty, room, ids)
        points = _points(rays, frame, index, depth, columns, rows[band])
        rgb.copy_(shade(rays.paint, index, points, depth / focal))


def _box_rays(
    boxes: PaintedBoxes, room: Room, intrinsics: NDArray[np.float64], poses: NDArray[np.float64]
) -> _BoxRays:
    centers = np.concatenate([boxes.centers.reshape(-1, 3), room.center[None]])
    sizes = np.concatenate([boxes.sizes.reshape(-1, 3), room.size[None]])
    rotations = np.concatenate([boxes.rotations.reshape(-1, 3, 3), room.rotation[None]])
    # The most upright axis comes last, so that a texture's bands are level for any order of the source's axes.
    order = np.argsort(np.abs(rotations[:, 2]), axis=1, kind="stable")
    sizes = np.take_along_axis(sizes, order, axis=1)
    rotations = np.take_along_axis(rotations, order[:, None], axis=2)
    to_box = rotations.transpose(0, 2, 1)
    origins = np.einsum("nij,tnj->tni", to_box, poses[:, None, :3, 3] - centers)
    to_world = poses[:, :3, :3] @ np.linalg.inv(intrinsics)
    maps = np.einsum("nij,tjk->tnik", to_box, to_world)
    colours = np.concatenate([boxes.colours.reshape(-1, 3), [room.wall, room.floor]])
    textures = [TEXTURES.index(texture) for texture in (*boxes.textures, "plain")]
    paint = Paint(_float(sizes / 2), _float(rotations), _float(colours), torch.tensor(textures))
    return _BoxRays(_float(origins), _float(maps), paint)


def _float(array: NDArray[np.float64]) -> Tensor:
    return torch.from_numpy(array).float()


def _windows(
    boxes: PaintedBoxes, intrinsics: NDArray[np.float64], poses: NDArray[np.float64], height: int, width: int
) -> NDArray[np.int64]:
    """`(T, n, 4)` left, right, top, bottom of the pixels that each box can cover; empty behind the camera."""
    offsets = np.einsum("ncj,nij->nci", CORNER_SIGNS / 2 * boxes.sizes[:, None], boxes.rotations)
    corners = boxes.centers[:, None] + offsets
    in_camera = np.einsum("tji,tncj->tnci", poses[:, :3, :3], corners - poses[:, None, None, :3, 3])
    z = in_camera[..., 2]
    points = np.einsum("tij,tncj->tnci", intrinsics, in_camera)[..., :2] / np.maximum(z, _NEAR)[..., None]
    crosses, behind = z.min(-1) < _NEAR, z.max(-1) < _NEAR
    # A box that crosses the image plane projects to no bounded rectangle: try every pixel.
    low = np.where(crosses[..., None], 0, np.floor(points.min(2) - 0.5))
    high = np.where(crosses[..., None], max(height, width), np.ceil(points.max(2) + 0.5))
    limits = np.array([width, height])
    low, high = np.clip(low, 0, limits), np.clip(high, 0, limits)
    empty = behind | (low >= high).any(-1)
    windows = np.stack([low[..., 0], high[..., 0], low[..., 1], high[..., 1]], axis=-1)
    return np.where(empty[..., None], 0, windows).astype(np.int64)


def _slabs(rays: _BoxRays, frame: int, box: int, columns: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Depths `(H, W)` at which the rays enter and leave a box; where they miss it, enter > leave."""
    ray, origin, half = rays.maps[frame, box], rays.origins[frame, box], rays.paint.halves[box]
    across, down = ray[:, 0, None] * columns, ray[:, 1, None] * rows + ray[:, 2, None]
    inverse = (down[:, :, None] + across[:, None]).reciprocal_()
    first = inverse * (-half - origin)[:, None, None]
    second = inverse.mul_((half - origin)[:, None, None])
    return torch.minimum(first, second).amax(0), torch.maximum(first, second).amin(0)


def _points(
    rays: _BoxRays, frame: int, index: Tensor, depth: Tensor, columns: Tensor, rows: Tensor
) -> Tensor:
    """The hit points `(H, W, 3)`, each in the frame of its box."""
    ray = look_up(rays.maps[frame], index)  # (H, W, 3, 3)
    direction = ray[..., 0] * columns[:, None] + ray[..., 1] * rows[:, None, None] + ray[..., 2]
    return look_up(rays.origins[frame], index) + depth[..., None] * direction
