"""Whether the pictures of a plain folder and their cameras belong together: their size, and which way is up.

A photo may be stored lying, with a number in its EXIF data that tells viewers how to turn it. Whether intrinsics and
poses are those of the stored or of the turned picture is told by themselves: the principal point is near the middle
of the right one, and most cameras are held upright.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

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


class Format:
    """How the pictures of a recording are stored.

    Args:
        paths: Of some pictures, evenly sampled.
        intrinsics: `(N, 3, 3)` of all frames.
        poses: `(N, 4, 4)` of all frames.

    Attributes:
        size: Height and width of the pictures as they are shown.
        is_turned: Whether they are turned as their EXIF orientation says.
        remark: How that was told; None if none asks to be turned.

    Raises:
        BadSceneError: no picture can be read, or nothing tells whether to turn them, or two things differ.
    """

    def __init__(self, paths: Sequence[Path], intrinsics: Floats, poses: Floats) -> None:
        stored, turn = usual_header(paths)
        upright = stored[::-1] if turn in _QUARTERS else stored
        self.remark: str | None = None
        self.is_turned = True
        if turn != 1:
            self.is_turned, self.remark = _is_turned(paths[0], stored, turn, intrinsics, poses)
        self.size: Size = (upright[0], upright[1]) if self.is_turned else stored
        self._turns = _TURNS.get(turn, 0) if self.is_turned else 0

    def depth_turns(self, size: Sequence[int]) -> int:
        """Clockwise quarter turns of a depth map of this height and width, if it was left lying as the photo was."""
        height, width = self.size
        is_lying = self._turns % 2 and (size[0] > size[1]) != (height > width)
        return self._turns if is_lying else 0


def _is_turned(path: Path, stored: Size, turn: int, intrinsics: Floats, poses: Floats) -> tuple[bool, str]:
    by_poses = _by_poses(turn, poses)
    by_intrinsics = _by_intrinsics(stored, intrinsics) if turn in _QUARTERS else None
    told = {"poses": by_poses, "intrinsics": by_intrinsics}
    known = {name: is_turned for name, is_turned in told.items() if is_turned is not None}
    kind = f"EXIF orientation {turn}"
    if not known:
        raise BadSceneError(
            f"{path}: has {kind}, and neither poses nor intrinsics tell whether they are of the turned picture; "
            "turn the pixels, or remove the orientation"
        )
    if len(set(known.values())) > 1:
        of = {True: "turned", False: "stored"}
        raise BadSceneError(
            f"{path}: has {kind}; the intrinsics are those of the {of[known['intrinsics']]} picture, the poses those "
            f"of the {of[known['poses']]} one"
        )
    is_turned, names = next(iter(known.values())), " and ".join(known)
    done = "images are turned by" if is_turned else "images are not turned by"
    return (
        is_turned,
        f"{done} their {kind}: {names} are those of the {'turned' if is_turned else 'stored'} pictures",
    )


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
