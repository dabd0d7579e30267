"""The video of a plain folder whose frames.json has one in place of images: `"video": "recording.mp4"`.

Entries then say when and where the camera was, and have no image. Every frame of the video whose time lies between two
poses at most 0.3 s apart (`trajectory.LONGEST_GAP`) can be shown, with the pose between them; so can one within half a
frame of a pose. Others are left out: before the first pose, after the last, in gaps, and beside an entry whose pose is
null. Entries' `time` is counted from the video's first frame. Where the poses have another clock, `video_offset` is
what that clock showed at the video's first frame, in seconds. Depth and shares of an entry are those of the nearest
frame. Frames are shown as players show them, turned by the video's rotation tag; `pictures` says which cameras that
needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from lightning_ouro.errors import BadSceneError
from lightning_ouro.scenes.footage.trajectory import LONGEST_GAP, Trajectory, nearest_index
from lightning_ouro.scenes.footage.video_file import VideoFile
from lightning_ouro.scenes.readers import clock
from lightning_ouro.scenes.readers.files import Floats, path_exists, short_repr
from lightning_ouro.scenes.readers.folder_cameras import Camera, Cameras, Span
from lightning_ouro.scenes.readers.folder_paths import path_below
from lightning_ouro.scenes.readers.left_out import MOST_BROKEN
from lightning_ouro.scenes.readers.pictures import Stored

_NEAR = 0.025  # seconds: most of half a frame, which is 0.021 at 24 frames per second; chosen by hand
_OF_A_PICTURE = ("depth", "shares")  # what an entry may say of one picture


@final
class FolderVideo:
    """The video of one folder.

    Args:
        frames_json: The `frames.json`, beside which the video lies.
        record: What it says; it has the field `video`.

    Attributes:
        file: The video.
        turns: Clockwise quarter turns with which players show it.

    Raises:
        BadSceneError: there is no such video, or the fields do not describe one.
    """

    def __init__(self, frames_json: Path, record: dict[str, Any]) -> None:
        self._where = frames_json
        path = path_below(frames_json.parent, f"{frames_json}: video", record["video"])
        offset = record.get("video_offset", 0)
        if not clock.is_stamp(offset):
            raise BadSceneError(f"{frames_json}: video_offset is {short_repr(offset)}, expected seconds")
        for place, frame in enumerate(record["frames"]):
            if isinstance(frame, dict) and "image" in frame:
                raise BadSceneError(
                    f"{frames_json}: frame {place}: has an image beside a video; give one of them"
                )
        if not path_exists(path):
            raise BadSceneError(f"{path}: does not exist; {frames_json.name} calls it the video")
        self.file = VideoFile(path)
        self.turns = self.file.turns()
        self._numbers = np.flatnonzero(np.diff(self.file.times, prepend=-np.inf) > 0)
        self._times: Floats = self.file.times[self._numbers]
        self.span = Span(float(offset), float(offset + self._times[-1]))

    @property
    def stored(self) -> Stored:
        """How its frames lie on disk."""
        return Stored.of_video(self.file.path, self.file.size, self.turns)

    def cameras(self, listed: Cameras, frames: Sequence[Any]) -> tuple[list[Camera], str | None]:
        """The cameras of the video's frames that have one, and what there is to say of the others.

        Args:
            listed: The cameras of the file's entries, in seconds from the video's first frame.
            frames: The file's entries.

        Raises:
            BadSceneError: no frame has one.
        """
        if not any(camera.pose is not None for camera in listed.frames) and not listed.between:
            return [], None
        tracked = _trajectory(listed)
        self._check_overlap(tracked.times)
        poses, known = tracked.at(self._times, near=self._near)
        if not known.any():
            raise BadSceneError(
                f"{self._where}: none of the {len(known)} frames of {self.file.path.name} lies between two poses at "
                f"most {LONGEST_GAP:g} s apart, or within {self._near:.3f} s of one"
            )
        places, lenses = self._places(listed.frames, frames), self._lenses(listed.frames)
        cameras = [
            Camera(
                places.get(index), float(self._times[index]), pose, lenses[index], int(self._numbers[index])
            )
            for index, pose in zip(np.flatnonzero(known).tolist(), poses[known], strict=True)
        ]
        return cameras, self._remark(tracked.times, known)

    @property
    def _near(self) -> float:
        return min(_NEAR, clock.usual_gap(self._times.tolist()) / 2)

    def _check_overlap(self, times: Floats) -> None:
        if times[-1] >= -self._near and times[0] <= self._times[-1] + self._near:
            return
        begin, end = self.span
        raise BadSceneError(
            f"{self._where}: its poses are of {times[0] + begin:.2f} to {times[-1] + begin:.2f} s, but "
            f"{self.file.path.name} is of {begin:.2f} to {end:.2f} s; set video_offset to the time of the video's "
            "first frame on the clock of the poses"
        )

    def _places(self, cameras: Sequence[Camera], frames: Sequence[Any]) -> dict[int, int]:
        """By index of a frame the place of the entry that says something of its picture."""
        saying = [
            camera
            for camera in cameras
            if camera.place is not None and not frames[camera.place].keys().isdisjoint(_OF_A_PICTURE)
        ]
        times = np.array([camera.time for camera in saying])
        nearest = nearest_index(self._times, times, self._near)
        away = np.abs(self._times[nearest] - times)
        places: dict[int, int] = {}
        for row in np.argsort(away, kind="stable").tolist():
            place = saying[row].place
            if nearest[row] >= 0 and place is not None:
                places.setdefault(int(nearest[row]), place)
        return places

    def _lenses(self, cameras: Sequence[Camera]) -> list[Floats]:
        """Of each frame the intrinsics of the entry nearest in time."""
        times = np.array([camera.time for camera in cameras])
        return [cameras[row].intrinsics for row in nearest_index(times, self._times, np.inf)]

    def _remark(self, times: Floats, known: NDArray[np.bool_]) -> str | None:
        said: list[str] = []
        outside = (self._times < times[0]) | (self._times > times[-1])
        if not known.all():
            before, between = int((~known & outside).sum()), int((~known & ~outside).sum())
            said.append(
                f"{before + between} of {len(known)} frames of {self.file.path.name} have no pose and are left out: "
                f"{before} before the first pose or after the last, {between} where tracking was lost or between "
                f"poses more than {LONGEST_GAP:g} s apart"
            )
        apart = int(((times < -LONGEST_GAP) | (times > self._times[-1] + LONGEST_GAP)).sum())
        if apart > MOST_BROKEN * len(times):
            said.append(
                f"{apart} of {len(times)} poses lie outside of the video's time; is video_offset right?"
            )
        return "; ".join(said) or None


def video_of(frames_json: Path, record: dict[str, Any]) -> FolderVideo | None:
    """The video of a `frames.json`; None if it has images.

    Raises:
        BadSceneError: there is no such video, or the fields do not describe one.
    """
    if "video" in record:
        return FolderVideo(frames_json, record)
    if "video_offset" in record:
        raise BadSceneError(f"{frames_json}: has a video_offset, but no video")
    return None


def _trajectory(listed: Cameras) -> Trajectory:
    """All poses; where a frame and `path` have the same time, the frame's. NaN where tracking was lost."""
    lost = np.full((4, 4), np.nan)
    poses = dict(listed.between) | {
        camera.time: lost if camera.pose is None else camera.pose for camera in listed.frames
    }
    times = sorted(poses)
    return Trajectory(np.array(times), np.stack([poses[time] for time in times]))
