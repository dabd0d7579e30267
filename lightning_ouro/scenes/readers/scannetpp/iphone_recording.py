"""An iPhone recording of ScanNet++: a video, the camera of each of its frames, and depth.

The files are those of scannetpp/scannetpp @f3b4712 `common/scene_release.py`:

- `rgb.mkv` (v1: `rgb.mp4`): 1920 × 1440 pixels at 60 Hz. Frame `i` belongs to the entry `frame_{i:06d}` of
  `pose_intrinsic_imu.json` and to depth frame `i` of `depth.bin`. If their lengths differ, the common part is
  used; without `depth.bin`, visibility is estimated from boxes alone.
- An entry is {timestamp, pose, aligned_pose, intrinsic, imu}. `aligned_pose` takes the camera (OpenCV axes)
  to the mesh's world, and VSI-Bench uses it too (vision-x-nyu/thinking-in-space @51e089c
  `other_scripts/image_poses/extract_scannetpp_image_pose.py`); `pose` is the phone's own, in another world. A
  frame without an entry, or whose `aligned_pose` is missing, not finite or not a rigid motion, is left out.
- `intrinsic` is in pixels of the video. Depth shows the same view in 256 × 192 pixels, 7.5 times smaller.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeGuard, final

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from lightning_ouro.errors import BadSceneError
from lightning_ouro.scenes.footage.recording import Recording, Shots, rigid
from lightning_ouro.scenes.footage.video_file import VideoFile
from lightning_ouro.scenes.readers.clock import frame_times
from lightning_ouro.scenes.readers.files import path_exists, read_json, short_repr
from lightning_ouro.scenes.readers.left_out import LeftOut
from lightning_ouro.scenes.readers.scannetpp.iphone_depth import open_depth
from lightning_ouro.scenes.types import Scene

Floats = NDArray[np.float64]
_Entry = tuple[int, dict[str, Any]]  # frame number, record

_VIDEOS, _CAMERAS, _DEPTH = ("rgb.mkv", "rgb.mp4"), "pose_intrinsic_imu.json", "depth.bin"
_FRAME = re.compile(r"frame_([0-9]{6})")
# Share of the image's width or height between a principal point and the middle; an iPhone's is 1 or 2 % off.
_MAX_OFF_CENTER = 0.1
_SAME = 1e-4  # of a pose's entries, to which files are rounded


def recording_files(folder: Path) -> tuple[Path, Path]:
    """The video and the file of cameras in an `iphone` folder.

    Raises:
        BadSceneError: one of them is missing.
    """
    return _first_existing(folder, *_VIDEOS), _first_existing(folder, _CAMERAS)


def _first_existing(folder: Path, *names: str) -> Path:
    for name in names:
        if path_exists(folder / name):
            return folder / name
    wanted = " or ".join(str(folder / name) for name in names)
    raise BadSceneError(f"{wanted}: is missing; a scene needs its iPhone recording")


@final
class IphoneRecording(Recording):
    """The recording in an `iphone` folder.

    Args:
        folder: The folder with the three files.
    """

    def __init__(self, folder: Path, _scene: Scene) -> None:
        video, cameras = recording_files(folder)
        self._video = VideoFile(video)
        entries = _read_entries(cameras, folder.parent.name)
        depth = folder / _DEPTH
        num_frames = min(len(self._video.times), entries[-1][0] + 1)
        self._depth = open_depth(depth, num_frames) if path_exists(depth) else None
        num_frames = num_frames if self._depth is None else self._depth.num_frames
        entries = [entry for entry in entries if entry[0] < num_frames]
        self._frame_numbers, self.shots = _valid_shots(cameras, entries, self._video, folder.parent.name)

    @override
    def images(self, frame_indices: Sequence[int]) -> Iterator[NDArray[np.uint8]]:
        yield from self._video.frames([self._frame_numbers[index] for index in frame_indices])

    @override
    def depth(self, frame_index: int) -> NDArray[np.float32] | None:
        return None if self._depth is None else self._depth.frame(self._frame_numbers[frame_index])


def _read_entries(path: Path, scene_id: str) -> list[_Entry]:
    """The entries in order of their frame numbers; at least one."""
    content = read_json(path)
    if not isinstance(content, dict) or not content:
        raise BadSceneError(
            f"{path}: is {short_repr(content)}, expected entries frame_000000, frame_000001, …"
        )
    entries: list[_Entry] = []
    broken = LeftOut("entries of its recording")
    for name, record in content.items():
        match = _FRAME.fullmatch(name)
        if match is None or not isinstance(record, dict):
            broken.add(
                f"{path}: has {short_repr(name)}: {short_repr(record)}, expected an object named frame_NNNNNN"
            )
        else:
            entries.append((int(match[1]), record))
    broken.say(scene_id, len(content))
    return sorted(entries, key=lambda entry: entry[0])


def _valid_shots(
    path: Path, entries: list[_Entry], video: VideoFile, scene_id: str
) -> tuple[list[int], Shots]:
    """The numbers of the usable frames, and how these were taken."""
    if not entries:
        raise BadSceneError(f"{path}: has no entry for any of the {len(video.times)} frames of {video.path}")
    # Time starts with the video's first frame, whether or not that frame has an entry.
    by_video = video.times[[number for number, _ in entries]]
    stamps = [record.get("timestamp") for _, record in entries]
    times, remark = frame_times(stamps, by_video, 1.0, "those of the video's frames")
    if remark is not None:
        warnings.warn(f"scene {scene_id}: {path}: {remark}", stacklevel=2)
    rows: list[tuple[int, Floats, Floats]] = []
    broken = LeftOut("entries of its recording")
    for place, (number, record) in enumerate(entries):
        try:
            pose = _pose(f"{path}: frame_{number:06d}", record)
            if rigid(pose[None])[0]:
                rows.append((place, _intrinsics(f"{path}: frame_{number:06d}", record, video.size), pose))
        except BadSceneError as problem:
            broken.add(problem)
    broken.say(scene_id, len(entries))
    if not rows:
        raise BadSceneError(
            f"{path}: none of its {len(entries)} entries has an aligned_pose that is a rigid motion"
        )
    _check_aligned(path, [(entries[place][1], pose) for place, _, pose in rows])
    places = np.array([place for place, _, _ in rows])
    rises = np.diff(times[places], prepend=-np.inf) > 0  # keeps the first of two frames of the same time
    kept = [row for row, is_later in zip(rows, rises, strict=True) if is_later]
    intrinsics, poses = (np.stack([row[part] for row in kept]) for part in (1, 2))
    numbers = [entries[place][0] for place, _, _ in kept]
    return numbers, Shots(times[places[rises]], intrinsics, poses, video.size)


def _check_aligned(path: Path, posed: list[tuple[dict[str, Any], Floats]]) -> None:
    """Refuses poses that are the phone's own: its world is not the mesh's, whose boxes would be anywhere.

    It begins where the phone was switched on, with y up, so that the two are never the same.
    """
    own = [_own_pose(record) for record, _ in posed]
    for axes in (
        np.eye(4),
        np.diag([1.0, -1.0, -1.0, 1.0]),
    ):  # with OpenGL's cameras turned into OpenCV's or not
        same = [
            pose is not None and np.allclose(pose @ axes, aligned, atol=_SAME)
            for pose, (_, aligned) in zip(own, posed, strict=True)
        ]
        if all(same):
            raise BadSceneError(
                f"{path}: aligned_pose is pose, the phone's own, in all {len(same)} entries, which is not in the "
                "mesh's world; take the data set's file (if the mesh is in the phone's world, remove pose)"
            )


def _own_pose(record: dict[str, Any]) -> Floats | None:
    """The phone's own pose; None where there is none."""
    try:
        pose = _matrix("", "pose", record.get("pose"), 4)
    except BadSceneError:
        return None
    return pose if rigid(pose[None])[0] else None


