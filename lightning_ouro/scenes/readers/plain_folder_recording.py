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

import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from lightning_ouro.errors import BadSceneError
from lightning_ouro.scenes.footage.conventions import check_conventions
from lightning_ouro.scenes.footage.recording import Recording, Shares, Shots
from lightning_ouro.scenes.readers.files import (
    Floats,
    image_size,
    is_number,
    read_depth,
    read_frame,
    read_json,
    short_repr,
)
from lightning_ouro.scenes.readers.folder_cameras import Camera, read_cameras
from lightning_ouro.scenes.readers.left_out import LeftOut
from lightning_ouro.scenes.readers.pictures import Format, check_pinhole
from lightning_ouro.scenes.types import CameraPath, Scene

FRAMES = "frames.json"
_DEPTH_UNIT = 0.001  # metres, where the file names no other
_FEW = 0.1  # of the frames: if fewer have depth, one had better know; chosen by hand


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
        self._listed, self._scene = listed, scene
        cameras = read_cameras(self._path, record, scene.id)
        posed = [camera for camera in cameras.frames if camera.pose is not None]
        shown = [camera for camera in posed if "depth" in frames[camera.place]] or posed
        self._valid = [camera.place for camera in shown]
        self._camera_path = cameras.path()
        self._format = Format(self._images(), *_arrays(shown)[1:]) if shown else None
        fitting, odd = self._with_fitting_lens(scene.id, shown)
        self._valid = [camera.place for camera in fitting]
        size = (1, 1) if self._format is None else self._format.size
        self.shots = Shots(*_arrays(fitting), size)
        self._remark(scene.id, cameras.remark, odd, len(posed))

    def _with_fitting_lens(self, scene_id: str, cameras: list[Camera]) -> tuple[list[Camera], str | None]:
        """The cameras whose intrinsics can be those of the pictures, and what looks odd in some."""
        if self._format is None:
            return cameras, None
        lenses, kinds = np.unique(_arrays(cameras)[1], axis=0, return_inverse=True)
        places = [int((kinds.ravel() == kind).argmax()) for kind in range(len(lenses))]
        problems: dict[int, str] = {}
        odd: str | None = None
        for kind, (lens, place) in enumerate(zip(lenses, places, strict=True)):
            try:
                odd = check_pinhole(self._where(place), lens, self._format.size) or odd
            except BadSceneError as problem:
                problems[kind] = str(problem)
        broken = LeftOut("frames")
        fitting: list[Camera] = []
        for camera, kind in zip(cameras, kinds.ravel().tolist(), strict=True):
            if kind in problems:
                broken.add(problems[kind])
            else:
                fitting.append(camera)
        broken.say(scene_id, len(cameras))
        return fitting, odd

    def _images(self) -> list[Path]:
        """The paths of all shown images whose names are paths below the folder; at least one."""
        paths: list[Path] = []
        problem: BadSceneError | None = None
        for place in range(len(self._valid)):
            try:
                paths.append(self._file(place, "image"))
            except BadSceneError as error:
                problem = problem or error
        if not paths and problem is not None:
            raise problem
        return paths

    def _remark(self, scene_id: str, clock: str | None, odd: str | None, num_posed: int) -> None:
        """Warns of what was put right or looks odd."""
        few = None
        if len(self._valid) < _FEW * num_posed:
            few = f"only {len(self._valid)} of {num_posed} frames have depth, and no others are shown"
        turned = None if self._format is None else self._format.remark
        for said in filter(None, (clock, turned, odd, few)):
            warnings.warn(f"scene {scene_id}: {said}", stacklevel=2)

    @override
    def path(self) -> CameraPath:
        return self._camera_path

    @override
    def images(self, frame_indices: Sequence[int]) -> Iterator[NDArray[np.uint8]]:
        for index in frame_indices:
            is_turned = self._format is not None and self._format.is_turned
            yield read_frame(self._file(index, "image"), self.shots.size, is_turned)

    @override
    def depth(self, frame_index: int) -> NDArray[np.float32] | None:
        if "depth" not in self._frames[self._valid[frame_index]]:
            return None
        path = self._file(frame_index, "depth")
        assert self._format is not None, "there are frames"
        turns = self._format.depth_turns(image_size(path))
        depth = read_depth(path, self.shots.size if turns % 2 == 0 else self.shots.size[::-1])
        return np.rot90(depth * self._depth_unit, -turns).astype(np.float32)

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
        shares = np.zeros(len(self._scene.objects), dtype=np.float32)
        for name, share in by_object.items():
            index = indices[name]
            if index is not None:
                shares[index] = share
        return shares

    @override
    def check(self, scene: Scene, frame_indices: Sequence[int], visibility: NDArray[np.float32]) -> None:
        if not any("shares" in self._frames[self._valid[index]] for index in frame_indices):
            check_conventions(scene, self, frame_indices, visibility)

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


def _arrays(cameras: Sequence[Camera]) -> tuple[Floats, Floats, Floats]:
    """Times `(N,)`, intrinsics `(N, 3, 3)` and poses `(N, 4, 4)` of cameras that were tracked."""
    return (
        np.array([camera.time for camera in cameras]),
        np.array([camera.intrinsics for camera in cameras]).reshape(-1, 3, 3),
        np.array([camera.pose for camera in cameras]).reshape(-1, 4, 4),
    )


def _is_share(value: Any) -> bool:
    return is_number(value) and 0 <= value <= 1
