"""The frames of a plain folder, listed in its `frames.json`.

Each frame has an `image`, a `time` in seconds that rises from frame to frame, and a `pose`: camera to world,
in OpenCV's axes (the camera looks along z, x points right, y down), or null where tracking was lost.
`intrinsics` are a pinhole matrix in pixels, for all frames or for one; the upper left corner of the image is
(0, 0). A frame may have a `depth` map in units of `depth_unit` metres, and `shares`: the share of its pixels
that each object covers, which `prepare` stores. If any frame has depth, frames without it are not used,
because what they show would only be estimated; their poses are. `path` lists further poses of the camera, each
with a `time` and a `pose`, where it was tracked more often than frames were kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, final

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from lightning_ouro.errors import BadSceneError
from lightning_ouro.scenes.footage.recording import Recording, Shares, Shots, rigid
from lightning_ouro.scenes.readers.files import (
    Floats,
    image_size,
    is_number,
    read_frame,
    read_image,
    read_json,
    short_repr,
)
from lightning_ouro.scenes.types import CameraPath, Scene

FRAMES = "frames.json"
_MAX_SECONDS = 1e6
_MAX_ENTRY = 1e6  # of a matrix; focal lengths are in pixels
_DEPTH_UNIT = 0.001  # metres, where the file names no other


@final
class FolderRecording(Recording):
    """The frames of one folder.

    Args:
        folder: The folder with `frames.json`.
        listed: Of each object that `scene.json` lists, which `shares` refers to, its index in the scene; None if
            it was left out.
        scene: The scene.
    """

    def __init__(self, folder: Path, listed: Sequence[int | None], scene: Scene) -> None:
        self._path = folder / FRAMES
        record = read_json(self._path)
        frames = record.get("frames") if isinstance(record, dict) else None
        if not isinstance(frames, list) or not frames:
            raise BadSceneError(
                f"{self._path}: frames is {short_repr(frames)}, expected a list of at least one frame"
            )
        unit = record.get("depth_unit", _DEPTH_UNIT)
        if not is_number(unit) or unit <= 0:
            raise BadSceneError(f"{self._path}: depth_unit is {short_repr(unit)}, expected metres above 0")
        self._depth_unit = float(unit)
        self._frames: list[dict[str, Any]] = frames
        self._listed, self._num_objects = listed, len(scene.objects)
        cameras = _cameras(self._path, frames, record.get("intrinsics"))
        posed = [index for index, camera in enumerate(cameras) if camera.pose is not None]
        self._camera_path = _camera_path(cameras, _poses_between(self._path, record.get("path", [])))
        self._valid = [index for index in posed if "depth" in frames[index]] or posed
        self.shots = Shots(
            times=np.array([cameras[index].time for index in self._valid]),
            intrinsics=np.array([cameras[index].intrinsics for index in self._valid]).reshape(-1, 3, 3),
            poses=np.array([cameras[index].pose for index in self._valid]).reshape(-1, 4, 4),
            size=image_size(self._file(0, "image")) if self._valid else (1, 1),
        )

    @override
    def path(self) -> CameraPath:
        return self._camera_path

    @override
    def images(self, frame_indices: Sequence[int]) -> Iterator[NDArray[np.uint8]]:
        for index in frame_indices:
            yield read_frame(self._file(index, "image"), self.shots.size)

    @override
    def depth(self, frame_index: int) -> NDArray[np.float32] | None:
        if "depth" not in self._frames[self._valid[frame_index]]:
            return None
        path = self._file(frame_index, "depth")
        depth = read_image(path, mode=None)
        if depth.ndim != 2:
            raise BadSceneError(f"{path}: has the shape {depth.shape}, expected one number per pixel")
        return (depth * self._depth_unit).astype(np.float32)

    @override
    def known_shares(self, frame_index: int) -> Shares | None:
        frame = self._frames[self._valid[frame_index]]
        if frame.get("shares") is None:
            return None
        certain = self._shares(frame_index, "shares", frame["shares"])
        possible = self._shares(frame_index, "possible_shares", frame.get("possible_shares", {}))
        return Shares(certain, np.maximum(certain, possible))

    def _shares(self, frame_index: int, field: str, by_object: Any) -> NDArray[np.float32]:
        indices = {str(place): index for place, index in enumerate(self._listed)}
        if (
            not isinstance(by_object, dict)
            or not by_object.keys() <= indices.keys()
            or not all(map(_is_share, by_object.values()))
        ):
            raise BadSceneError(
                f"{self._where(frame_index)}: {field} is {short_repr(by_object)}, "
                "expected numbers from 0 to 1 by object index"
            )
        shares = np.zeros(self._num_objects, dtype=np.float32)
        for name, share in by_object.items():
            index = indices[name]
            if index is not None:
                shares[index] = share
        return shares

    def _file(self, frame_index: int, field: str) -> Path:
        """The path of a file that a frame names; refuses paths that lead out of the folder."""
        name = self._frames[self._valid[frame_index]].get(field)
        where = f"{self._where(frame_index)}: {field} is {short_repr(name)}"
        if not isinstance(name, str) or not name:
            raise BadSceneError(f"{where}, expected a file below the folder")
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise BadSceneError(f"{where}, which lies outside of the folder")
        return self._path.parent / name

    def _where(self, frame_index: int) -> str:
        return f"{self._path}: frame {self._valid[frame_index]}"


class _Camera(NamedTuple):
    time: float
    pose: Floats | None  # None where tracking was lost
    intrinsics: Floats


def _cameras(path: Path, frames: list[Any], shared_intrinsics: Any) -> list[_Camera]:
    cameras = [
        _camera(f"{path}: frame {index}", frame, shared_intrinsics) for index, frame in enumerate(frames)
    ]
    _check_rising(path, "frame", [camera.time for camera in cameras])
    return cameras


def _poses_between(path: Path, listed: Any) -> list[tuple[float, Floats]]:
    """Times and poses of the record's `path`."""
    if not isinstance(listed, list):
        raise BadSceneError(f"{path}: path is {short_repr(listed)}, expected a list of times and poses")
    poses: list[tuple[float, Floats]] = []
    for index, item in enumerate(listed):
        where = f"{path}: path {index}"
        if not isinstance(item, dict):
            raise BadSceneError(f"{where} is {short_repr(item)}, expected an object with time, pose")
        poses.append((_time(where, item), _pose(where, item)))
    _check_rising(path, "path", [time for time, _ in poses])
    return poses


