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

from lightning_ouro.scenes.furniture import TEXTURES, Texture
from lightning_ouro.scenes.shading import Paint, shade

_NEAR = 1e-3  # metres; nearer surfaces are behind the image plane for all that matters


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
    depth = torch.full((len(poses), height, width), torch.inf)
    ids = torch.full((len(poses), height, width), -1, dtype=torch.int64)
    for frame, box in np.argwhere(windows[..., 0] < windows[..., 1]):
        left, right, top, bottom = windows[frame, box].tolist()
        tile = (frame, slice(top, bottom), slice(left, right))
        entry, leave = _slabs(local, int(frame), int(box), columns[left:right], rows[top:bottom])
        hit = (entry <= leave) & (entry > _NEAR) & (entry < depth[tile])
        depth[tile] = torch.where(hit, entry, depth[tile])
        ids[tile].masked_fill_(hit, int(box))
    rgb = torch.empty((len(poses), height, width, 3), dtype=torch.uint8)
    for frame in range(len(poses)):
        _, leave = _slabs(local, frame, len(boxes.sizes), columns, rows)
        depth[frame] = torch.where(ids[frame] < 0, leave, depth[frame])
        index = torch.where(ids[frame] < 0, len(boxes.sizes), ids[frame])
        points = _points(local, frame, index, depth[frame], columns, rows)
        rgb[frame] = shade(local.paint, index, points, depth[frame] / float(intrinsics[frame, 0, 0]))
    return Rendering(rgb.numpy(), depth.numpy(), ids.to(torch.int32).numpy())


def _to_local(boxes: PaintedBoxes, room: Room, intrinsics: NDArray[np.float64], poses: NDArray[np.float64]) -> _Local:
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
    corners = boxes.centers[:, None] + np.einsum("ncj,nij->nci", signs * boxes.sizes[:, None], boxes.rotations)
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
    ray = local.maps[frame][index]  # (H, W, 3, 3)
    direction = ray[..., 0] * columns[:, None] + ray[..., 1] * rows[:, None, None] + ray[..., 2]
    return local.origins[frame][index] + depth[..., None] * direction
