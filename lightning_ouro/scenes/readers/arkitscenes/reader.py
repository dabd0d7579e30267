"""Reads ARKitScenes as Apple's `download_data.py` leaves it on disk: the `3dod` data set and the `raw` one.

    3dod/{Training,Validation}/<video>/
        <video>_3dod_annotation.json, <video>_3dod_mesh.ply
        <video>_frames/     lowres_wide/, lowres_wide_intrinsics/, lowres_depth/, lowres_wide.traj; or by the README's
                            older names wide/, color_intrinsics/, depth_densified/, color.traj
    raw/{Training,Validation}/<video>/
        <video>_3dod_annotation.json, <video>_3dod_mesh.ply, lowres_wide.traj, lowres_depth/, and the first of
        vga_wide/ (640 × 480), lowres_wide/ (256 × 192), each with its intrinsics, <video>.mov

- A video is its folder with an annotation in it: raw has 24 videos without one, and those of the upsampling task.
- A video that lies in both is read from 3dod, whose frames are those that were annotated.
- Boxes are `segments.obbAligned`, metres in the world of mesh and poses; `obb` is in another frame, in centimetres.
- Sinks, shelves, ovens and cabinets are left out, as VSI-Bench did: they are annotated so unevenly that not even one
  that is alone is known to be. All instances of the other categories are annotated.
- Files of a frame are named by its time with three decimals, `<video>_<seconds>.png`; that of its `.pincam` may be off
  by one in the last. A movie's frame i has the time of the i-th `lowres_wide_intrinsics`.
- A frame without a pose or a `.pincam` is left out; the first images come before the first pose.
- `sky_direction` of `metadata.csv` has many errors and is not used; see `arkit_poses.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from lightning_ouro.errors import BadSceneError
from lightning_ouro.scenes.footage.mesh import read_ply
from lightning_ouro.scenes.footage.recorded_footage import RecordedFootage
from lightning_ouro.scenes.footage.recording import Recording, Shots
from lightning_ouro.scenes.footage.video_file import VideoFile
from lightning_ouro.scenes.readers.arkitscenes import poses
from lightning_ouro.scenes.readers.base import Found, Reader, scanned_scene
from lightning_ouro.scenes.readers.files import box, image_size, read_image, read_json, shown
from lightning_ouro.scenes.types import Scene, SceneObject
from lightning_ouro.scenes.vocabulary import category_of

_Box = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]  # centre, size, rotation

_DATA_SETS = ("3dod", "raw")  # the first one counts
_FOLDS = ("Training", "Validation")
_VIDEO = re.compile(r"[0-9]{8}")
_UNEVEN = frozenset(("sink", "shelf", "oven", "cabinet"))
_SAME_PLACE = 6  # decimals of a metre
_SAME_IMAGE = 0.0015  # seconds between an image and its .pincam
_NEAR_DEPTH = 0.02  # seconds between an image and a depth map: a frame of the sensor at 60 Hz, and a little
_MILLIMETRES = 1000.0
_MOVIE = ".mov"
_POSES = ("lowres_wide.traj", "color.traj", "colour.traj")
_DEPTHS = ("lowres_depth", "depth_densified")
_WIDE = ("lowres_wide", "lowres_wide_intrinsics")
_IMAGES_3DOD = (_WIDE, *(("wide", f"{name}_intrinsics") for name in ("color", "colour", "wide")))
_IMAGES_RAW = (
    ("vga_wide", "vga_wide_intrinsics"),
    _WIDE,
)  # `wide` is the upsampling task's: 10 Hz, with gaps


@final
class ARKitScenesReader(Reader):
    """Reads the root (or `3dod`, or `raw` in it), a fold, a folder of videos, or one video's folder."""

    source = "arkitscenes"
    layout = "ARKitScenes: 3dod/ or raw/ with {Training,Validation}/<video>/<video>_3dod_annotation.json"

    @override
    def find(self, path: Path) -> list[Found]:
        path = path.resolve() if path.name in ("", "..") else path
        found: dict[str, Found] = {}
        for data_set in _inside(path, _DATA_SETS):
            for fold in _inside(data_set, _FOLDS):
                for folder in [fold] if _is_video(fold) else _folders(fold):
                    if _is_video(folder):
                        found.setdefault(folder.name, Found(folder.name, folder))
        return [found[video] for video in sorted(found)]

    @override
    def read(self, found: Found) -> Scene:
        objects = _objects(_annotation(found.path, found.id))
        _Files.of(
            found.path, found.id
        )  # a scene without footage is of no use: better known now than in training
        mesh = read_ply(found.path / f"{found.id}_3dod_mesh.ply")
        complete = frozenset(thing.category for thing in objects)
        footage = RecordedFootage(partial(ARKitRecording, found.path))
        return scanned_scene(found, self.source, objects, complete, mesh, footage)


