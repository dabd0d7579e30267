"""The floor of a scene: its own outline, or a rectangle that stands in for it if the source has none.

That rectangle is the objects' bounding rectangle of least area, scaled about its centre to the scene's floor
area, so the walls of a layout's room may cut through objects. The renderer builds its room on it, and
walkable routes stay inside it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull

from lightning_ouro.scenes.types import Scene

_MAX_ASPECT = (
    2.0  # longer side to shorter, chosen by hand: around a single sofa, the room would be a corridor
)


@dataclass(frozen=True, eq=False)
class Rectangle:
    """A rectangle on the floor.

    Attributes:
        middle: `(2,)` metres.
        extents: `(2,)` full extents along its own axes, metres.
        axis: `(2,)` unit vector of the first axis.
    """

    middle: NDArray[np.float64]
    extents: NDArray[np.float64]
    axis: NDArray[np.float64]

    def corners(self) -> NDArray[np.float64]:
        """The `(4, 2)` corners, counter-clockwise."""
        along = self.axis * self.extents[0] / 2
        across = np.array([-self.axis[1], self.axis[0]]) * self.extents[1] / 2
        return self.middle + np.stack([-along - across, along - across, along + across, across - along])


def floor_rectangle(scene: Scene) -> Rectangle:
    """The least rectangle around the floor's outline, or else the objects, scaled to the scene's floor area."""
    if scene.floor is not None:
        rectangle = least_rectangle(scene.floor)
        extents = rectangle.extents
    else:
        rectangle = least_rectangle(np.concatenate([item.corners() for item in scene.objects])[:, :2])
        extents = np.maximum(rectangle.extents, rectangle.extents.max() / _MAX_ASPECT)
    scaled = extents * math.sqrt(scene.floor_area / extents.prod())
    return Rectangle(rectangle.middle, scaled, rectangle.axis)


def floor_outline(scene: Scene) -> NDArray[np.float64]:
    """The `(k, 2)` outline of the floor, metres; `(0, 2)` for a scene with neither an outline nor objects."""
    if scene.floor is not None:
        return scene.floor
    return floor_rectangle(scene).corners() if scene.objects else np.zeros((0, 2))


def grid_on_floor(outline: NDArray[np.float64], cells: int = 24) -> NDArray[np.float64]:
    """The points `(k, 2)` of a grid over an outline's bounds that lie inside it, by the even-odd rule, metres.

    Args:
        outline: `(n, 2)` of any shape, in either direction; at least three corners.
        cells: Number of points along each side of the bounds.
    """
    steps = (np.arange(cells) + 0.5) / cells
    low, high = outline.min(axis=0), outline.max(axis=0)
    points = low + (high - low) * np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
    (x, y), following = points.T[..., None], np.roll(outline, -1, axis=0)
    spans = (outline[:, 1] > y) != (following[:, 1] > y)
    rise = np.where(following[:, 1] == outline[:, 1], 1.0, following[:, 1] - outline[:, 1])
    at = outline[:, 0] + (y - outline[:, 1]) / rise * (following[:, 0] - outline[:, 0])
    return np.asarray(points[(spans & (x < at)).sum(axis=1) % 2 == 1])


def least_rectangle(points: NDArray[np.float64]) -> Rectangle:
    """The rectangle of least area around `(n, 2)` points; it has a side on a side of their convex hull."""
    hull = points[ConvexHull(points).vertices]
    edges = np.roll(hull, -1, axis=0) - hull
    axes = edges / np.linalg.norm(edges, axis=1, keepdims=True)
    normals = np.stack([-axes[:, 1], axes[:, 0]], axis=1)
    frames = np.stack([axes, normals], axis=1)  # (edges, 2, 2), rows are axes
    along = np.einsum("eij,pj->epi", frames, hull)
    low, high = along.min(axis=1), along.max(axis=1)
    best = int((high - low).prod(axis=1).argmin())
    return Rectangle((low[best] + high[best]) / 2 @ frames[best], high[best] - low[best], frames[best, 0])
