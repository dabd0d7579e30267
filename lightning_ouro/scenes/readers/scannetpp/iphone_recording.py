"""What ScanNet++'s phone recorded: a video, the camera of each of its frames, and depth (SCENES.md A2).

- `rgb.mkv` (v1: `rgb.mp4`): 1920 × 1440 at 60 Hz. Frame `i` is the entry `frame_{i:06d}` of `pose_intrinsic_imu.json`
  and depth frame `i` of `depth.bin`. Where one of the three is shorter, the part that all have is used; without
  `depth.bin`, what is visible is judged by boxes alone.
- An entry is {timestamp, pose, aligned_pose, intrinsic, imu}. `aligned_pose` takes the camera (OpenCV axes) to the
  world of the mesh; `pose` is the phone's own, in another world. A frame without an entry, or whose `aligned_pose` is
  missing, not finite or no rigid motion, is not used.
- `intrinsic` is in pixels of the video; depth shows the same view in 256 × 192 pixels, 7.5 times smaller.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeGuard, final

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from lightning_ouro.errors import BadSceneError
from lightning_ouro.scenes.footage.recording import Recording, Shots, rigid
from lightning_ouro.scenes.footage.video_file import VideoFile
from lightning_ouro.scenes.readers.files import read_json, shown
from lightning_ouro.scenes.readers.scannetpp.iphone_depth import open_depth
from lightning_ouro.scenes.types import Scene

Floats = NDArray[np.float64]

_VIDEOS, _POSES, _DEPTH = ("rgb.mkv", "rgb.mp4"), "pose_intrinsic_imu.json", "depth.bin"
_FRAME = re.compile(r"frame_([0-9]{6})")
_OFF_MIDDLE = 0.1  # of the image's width or height; a phone's is 1 or 2 % off
_LONGEST = 1e6 / 60  # seconds: six digits of frames at 60 a second


def recorded_files(folder: Path) -> tuple[Path, Path]:
    """Video and entries in an `iphone` folder.

    Raises:
        BadSceneError: one of them is not there.
    """
    return _first_of(folder, *_VIDEOS), _first_of(folder, _POSES)


def _first_of(folder: Path, *names: str) -> Path:
    for name in names:
        if exists(folder / name):
            return folder / name
    wanted = " or ".join(str(folder / name) for name in names)
    raise BadSceneError(f"{wanted}: is missing; a scene without its phone's recording cannot be shown")


def exists(path: Path) -> bool:
    """Whether there is a file; raises `BadSceneError` where one is not allowed to look."""
    try:
        return path.exists()
    except OSError as problem:
        raise BadSceneError(f"{path}: cannot be read ({problem.strerror or problem})") from None


@final
class IphoneRecording(Recording):
    """The recording in an `iphone` folder.

    Args:
        folder: Holds the three files.
    """

    def __init__(self, folder: Path, _scene: Scene) -> None:
        video, path = recorded_files(folder)
        self._video = VideoFile(video)
        entries = _entries(path)
        depth = folder / _DEPTH
        frames = min(len(self._video.times), entries[-1][0] + 1)
        self._depth = open_depth(depth, frames) if exists(depth) else None
        frames = frames if self._depth is None else self._depth.number
        self._frames, self.shots = _shots(
            path, [entry for entry in entries if entry[0] < frames], self._video
        )

    @override
    def images(self, places: Sequence[int]) -> Iterator[NDArray[np.uint8]]:
        yield from self._video.frames([self._frames[place] for place in places])

    @override
    def depth(self, place: int) -> NDArray[np.float32] | None:
        return None if self._depth is None else self._depth.frame(self._frames[place])


def _entries(path: Path) -> list[tuple[int, dict[str, Any]]]:
    """Number and record of each entry, by number; at least one."""
    content = read_json(path)
    if not isinstance(content, dict) or not content:
        raise BadSceneError(f"{path}: is {shown(content)}, expected entries frame_000000, frame_000001, …")
    entries: list[tuple[int, dict[str, Any]]] = []
    for name, entry in content.items():
        number = _FRAME.fullmatch(name)
        if number is None or not isinstance(entry, dict):
            raise BadSceneError(
                f"{path}: has {shown(name)}: {shown(entry)}, expected an object named frame_NNNNNN"
            )
        entries.append((int(number[1]), entry))
    return sorted(entries, key=lambda entry: entry[0])


def _shots(
    path: Path, entries: list[tuple[int, dict[str, Any]]], video: VideoFile
) -> tuple[list[int], Shots]:
    """The frames that can be used, by number, and how they were taken."""
    if not entries:
        raise BadSceneError(f"{path}: has no entry for one of the {len(video.times)} frames of {video.path}")
    rows = [(f"{path}: frame_{number:06d}", entry) for number, entry in entries]
    times = np.array([_timestamp(*row) for row in rows])
    # The recording begins with the video's first frame, whether or not that has an entry.
    times -= times[0] - video.times[entries[0][0]]
    poses = np.stack([_pose(*row) for row in rows])
    valid = rigid(poses)
    if not valid.any():
        raise BadSceneError(
            f"{path}: none of its {len(rows)} entries has an aligned_pose that is a rigid motion"
        )
    if (np.diff(times) <= 0).any() or times[-1] > _LONGEST:
        raise BadSceneError(f"{path}: timestamp does not rise from entry to entry, or not in seconds")
    intrinsics = np.stack(
        [_intrinsics(*row, video.size) for row, used in zip(rows, valid, strict=True) if used]
    )
    numbers = [number for (number, _), used in zip(entries, valid, strict=True) if used]
    return numbers, Shots(times[valid], intrinsics, poses[valid], video.size)


def _timestamp(where: str, entry: dict[str, Any]) -> float:
    stamp = entry.get("timestamp")
    # A phone counts from when it was switched on, or from 1970.
    if not _is_real(stamp) or not 0 <= stamp < 1e12:
        raise BadSceneError(f"{where}: timestamp is {shown(stamp)}, expected seconds")
    return float(stamp)


def _pose(where: str, entry: dict[str, Any]) -> Floats:
    """Camera to world; not finite where there is none."""
    value = entry.get("aligned_pose")
    return np.full((4, 4), np.nan) if value is None else _matrix(where, "aligned_pose", value, 4)


def _intrinsics(where: str, entry: dict[str, Any], size: tuple[int, int]) -> Floats:
    """In pixels of the video; ARKit counts from the image's corner, as we do."""
    matrix = _matrix(where, "intrinsic", entry.get("intrinsic"), 3)
    focal, middle = matrix.diagonal()[:2], matrix[:2, 2] / size[::-1]
    # If the video was made smaller, the matrix puts its middle elsewhere.
    plausible = np.isfinite(matrix).all() and (focal > 0).all() and (np.abs(middle - 0.5) < _OFF_MIDDLE).all()
    if not plausible or matrix[2].tolist() != [0, 0, 1]:
        expected = f"a pinhole matrix for {size[1]} × {size[0]} pixels"
        raise BadSceneError(f"{where}: intrinsic is {shown(matrix.tolist())}, expected {expected}")
    return matrix


def _matrix(where: str, field: str, value: Any, side: int) -> Floats:
    """Numbers, finite or not."""
    rows = value if isinstance(value, list) and len(value) == side else [None]
    if not all(isinstance(row, list) and len(row) == side and all(map(_is_real, row)) for row in rows):
        raise BadSceneError(f"{where}: {field} is {shown(value)}, expected {side} rows of {side} numbers")
    return np.array(rows, dtype=np.float64)


def _is_real(value: Any) -> TypeGuard[float]:
    return type(value) is float or (type(value) is int and abs(value) < 1 << 62)
