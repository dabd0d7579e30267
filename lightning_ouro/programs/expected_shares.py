"""What share of a frame boxes should fill at least: where much more is missing, something without a box hides.

A box should be seen on the pixels whose rays enter it before any other box, and leave it before they enter the next
one: there is nothing in front of it that is known, and nothing known in it that may be seen instead. Real things fill
only a part of their boxes, so no more than a part of that can be asked for (`pictures`).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from lightning_ouro.programs.geometry import Floats
from lightning_ouro.programs.occlusion import Occluders
from lightning_ouro.scenes.types import CORNER_SIGNS, Views

# Rays of a frame: 0.5 % of them are 24, so that a share is known to about a fifth; chosen by hand.
RAYS = 4800
_INWARD = 1e-3  # metres behind the surface of a box, where a point is surely on it
_NEAR = 1e-3  # metres in front of the camera, where its picture begins

Indices = NDArray[np.intp]


def expected_shares(views: Views, size: tuple[int, int], boxes: Occluders) -> NDArray[np.float32]:
    """`(frames, n)` share of each frame's pixels that each box should fill at least, were it solid.

    Args:
        views: The cameras.
        size: Height and width of the frames in pixels.
        boxes: The boxes, and the walls and floor that hide.
    """
    shrink = min(1.0, math.sqrt(RAYS / (size[0] * size[1])))
    rows, columns = (max(1, round(length * shrink)) for length in size)
    scale = np.array([[columns / size[1]], [rows / size[0]], [1.0]])
    shares = np.zeros((len(views.timestamps), len(boxes.centers)), dtype=np.float32)
    for frame, (pose, camera) in enumerate(zip(views.poses, views.intrinsics, strict=True)):
        seen = _seen(rows, columns, pose, camera * scale, boxes)
        shares[frame] = np.bincount(seen, minlength=len(boxes.centers)) / (rows * columns)
    return shares


def _seen(rows: int, columns: int, pose: Floats, camera: Floats, boxes: Occluders) -> Indices:
    """The boxes that rays of a picture enter first and leave before the next one, once for each such ray.

    Distances along rays are multiples of their length, which is 1 along the camera's axis.
    """
    enters, leaves, following = (np.full((rows, columns), np.inf) for _ in range(3))
    nearest = np.zeros((rows, columns), dtype=np.intp)
    to_world = pose[:3, :3] @ np.linalg.inv(camera)
    for box, part in enumerate(_rectangles(rows, columns, pose, camera, boxes)):
        if part is None:
            continue
        enter, leave = _passed(part, to_world, pose[:3, 3], boxes, box)
        enter = np.where((enter <= leave) & (leave > 0), np.maximum(enter, 0), np.inf)
        before, is_nearer = enters[part], enter < enters[part]
        following[part] = np.where(is_nearer, before, np.minimum(following[part], enter))
        enters[part] = np.where(is_nearer, enter, before)
        leaves[part] = np.where(is_nearer, leave, leaves[part])
        nearest[part] = np.where(is_nearer, box, nearest[part])
    row, column = np.nonzero(np.isfinite(enters) & (enters > 0) & (leaves < following))
    rays = np.stack([column + 0.5, row + 0.5, np.ones(len(row))], axis=1) @ to_world.T
    points = pose[:3, 3] + rays * (enters[row, column, None] + _INWARD)
    in_sight = ~boxes.walled_off(np.broadcast_to(pose[:3, 3], points.shape), points)
    return np.asarray(nearest[row, column][in_sight])


def _passed(
    part: tuple[slice, slice], to_world: Floats, eye: Floats, boxes: Occluders, box: int
) -> tuple[Floats, Floats]:
    """Where the rays of a part of a picture enter and leave a box; those that miss it leave it before."""
    half, rotation = boxes.sizes[box, :, None, None] / 2, boxes.rotations[box]
    along, down, ahead = (rotation.T @ to_world).T[
        :, :, None, None
    ]  # of a pixel's column, row and 1, in the box's axes
    v, u = (np.arange(side.start, side.stop) + 0.5 for side in part)
    way = along * u + (down * v[:, None] + ahead)
    way = np.where(np.abs(way) < 1e-12, 1e-12, way)
    start = ((eye - boxes.centers[box]) @ rotation)[:, None, None]
    first, last = (-half - start) / way, (half - start) / way
    return np.minimum(first, last).max(axis=0), np.maximum(first, last).min(axis=0)


def _rectangles(
    rows: int, columns: int, pose: Floats, camera: Floats, boxes: Occluders
) -> list[tuple[slice, slice] | None]:
    """The part of a picture that holds each box, as slices of rows and columns; None for a box outside of it."""
    corners = (CORNER_SIGNS * boxes.sizes[:, None] / 2) @ np.swapaxes(boxes.rotations, 1, 2)
    seen = (boxes.centers[:, None] + corners - pose[:3, 3]) @ pose[
        :3, :3
    ]  # (n, 8, 3) as the camera sees them
    places = (seen @ camera.T)[..., :2] / np.maximum(seen[..., 2:], _NEAR)
    is_ahead: NDArray[np.bool_] = np.asarray(seen[..., 2] > _NEAR)
    in_front = np.flatnonzero(is_ahead.any(axis=1)).tolist()
    all_ahead = is_ahead.all(axis=1, keepdims=True)  # else the box may be anywhere in the picture
    low = np.where(all_ahead, np.clip(np.floor(places.min(axis=1)), 0, (columns, rows)), 0).astype(int)
    high = np.where(all_ahead, np.clip(np.ceil(places.max(axis=1)), 0, (columns, rows)), (columns, rows))
    return [
        (slice(top, bottom), slice(left, right))
        if box in in_front and top < bottom and left < right
        else None
        for box, ((left, top), (right, bottom)) in enumerate(
            zip(low.tolist(), high.astype(int).tolist(), strict=True)
        )
    ]
