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
# The two corners of each of a box's 12 edges, which differ in one sign.
_EDGES = np.argwhere(np.triu(np.abs(CORNER_SIGNS[:, None] - CORNER_SIGNS).sum(axis=-1) == 2))


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
    cameras = views.intrinsics * scale
    parts, eyes = _rectangles(rows, columns, views.poses, cameras, boxes), views.poses[:, :3, 3]
    to_world = views.poses[:, :3, :3] @ np.linalg.inv(cameras)
    seen, points = [np.zeros(0, dtype=int)], [np.zeros((0, 3))]
    for part, turn, eye in zip(parts, to_world, eyes, strict=True):
        box, row, column, enter, leave = _rays(part, turn, eye, boxes)
        some = _first_and_alone(row * columns + column, enter, leave, rows * columns)
        places = np.stack([column[some] + 0.5, row[some] + 0.5, np.ones(len(some))], axis=1)
        points.append(eye + places @ turn.T * (enter[some, None] + _INWARD))
        seen.append(box[some])
    box, frame = np.concatenate(seen), np.repeat(np.arange(len(eyes)), list(map(len, seen[1:])))
    is_hidden = boxes.walled_off(eyes[frame], np.concatenate(points), box)
    shape = len(eyes), len(boxes.centers)
    number = np.bincount((frame * shape[1] + box)[~is_hidden], minlength=shape[0] * shape[1])
    return (number / (rows * columns)).astype(np.float32).reshape(shape)


def _rays(
    parts: Indices, to_world: Floats, eye: Floats, boxes: Occluders
) -> tuple[Indices, Indices, Indices, Floats, Floats]:
    """Boxes, rows and columns of all rays of a picture that may meet a box, and where they enter and leave it.

    `(m,)` each; those that miss it leave it before. Distances along rays are multiples of their length, which is 1
    along the camera's axis.

    Args:
        parts: As `_rectangles` gives them for this picture.
        to_world: `(3, 3)` from a column, a row and 1 to a ray.
        eye: Where the camera is.
        boxes: The boxes.
    """
    (left, top), (wide, high) = parts[:, 0].T, np.maximum(parts[:, 1] - parts[:, 0], 0).T
    box = np.repeat(np.arange(len(parts)), high)  # of each line of pixels that holds one
    row, width = np.arange(len(box)) + (top - np.cumsum(high) + high)[box], wide[box]
    inward = boxes.rotations.swapaxes(1, 2)
    along, down, ahead = (inward @ to_world).transpose(
        2, 1, 0
    )  # of a column, a row and 1, in the boxes' axes
    start, half = (inward @ (eye - boxes.centers)[..., None])[..., 0].T, boxes.sizes.T / 2
    lines = (
        along[:, box],
        down[:, box] * (row + 0.5) + ahead[:, box],
        (-half - start)[:, box],
        (half - start)[:, box],
    )
    along, begin, one, other = np.repeat(np.stack(lines), width, axis=-1)
    column = np.arange(len(along[0])) + np.repeat(left[box] - np.cumsum(width) + width, width)
    way = along * (column + 0.5) + begin
    way[way == 0] = 1e-12
    one, other = one / way, other / way
    enter, leave = np.maximum(np.minimum(one, other).max(axis=0), 0), np.maximum(one, other).min(axis=0)
    return np.repeat(box, width), np.repeat(row, width), column, enter, leave


def _first_and_alone(pixel: Indices, enter: Floats, leave: Floats, pixels: int) -> Indices:
    """Which rays enter a box before any other ray of their pixel does, and leave it before the next one does."""
    some = np.flatnonzero((leave >= enter) & (leave > 0))
    pixel, enter, leave = pixel[some], enter[some], leave[some]
    nearest, following = np.full((2, pixels), np.inf)
    np.minimum.at(nearest, pixel, enter)
    is_nearest = enter == nearest[pixel]
    np.minimum.at(following, pixel[~is_nearest], enter[~is_nearest])
    is_only = np.bincount(pixel[is_nearest], minlength=pixels)[pixel] == 1
    return some[is_nearest & is_only & (enter > 0) & (leave < following[pixel])]


def _rectangles(rows: int, columns: int, poses: Floats, cameras: Floats, boxes: Occluders) -> Indices:
    """The part of each picture that may show each box: the first column and row, and those behind the last.

    `(frames, n, 2, 2)`; the first ones are not before the last ones for a box outside of the picture.

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
    ends = np.stack([np.floor(low.min(axis=2)), np.ceil(high.max(axis=2))], axis=2)
    return np.clip(ends, 0, (columns, rows)).astype(int)