def _check_rising(path: Path, what: str, times: Sequence[float]) -> None:
    falls = np.diff(times) <= 0
    if falls.any():
        raise BadSceneError(f"{path}: time does not rise at {what} {int(falls.argmax()) + 1}")


def _camera_path(cameras: Sequence[_Camera], between: list[tuple[float, Floats]]) -> CameraPath:
    """All known poses; where a frame and `path` have the same time, the frame's."""
    poses = dict(between) | {camera.time: camera.pose for camera in cameras if camera.pose is not None}
    times = sorted(poses)
    return CameraPath(np.array(times), np.array([poses[time] for time in times]).reshape(-1, 4, 4))


def _camera(where: str, frame: Any, shared_intrinsics: Any) -> _Camera:
    if not isinstance(frame, dict):
        raise BadSceneError(f"{where} is {short_repr(frame)}, expected an object with image, time, pose")
    time = _time(where, frame)
    intrinsics = _matrix(where, "intrinsics", frame.get("intrinsics", shared_intrinsics), 3)
    if min(intrinsics[0, 0], intrinsics[1, 1]) <= 0 or (intrinsics[2] != (0, 0, 1)).any():
        raise BadSceneError(
            f"{where}: intrinsics is {short_repr(intrinsics.tolist())}, expected a pinhole matrix"
        )
    if frame.get("pose") is None and "pose" in frame:
        return _Camera(time, None, intrinsics)
    return _Camera(time, _pose(where, frame), intrinsics)


def _time(where: str, record: dict[str, Any]) -> float:
    time = record.get("time")
    if not isinstance(time, int | float) or isinstance(time, bool) or not abs(time) < _MAX_SECONDS:
        raise BadSceneError(f"{where}: time is {short_repr(time)}, expected seconds")
    return float(time)


def _pose(where: str, record: dict[str, Any]) -> Floats:
    pose = _matrix(where, "pose", record.get("pose"), 4)
    if not rigid(pose[None])[0]:
        raise BadSceneError(
            f"{where}: pose is {short_repr(pose.tolist())}, expected a rigid motion (null if tracking was lost)"
        )
    return pose


def _matrix(where: str, field: str, rows: Any, side: int) -> Floats:
    if not isinstance(rows, list) or len(rows) != side or not all(isinstance(row, list) for row in rows):
        raise BadSceneError(f"{where}: {field} is {short_repr(rows)}, expected {side} rows of {side} numbers")
    if [len(row) for row in rows] != [side] * side or not all(
        _is_entry(value) for row in rows for value in row
    ):
        raise BadSceneError(
            f"{where}: {field} is {short_repr(rows)}, expected {side} rows of {side} finite numbers"
        )
    return np.array(rows, dtype=np.float64)


def _is_entry(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _MAX_ENTRY


def _is_share(value: Any) -> bool:
    return is_number(value) and 0 <= value <= 1
