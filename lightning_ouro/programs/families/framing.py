"""Whether the shown frames have what an answer is read from inside their pictures.

A share of the pixels says that enough of an object is seen, not which part. What is asked for has to be seen:
the centre of what a direction is measured to, the closest points of what a distance is measured between, both
ends of what a length is measured along. Such a part is *framed* if it lies in the picture of some frame that
shows the object. Without pictures none of this can be checked.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from lightning_ouro.programs.first_seen import SIZED
from lightning_ouro.programs.pictures import BORDER, NEAR_EDGE
from lightning_ouro.programs.scene_geometry import SceneGeometry


def centre_not_framed(geometry: SceneGeometry, *categories: str) -> str | None:
    """Which unique category's centre no frame has in its picture, or that frames are not linked; or None."""
    pictures = geometry.pictures
    if pictures is None:
        return None
    indices = [geometry.indices(category)[0] for category in categories]
    for index, category in zip(indices, categories, strict=True):
        if not pictures.centers_framed[index]:
            return f"no frame that shows enough of the {category} has its middle in the picture"
    return not_linked(geometry, *indices)


def not_linked(geometry: SceneGeometry, first: int, *others: int) -> str | None:
    """Which two of some objects are shown by frames between which nothing links, or None."""
    groups = None if geometry.shown_room is None else geometry.shown_room.object_groups
    if groups is None:
        return None
    for other in others:
        if groups[other] != groups[first]:
            here, there = (geometry.scene.objects[index].category for index in (first, other))
            return f"nothing links the frames that show the {here} with those that show the {there}"
    return None


def end_not_framed(geometry: SceneGeometry, category: str) -> str | None:
    """That no frame has one end of a unique category's longest side in its picture, or None."""
    pictures = geometry.pictures
    if pictures is None or pictures.ends_framed[geometry.indices(category)[0]]:
        return None
    return f"no frame that shows enough of the {category} has one end of its longest side in the picture"


def upper_and_lower_ends_framed(geometry: SceneGeometry) -> NDArray[np.bool_]:
    """Whether all objects' upper and lower ends are framed, `(n, 2)`: their middles, any part of them not hidden."""
    if geometry.pictures is None:
        return np.ones((len(geometry.centers), 2), dtype=bool)
    half = np.zeros((len(geometry.centers), 2, 3))
    half[..., 2] = np.array((1, -1)) * np.ptp(geometry.corners[..., 2], axis=1)[:, None] / 2
    upright = np.abs(geometry.rotations[:, 2]).argmax(axis=1)
    rows, grid = np.arange(len(upright)), (0.0, NEAR_EDGE, -NEAR_EDGE)
    one, other = (
        (geometry.rotations[rows, :, axis] * geometry.sizes[rows, axis, None] / 2)[:, None, None]
        for axis in ((upright + 1) % 3, (upright + 2) % 3)
    )
    middles = geometry.centers[:, None] + half
    parts = np.concatenate([middles[:, :, None] + x * one + y * other for x in grid for y in grid], axis=2)
    return geometry.pictures.framed(SIZED, middles, parts)


def gap_not_framed(geometry: SceneGeometry, first: int, second: int) -> str | None:
    """Which of two objects has no frame with its point closest to the other, or that frames are not linked; or None."""
    pictures = geometry.pictures
    if pictures is None:
        return None
    for pair in ((first, second), (second, first)):
        if not pictures.closest_framed[pair]:
            here, there = (geometry.scene.objects[index].category for index in pair)
            return (
                f"no frame that shows enough of the {here} has what is closest to the {there} in the picture"
            )
    return not_linked(geometry, first, second)


def nearest_not_seen(geometry: SceneGeometry, seconds: str, *categories: str) -> str | None:
    """Which unique category's point nearest to the camera is not seen at the time of a frame, or None."""
    pictures, frame = geometry.pictures, geometry.frame(seconds)
    if pictures is None or frame is None:
        return None
    for category in categories:
        (index,) = geometry.indices(category)
        nearest = f"the point of the {category} nearest to the camera"
        if pictures.nearest_inside[frame, index] < BORDER:
            return f"{nearest} is outside the picture at {seconds} s, or at its border"
        if pictures.nearest_hidden[frame, index]:
            return f"{nearest} is hidden at {seconds} s"
    return None


def nearest_slack(geometry: SceneGeometry, seconds: str, *categories: str) -> float:
    """How far inside the picture these points are, as a ratio to what is needed; infinite without pictures."""
    if geometry.pictures is None:
        return math.inf
    indices = [geometry.indices(category)[0] for category in categories]
    return float(geometry.pictures.nearest_inside[geometry.frame(seconds), indices].min() / BORDER)
