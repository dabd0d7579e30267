"""The frames of an ARKitScenes video, turned upright.

- Files of a frame are named by its time, `<video>_<seconds>.png`, with three decimals. The name of the
  `.pincam` may be off by one in the last decimal (apple/ARKitScenes @7283761,
  `threedod/benchmark_scripts/utils/tenFpsDataLoader.py`).
- Frame i of `<video>.mov` has the time of the i-th file in `lowres_wide_intrinsics`.
- A frame without a pose or a `.pincam` is left out. The first images of a video precede the first pose.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from lightning_ouro.errors import BadSceneError
from lightning_ouro.scenes.footage import orientation
from lightning_ouro.scenes.footage.recording import Recording, Shots
from lightning_ouro.scenes.footage.video_file import VideoFile
from lightning_ouro.scenes.readers.arkitscenes import poses
from lightning_ouro.scenes.readers.files import image_size, path_exists, read_depth, read_image, usual_header
from lightning_ouro.scenes.readers.left_out import LeftOut
from lightning_ouro.scenes.types import Scene

_PINCAM_TOLERANCE = 0.0015  # seconds between an image and its .pincam: one in the third decimal
_DEPTH_TOLERANCE = 0.02  # seconds between an image and a depth map: just above one frame at 60 Hz
_MILLIMETRES = 1000.0  # in a metre
_MOVIE = ".mov"
_TRAJECTORIES = ("lowres_wide.traj", "color.traj", "colour.traj")
_DEPTHS = ("lowres_depth", "depth_densified")
# Folders of images and of their intrinsics, in order of preference.
_WIDE = ("lowres_wide", "lowres_wide_intrinsics")
_IMAGES_3DOD = (_WIDE, *(("wide", f"{name}_intrinsics") for name in ("color", "colour", "wide")))
# raw's `wide` folder is not used: it belongs to the upsampling task and has 10 Hz with gaps.
_IMAGES_RAW = (("vga_wide", "vga_wide_intrinsics"), _WIDE)


@dataclass(frozen=True)
class VideoFiles:
    """Where the parts of a video are on disk.

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
    def find(folder: Path, video: str) -> VideoFiles:
        """Finds a video's parts; of several sets of images the preferred one.

        Raises:
            BadSceneError: there are no poses, or no images with intrinsics.
        """
        frames = folder / f"{video}_frames"
        base, choices = (frames, _IMAGES_3DOD) if path_exists(frames) else (folder, _IMAGES_RAW)
        trajectory = next((base / name for name in _TRAJECTORIES if path_exists(base / name)), None)
        if trajectory is None:
            raise BadSceneError(f"{base / _TRAJECTORIES[0]}: is missing, so there are no poses")
        depth = next((base / name for name in _DEPTHS if _has_timed_files(base / name)), None)
        for images, cameras in choices:
            if _has_timed_files(base / images) and _has_timed_files(base / cameras):
                return VideoFiles(trajectory, base / images, base / cameras, depth)
        movie, cameras = base / f"{video}{_MOVIE}", _WIDE[1]
        if path_exists(movie) and _has_timed_files(base / cameras):
            return VideoFiles(trajectory, movie, base / cameras, depth)
        expected = " or ".join(
            f"{images} with {cameras}" for images, cameras in (*choices, (movie.name, cameras))
        )
        raise BadSceneError(f"{base}: holds no images with intrinsics, expected {expected}")


def _has_timed_files(folder: Path) -> bool:
    return next(poses.timed_files(folder), None) is not None


