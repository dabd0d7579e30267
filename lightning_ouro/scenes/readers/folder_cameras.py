"""The cameras of a plain folder's frames: when, from where and with which lens each was taken.

Each frame has a `time` and a `pose`: camera to world, in OpenCV's axes (the camera looks along z, x points right, y
down), or null where tracking was lost. A broken frame costs itself, and so does a time that does not rise.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from lightning_ouro.errors import BadSceneError
from lightning_ouro.scenes.footage.recording import rigid
from lightning_ouro.scenes.readers import clock
from lightning_ouro.scenes.readers.clock import Stamp
from lightning_ouro.scenes.readers.files import Floats, short_repr
from lightning_ouro.scenes.readers.left_out import LeftOut
from lightning_ouro.scenes.types import CameraPath

# Chosen by hand: what a camera that is carried does within a fifth of a second; of fewer poses nobody can tell.
_SMALL_STEP, _SMALL_TURN, _LEAST_POSES = 0.1, float(np.cos(np.deg2rad(10.0))), 8
_SECONDS = ("seconds", 1.0)
_SLACK = 1.0  # seconds by which tracking may begin before or end after a video whose time it shares; chosen by hand
# Coefficients of lenses as OpenCV, COLMAP and nerfstudio call them, and their largest sum of magnitudes that moves a
# corner by a hundredth of the image or so; chosen by hand.
_DISTORTION = ("k1", "k2", "k3", "k4", "k5", "k6", "p1", "p2")
_STRAIGHT = 0.02
_MAX_ENTRY = 1e6  # of a matrix; focal lengths are in pixels


class Camera(NamedTuple):
    """One frame's camera.

    Attributes:
        place: The frame's place in the file; None of a video's frame of which the file says nothing but where it was
            taken.
        time: Seconds from the start of the recording.
        pose: `(4, 4)`, None where tracking was lost.
        intrinsics: `(3, 3)` in pixels of the images that they are of.
        number: The frame's index in the video, if there is one.
    """

    place: int | None
    time: float
    pose: Floats | None
    intrinsics: Floats
    number: int = -1


class _Stamped(NamedTuple):
    place: int
    stamp: Stamp
    pose: Floats | None
    intrinsics: Floats | None


class Cameras(NamedTuple):
    """All cameras of a recording.

    Attributes:
        frames: Those of the frames that are not broken, in order of time.
        between: Those of the record's `path`: times and poses.
        remark: What there is to say of the clock, if anything.
    """

    frames: list[Camera]
    between: list[tuple[float, Floats]]
    remark: str | None

    def path(self) -> CameraPath:
        """All known poses; where a frame and `path` have the same time, the frame's."""
        poses = dict(self.between) | {
            camera.time: camera.pose for camera in self.frames if camera.pose is not None
        }
        return path_through(poses)


def path_through(poses: dict[float, Floats]) -> CameraPath:
    """The path through poses by their times."""
    times = sorted(poses)
    return CameraPath(np.array(times), np.array([poses[time] for time in times]).reshape(-1, 4, 4))


class Span(NamedTuple):
    """When a video begins and ends, in seconds of the clock of the poses."""

    begin: float
    end: float


def read_cameras(path: Path, record: dict[str, Any], scene_id: str, video: Span | None = None) -> Cameras:
    """Reads the cameras of a `frames.json`.

    Args:
        path: The file.
        record: What it says.
        scene_id: For warnings.
        video: When the video was taken whose frames these are; times are then counted from its beginning.

    Raises:
        BadSceneError: too many frames are broken, or the fields do not describe a recording.
    """
    _check_straight(str(path), record)
    frames, listed = record["frames"], record.get("path", [])
    if not isinstance(listed, list):
        raise BadSceneError(f"{path}: path is {short_repr(listed)}, expected a list of times and poses")
    broken, lost = LeftOut("frames"), LeftOut("poses of path")
    stamped = _stamped(f"{path}: frame", frames, record.get("intrinsics"), True, broken)
    between = _stamped(f"{path}: path", listed, None, False, lost)
    good = clock.rising([row.stamp for row in stamped])
    # What `prepare` wrote has been put right, and may be sparse.
    is_stored = any(isinstance(frame, dict) and "shares" in frame for frame in frames)
    timed = [stamped[place] for place in good]
    unit = _SECONDS if is_stored else _unit(timed, video)
    rows = _in_time(f"{path}: frame", stamped, unit[1], broken)
    rows_between = _in_time(f"{path}: path", between, unit[1], lost)
    broken.say(scene_id, len(frames))
    lost.say(scene_id, len(listed))
    stamps = [row.stamp for row in rows]
    firsts = [part[0].stamp for part in (rows, rows_between) if part]
    start = (
        clock.start_of(min(firsts), stamps[-1], unit[1]) if rows and not is_stored and video is None else 0
    )
    zero = start if video is None else video.begin / unit[1]

    def seconds(stamp: Stamp) -> float:
        return float((stamp - zero) * unit[1])  # whole nanoseconds are subtracted exactly

    return Cameras(
        [Camera(row.place, seconds(row.stamp), row.pose, known(row.intrinsics)) for row in rows],
        [(seconds(row.stamp), known(row.pose)) for row in rows_between],
        None if is_stored else clock.remark(stamps, unit, start),
    )