def _inside(folder: Path, names: Sequence[str]) -> list[Path]:
    """Those of the named folders that are there; the folder itself if none is."""
    return [folder / name for name in names if (folder / name).is_dir()] or [folder]


def _folders(path: Path) -> list[Path]:
    return sorted(path.iterdir()) if path.is_dir() else []


def _annotation(folder: Path, video: str) -> Path:
    return folder / f"{video}_3dod_annotation.json"


def _is_video(folder: Path) -> bool:
    # Only a name of eight digits is looked into: by it a scene that a benchmark tests on is recognised.
    try:
        return _VIDEO.fullmatch(folder.name) is not None and _annotation(folder, folder.name).exists()
    except OSError:
        return True  # may not be looked into; reading it says so


def _objects(path: Path) -> tuple[SceneObject, ...]:
    record = read_json(path)
    if not isinstance(record, dict):
        raise BadSceneError(f"{path}: is {shown(record)}, expected an object with data and skipped")
    if record.get("skipped", False) not in (False, None):
        raise BadSceneError(f"{path}: skipped is {shown(record['skipped'])}: nobody annotated this video")
    data = record.get("data")
    if not isinstance(data, list):
        raise BadSceneError(f"{path}: data is {shown(data)}, expected a list of objects")
    if not data:
        raise BadSceneError(f"{path}: data is empty: nothing was annotated in this video")
    found: dict[tuple[Any, ...], _Box] = {}
    for place, listed in enumerate(data):
        category = _category(f"{path}: data {place}", listed)
        if category is not None:
            given = _aligned(f"{path}: data {place}, {shown(listed['label'])}", listed)
            found.setdefault((category, *np.round(given[0], _SAME_PLACE)), given)
    if not found:
        raise BadSceneError(f"{path}: none of its {len(data)} objects has a category that can be used")
    return tuple(SceneObject(place, key[0], *given) for place, (key, given) in enumerate(found.items()))


def _category(where: str, listed: Any) -> str | None:
    label = listed.get("label") if isinstance(listed, dict) else None
    if not isinstance(label, str):
        raise BadSceneError(f"{where}: label is {shown(label)}, expected a text")
    category = category_of(label)
    return None if category in _UNEVEN else category


def _aligned(where: str, listed: dict[str, Any]) -> _Box:
    segments = listed.get("segments")
    return box(f"{where}: obbAligned", segments.get("obbAligned") if isinstance(segments, dict) else None)


@dataclass(frozen=True)
class _Files:
    """Where a video's parts lie.

    Attributes:
        trajectory: The `.traj` file.
        images: A folder of images, or the movie.
        cameras: A folder of `.pincam` files.
        depth: A folder of depth maps, or None.
    """

    trajectory: Path
    images: Path
    cameras: Path
    depth: Path | None

    @staticmethod
    def of(folder: Path, video: str) -> _Files:
        """The best that there is.

        Raises:
            BadSceneError: there are no poses, or no images with intrinsics.
        """
        frames = folder / f"{video}_frames"
        inside, choices = (frames, _IMAGES_3DOD) if _is_there(frames) else (folder, _IMAGES_RAW)
        trajectory = next((inside / name for name in _POSES if _is_there(inside / name)), None)
        if trajectory is None:
            raise BadSceneError(f"{inside / _POSES[0]}: is missing, so there are no poses")
        depth = next((inside / name for name in _DEPTHS if _holds_any(inside / name)), None)
        for images, cameras in choices:
            if _holds_any(inside / images) and _holds_any(inside / cameras):
                return _Files(trajectory, inside / images, inside / cameras, depth)
        movie, cameras = inside / f"{video}{_MOVIE}", _WIDE[1]
        if _is_there(movie) and _holds_any(inside / cameras):
            return _Files(trajectory, movie, inside / cameras, depth)
        names = " or ".join(
            f"{images} with {cameras}" for images, cameras in (*choices, (movie.name, cameras))
        )
        raise BadSceneError(f"{inside}: holds no images with intrinsics, expected {names}")


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as problem:
        raise BadSceneError(f"{path}: cannot be read ({problem.strerror or problem})") from None


