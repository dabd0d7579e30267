"""What lies inside the pictures: where points of a scene are in the shown frames, and what is in front of them.

A point of an object is *framed* if it lies in the picture of a frame that shows the object. Whether something
stands in front of a point is decided by the other boxes alone, as if they were solid; a box that the camera
itself is in cannot be.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lightning_ouro.programs.first_seen import VISIBLE
from lightning_ouro.programs.geometry import Floats, closest_points, nearest_points
from lightning_ouro.scenes.types import Views

# Share of a picture's shorter side that the point nearest to the camera keeps from its border. Noise of 3 cm in
# the metadata moves what is 2 m away by 1 % of the shorter side, with a field of view of 75 degrees.
BORDER = 0.02
TOUCHING = 0.02  # metres in front of a point that do not hide it: what it stands on; chosen by hand
_BEHIND = -1e6  # what is not in front of the camera is that far outside its picture


@dataclass(frozen=True, eq=False)
class Pictures:
    """The shown frames as pictures of `n` boxes.

    Attributes:
        views: The frames' cameras, and what they show.
        size: Height and width of the frames in pixels.
        centers: `(n, 3)`, metres.
        sizes: `(n, 3)` full extents along the boxes' axes, metres.
        rotations: `(n, 3, 3)`, columns are axes.
    """

    views: Views
    size: tuple[int, int]
    centers: Floats
    sizes: Floats
    rotations: Floats

    @cached_property
    def nearest(self) -> Floats:
        """The `(frames, n, 3)` points of the boxes that are nearest to the cameras, metres."""
        return nearest_points(self.views.poses[:, :3, 3], self.centers, self.sizes, self.rotations)

    @cached_property
    def nearest_inside(self) -> Floats:
        """How far inside the pictures these are, `(frames, n)`, as `inside` measures it."""
        return self.inside(self.nearest)

    @cached_property
    def nearest_hidden(self) -> NDArray[np.bool_]:
        """Whether another box stands in front of these, `(frames, n)`."""
        eyes = self.views.poses[:, None, :3, 3]
        ways = self.nearest - eyes
        lengths = np.linalg.norm(ways, axis=-1, keepdims=True)
        ends = eyes + ways * np.maximum(1 - TOUCHING / np.maximum(lengths, 1e-9), 0)
        # In the axes of each other box: (frames, 1, n, 3), and to the point of each box (frames, n, n, 3).
        start = np.einsum("jki,tjk->tji", self.rotations, eyes - self.centers)[:, None]
        way = np.einsum("jki,tsjk->tsji", self.rotations, ends[:, :, None] - self.centers) - start
        half = self.sizes / 2
        way = np.where(np.abs(way) < 1e-12, 1e-12, way)
        first, last = (-half - start) / way, (half - start) / way
        enters, leaves = np.minimum(first, last).max(axis=-1), np.maximum(first, last).min(axis=-1)
        holds_camera = (np.abs(start) <= half).all(axis=-1)
        hides = (enters <= leaves) & (enters < 1) & (leaves > 0) & ~holds_camera
        return np.asarray((hides & ~np.eye(len(self.centers), dtype=bool)).any(axis=-1))

    def inside(self, points: Floats) -> Floats:
        """How far inside the pictures points `(#frames, n, 3)` are, `(frames, n)`.

        The distance to the nearest border as a share of the picture's shorter side; negative outside.
        """
        poses = self.views.poses
        seen = np.einsum("tki,tnk->tni", poses[:, :3, :3], points - poses[:, None, :3, 3])
        depth = seen[..., 2]
        pixels = np.einsum("tij,tnj->tni", self.views.intrinsics, seen)[..., :2]
        pixels = pixels / np.where(depth > 0, depth, 1)[..., None]
        height, width = self.size
        to_border = np.minimum(pixels, np.array([width, height]) - pixels).min(axis=-1)
        return np.where(depth > 0, to_border / min(self.size), _BEHIND)

    @cached_property
    def centers_framed(self) -> NDArray[np.bool_]:
        """Whether the centres are framed, `(n,)`."""
        return self.framed(self.centers[:, None])[:, 0]

    @cached_property
    def ends_framed(self) -> NDArray[np.bool_]:
        """Whether the middles of both ends of the longest sides are framed, `(n,)`."""
        boxes, sides = np.arange(len(self.sizes)), self.sizes.argmax(axis=1)
        half = self.rotations[boxes, :, sides] * self.sizes[boxes, sides, None] / 2
        return np.asarray(self.framed(self.centers[:, None] + np.stack([half, -half], axis=1)).all(axis=1))

    @cached_property
    def closest_framed(self) -> NDArray[np.bool_]:
        """Whether the point of each box that is closest to each other box is framed, `(n, n)`."""
        return self.framed(closest_points(self.centers, self.sizes, self.rotations))

    def framed(self, points: Floats) -> NDArray[np.bool_]:
        """Which points `(n, k, 3)` of each object are framed, `(n, k)`."""
        n, k, _ = points.shape
        inside = self.inside(points.reshape(1, n * k, 3)).reshape(-1, n, k) >= 0
        return np.asarray((inside & (self.views.visibility >= VISIBLE)[:, :, None]).any(axis=0))