def _pose(where: str, record: dict[str, Any]) -> Floats:
    """Camera to world; not finite if it is missing."""
    value = record.get("aligned_pose")
    return np.full((4, 4), np.nan) if value is None else _matrix(where, "aligned_pose", value, 4)


def _intrinsics(where: str, record: dict[str, Any], size: tuple[int, int]) -> Floats:
    """In pixels of the video. ARKit's pixel coordinates start at the image's corner, as ours do."""
    matrix = _matrix(where, "intrinsic", record.get("intrinsic"), 3)
    focal, center = matrix.diagonal()[:2], matrix[:2, 2] / size[::-1]
    # If the video was resized, the principal point of the original is far from its middle.
    is_plausible = (
        np.isfinite(matrix).all() and (focal > 0).all() and (np.abs(center - 0.5) < _MAX_OFF_CENTER).all()
    )
    if not is_plausible or matrix[2].tolist() != [0, 0, 1]:
        expected = f"a pinhole matrix for {size[1]} × {size[0]} pixels"
        raise BadSceneError(f"{where}: intrinsic is {short_repr(matrix.tolist())}, expected {expected}")
    return matrix


def _matrix(where: str, field: str, value: Any, side: int) -> Floats:
    """A square matrix of numbers, finite or not."""
    rows = value if isinstance(value, list) and len(value) == side else [None]
    if not all(isinstance(row, list) and len(row) == side and all(map(_is_real, row)) for row in rows):
        raise BadSceneError(
            f"{where}: {field} is {short_repr(value)}, expected {side} rows of {side} numbers"
        )
    return np.array(rows, dtype=np.float64)


def _is_real(value: Any) -> TypeGuard[float]:
    return type(value) is float or (type(value) is int and abs(value) < 1 << 62)