def _unit(rows: Sequence[_Stamped], video: Span | None) -> tuple[str, float]:
    """The name and seconds of the unit of the rows' times."""
    stamps = [row.stamp for row in rows]
    if video and rows and video.begin - _SLACK <= stamps[0] and stamps[-1] <= video.end + _SLACK:
        return _SECONDS
    return clock.unit_of(stamps, _is_smooth(rows))


def _is_smooth(rows: Sequence[_Stamped]) -> bool:
    """Whether the camera moves from frame to frame, but hardly."""
    poses = np.array([row.pose for row in rows if row.pose is not None]).reshape(-1, 4, 4)
    if len(poses) < _LEAST_POSES:
        return False
    steps = np.linalg.norm(np.diff(poses[:, :3, 3], axis=0), axis=1)
    turns = (np.einsum("nij,nij->n", poses[1:, :3, :3], poses[:-1, :3, :3]) - 1) / 2  # cosines
    return bool(0 < np.median(steps) < _SMALL_STEP and np.median(turns) > _SMALL_TURN)


def known(matrix: Floats | None) -> Floats:
    """A matrix that is there."""
    assert matrix is not None, "it was read"
    return matrix


def _stamped(
    where: str, items: Sequence[Any], shared: Any, is_frame: bool, broken: LeftOut
) -> list[_Stamped]:
    rows: list[_Stamped] = []
    for index, item in enumerate(items):
        try:
            rows.append(_camera(f"{where} {index}", index, item, shared, is_frame))
        except BadSceneError as problem:
            broken.add(problem)
    return rows


def _in_time(where: str, rows: Sequence[_Stamped], unit: float, broken: LeftOut) -> list[_Stamped]:
    """The rows whose times rise."""
    places = clock.rising([row.stamp for row in rows])
    kept = places[clock.without_lone_ends([rows[place].stamp for place in places], unit)]
    for place in sorted(set(range(len(rows))) - set(kept)):
        row = rows[place]
        problem = "time does not rise at" if place not in places else f"time {row.stamp:g} is far off at"
        broken.add(f"{where.rsplit(' ', 1)[0]} {problem} {where.rsplit(' ', 1)[1]} {row.place}")
    return [rows[place] for place in kept]


def _camera(where: str, index: int, item: Any, shared: Any, is_frame: bool) -> _Stamped:
    if not isinstance(item, dict):
        fields = "image, time, pose" if is_frame else "time, pose"
        raise BadSceneError(f"{where} is {short_repr(item)}, expected an object with {fields}")
    stamp = item.get("time")
    if not clock.is_stamp(stamp):
        raise BadSceneError(f"{where}: time is {short_repr(stamp)}, expected seconds")
    if not is_frame:
        return _Stamped(index, stamp, _pose(where, item), None)
    _check_straight(where, item)
    intrinsics = _matrix(where, "intrinsics", item.get("intrinsics", shared), 3)
    if min(intrinsics[0, 0], intrinsics[1, 1]) <= 0 or (intrinsics[2] != (0, 0, 1)).any():
        raise BadSceneError(
            f"{where}: intrinsics is {short_repr(intrinsics.tolist())}, expected a pinhole matrix"
        )
    is_lost = item.get("pose") is None and "pose" in item
    return _Stamped(index, stamp, None if is_lost else _pose(where, item), intrinsics)


def _check_straight(where: str, record: dict[str, Any]) -> None:
    """Refuses fields that say that a lens bends straight lines, which a pinhole matrix can't."""
    bends = {name: record[name] for name in _DISTORTION if _is_entry(record.get(name)) and record[name] != 0}
    model = str(record.get("camera_model", ""))
    if sum(map(abs, bends.values())) > _STRAIGHT or "FISHEYE" in model.upper():
        said = short_repr(bends or model)
        raise BadSceneError(
            f"{where}: the lens has distortion {said}, but frames are read as a pinhole camera's; undistort them "
            "(COLMAP's image_undistorter), give the new intrinsics, and remove these fields"
        )


def _pose(where: str, record: dict[str, Any]) -> Floats:
    pose = _matrix(where, "pose", record.get("pose"), 4)
    if not rigid(pose[None])[0]:
        near = np.block([[pose[:, :3], np.array([[0.0], [0.0], [0.0], [1.0]])]])
        hint = "; it is rigid if transposed: write it by rows" if rigid(pose.T[None])[0] else ""
        if rigid(near[None])[0]:
            hint = f"; it lies {np.abs(pose[:3, 3]).max():g} from the origin: is that in metres?"
        raise BadSceneError(
            f"{where}: pose is {short_repr(pose.tolist())}, expected a rigid motion (null if tracking was lost){hint}"
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
