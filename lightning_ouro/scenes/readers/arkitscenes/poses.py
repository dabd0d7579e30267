"""From where and when an ARKitScenes video was filmed: times, poses, intrinsics, and how the device was held.

- `.traj`: rows `seconds rx ry rz tx ty tz`, axis-angle and translation from world to camera, at 10 Hz. They are
  inverted (Apple's `tenFpsDataLoader.py` does the same); camera axes are OpenCV's. Images come at up to 60 Hz: one
  within 5 ms of a row has the row's pose, one between two rows at most 0.3 s apart an interpolated one, any other none.
- `.pincam`: `width height fx fy cx cy` of one image.
- Images are stored as the sensor lies, whichever way the device was held. A video is turned by quarter turns until the
  camera's y axis points down in most of its frames (Apple's `rectify_im.py`); intrinsics and poses turn with it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from lightning_ouro.errors import BadSceneError
from lightning_ouro.scenes.readers.files import LARGEST, read_bytes, shown

Floats = NDArray[np.float64]
_Pixel = TypeVar("_Pixel", bound=np.generic)

SAME_POSE = 0.005  # seconds, as in Apple's `tenFpsDataLoader.py`
LONGEST_GAP = 0.3  # seconds between rows: two lost ones are bridged, a lost track is not
_ROUNDING = 1e-6  # seconds: times are written with three decimals
_TIMED = re.compile(r"(?:\w+_)?([0-9]{1,9}(?:\.[0-9]{1,12})?)\.(?:png|pincam)")
_MOST_ROWS = 1 << 26  # bytes of a .traj; an hour has 4 million
_MOST_PINCAM = 1 << 12  # bytes
_LARGEST_CAMERA = 1e5  # pixels of an image's side, of a focal length
_SAME_SHAPE = 0.02  # of an image's width over height
# How far the camera's x, y and z axes point up in the world, by the quarter turns clockwise that set its image upright.
_HELD = np.array([(0.0, -1.0, 0.0), (-1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0)])
_CLOCKWISE = np.array([(0, -1), (1, 0)])  # what was down points left, what was right points down


@dataclass(frozen=True, eq=False)
class Trajectory:
    """The poses of a device.

    Attributes:
        times: `(P,)` seconds, rising, P > 0.
        poses: `(P, 4, 4)` camera to world.
    """

    times: Floats
    poses: Floats

    def at(self, wanted: Floats) -> tuple[Floats, NDArray[np.bool_]]:
        """Poses `(N, 4, 4)` at `(N,)` seconds, and which of them are known."""
        row = nearest(self.times, wanted, SAME_POSE)
        poses = self.poses[np.maximum(row, 0)]
        last = len(self.times) - 1
        after = np.searchsorted(self.times, wanted).clip(min(1, last), last)
        before = np.maximum(after - 1, 0)
        gap = self.times[after] - self.times[before]
        inside = (self.times[before] <= wanted) & (wanted <= self.times[after])
        between = (row < 0) & inside & (gap <= LONGEST_GAP + _ROUNDING)
        if between.any():
            share = (wanted - self.times[before])[between] / gap[between]
            poses[between] = _between(self.poses[before[between]], self.poses[after[between]], share)
        return poses, (row >= 0) | between


def _between(first: Floats, second: Floats, share: Floats) -> Floats:
    """Poses `(N, 4, 4)` on the way: straight for the camera's place, the shortest turn at even speed for its axes."""
    start = Rotation.from_matrix(first[:, :3, :3])
    turn = (start.inv() * Rotation.from_matrix(second[:, :3, :3])).as_rotvec()
    centers = first[:, :3, 3] + share[:, None] * (second[:, :3, 3] - first[:, :3, 3])
    return _poses((start * Rotation.from_rotvec(share[:, None] * turn)).as_matrix(), centers)


def _poses(axes: Floats, centers: Floats) -> Floats:
    poses = np.tile(np.eye(4), (len(axes), 1, 1))
    poses[:, :3, :3], poses[:, :3, 3] = axes, centers
    return poses


def nearest(times: Floats, wanted: Floats, within: float) -> NDArray[np.int64]:
    """For each wanted second the place of the nearest of `times`, which rise; -1 where none is so near."""
    if len(times) == 0:
        return np.full(len(wanted), -1, dtype=np.int64)
    after = np.searchsorted(times, wanted).clip(0, len(times) - 1)
    before = np.maximum(after - 1, 0)
    place = np.where(np.abs(wanted - times[before]) <= np.abs(times[after] - wanted), before, after)
    return np.where(np.abs(times[place] - wanted) <= within + _ROUNDING, place, -1)


def timed(folder: Path) -> Iterator[tuple[float, Path]]:
    """The files that are named by a time, with it, as they come; none if there is no such folder.

    Raises:
        BadSceneError: it cannot be read.
    """
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if named := _TIMED.fullmatch(entry.name):
                    yield float(named[1]), Path(entry.path)
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as problem:
        raise BadSceneError(f"{folder}: cannot be read ({problem.strerror or problem})") from None


