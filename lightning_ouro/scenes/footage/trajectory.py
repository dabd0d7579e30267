"""Where a camera was at times between those at which it was tracked.

Poses and frames are stamped by themselves: a phone tracks itself 10 or 60 times a second and films 30 times. A frame
between two poses that are near in time takes one between them: on the line from one position to the other, and turned
from one rotation to the other about one axis at an even pace (slerp).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

Floats = NDArray[np.float64]

LONGEST_GAP = 0.3  # seconds between two poses to interpolate: two missing at 10 Hz; chosen by hand
_ROUNDING = 1e-6  # seconds; times in file names have three decimals


@dataclass(frozen=True, eq=False)
class Trajectory:
    """The poses of a camera over time.

    Attributes:
        times: `(P,)` seconds, rising; at least one.
        poses: `(P, 4, 4)` camera to world; NaN where tracking was lost.
    """

    times: Floats
    poses: Floats

    def at(self, times: Floats, same: float = 0.0, near: float = 0.0) -> tuple[Floats, NDArray[np.bool_]]:
        """Poses `(N, 4, 4)` at `(N,)` seconds, and which of them are known.

        Args:
            times: When.
            same: Seconds within which the nearest pose is taken as it is.
            near: Seconds within which it is taken where none can be interpolated.
        """
        row = nearest_index(self.times, times, same)
        close = nearest_index(self.times, times, near)
        last = len(self.times) - 1
        after = np.searchsorted(self.times, times).clip(min(1, last), last)
        before = np.maximum(after - 1, 0)
        gap = self.times[after] - self.times[before]
        tracked = np.asarray(np.isfinite(self.poses).all(axis=(1, 2)))
        inside = (self.times[before] <= times) & (times <= self.times[after])
        between = (row < 0) & inside & (gap <= LONGEST_GAP + _ROUNDING) & tracked[before] & tracked[after]
        row = np.where(row < 0, close, row)
        poses = self.poses[np.maximum(row, 0)]
        if between.any():
            fraction = (times - self.times[before])[between] / gap[between]
            poses[between] = _interpolated(self.poses[before[between]], self.poses[after[between]], fraction)
        return poses, ((row >= 0) & tracked[np.maximum(row, 0)]) | between


def _interpolated(start: Floats, end: Floats, fraction: Floats) -> Floats:
    """Poses `(N, 4, 4)` at a fraction of the way: linear for positions, slerp for rotations."""
    first = Rotation.from_matrix(start[:, :3, :3])
    turn = (first.inv() * Rotation.from_matrix(end[:, :3, :3])).as_rotvec()
    centers = start[:, :3, 3] + fraction[:, None] * (end[:, :3, 3] - start[:, :3, 3])
    return pose_matrices((first * Rotation.from_rotvec(fraction[:, None] * turn)).as_matrix(), centers)


def pose_matrices(rotations: Floats, centers: Floats) -> Floats:
    """Poses `(N, 4, 4)` of rotations `(N, 3, 3)` and positions `(N, 3)`."""
    poses = np.tile(np.eye(4), (len(rotations), 1, 1))
    poses[:, :3, :3], poses[:, :3, 3] = rotations, centers
    return poses


def nearest_index(times: Floats, wanted: Floats, tolerance: float) -> NDArray[np.int64]:
    """For each wanted time the index of the nearest of the rising `times`; -1 where none is close enough."""
    if len(times) == 0:
        return np.full(len(wanted), -1, dtype=np.int64)
    after = np.searchsorted(times, wanted).clip(0, len(times) - 1)
    before = np.maximum(after - 1, 0)
    index = np.where(np.abs(wanted - times[before]) <= np.abs(times[after] - wanted), before, after)
    return np.where(np.abs(times[index] - wanted) <= tolerance + _ROUNDING, index, -1)
