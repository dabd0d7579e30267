"""What share of a frame boxes should fill at least: where much more is missing, something without a box hides.

A box should be seen on the pixels whose rays enter it before any other box, and leave it before they enter the next
one: there is nothing in front of it that is known, and nothing known in it that may be seen instead. Real things fill
only a part of their boxes, so no more than a part of that can be asked for (`pictures`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lightning_ouro.programs.geometry import Floats
from lightning_ouro.programs.occlusion import Occluders
from lightning_ouro.scenes.types import CORNER_SIGNS, Views

# Rays of a frame: 0.5 % of them are 24, so that a share is known to about a fifth; chosen by hand.
RAYS = 4800
_INWARD = 1e-3  # metres behind the surface of a box, where a point is surely on it
_NEAR = 1e-3  # metres in front of the camera, where its picture begins
# The two corners of each of a box's 12 edges, which differ in one sign.
_EDGES = np.argwhere(np.triu(np.abs(CORNER_SIGNS[:, None] - CORNER_SIGNS).sum(axis=-1) == 2))

Indices = NDArray[np.intp]
_Part = tuple[slice, slice]
"""Rows and columns of a picture."""


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
    cameras = views.intrinsics * scale
    parts = _rectangles(rows, columns, views.poses, cameras, boxes)
    for frame, (pose, camera) in enumerate(zip(views.poses, cameras, strict=True)):
        seen = _seen(rows, columns, pose, camera, boxes, parts[frame])
        shares[frame] = np.bincount(seen, minlength=len(boxes.centers)) / (rows * columns)
    return shares


def _seen(
    rows: int, columns: int, pose: Floats, camera: Floats, boxes: Occluders, parts: Sequence[_Part | None]
) -> Indices:
    """The boxes that rays of a picture enter first and leave before the next one, once for each such ray.

    Distances along rays are multiples of their length, which is 1 along the camera's axis.
    """
    enters, leaves, following = (np.full((rows, columns), np.inf) for _ in range(3))
    nearest = np.zeros((rows, columns), dtype=np.intp)
    to_world = pose[:3, :3] @ np.linalg.inv(camera)
    for box, part in enumerate(parts):
        if part is None:
            continue
        enter, leave = _passed(part, to_world, pose[:3, 3], boxes, box)
        np.maximum(enter, 0, out=enter)
        enter[(leave < enter) | (leave <= 0)] = np.inf
        before, second = enters[part], following[part]
        is_nearer = enter < before
        np.minimum(second, np.maximum(before, enter), out=second)
        np.copyto(before, enter, where=is_nearer)
        np.copyto(leaves[part], leave, where=is_nearer)
        np.copyto(nearest[part], box, where=is_nearer)
    row, column = np.nonzero(np.isfinite(enters) & (enters > 0) & (leaves < following))
    rays = np.stack([column + 0.5, row + 0.5, np.ones(len(row))], axis=1) @ to_world.T
    points, seen = pose[:3, 3] + rays * (enters[row, column, None] + _INWARD), nearest[row, column]
    return np.asarray(seen[~boxes.walled_off(np.broadcast_to(pose[:3, 3], points.shape), points, seen)])


def _passed(part: _Part, to_world: Floats, eye: Floats, boxes: Occluders, box: int) -> tuple[Floats, Floats]:
    """Where the rays of a part of a picture enter and leave a box; those that miss it leave it before."""
    half, rotation = boxes.sizes[box, :, None, None] / 2, boxes.rotations[box]
    along, down, ahead = (rotation.T @ to_world).T[
        :, :, None, None
    ]  # of a pixel's column, row and 1, in the box's axes
    v, u = (np.arange(side.start, side.stop) + 0.5 for side in part)
    way = along * u + (down * v[:, None] + ahead)
    way[way == 0] = 1e-12
    start = ((eye - boxes.centers[box]) @ rotation)[:, None, None]
    first, last = (-half - start) / way, (half - start) / way
    return np.minimum(first, last).max(axis=0), np.maximum(first, last).min(axis=0)


def _rectangles(
    rows: int, columns: int, poses: Floats, cameras: Floats, boxes: Occluders
) -> list[list[_Part | None]]:
    """The part of each picture that holds each box; None for a box outside of it.

    What is not in front of the camera is cut off: there, edges end where they come to the picture.
    """
    corners = (CORNER_SIGNS * boxes.sizes[:, None] / 2) @ np.swapaxes(boxes.rotations, 1, 2)
    offsets = boxes.centers[:, None] + corners - poses[:, None, None, :3, 3]
    seen = offsets @ poses[:, None, :3, :3]  # (frames, n, 8, 3) as the cameras see them
    one, other = seen[..., _EDGES[:, 0], :], seen[..., _EDGES[:, 1], :]
    is_cut = (one[..., 2:] > _NEAR) != (other[..., 2:] > _NEAR)
    share = (_NEAR - one[..., 2:]) / np.where(is_cut, other[..., 2:] - one[..., 2:], 1)
    ends = np.concatenate([seen, one + share * (other - one)], axis=2)  # (frames, n, 8 + 12, 3)
    is_real = np.concatenate([seen[..., 2:] > _NEAR, is_cut], axis=2)
    places = (ends @ np.swapaxes(cameras, 1, 2)[:, None])[..., :2] / np.maximum(ends[..., 2:], _NEAR)
    low, high = (np.where(is_real, places, end) for end in (np.inf, -np.inf))
    first = np.clip(np.floor(low.min(axis=2)), 0, (columns, rows)).astype(int).tolist()
    last = np.clip(np.ceil(high.max(axis=2)), 0, (columns, rows)).astype(int).tolist()
    return [
        [
            (slice(top, bottom), slice(left, right)) if top < bottom and left < right else None
            for (left, top), (right, bottom) in zip(*picture, strict=True)
        ]
        for picture in zip(first, last, strict=True)
    ]