@final
class Series:
    """The files of a folder by time; none if there is no folder.

    Attributes:
        times: `(N,)` seconds, rising.
        paths: As many.
    """

    def __init__(self, folder: Path | None) -> None:
        listed = {} if folder is None else dict(sorted(timed(folder)))
        self.times = np.array(list(listed), dtype=np.float64)
        self.paths = list(listed.values())

    def nearest(self, wanted: Floats, within: float) -> NDArray[np.int64]:
        """For each wanted second the place of the nearest file; -1 where none is so near."""
        return nearest(self.times, wanted, within)


def read_trajectory(path: Path) -> Trajectory:
    """The poses of a `.traj` file; rows that are not finite are where tracking was lost, and are left out.

    Raises:
        BadSceneError: it cannot be read, a row has not seven numbers, or no row is left.
    """
    lines = [line.split() for line in _text(path, _MOST_ROWS).splitlines()]
    expected = "expected seven numbers: seconds, axis-angle, translation"
    listed = [
        _row(f"{path}: line {number}", words, 7, expected) for number, words in enumerate(lines, 1) if words
    ]
    rows = np.array(listed).reshape(-1, 7)
    rows = rows[np.isfinite(rows[:, 0]) & (np.abs(rows[:, 1:]) < LARGEST).all(axis=1)]
    if len(rows) == 0:
        raise BadSceneError(
            f"{path}: has no pose in its {len(listed)} lines, expected at least one of finite numbers"
        )
    times, places = np.unique(rows[:, 0], return_index=True)
    axes = Rotation.from_rotvec(rows[places, 1:4]).inv()  # from world to camera becomes from camera to world
    return Trajectory(times, _poses(axes.as_matrix(), -axes.apply(rows[places, 4:7])))


def read_pincam(path: Path, size: tuple[int, int]) -> Floats:
    """The pinhole matrix `(3, 3)` of a `.pincam` file for an image of this height and width.

    Raises:
        BadSceneError: it cannot be read, is no camera, or is one for images of another shape.
    """
    expected = "expected six positive numbers: width, height, fx, fy, cx, cy"
    words = _text(path, _MOST_PINCAM).split()
    width, height, fx, fy, cx, cy = _row(str(path), words, 6, expected)
    if not all(0 < number < _LARGEST_CAMERA for number in (width, height, fx, fy, cx, cy)):
        raise BadSceneError(f"{path}: is {shown(' '.join(words))}, {expected}")
    if not same_shape((height, width), size):
        raise BadSceneError(
            f"{path}: is for {width:g} × {height:g} pixels, but its image has {size[1]} × {size[0]}"
        )
    across, down = size[1] / width, size[0] / height
    # Apple's `generate_point` takes whole numbers for the centres of pixels; ours are at halves.
    return np.array([[fx * across, 0, (cx + 0.5) * across], [0, fy * down, (cy + 0.5) * down], [0, 0, 1]])


def same_shape(one: Sequence[float], other: Sequence[float]) -> bool:
    """Whether images of these heights and widths can show the same view."""
    return abs(one[1] * other[0] / (one[0] * other[1]) - 1) <= _SAME_SHAPE


def _row(where: str, words: list[str], length: int, expected: str) -> list[float]:
    try:
        if len(words) == length:
            return [float(word) for word in words]
    except ValueError:
        pass
    raise BadSceneError(f"{where}: is {shown(' '.join(words))}, {expected}")


def _text(path: Path, most: int) -> str:
    # What is no text becomes no number below, which says more than the place of a byte.
    return read_bytes(path, most).decode("utf-8-sig", errors="replace")


def turns_of(poses: Floats) -> int:
    """Quarter turns clockwise, 0 to 3, that set most images of `(N, 4, 4)` poses upright.

    One pose cannot say it where the camera looks at the floor or the ceiling.
    """
    return int(np.bincount((poses[:, 2, :3] @ _HELD.T).argmax(axis=1), minlength=4).argmax())


def turned_picture(picture: NDArray[_Pixel], turns: int) -> NDArray[_Pixel]:
    """An image or map `(H, W, ...)` after quarter turns clockwise."""
    return np.ascontiguousarray(np.rot90(picture, -turns))


def turned_size(size: tuple[int, int], turns: int) -> tuple[int, int]:
    """Height and width after quarter turns."""
    return size if turns % 2 == 0 else (size[1], size[0])


def turned_poses(poses: Floats, turns: int) -> Floats:
    """Poses `(N, 4, 4)` of the cameras that would have taken the turned images."""
    turn = np.eye(4)
    turn[:2, :2] = np.linalg.matrix_power(_CLOCKWISE, turns)
    return poses @ turn.T


def turned_intrinsics(intrinsics: Floats, size: tuple[int, int], turns: int) -> Floats:
    """Pinhole matrices `(N, 3, 3)` of the turned images; `size` is height and width before the turn."""
    turn, pixels = np.eye(3), np.eye(3)
    turn[:2, :2] = pixels[:2, :2] = np.linalg.matrix_power(_CLOCKWISE, turns)
    pixels[:2, 2] = np.maximum(-turn[:2, :2], 0) @ [
        size[1],
        size[0],
    ]  # what was counted from one edge, from the other
    return pixels @ intrinsics @ turn.T
