"""Frames of a ScanNet scan: from its `.sens` file, else exported into folders, else from `posed_images`.

- `<scan>/<id>.sens`: times are those of the colour camera.
- `<scan>/color/0.jpg, depth/0.png, pose/0.txt, intrinsic/intrinsic_color.txt`, as exported by ScanNet/ScanNet
  @3830fce `SensReader/python/reader.py`. Names are unpadded frame numbers. Times are number / 30 s, because
  the export keeps the number and not the time.
- `posed_images/<id>/00000.jpg, 00000.png, 00000.txt, intrinsic.txt` next to `scans/`, as mmdet3d and
  EmbodiedScan write them. mmdet3d keeps 300 random frames and renumbers them: their order is right, their
  seconds are **wrong**. As a number need not be that of the recording, instance masks are not used here.
  mmdet3d writes no depth.

VSI-Bench wrote its ScanNet videos at 24 frames a second (`common_utils.py` in VITA-Group/VLM-3R @6dd1264),
although they were captured at 30: its seconds are longer than these by a quarter.

Poses take the camera to the scan's raw frame; they are aligned here. Frames where tracking was lost (a pose
of `-inf`) are left out. Depth is registered to colour: it shows the same view in its own number of pixels.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import final

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from lightning_ouro.errors import BadSceneError
from lightning_ouro.scenes.footage.recorded_footage import RecordedFootage
from lightning_ouro.scenes.footage.recording import Recording, Shots, rigid
from lightning_ouro.scenes.readers.files import read_depth, read_frame, read_text, short_repr, usual_header
from lightning_ouro.scenes.readers.left_out import LeftOut
from lightning_ouro.scenes.readers.scannet.masks import InstanceMasks
from lightning_ouro.scenes.readers.scannet.sens import FRAME_RATE, SensFile
from lightning_ouro.scenes.types import Scene

_MAX_OFF_CENTER = 0.2  # of the image's side, between a principal point and the middle; chosen by hand
_FRAME_NUMBER = re.compile(r"[0-9]{1,9}")

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Scan:
    """What is needed of a scan to read its frames.

    Attributes:
        folder: The scan's folder, named as the scan.
        alignment: `(4, 4)` from the raw frame to the aligned one.
        color_size: Height and width of the sensor's colour images; None if the scan does not say.
        object_indices: Index into `Scene.objects` by objectId.
    """

    folder: Path
    alignment: Floats
    color_size: tuple[int, int] | None
    object_indices: Mapping[int, int]


@dataclass(frozen=True)
class _ExportedFrames:
    """Paths of exported frames: folders whose files are named by frame number, and the intrinsics' file.

    Attributes:
        colors: The folder of colour images.
        depths: The folder of depth maps, which may be missing.
        poses: The folder of poses.
        intrinsics: The file with the colour camera's matrix.
        color_endings: File name endings of colour images.
        original_numbers: Whether frame numbers are those of the recording.
    """

    colors: Path
    depths: Path
    poses: Path
    intrinsics: Path
    color_endings: tuple[str, ...]
    original_numbers: bool


def posed_images(folder: Path) -> list[Path]:
    """Where the scan's folder of `posed_images` may be: next to `scans/` or in it."""
    return [root / "posed_images" / folder.name for root in (folder.parent.parent, folder.parent)]


def scan_footage(scan: Scan) -> RecordedFootage:
    """The scan's footage. Only file names are looked at until it is opened.

    Raises:
        BadSceneError: there are no frames in any layout.
    """
    try:
        _find_frames(scan.folder)
    except OSError as problem:
        raise BadSceneError(f"{scan.folder}: cannot be read ({problem.strerror or problem})") from None
    return RecordedFootage(partial(_open, scan))