@final
class ARKitRecording(Recording):
    """The frames of one video.

    Args:
        folder: The video's folder.
        scene: The scene, whose id is that of the video.
    """

    def __init__(self, folder: Path, scene: Scene) -> None:
        files = VideoFiles.find(folder, scene.id)
        cameras, self._depths = poses.TimedFiles(files.cameras), poses.TimedFiles(files.depth)
        self._movie = VideoFile(files.images) if files.images.suffix == _MOVIE else None
        if self._movie is not None:
            _check_length(self._movie, cameras)
        images = poses.TimedFiles(files.images) if self._movie is None else cameras
        all_poses, has_pose = poses.read_trajectory(files.trajectory, scene.id).at(
            images.times, poses.POSE_TOLERANCE
        )
        camera_indices = cameras.nearest(images.times, _PINCAM_TOLERANCE)
        valid = np.flatnonzero(has_pose & (camera_indices >= 0))
        if len(valid) == 0:
            raise BadSceneError(
                f"{files.trajectory}: {has_pose.sum()} of {len(has_pose)} images have a pose, "
                f"{(camera_indices >= 0).sum()} have a file in {files.cameras}, expected at least one with both"
            )
        found = [images.paths[index] for index in valid]
        self._stored_size = usual_header(found)[0] if self._movie is None else self._movie.size
        pincams = [cameras.paths[index] for index in camera_indices[valid]]
        intrinsics, is_whole = _intrinsics(pincams, self._stored_size, scene.id)
        valid = valid[is_whole]
        self._movie_indices = valid
        self._image_paths = [images.paths[index] for index in valid]
        self._depth_indices = self._depths.nearest(images.times[valid], _DEPTH_TOLERANCE)
        self._turns = orientation.quarter_turns(all_poses[valid])
        self.shots = Shots(
            times=images.times[valid] - images.times[0],
            intrinsics=orientation.rotate_intrinsics(intrinsics, self._stored_size, self._turns),
            poses=orientation.rotate_poses(all_poses[valid], self._turns),
            size=orientation.rotate_size(self._stored_size, self._turns),
        )

    @override
    def images(self, frame_indices: Sequence[int]) -> Iterator[NDArray[np.uint8]]:
        if self._movie is not None:
            stored = self._movie.frames(self._movie_indices[list(frame_indices)].tolist())
        else:
            stored = (self._stored_image(self._image_paths[index]) for index in frame_indices)
        for image in stored:
            yield orientation.rotate_image(image, self._turns)

    def _stored_image(self, path: Path) -> NDArray[np.uint8]:
        if (size := image_size(path)) != self._stored_size:
            raise BadSceneError(
                f"{path}: has {_pixels(size)} pixels, "
                f"expected {_pixels(self._stored_size)} as in the first image"
            )
        return read_image(path)

    @override
    def depth(self, frame_index: int) -> NDArray[np.float32] | None:
        if self._depth_indices[frame_index] < 0:
            return None
        path = self._depths.paths[self._depth_indices[frame_index]]
        stored = read_depth(path, self._stored_size)
        return orientation.rotate_image((stored / _MILLIMETRES).astype(np.float32), self._turns)


def _intrinsics(
    pincams: Sequence[Path], size: tuple[int, int], scene_id: str
) -> tuple[NDArray[np.float64], list[bool]]:
    """Pinhole matrices `(N, 3, 3)` of the files that can be read, and which of all these are."""
    matrices: list[NDArray[np.float64]] = []
    is_whole: list[bool] = []
    broken = LeftOut("cameras")
    for path in pincams:
        try:
            matrices.append(poses.read_pincam(path, size))
            is_whole.append(True)
        except BadSceneError as problem:
            broken.add(problem)
            is_whole.append(False)
    broken.say(scene_id, len(pincams))
    return np.stack(matrices), is_whole


def _check_length(movie: VideoFile, cameras: poses.TimedFiles) -> None:
    if len(movie.times) != len(cameras.times):
        raise BadSceneError(
            f"{movie.path}: has {len(movie.times)} frames, expected {len(cameras.times)}, one for each file in "
            f"{_WIDE[1]}, whose names hold the frames' times"
        )


def _pixels(size: Sequence[int]) -> str:
    return f"{size[1]} × {size[0]}"
