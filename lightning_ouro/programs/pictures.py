"""What lies inside the pictures: where points of a scene are in the shown frames, and what is in front of them.

A point of an object is *framed* if it lies in the picture of a frame that shows enough of the object, and is not hidden
there by another box, a wall or the floor (`occlusion`). Boxes are not solid in truth: one sees through the legs of a
table. So what says the same as the point may be seen in its place: another part of the end of a side, or, for places on
the floor and closest points, what lies above and below.

A frame that shows far less of an object than its box should fill (`expected_shares`) frames none of its points: most of
it is behind something that has no box, and which part is seen nobody can tell.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lightning_ouro.programs.expected_shares import expected_shares
from lightning_ouro.programs.first_seen import PLACED, SIZED, VISIBLE
from lightning_ouro.programs.geometry import Floats, closest_points, nearest_points
from lightning_ouro.programs.occlusion import Occluders
from lightning_ouro.scenes.types import Views

# Share of a picture's shorter side that the point nearest to the camera keeps from its border. Noise of 3 cm in
# the metadata moves what is 2 m away by 1 % of the shorter side, with a field of view of 75 degrees.
BORDER = 0.02
# How much farther from the other box than the closest point what is seen in its place may be: half of the 0.1 m by
# which a distance may be off.
NEARLY = 0.05  # metres
# Of what a box should fill, how much its object fills or may fill at least, unless something without a box hides it;
# as a ratio to what the scene's median object fills at best, since rendered boxes are solid, and real chairs, tables
# and lamps fill 0.25 to 0.6 of theirs by their shapes. Of a real office's boxes, seen 268 times, 4 % fill less by its
# depth maps, but none of the 196 of which a frame shows 0.5 % of its pixels; nor does a real cabinet in 58 frames, or
# any rendered box (0.66 at least).
LEAST_FILLED = 0.45
LEAST_USUAL = 0.5  # of their boxes, that a scene's objects usually fill; chosen by hand
# At most of what its box should fill, if something is seen nowhere that should be; chosen by hand.
NOTHING = 0.1
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
        ground: Height of the floor, metres; None if it is not known.
    """

    views: Views
    size: tuple[int, int]
    centers: Floats
    sizes: Floats
    rotations: Floats
    walls: Floats | None
    ground: float | None

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
        """Whether a box, a wall or something unknown stands in front of these, `(frames, n)`."""
        frames, n, _ = self.nearest.shape
        eyes = np.repeat(self.views.poses[:, :3, 3], n, axis=0)
        owners = np.tile(np.arange(n), frames)
        hidden = self.occluders.hide(eyes, self.nearest.reshape(-1, 3), owners).reshape(frames, n)
        return hidden | ~self._is_filled

    @cached_property
    def occluders(self) -> Occluders:
        """What is known to hide."""
        return Occluders(self.centers, self.sizes, self.rotations, self.walls, self.ground)

    @cached_property
    def expected(self) -> NDArray[np.float32]:
        """`(frames, n)` share of each frame's pixels that each box should fill at least."""
        return expected_shares(self.views, self.size, self.occluders)

    @cached_property
    def _is_filled(self) -> NDArray[np.bool_]:
        """Whether a box fills enough of what it should, or may do so, `(frames, n)`; what is unknown is not absent."""
        should = self.expected >= PLACED
        shares = np.where(should, self.views.at_most / np.where(should, self.expected, 1), 0).max(
            axis=0, initial=0
        )
        best = shares[should.any(axis=0)]
        usual = float(np.quantile(best, 0.5, method="higher")) if len(best) else 1.0
        return self.views.at_most >= LEAST_FILLED * np.clip(usual, LEAST_USUAL, 1) * self.expected

    @cached_property
    def missing(self) -> NDArray[np.intp]:
        """The objects that no frame shows, nor may show as good as, although some should do so clearly."""
        at_most = self.views.at_most
        nothing = (at_most < VISIBLE) & ((at_most < NOTHING * self.expected) | (self.expected < PLACED))
        return np.flatnonzero((self.expected >= SIZED).any(axis=0) & nothing.all(axis=0))

    def inside(self, points: Floats) -> Floats:
        """How far inside the pictures points `(#frames, n, 3)` are, `(frames, n)`.

        The distance to the nearest border as a share of the picture's shorter side; negative outside.
        """
        poses = self.views.poses
        to_pixels = poses[:, :3, :3] @ np.swapaxes(self.views.intrinsics, 1, 2)
        seen = points @ to_pixels - poses[:, None, :3, 3] @ to_pixels  # (frames, n, 3), pixels times depth
        depth = seen[..., 2]
        is_ahead, (height, width) = depth > 0, self.size
        depth = np.where(is_ahead, depth, 1)
        column, row = seen[..., 0] / depth, seen[..., 1] / depth
        to_border = np.minimum(np.minimum(column, width - column), np.minimum(row, height - row))
        return np.where(is_ahead, to_border / min(self.size), _BEHIND)

    @cached_property
    def centers_framed(self) -> NDArray[np.bool_]:
        """Whether the centres are framed, or are in the picture with what lies above or below, `(n,)`."""
        boxes = np.arange(len(self.sizes))
        up = self.rotations[boxes, :, self._upright] * self.sizes[boxes, self._upright, None] / 2
        parts = self.centers[:, None] + np.array([0, NEAR_EDGE, -NEAR_EDGE])[:, None] * up[:, None]
        return self.framed(VISIBLE, self.centers[:, None], parts[:, None])[:, 0]

    @cached_property
    def ends_framed(self) -> NDArray[np.bool_]:
        """Whether both ends of the longest sides are framed, `(n,)`: their middles, and any part of them not hidden."""
        boxes, sides = np.arange(len(self.sizes)), self.sizes.argmax(axis=1)
        axes = np.swapaxes(self.rotations * self.sizes[:, None] / 2, 1, 2)  # (n, 3, 3), half axes are rows
        along, across, upon = (axes[boxes, (sides + turn) % 3, None] for turn in range(3))
        face = np.stack(np.meshgrid(*[(0.0, NEAR_EDGE, -NEAR_EDGE)] * 2), axis=-1).reshape(-1, 2)
        parts = face[:, :1] * across + face[:, 1:] * upon  # (n, 9, 3)
        middles = self.centers[:, None] + np.concatenate([along, -along], axis=1)
        return np.asarray(self.framed(SIZED, middles, middles[:, :, None] + parts[:, None]).all(axis=1))

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
        return self.framed(VISIBLE, closest, np.where(is_near[..., None], parts, closest[:, :, None]))

    @cached_property
    def half_heights(self) -> Floats:
        """`(n,)` metres from the boxes' centres up to their tops and down to their bottoms."""
        return np.asarray((np.abs(self.rotations[:, 2]) * self.sizes / 2).sum(axis=1))

    @cached_property
    def _upright(self) -> NDArray[np.intp]:
        """`(n,)` which axis of each box is the most upright one."""
        return np.abs(self.rotations[:, 2]).argmax(axis=1)

    def framed(self, share: float, points: Floats, instead: Floats | None = None) -> NDArray[np.bool_]:
        """Which points `(n, k, 3)` of each object are framed, `(n, k)`.

        Args:
            share: Of a frame's pixels, that the object fills at least in a frame that frames its points.
            points: Have to be inside the picture.
            instead: `(n, k, s, 3)` points of which one has to be in the same picture, and not hidden; the points
                themselves by default.
        """
        n, k, _ = points.shape
        parts = points[:, :, None] if instead is None else instead
        shows = (self.views.visibility >= share) & self._is_filled
        inside = (self.inside(points.reshape(1, n * k, 3)).reshape(-1, n, k) >= 0) & shows[:, :, None]
        parts_inside = (self.inside(parts.reshape(1, -1, 3)) >= 0).reshape(-1, *parts.shape[:3])
        lies_inside = inside[..., None] & parts_inside  # (frames, n, k, s)
        framed = np.zeros((n, k), dtype=bool)
        # The first part of each, which mostly is in sight, before the others; and of the frames the first that may
        # show it.
        for some_parts in (slice(0, 1), slice(1, None)):
            for is_first in (True, False):
                left = lies_inside[..., some_parts] & ~framed[..., None]
                first = left.any(axis=-1).argmax(axis=0) == np.arange(len(left))[:, None, None]
                some = np.nonzero(left & (first == is_first)[..., None])
                if len(some[0]):
                    frame, owner, point, part = some
                    looked_at = parts[owner, point, some_parts][np.arange(len(part)), part]
                    seen = ~self.occluders.hide(self.views.poses[frame, :3, 3], looked_at, owner)
                    framed[owner[seen], point[seen]] = True
        return framed
