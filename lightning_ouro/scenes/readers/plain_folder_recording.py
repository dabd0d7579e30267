"""The frames of a plain folder, listed in its `frames.json`.

Each frame has an `image`, a `time` in seconds that rises from frame to frame, and a `pose`: camera to world,
in OpenCV's axes (the camera looks along z, x points right, y down), or null where tracking was lost.
`intrinsics` are a pinhole matrix in pixels, for all frames or for one; the upper left corner of the image is
(0, 0). A frame may have a `depth` map in units of `depth_unit` metres, and `shares`: the share of its pixels
that each object covers, which `prepare` stores. If any frame has depth, frames without it are not used,
because what they show would only be estimated; their poses are. `path` lists further poses of the camera, each
with a `time` and a `pose`, where it was tracked more often than frames were kept. In place of images, `video` may name
a video, whose frames are found by time (`folder_video`).
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
from lightning_ouro.scenes.footage import orientation
from lightning_ouro.scenes.footage.box_conventions import check_boxes_by_depth, check_boxes_by_shape
from lightning_ouro.scenes.footage.conventions import check_conventions
from lightning_ouro.scenes.footage.picture_motion import check_motion
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
from lightning_ouro.scenes.readers.folder_cameras import Camera, Cameras, known, path_through, read_cameras
from lightning_ouro.scenes.readers.folder_paths import path_below
from lightning_ouro.scenes.readers.folder_video import video_of
from lightning_ouro.scenes.readers.left_out import LeftOut
from lightning_ouro.scenes.readers.pictures import Format, Stored, check_pinhole
from lightning_ouro.scenes.types import CameraPath, Scene

FRAMES = "frames.json"
_DEPTH_UNIT = 0.001  # metres, where the file names no other
# Whether pictures tell the lens, by files and what is compared of them: once is enough in a process.
_CHECKED: dict[tuple[Path, int], bool] = {}
_LENS_SLACK = 0.1  # if not: a principal point and boxes would tell more; chosen by hand
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
        self._video = video_of(self._path, record)
        cameras = read_cameras(self._path, record, scene.id, self._video and self._video.span)
        taken, without = (
            (cameras.frames, None) if self._video is None else self._video.cameras(cameras, frames)
        )
        posed = [camera for camera in taken if camera.pose is not None]
        self._shown = [camera for camera in posed if "depth" in self._entry(camera)] or posed
        self._format = self._format_of(self._shown)
        self._shown, odd = self._with_fitting_lens(scene.id, self._turned(self._shown))
        self._camera_path = self._path_of(cameras)
        self.shots = Shots(*_arrays(self._shown), (1, 1) if self._format is None else self._format.size)
        self._remark(scene.id, cameras.remark, without, odd, len(posed))

    def _format_of(self, shown: Sequence[Camera]) -> Format | None:
        """How the pictures are shown; None if there are none."""
        if not shown:
            return None
        stored = Stored.of_photos(self._images()) if self._video is None else self._video.stored
        return Format(stored, *_arrays(shown)[1:])

    def _turned(self, cameras: list[Camera]) -> list[Camera]:
        """The cameras of the pictures as they are shown."""
        turns = 0 if self._format is None else self._format.camera_turns
        if self._video is None or turns == 0:
            return cameras
        _, intrinsics, poses = _arrays(cameras)
        intrinsics = orientation.rotate_intrinsics(intrinsics, self._video.file.size, turns)
        rows = zip(cameras, intrinsics, orientation.rotate_poses(poses, turns), strict=True)
        return [camera._replace(intrinsics=lens, pose=pose) for camera, lens, pose in rows]

    def _path_of(self, cameras: Cameras) -> CameraPath:
        """All known poses, of a video those while it was taken, and its frames' own."""
        path = cameras.path()
        if self._video is None:
            return path
        turns = 0 if self._format is None else self._format.camera_turns
        kept = (path.times >= 0) & (path.times <= self._video.file.times[-1])
        tracked = zip(
            path.times[kept].tolist(), orientation.rotate_poses(path.poses[kept], turns), strict=True
        )
        return path_through(dict(tracked) | {camera.time: known(camera.pose) for camera in self._shown})

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
                odd = check_pinhole(self._where(cameras[place]), lens, self._format.size) or odd
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
        for camera in self._shown:
            try:
                paths.append(self._file(camera, "image"))
            except BadSceneError as error:
                problem = problem or error
        if not paths and problem is not None:
            raise problem
        return paths

    def _remark(
        self, scene_id: str, clock: str | None, without: str | None, odd: str | None, num_posed: int
    ) -> None:
        """Warns of what was put right or looks odd."""
        few = None
        if len(self._shown) < _FEW * num_posed:
            few = f"only {len(self._shown)} of {num_posed} frames have depth, and no others are shown"
        turned = None if self._format is None else self._format.remark
        for said in filter(None, (clock, without, turned, odd, few)):
            warnings.warn(f"scene {scene_id}: {said}", stacklevel=2)

    @override
    def path(self) -> CameraPath:
        return self._camera_path

    @override
    def images(self, frame_indices: Sequence[int]) -> Iterator[NDArray[np.uint8]]:
        shown = [self._shown[index] for index in frame_indices]
        if self._video is not None:
            for image in self._video.file.frames([camera.number for camera in shown]):
                yield orientation.rotate_image(image, self._video.turns)
            return
        is_turned = self._format is not None and self._format.is_turned
        for camera in shown:
            yield read_frame(self._file(camera, "image"), self.shots.size, is_turned)

    @override
    def depth(self, frame_index: int) -> NDArray[np.float32] | None:
        camera = self._shown[frame_index]
        if "depth" not in self._entry(camera):
            return None
        path = self._file(camera, "depth")
        assert self._format is not None, "there are frames"
        turns = self._format.depth_turns(image_size(path))
        depth = read_depth(path, self.shots.size if turns % 2 == 0 else self.shots.size[::-1])
        return np.rot90(depth * self._depth_unit, -turns).astype(np.float32)

    @override
    def known_shares(self, frame_index: int) -> Shares | None:
        camera = self._shown[frame_index]
        frame = self._entry(camera)
        if frame.get("shares") is None:
            return None
        certain = self._shares(camera, "shares", frame["shares"])
        possible = self._shares(camera, "possible_shares", frame.get("possible_shares", {}))
        return Shares(certain, np.maximum(certain, possible))

    def _shares(self, camera: Camera, field: str, by_object: Any) -> NDArray[np.float32]:
        indices = {str(place): index for place, index in enumerate(self._listed)}
        if (
            not isinstance(by_object, dict)
            or not by_object.keys() <= indices.keys()
            or not all(map(_is_share, by_object.values()))
        ):
            raise BadSceneError(
                f"{self._where(camera)}: {field} is {short_repr(by_object)}, "
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
        if any("shares" in self._entry(self._shown[index]) for index in frame_indices):
            return  # `prepare` has looked at it
        arrays = [self.shots.poses, self.shots.intrinsics, np.array(frame_indices)]
        arrays += [part for item in scene.objects for part in (item.center, item.size, item.rotation)]
        given = self._path, hash(b"".join(part.tobytes() for part in arrays))
        if given not in _CHECKED:
            _CHECKED[given] = self._compared(scene, frame_indices, visibility)
        self.lens_slack = 0.0 if _CHECKED[given] else _LENS_SLACK

    def _compared(self, scene: Scene, frame_indices: Sequence[int], visibility: NDArray[np.float32]) -> bool:
        """Compares poses, boxes, depth and pictures; returns whether the pictures tell how long the lens is."""
        is_told = check_boxes_by_depth(scene, self, frame_indices)
        check_conventions(scene, self, frame_indices, visibility)
        if not is_told:
            check_boxes_by_shape(scene)
        return check_motion(scene, self)

    def _entry(self, camera: Camera) -> dict[str, Any]:
        """What the file says of a frame; empty of a video's frame that it does not speak of."""
        return {} if camera.place is None else self._frames[camera.place]

    def _file(self, camera: Camera, field: str) -> Path:
        """The path of a file that a frame names; refuses paths that lead out of the folder."""
        return path_below(
            self._path.parent, f"{self._where(camera)}: {field}", self._entry(camera).get(field)
        )

    def _where(self, camera: Camera) -> str:
        if self._video is not None and camera.place is None:
            return f"{self._video.file.path}: frame {camera.number}"
        return f"{self._path}: frame {camera.place}"


def _arrays(cameras: Sequence[Camera]) -> tuple[Floats, Floats, Floats]:
    """Times `(N,)`, intrinsics `(N, 3, 3)` and poses `(N, 4, 4)` of cameras that were tracked."""
    return (
        np.array([camera.time for camera in cameras]),
        np.array([camera.intrinsics for camera in cameras]).reshape(-1, 3, 3),
        np.array([camera.pose for camera in cameras]).reshape(-1, 4, 4),
    )


def _is_share(value: Any) -> bool:
    return is_number(value) and 0 <= value <= 1