def _find_frames(folder: Path) -> Path | _ExportedFrames:
    """The `.sens` file, or where exported frames are."""
    sens = folder / f"{folder.name}.sens"
    if sens.exists():
        return sens
    if (folder / "color").exists() and (folder / "pose").exists():
        intrinsics = folder / "intrinsic" / "intrinsic_color.txt"
        endings = (".jpg", ".jpeg", ".png")
        return _ExportedFrames(folder / "color", folder / "depth", folder / "pose", intrinsics, endings, True)
    for images in posed_images(folder):
        if images.exists():
            return _ExportedFrames(images, images, images, images / "intrinsic.txt", (".jpg", ".jpeg"), False)
    raise BadSceneError(
        f"{folder}: has no frames, expected {sens.name}, or color/ and pose/, or posed_images/ next to scans/"
    )


def _open(scan: Scan, scene: Scene) -> Recording:
    try:
        frames = _find_frames(scan.folder)
        return _SensRecording(scan, frames) if isinstance(frames, Path) else _ExportedRecording(scan, frames)
    except OSError as problem:
        raise BadSceneError(f"{scan.folder}: cannot be read ({problem.strerror or problem})") from None


@final
class _SensRecording(Recording):
    def __init__(self, scan: Scan, path: Path) -> None:
        self._file = SensFile(path)
        if self._file.remark is not None:
            warnings.warn(f"scene {scan.folder.name}: {path.name}: {self._file.remark}", stacklevel=2)
        intrinsics = _pinhole(path, self._file.intrinsics, self._file.size, None)
        first_with_color = int(self._file.has_color.argmax())
        times = self._file.times - self._file.times[first_with_color]
        poses = np.where(self._file.has_color[:, None, None], self._file.poses, np.nan)
        self.shots, self._valid = _valid_shots(times, poses, intrinsics, self._file.size, scan.alignment)
        self._masks = InstanceMasks(scan.folder, scan.object_indices)

    @override
    def images(self, frame_indices: Sequence[int]) -> Iterator[NDArray[np.uint8]]:
        return (self._file.color(self._valid[index]) for index in frame_indices)

    @override
    def mask(self, frame_index: int) -> NDArray[np.int32] | None:
        return self._masks.mask(self._valid[frame_index])

    @override
    def depth(self, frame_index: int) -> NDArray[np.float32] | None:
        return self._file.depth(self._valid[frame_index])

    @override
    def close(self) -> None:
        self._masks.close()


@final
class _ExportedRecording(Recording):
    def __init__(self, scan: Scan, frames: _ExportedFrames) -> None:
        colors = _numbered_files(frames.colors, frames.color_endings)
        pose_files = _numbered_files(frames.poses, (".txt",))
        depths = _numbered_files(frames.depths, (".png",))
        if not colors:
            raise BadSceneError(
                f"{frames.colors}: holds no image named by a number, expected 0.jpg or 00000.jpg"
            )
        self._frame_numbers, self._colors = list(colors), list(colors.values())
        self._depths = [depths.get(number) for number in colors]
        size = usual_header(self._colors)[0]
        intrinsics = _pinhole(frames.intrinsics, _read_matrix(frames.intrinsics), size, scan.color_size)
        poses = np.array(_read_poses([pose_files.get(number) for number in colors], scan.folder.name))
        times = (np.array(self._frame_numbers) - self._frame_numbers[0]) / FRAME_RATE
        self.shots, self._valid = _valid_shots(times, poses, intrinsics, size, scan.alignment)
        self._masks = InstanceMasks(scan.folder, scan.object_indices) if frames.original_numbers else None

    @override
    def images(self, frame_indices: Sequence[int]) -> Iterator[NDArray[np.uint8]]:
        for index in frame_indices:
            yield read_frame(self._colors[self._valid[index]], self.shots.size)

    @override
    def mask(self, frame_index: int) -> NDArray[np.int32] | None:
        return self._masks.mask(self._frame_numbers[self._valid[frame_index]]) if self._masks else None

    @override
    def depth(self, frame_index: int) -> NDArray[np.float32] | None:
        path = self._depths[self._valid[frame_index]]
        if path is None:
            return None
        return (read_depth(path, self.shots.size) / 1000).astype(np.float32)

    @override
    def close(self) -> None:
        if self._masks:
            self._masks.close()


