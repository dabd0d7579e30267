"""When and from where an ARKitScenes video was taken: its timed files, trajectory and intrinsics.

Formats are those of apple/ARKitScenes @7283761 (`DATA.md`):

- `.traj` has rows `seconds rx ry rz tx ty tz` at 10 Hz: axis-angle rotation and translation from world to
  camera. They are inverted here, as in `threedod/benchmark_scripts/utils/tenFpsDataLoader.py`. The camera's
  axes are OpenCV's.
- Images come at up to 60 Hz. One within 5 ms of a row takes the row's pose; one between two rows that are at
  most 0.3 s apart takes an interpolated pose (`footage/trajectory.py`); any other image has no pose.
- `.pincam` has `width height fx fy cx cy` of one image.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from lightning_ouro.errors import BadSceneError
from lightning_ouro.scenes.footage.trajectory import Trajectory, nearest_index, pose_matrices
from lightning_ouro.scenes.readers.files import MOST_METRES, read_bytes, same_aspect_ratio, short_repr
from lightning_ouro.scenes.readers.left_out import LeftOut

Floats = NDArray[np.float64]

POSE_TOLERANCE = 0.005  # seconds between an image and a row whose pose it takes, as in tenFpsDataLoader.py
_TIMED_NAME = re.compile(r"(?:\w+_)?([0-9]{1,9}(?:\.[0-9]{1,12})?)\.(?:png|pincam)")
_MAX_TRAJECTORY_BYTES = 1 << 26  # an hour has 4 million
_MAX_PINCAM_BYTES = 1 << 12
_MAX_CAMERA_VALUE = 1e5  # pixels, of an image's side or a focal length


def timed_files(folder: Path) -> Iterator[tuple[float, Path]]:
    """The files whose names hold a time, with that time, in no particular order; none without the folder.

    Raises:
        BadSceneError: the folder cannot be read.
    """
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if match := _TIMED_NAME.fullmatch(entry.name):
                    yield float(match[1]), Path(entry.path)
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as problem:
        raise BadSceneError(f"{folder}: cannot be read ({problem.strerror or problem})") from None


@final
class TimedFiles:
    """The files of a folder in order of time; empty if there is no folder.

    Attributes:
        times: `(N,)` seconds, rising.
        paths: The `N` files.
    """

    def __init__(self, folder: Path | None) -> None:
        by_time = {} if folder is None else dict(sorted(timed_files(folder)))
        self.times = np.array(list(by_time), dtype=np.float64)
        self.paths = list(by_time.values())

    def nearest(self, wanted: Floats, tolerance: float) -> NDArray[np.int64]:
        """For each wanted time the index of the nearest file; -1 where none is close enough."""
        return nearest_index(self.times, wanted, tolerance)


def read_trajectory(path: Path, scene_id: str = "") -> Trajectory:
    """Reads a `.traj` file; rows that are not finite mean lost tracking and are left out.

    Raises:
        BadSceneError: the file cannot be read, too many rows do not have seven numbers, or no row is left.
    """
    lines = [line.split() for line in _text(path, _MAX_TRAJECTORY_BYTES).splitlines()]
    expected = "expected seven numbers: seconds, axis-angle, translation"
    parsed: list[list[float]] = []
    broken = LeftOut("rows of its trajectory")
    for number, words in enumerate(lines, 1):
        try:
            parsed += [_numbers(f"{path}: line {number}", words, 7, expected)] if words else []
        except BadSceneError as problem:
            broken.add(problem)
    broken.say(scene_id, len(parsed) + len(broken))
    rows = np.array(parsed).reshape(-1, 7)
    rows = rows[np.isfinite(rows[:, 0]) & (np.abs(rows[:, 1:]) < MOST_METRES).all(axis=1)]
    if len(rows) == 0:
        raise BadSceneError(
            f"{path}: has no pose in its {len(parsed)} lines, expected at least one of finite numbers"
        )
    times, first_rows = np.unique(rows[:, 0], return_index=True)
    camera_to_world = Rotation.from_rotvec(rows[first_rows, 1:4]).inv()
    centers = -camera_to_world.apply(rows[first_rows, 4:7])
    return Trajectory(times, pose_matrices(camera_to_world.as_matrix(), centers))


def read_pincam(path: Path, size: tuple[int, int]) -> Floats:
    """The pinhole matrix `(3, 3)` in a `.pincam` file, scaled to an image of this height and width.

    Raises:
        BadSceneError: the file cannot be read, does not hold a camera, or is for images of another aspect
            ratio.
    """
    expected = "expected six positive numbers: width, height, fx, fy, cx, cy"
    words = _text(path, _MAX_PINCAM_BYTES).split()
    width, height, fx, fy, cx, cy = _numbers(str(path), words, 6, expected)
    if not all(0 < value < _MAX_CAMERA_VALUE for value in (width, height, fx, fy, cx, cy)):
        raise BadSceneError(f"{path}: is {short_repr(' '.join(words))}, {expected}")
    if not same_aspect_ratio((height, width), size):
        raise BadSceneError(
            f"{path}: is for {width:g} × {height:g} pixels, but its image has {size[1]} × {size[0]}"
        )
    scale_x, scale_y = size[1] / width, size[0] / height
    # Pixel centres are whole numbers in Apple's `generate_point` (tenFpsDataLoader.py) and half numbers here.
    return np.array(
        [[fx * scale_x, 0, (cx + 0.5) * scale_x], [0, fy * scale_y, (cy + 0.5) * scale_y], [0, 0, 1]]
    )


def _numbers(where: str, words: list[str], length: int, expected: str) -> list[float]:
    try:
        if len(words) == length:
            return [float(word) for word in words]
    except ValueError:
        pass
    raise BadSceneError(f"{where}: is {short_repr(' '.join(words))}, {expected}")


def _text(path: Path, max_bytes: int) -> str:
    # Bytes that are not text fail as numbers later, with a line number rather than a byte offset.
    return read_bytes(path, max_bytes).decode("utf-8-sig", errors="replace")
