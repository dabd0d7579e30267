"""Frames of a ScanNet scan: from its `.sens` file, else as exported into folders, else from `posed_images`.

- `<scan>/<id>.sens`; times are the colour camera's.
- `<scan>/color/0.jpg, depth/0.png, pose/0.txt, intrinsic/intrinsic_color.txt`, as ScanNet's SensReader writes them.
  Names are numbers without padding. Times are number / 30 s: the export keeps the number, not the time.
- `posed_images/<id>/00000.jpg, 00000.png, 00000.txt, intrinsic.txt` beside `scans/`, as mmdet3d and EmbodiedScan write
  them. mmdet3d keeps 300 frames drawn at random and numbers them anew: their order is true, their seconds are **not**.
  Since a number may not be that of the recording, instance masks are not used here; and mmdet3d writes no depth.

VSI-Bench wrote its ScanNet videos at 24 frames a second, although they were taken at 30: its seconds are longer by a
quarter than those here.

Poses take camera to the scan's raw frame and become aligned ones; frames where tracking was lost (`-inf`) are left out.
Depth is registered to colour: it shows the same view in other pixels.
"""

from __future__ import annotations

import re
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
from lightning_ouro.scenes.readers.files import image_size, read_image, read_text, shown
from lightning_ouro.scenes.readers.scannet.masks import InstanceMasks
from lightning_ouro.scenes.readers.scannet.sens import RATE, SensFile
from lightning_ouro.scenes.types import Scene

_OFF_CENTRE = 0.2  # of the image's side: how far from its middle a principal point may lie
_NUMBER = re.compile(r"[0-9]{1,9}")

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Scan:
    """What frames have to know of their scan.

    Attributes:
        folder: Where it lies; named as the scan.
        alignment: `(4, 4)` from the raw frame to the aligned one.
        color_size: Height and width of the sensor's colour images; None if the scan doesn't say.
        places: The place in `Scene.objects` by objectId.
    """

    folder: Path
    alignment: Floats
    color_size: tuple[int, int] | None
    places: Mapping[int, int]


@dataclass(frozen=True)
class _Layout:
    """Where exported frames lie: folders with files named by number, and a file."""

    colors: Path
    depths: Path
    poses: Path
    intrinsics: Path
    endings: tuple[str, ...]  # of colour images
    masks: bool  # whether numbers are those of the recording


def footage_of(scan: Scan) -> RecordedFootage:
    """The scan's footage; only names are looked at.

    Raises:
        BadSceneError: there are no frames in any layout.
    """
    try:
        _layout(scan.folder)
    except OSError as problem:
        raise BadSceneError(f"{scan.folder}: cannot be read ({problem.strerror or problem})") from None
    return RecordedFootage(partial(_open, scan))


def _layout(folder: Path) -> Path | _Layout:
    """The `.sens` file, or where exported frames lie."""
    sens = folder / f"{folder.name}.sens"
    if sens.exists():
        return sens
    if (folder / "color").exists() and (folder / "pose").exists():
        intrinsics = folder / "intrinsic" / "intrinsic_color.txt"
        endings = (".jpg", ".jpeg", ".png")
        return _Layout(folder / "color", folder / "depth", folder / "pose", intrinsics, endings, True)
    for root in (folder.parent.parent, folder.parent):
        images = root / "posed_images" / folder.name
        if images.exists():
            return _Layout(images, images, images, images / "intrinsic.txt", (".jpg", ".jpeg"), False)
    raise BadSceneError(
        f"{folder}: has no frames: neither {sens.name}, nor color/ and pose/, nor posed_images/"
    )


def _open(scan: Scan, scene: Scene) -> Recording:
    try:
        layout = _layout(scan.folder)
        return _SensRecording(scan, layout) if isinstance(layout, Path) else _ExportedRecording(scan, layout)
    except OSError as problem:
        raise BadSceneError(f"{scan.folder}: cannot be read ({problem.strerror or problem})") from None


@final
class _SensRecording(Recording):
    def __init__(self, scan: Scan, path: Path) -> None:
        self._file = SensFile(path)
        intrinsics = _pinhole(path, self._file.intrinsics, self._file.size, None)
        shown_first = int(self._file.has_image.argmax())
        times = self._file.times - self._file.times[shown_first]
        poses = np.where(self._file.has_image[:, None, None], self._file.poses, np.nan)
        self.shots, self._numbers = _shots(times, poses, intrinsics, self._file.size, scan.alignment)
        self._masks = InstanceMasks(scan.folder, scan.places)

    @override
    def images(self, places: Sequence[int]) -> Iterator[NDArray[np.uint8]]:
        return (self._file.color(self._numbers[place]) for place in places)

    @override
    def mask(self, place: int) -> NDArray[np.int32] | None:
        return self._masks.mask(self._numbers[place])

    @override
    def depth(self, place: int) -> NDArray[np.float32] | None:
        return self._file.depth(self._numbers[place])

    @override
    def close(self) -> None:
        self._masks.close()