def _holds_any(folder: Path) -> bool:
    return next(poses.timed(folder), None) is not None


@final
class ARKitRecording(Recording):
    """The frames of a video, turned upright.

    Args:
        folder: The video's.
        scene: Its id is the video's.
    """

    def __init__(self, folder: Path, scene: Scene) -> None:
        files = _Files.of(folder, scene.id)
        cameras, self._depths = poses.Series(files.cameras), poses.Series(files.depth)
        self._movie = VideoFile(files.images) if files.images.suffix == _MOVIE else None
        if self._movie is not None:
            _check_movie(self._movie, cameras)
        stills = poses.Series(files.images) if self._movie is None else cameras
        found, known = poses.read_trajectory(files.trajectory).at(stills.times)
        camera = cameras.nearest(stills.times, _SAME_IMAGE)
        valid = np.flatnonzero(known & (camera >= 0))
        if len(valid) == 0:
            raise BadSceneError(
                f"{files.trajectory}: {known.sum()} of {len(known)} images have a pose, {(camera >= 0).sum()} have a "
                f"file in {files.cameras}, expected at least one with both"
            )
        self._places = valid  # in the movie
        self._stills = [stills.paths[place] for place in valid]
        self._depth = self._depths.nearest(stills.times[valid], _NEAR_DEPTH)
        self._stored = image_size(self._stills[0]) if self._movie is None else self._movie.size
        intrinsics = np.stack(
            [poses.read_pincam(cameras.paths[place], self._stored) for place in camera[valid]]
        )
        self._turns = poses.turns_of(found[valid])
        self.shots = Shots(
            times=stills.times[valid] - stills.times[0],
            intrinsics=poses.turned_intrinsics(intrinsics, self._stored, self._turns),
            poses=poses.turned_poses(found[valid], self._turns),
            size=poses.turned_size(self._stored, self._turns),
        )

    @override
    def images(self, places: Sequence[int]) -> Iterator[NDArray[np.uint8]]:
        if self._movie is not None:
            stored = self._movie.frames(self._places[list(places)].tolist())
        else:
            stored = (self._still(self._stills[place]) for place in places)
        for image in stored:
            yield poses.turned_picture(image, self._turns)

    def _still(self, path: Path) -> NDArray[np.uint8]:
        if (size := image_size(path)) != self._stored:
            raise BadSceneError(
                f"{path}: has {_pixels(size)} pixels, the first image {_pixels(self._stored)}"
            )
        return read_image(path)

    @override
    def depth(self, place: int) -> NDArray[np.float32] | None:
        if self._depth[place] < 0:
            return None
        path = self._depths.paths[self._depth[place]]
        stored = read_image(path, mode=None)
        if stored.ndim != 2 or stored.dtype != np.uint16:
            raise BadSceneError(
                f"{path}: has pixels of {stored.dtype} {stored.shape[2:]}, expected 16 bits of depth"
            )
        if not poses.same_shape(stored.shape, self._stored):
            raise BadSceneError(
                f"{path}: has {_pixels(stored.shape)} pixels, its image {_pixels(self._stored)}"
            )
        return poses.turned_picture((stored / _MILLIMETRES).astype(np.float32), self._turns)


def _check_movie(movie: VideoFile, cameras: poses.Series) -> None:
    if len(movie.times) != len(cameras.times):
        raise BadSceneError(
            f"{movie.path}: has {len(movie.times)} frames, expected {len(cameras.times)}, one for each file in "
            f"{_WIDE[1]}, which say when they were taken"
        )


def _pixels(size: Sequence[int]) -> str:
    return f"{size[1]} × {size[0]}"