def _read_matrix(path: Path) -> Floats:
    """A `(4, 4)` matrix from a text file of four lines; it need not be finite.

    Raises:
        BadSceneError: the file cannot be read, or does not hold such a matrix.
    """
    rows = [line.split() for line in read_text(path).splitlines() if line.strip()]
    try:
        if [len(row) for row in rows] == [4] * 4:
            return np.array([[float(word) for word in row] for row in rows])
    except ValueError:
        pass
    raise BadSceneError(
        f"{path}: holds {short_repr(' / '.join(map(' '.join, rows)))}, expected 4 lines of 4 numbers"
    )


def _read_poses(paths: Sequence[Path | None], scene_id: str) -> list[Floats]:
    """A matrix for each file; not finite where there is none, or a broken one."""
    poses: list[Floats] = []
    broken = LeftOut("poses")
    for path in paths:
        try:
            poses.append(np.full((4, 4), np.nan) if path is None else _read_matrix(path))
        except BadSceneError as problem:
            broken.add(problem)
            poses.append(np.full((4, 4), np.nan))
    broken.say(scene_id, len(paths))
    return poses


def _numbered_files(folder: Path, endings: tuple[str, ...]) -> dict[int, Path]:
    """The files of a folder that are named by a number, in rising order; empty if there is no folder."""
    by_number: dict[int, Path] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if path.suffix in endings and _FRAME_NUMBER.fullmatch(path.stem):
            number = int(path.stem)
            if number in by_number:
                raise BadSceneError(f"{path}: is frame {number}, and so is {by_number[number].name}")
            by_number[number] = path
    return dict(sorted(by_number.items()))


def _valid_shots(
    times: Floats, poses: Floats, intrinsics: Floats, size: tuple[int, int], alignment: Floats
) -> tuple[Shots, list[int]]:
    """The frames with a usable pose, and their indices among all frames."""
    valid = np.flatnonzero(rigid(poses))
    valid = valid[np.diff(times[valid], prepend=-1.0) > 0]  # keeps the first of two frames of the same time
    cameras = np.broadcast_to(intrinsics, (len(valid), 3, 3)).copy()
    return Shots(times[valid], cameras, alignment @ poses[valid], size), valid.tolist()


def _pinhole(
    path: Path, matrix: Floats, size: tuple[int, int], sensor_size: tuple[int, int] | None
) -> Floats:
    """The `(3, 3)` intrinsics of images of a size, from a matrix for that size or for the sensor's.

    Exported images are often smaller than the sensor's, with intrinsics of either. The matrix is taken to
    belong to the size whose middle is nearer to its principal point.
    """
    pinhole = matrix[:3, :3].copy()
    if (
        not np.isfinite(matrix).all()
        or min(pinhole[0, 0], pinhole[1, 1]) <= 0
        or (pinhole[2] != (0, 0, 1)).any()
    ):
        raise BadSceneError(
            f"{path}: the colour intrinsics are {short_repr(matrix.tolist())}, expected a pinhole matrix"
        )
    pinhole[:2, 2] += 0.5  # ScanNet's pixel centres are whole numbers: the middle of 640 columns is 319.5

    def off_center(candidate: tuple[int, int]) -> float:
        return float(np.abs(pinhole[:2, 2] / (candidate[1], candidate[0]) - 0.5).max())

    matrix_size = min([size, sensor_size] if sensor_size else [size], key=off_center)
    if off_center(matrix_size) > _MAX_OFF_CENTER:
        point = " ".join(f"{value:g}" for value in pinhole[:2, 2])
        raise BadSceneError(
            f"{path}: the principal point {point} is far from the middle of an image of "
            f"{size[1]} × {size[0]} pixels"
        )
    pinhole[:2] *= np.array([[size[1] / matrix_size[1]], [size[0] / matrix_size[0]]])
    return pinhole
