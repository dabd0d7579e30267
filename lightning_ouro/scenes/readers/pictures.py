"""Whether the pictures of a plain folder and their cameras belong together: their size, and which way is up.

A photo or video may be stored lying, with a tag that tells viewers how to turn it: a number in EXIF, or the matrix with
which a video is displayed. Whether intrinsics and poses are those of the stored or of the turned picture is told by
themselves: the principal point is near the middle of the right one, and most cameras are held upright.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lightning_ouro.errors import BadSceneError
from lightning_ouro.scenes.footage.uprightness import quarter_turns, steep
from lightning_ouro.scenes.readers.files import Floats, usual_header

Size = tuple[int, int]
# Chosen by hand, in sides of the image:
MOST_OFF_CENTER = (
    0.2  # between a principal point and the middle, as for ScanNet; a larger one is of another image
)
_CLEARLY = 0.05  # by which one of two readings has to be nearer to the middle
_SAME_SHIFT = 0.05  # between the two sides' shifts, if the intrinsics are of an image of another size
_QUARTERS = (5, 6, 7, 8)  # EXIF's numbers for pictures whose sides are exchanged
_TURNS = {3: 2, 6: 1, 8: 3}  # clockwise quarter turns by EXIF's number
_EXIF = {0: 1, **{turns: number for number, turns in _TURNS.items()}}


class Stored(NamedTuple):
    """How pictures lie on disk.

    Attributes:
        path: The first photo, or the video.
        size: Height and width.
        turn: EXIF's number for how they are to be turned, 1 for not at all.
        is_video: Whether they are of a video. It is always turned, since that is how everybody sees it; its cameras are
            turned along if they are those of the stored frames.
    """

    path: Path
    size: Size
    turn: int
    is_video: bool = False

    @staticmethod
    def of_photos(paths: Sequence[Path]) -> Stored:
        """What most of some photos say; a few are looked at.

        Raises:
            BadSceneError: none of these can be read.
        """
        return Stored(paths[0], *usual_header(paths))

    @staticmethod
    def of_video(path: Path, size: Size, turns: int) -> Stored:
        """The frames of a video that is played with some clockwise quarter turns."""
        return Stored(path, size, _EXIF[turns], is_video=True)

    @property
    def tag(self) -> str:
        """What asks for the turn, for people."""
        return f"rotation of {90 * _TURNS[self.turn]}°" if self.is_video else f"EXIF orientation {self.turn}"


class Format:
    """How the pictures of a recording are shown.

    Args:
        stored: How they lie on disk.
        intrinsics: `(N, 3, 3)` of all frames.
        poses: `(N, 4, 4)` of all frames.

    Attributes:
        size: Height and width of the pictures as they are shown.
        is_turned: Whether they are turned as their tag says.
        turns: The clockwise quarter turns of this, if it is by quarters.
        camera_turns: Clockwise quarter turns that take the cameras as given to those of the shown pictures.
        remark: How that was told; None if there is nothing to say.

    Raises:
        BadSceneError: nothing tells whether to turn them, or two things differ.
    """

    def __init__(self, stored: Stored, intrinsics: Floats, poses: Floats) -> None:
        upright = stored.size[::-1] if stored.turn in _QUARTERS else stored.size
        self.remark: str | None = None
        self.is_turned, self.camera_turns = True, 0
        if stored.turn != 1:
            fits_turned, self.remark = _fits_turned(stored, intrinsics, poses)
            self.is_turned = fits_turned or stored.is_video
            self.camera_turns = 0 if fits_turned or not stored.is_video else _TURNS[stored.turn]
        self.size: Size = (upright[0], upright[1]) if self.is_turned else stored.size
        self.turns = _TURNS.get(stored.turn, 0) if self.is_turned else 0

    def depth_turns(self, size: Sequence[int]) -> int:
        """Clockwise quarter turns of a depth map of this height and width, if it was left lying as the picture was."""
        height, width = self.size
        is_lying = self.turns % 2 and (size[0] > size[1]) != (height > width)
        is_head_down = self.camera_turns == 2  # as the cameras that came with it
        return self.turns if is_lying or is_head_down else 0


def _fits_turned(stored: Stored, intrinsics: Floats, poses: Floats) -> tuple[bool, str | None]:
    """Whether the cameras are those of the turned pictures, and what there is to say of that."""
    by_poses = _by_poses(stored.turn, poses)
    by_intrinsics = _by_intrinsics(stored.size, intrinsics) if stored.turn in _QUARTERS else None
    told = {"poses": by_poses, "intrinsics": by_intrinsics}
    known = {name: is_turned for name, is_turned in told.items() if is_turned is not None}
    if not known and stored.is_video:
        return True, None
    if not known:
        raise BadSceneError(
            f"{stored.path}: has {stored.tag}, and neither poses nor intrinsics tell whether they are of the turned "
            "picture; turn the pixels, or remove the orientation"
        )
    of = {True: "turned", False: "stored"}
    if len(set(known.values())) > 1:
        raise BadSceneError(
            f"{stored.path}: has {stored.tag}; the intrinsics are those of the {of[known['intrinsics']]} picture, the "
            f"poses those of the {of[known['poses']]} one"
        )
    is_turned, names = next(iter(known.values())), " and ".join(known)
    if stored.is_video:
        along = f"{names} are those of the stored frames, and are turned along with the video's {stored.tag}"
        return is_turned, None if is_turned else along
    done = "images are turned by" if is_turned else "images are not turned by"
    return is_turned, f"{done} their {stored.tag}: {names} are those of the {of[is_turned]} pictures"


def _by_poses(turn: int, poses: Floats) -> bool | None:
    """Whether poses are of turned pictures; None if cameras look up or down, or are held in yet another way."""
    level = poses[~steep(poses)]
    if 2 * len(level) < len(poses) or turn not in _TURNS or len(level) == 0:
        return None
    return {0: True, _TURNS[turn]: False}.get(quarter_turns(level))


def _by_intrinsics(stored: Size, intrinsics: Floats) -> bool | None:
    lying, upright = (float(np.median(off_center(intrinsics, size))) for size in (stored, stored[::-1]))
    return None if abs(lying - upright) < _CLEARLY else upright < lying


def off_center(intrinsics: Floats, size: Sequence[int]) -> NDArray[np.float64]:
    """How far principal points `(N,)` are from the middle of an image, in sides of it, along the worse axis."""
    return np.asarray(np.abs(intrinsics[:, :2, 2] / (size[1], size[0]) - 0.5).max(axis=1))


def check_pinhole(where: str, matrix: Floats, size: Size) -> str | None:
    """Compares intrinsics with the size of the image.

    Returns:
        What looks odd, if anything.

    Raises:
        BadSceneError: they are of an image of another size, or that was turned.
    """
    height, width = size
    point = f"{where}: the principal point {matrix[0, 2]:.4g}, {matrix[1, 2]:.4g}"
    off, turned = (float(off_center(matrix[None], sides)[0]) for sides in (size, size[::-1]))
    if turned < _CLEARLY and off > turned + _CLEARLY:
        raise BadSceneError(
            f"{point} is in the middle of a picture that lies; the image has {width} × {height} pixels"
        )
    if off <= _CLEARLY:
        return None
    shifts = matrix[:2, 2] / (width, height)
    is_scaled = abs(shifts[0] - shifts[1]) <= _SAME_SHIFT * max(1.0, *shifts)
    other = f"an image of about {2 * matrix[0, 2]:.0f} × {2 * matrix[1, 2]:.0f}"
    remedy = f"the intrinsics seem to be of {other}: scale their first two rows"
    if (is_scaled and off > MOST_OFF_CENTER) or shifts.min() < 0 or shifts.max() > 1:
        raise BadSceneError(f"{point} is far from the middle of {width} × {height} pixels; {remedy}")
    if is_scaled or off > MOST_OFF_CENTER:
        return f"{point} is not in the middle of {width} × {height} pixels; if nothing was cut off, {remedy}"
    return None
