"""What lies inside the pictures: where points of a scene are in the shown frames, and what is in front of them.

A point of an object is *framed* if it lies in the picture of a frame that shows the object, and is not hidden there
by another box or a wall (`occlusion`). Boxes are not solid in truth: one sees through the legs of a table. So what
says the same as the point may be seen in its place: another part of the end of a side, or, for places on the floor and
closest points, what lies above and below.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lightning_ouro.programs.first_seen import VISIBLE
from lightning_ouro.programs.geometry import Floats, closest_points, nearest_points
from lightning_ouro.programs.occlusion import Occluders
from lightning_ouro.scenes.floor import grid_on_floor
from lightning_ouro.scenes.types import Views

# Share of a picture's shorter side that the point nearest to the camera keeps from its border. Noise of 3 cm in
# the metadata moves what is 2 m away by 1 % of the shorter side, with a field of view of 75 degrees.
BORDER = 0.02
# How much farther from the other box than the closest point what is seen in its place may be: half of the 0.1 m by
# which a distance may be off.
NEARLY = 0.05  # metres
NEAR_EDGE = 0.95  # of half a side, up to where a part of a box lies that may be seen instead; chosen by hand
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
        walls: `(k, 2)` outline of the floor if the source has one, metres.
        floor: `(k, 2)` the same, or the rectangle that stands in for it; `(0, 2)` if there is none.
        ground: Height of the floor, metres.
    """

    views: Views
    size: tuple[int, int]
    centers: Floats
    sizes: Floats
    rotations: Floats
    walls: Floats | None
    floor: Floats
    ground: float

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
        """Whether another box or a wall stands in front of these, `(frames, n)`."""
        frames, n, _ = self.nearest.shape
        eyes = np.repeat(self.views.poses[:, :3, 3], n, axis=0)
        owners = np.tile(np.arange(n), frames)
        return self._occluders.hide(eyes, self.nearest.reshape(-1, 3), owners).reshape(frames, n)

    @cached_property
    def _occluders(self) -> Occluders:
        return Occluders(self.centers, self.sizes, self.rotations, self.walls)

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
        """Whether the centres are framed, or are in the picture with what lies above or below, `(n,)`."""
        boxes = np.arange(len(self.sizes))
        up = self.rotations[boxes, :, self._upright] * self.sizes[boxes, self._upright, None] / 2
        parts = self.centers[:, None] + np.array([0, NEAR_EDGE, -NEAR_EDGE])[:, None] * up[:, None]
        return self.framed(self.centers[:, None], parts[:, None])[:, 0]

    @cached_property
    def ends_framed(self) -> NDArray[np.bool_]:
        """Whether both ends of the longest sides are framed, `(n,)`: their middles, and any part of them not hidden."""
        boxes, sides = np.arange(len(self.sizes)), self.sizes.argmax(axis=1)
        axes = np.swapaxes(self.rotations * self.sizes[:, None] / 2, 1, 2)  # (n, 3, 3), half axes are rows
        along, across, upon = (axes[boxes, (sides + turn) % 3, None] for turn in range(3))
        face = np.stack(np.meshgrid(*[(0.0, NEAR_EDGE, -NEAR_EDGE)] * 2), axis=-1).reshape(-1, 2)
        parts = face[:, :1] * across + face[:, 1:] * upon  # (n, 9, 3)
        middles = self.centers[:, None] + np.concatenate([along, -along], axis=1)
        return np.asarray(self.framed(middles, middles[:, :, None] + parts[:, None]).all(axis=1))

    @cached_property
    def closest_framed(self) -> NDArray[np.bool_]:
        """Whether the point of each box that is closest to each other box is framed, `(n, n)`.

        It has to be in the picture, with a part above or below it that is nearly as close.
        """
        closest = closest_points(self.centers, self.sizes, self.rotations)
        boxes = np.arange(len(self.centers))
        upright = self.rotations[boxes, :, self._upright]  # (n, 3)
        heights = np.einsum("nki,ni->nk", closest - self.centers[:, None], upright)
        limits = NEAR_EDGE * self.sizes[boxes, self._upright, None] / 2
        moved = [(end * limits - heights)[..., None] * upright[:, None] for end in (0, 1, -1)]
        parts = closest[:, :, None] + np.stack([np.zeros_like(closest), *moved], axis=2)  # (n, n, 4, 3)
        inward = np.einsum("mki,nmpk->nmpi", self.rotations, parts - self.centers[:, None])
        apart = np.linalg.norm(np.maximum(np.abs(inward) - self.sizes[:, None] / 2, 0), axis=-1)
        is_near = apart <= apart[..., :1] + NEARLY
        return self.framed(closest, np.where(is_near[..., None], parts, closest[:, :, None]))

    @cached_property
    def _upright(self) -> NDArray[np.intp]:
        """`(n,)` which axis of each box is the most upright one."""
        return np.abs(self.rotations[:, 2]).argmax(axis=1)

    def framed(self, points: Floats, instead: Floats | None = None) -> NDArray[np.bool_]:
        """Which points `(n, k, 3)` of each object are framed, `(n, k)`.

        Args:
            points: Have to be inside the picture.
            instead: `(n, k, s, 3)` points of which one has to be in the same picture, and not hidden; the points
                themselves by default.
        """
        n, k, _ = points.shape
        parts = points[:, :, None] if instead is None else instead
        shows = self.views.visibility >= VISIBLE
        inside = (self.inside(points.reshape(1, n * k, 3)).reshape(-1, n, k) >= 0) & shows[:, :, None]
        parts_inside = (self.inside(parts.reshape(1, -1, 3)) >= 0).reshape(-1, *parts.shape[:3])
        framed = np.zeros((n, k), dtype=bool)
        # The first part of each, which mostly is in sight, in all frames before the others.
        for some_parts in (slice(0, 1), slice(1, None)):
            for frame in np.flatnonzero(shows.any(axis=1)).tolist():
                left = inside[frame] & ~framed
                some = np.nonzero(left[..., None] & parts_inside[frame][..., some_parts])
                if len(some[0]):
                    eyes = np.broadcast_to(self.views.poses[frame, :3, 3], (len(some[0]), 3))
                    seen = ~self._occluders.hide(eyes, parts[..., some_parts, :][some], some[0])
                    framed[some[0][seen], some[1][seen]] = True
        return framed

    @cached_property
    def _floor_points(self) -> Floats:
        """`(k, 3)` points of a grid on the floor; none if its outline encloses nothing."""
        points = grid_on_floor(self.floor) if len(self.floor) > 2 else np.zeros((0, 2))
        return np.hstack([points, np.full((len(points), 1), self.ground)])

    @cached_property
    def walled_off(self) -> float:
        """The share of the floor that walls hide from every camera, whichever way it looks; 0 if it is not known."""
        hidden = np.ones(len(self._floor_points), dtype=bool)
        for eye in self.views.poses[:, :3, 3]:
            points = self._floor_points[hidden]
            eyes = np.broadcast_to(eye, points.shape)
            hidden[hidden] = self._occluders.walled_off(eyes, points)
        return float(hidden.mean()) if len(hidden) else 0.0

    @cached_property
    def floor_shown(self) -> float:
        """The share of the floor that the pictures show; infinite if the floor's outline is not known.

        A wall hides what is behind it, and so does a box that one cannot look over from the camera's height. What
        furniture hides of the floor does not matter: it stands on it.
        """
        if len(self._floor_points) == 0:
            return 0.0 if len(self.floor) else math.inf
        ground = self._floor_points
        inside, shown = self.inside(ground[None]) >= 0, np.zeros(len(ground), dtype=bool)
        heights = self.centers[:, 2] + (np.abs(self.rotations[:, 2]) * self.sizes / 2).sum(axis=1)
        for frame, eye in enumerate(self.views.poses[:, :3, 3]):
            tall = heights > eye[2]
            boxes = (self.centers[tall], self.sizes[tall], self.rotations[tall])
            some = np.flatnonzero(inside[frame] & ~shown)
            eyes = np.broadcast_to(eye, (len(some), 3))
            shown[some] = ~Occluders(*boxes, self.walls).hide(eyes, ground[some], np.full(len(some), -1))
        return float(shown.mean())