@final
class _ExportedRecording(Recording):
    def __init__(self, scan: Scan, layout: _Layout) -> None:
        colors = _numbered(layout.colors, layout.endings)
        poses, depths = _numbered(layout.poses, (".txt",)), _numbered(layout.depths, (".png",))
        if not colors:
            raise BadSceneError(
                f"{layout.colors}: holds no image named by a number, expected 0.jpg or 00000.jpg"
            )
        self._colors, self._depths = list(colors.values()), [depths.get(number) for number in colors]
        self._frames = list(colors)
        size = image_size(self._colors[0])
        intrinsics = _pinhole(layout.intrinsics, _matrix(layout.intrinsics), size, scan.color_size)
        lost = np.full((4, 4), np.nan)
        given = np.array([_matrix(poses[number]) if number in poses else lost for number in colors])
        times = (np.array(self._frames) - self._frames[0]) / RATE
        self.shots, self._numbers = _shots(times, given, intrinsics, size, scan.alignment)
        self._masks = InstanceMasks(scan.folder, scan.places) if layout.masks else None

    @override
    def images(self, places: Sequence[int]) -> Iterator[NDArray[np.uint8]]:
        for place in places:
            path = self._colors[self._numbers[place]]
            image = read_image(path)
            if image.shape[:2] != self.shots.size:
                raise BadSceneError(
                    f"{path}: has {image.shape[:2]} pixels, the first image {self.shots.size}"
                )
            yield image

    @override
    def mask(self, place: int) -> NDArray[np.int32] | None:
        return self._masks.mask(self._frames[self._numbers[place]]) if self._masks else None

    @override
    def depth(self, place: int) -> NDArray[np.float32] | None:
        path = self._depths[self._numbers[place]]
        if path is None:
            return None
        depth = read_image(path, mode=None)
        if depth.ndim != 2 or depth.dtype != np.uint16:
            raise BadSceneError(
                f"{path}: holds {depth.dtype} of the shape {depth.shape}, expected uint16 millimetres"
            )
        return (depth / 1000).astype(np.float32)

    @override
    def close(self) -> None:
        if self._masks:
            self._masks.close()


def _matrix(path: Path) -> Floats:
    """A `(4, 4)` matrix from a text file of four lines; it need not be finite.

    Raises:
        BadSceneError: it cannot be read, or is no such matrix.
    """
    rows = [line.split() for line in read_text(path).splitlines() if line.strip()]
    try:
        if [len(row) for row in rows] == [4] * 4:
            return np.array([[float(word) for word in row] for row in rows])
    except ValueError:
        pass
    raise BadSceneError(
        f"{path}: holds {shown(' / '.join(map(' '.join, rows)))}, expected 4 lines of 4 numbers"
    )


def _numbered(folder: Path, endings: tuple[str, ...]) -> dict[int, Path]:
    """The files of a folder that are named by a number, rising; none if there is no folder."""
    found: dict[int, Path] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if path.suffix in endings and _NUMBER.fullmatch(path.stem):
            if int(path.stem) in found:
                raise BadSceneError(
                    f"{path}: is frame {int(path.stem)}, and so is {found[int(path.stem)].name}"
                )
            found[int(path.stem)] = path
    return dict(sorted(found.items()))


def _shots(
    times: Floats, poses: Floats, intrinsics: Floats, size: tuple[int, int], alignment: Floats
) -> tuple[Shots, list[int]]:
    """The frames with a usable pose, and which of all they are."""
    valid = np.flatnonzero(rigid(poses))
    valid = valid[np.diff(times[valid], prepend=-1.0) > 0]  # of two at the same time the first
    cameras = np.broadcast_to(intrinsics, (len(valid), 3, 3)).copy()
    return Shots(times[valid], cameras, alignment @ poses[valid], size), valid.tolist()


def _pinhole(path: Path, matrix: Floats, size: tuple[int, int], sensor: tuple[int, int] | None) -> Floats:
    """`(3, 3)` for images of a size, from a matrix for that size or for the sensor's.

    Exports are often made smaller than the sensor's images, with its intrinsics or with theirs: a matrix belongs to the
    size in whose middle its principal point lies.
    """
    found = matrix[:3, :3].copy()
    if not np.isfinite(matrix).all() or min(found[0, 0], found[1, 1]) <= 0 or (found[2] != (0, 0, 1)).any():
        raise BadSceneError(
            f"{path}: the intrinsics of colour are {shown(matrix.tolist())}, expected a pinhole matrix"
        )
    found[:2, 2] += 0.5  # ScanNet's pixel centres are whole numbers: the middle of 640 columns is 319.5

    def off_centre(of: tuple[int, int]) -> float:
        return float(np.abs(found[:2, 2] / (of[1], of[0]) - 0.5).max())

    of = min([size, sensor] if sensor else [size], key=off_centre)
    if off_centre(of) > _OFF_CENTRE:
        middle = " ".join(f"{value:g}" for value in found[:2, 2])
        image = f"{size[1]} × {size[0]} pixels"
        raise BadSceneError(
            f"{path}: the principal point {middle} is far from the middle of an image of {image}"
        )
    found[:2] *= np.array([[size[1] / of[1]], [size[0] / of[0]]])
    return found
