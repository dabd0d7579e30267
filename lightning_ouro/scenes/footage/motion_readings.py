"""In which other conventions poses and lenses may be, as far as that changes how pictures move.

Where the world's axes point does not, and of units only the ratio between them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lightning_ouro.scenes.footage.other_conventions import (
    GL,
    HALF_TURN,
    QUARTER_TURN,
    reordered,
    with_rotations,
    with_translations,
)

Floats = NDArray[np.float64]

_MIRROR = np.diag([-1.0, 1.0, 1.0, 1.0])
_BACK = np.diag([-1.0, 1.0, -1.0, 1.0])


@dataclass(frozen=True, eq=False)
class MotionReading:
    """What the files are in some convention, and cameras that are right then; those may be mirrored.

    Attributes:
        name: For people.
        poses: `(F, 4, 4)` of all shots, up to a motion of the world, of which pictures say nothing.
        intrinsics: `(F, 3, 3)`.
        is_sure: Whether a recording is refused for it; a lens that is a little longer is only warned of.
    """

    name: str
    poses: Floats
    intrinsics: Floats
    is_sure: bool = True


def motion_readings(given: MotionReading) -> Iterator[MotionReading]:
    """All other conventions that change how pictures move.

    Args:
        given: Cameras as the files have them.
    """
    for name, read in _POSES.items():
        for axes, turn in _AXES.items():
            if name or axes:
                both = " and ".join(filter(None, (name, axes)))
                yield MotionReading(both, read(given.poses) @ turn, given.intrinsics)
    for factor, is_sure in _FACTORS.items():
        whole = given.intrinsics.copy()
        whole[:, :2] *= factor
        times = f"{factor:.2g} times"
        yield MotionReading(
            f"the pictures had {times} the size that the intrinsics are of", given.poses, whole, is_sure
        )
        name = f"the focal length were {times} the given one"
        yield replace(focal(given, factor), name=name, is_sure=is_sure)


def focal(given: MotionReading, factor: float) -> MotionReading:
    """The same cameras with a lens of another length."""
    intrinsics = given.intrinsics.copy()
    intrinsics[:, [0, 1], [0, 1]] *= factor
    return replace(given, intrinsics=intrinsics)


def _inverse(poses: Floats) -> Floats:
    return np.asarray(np.linalg.inv(poses), dtype=np.float64)


def _transposed(poses: Floats) -> Floats:
    return with_rotations(poses, poses[:, :3, :3].transpose(0, 2, 1))


def _quaternions(shift: int, is_to_camera: bool) -> Callable[[Floats], Floats]:
    def read(poses: Floats) -> Floats:
        given = _inverse(poses) if is_to_camera else poses
        mended = with_rotations(given, reordered(given, shift))
        return _inverse(mended) if is_to_camera else mended

    return read


_POSES: dict[str, Callable[[Floats], Floats]] = {
    "": lambda poses: poses,
    "the poses take the world to the camera": _inverse,
    "the rotations in the poses are transposed": _transposed,
    "the positions in the poses are translations from world to camera": with_translations,
    "the poses' quaternions are in the order x y z w": _quaternions(-1, False),
    "the poses' quaternions are in the order w x y z": _quaternions(1, False),
    "the poses' quaternions are in the order x y z w, from world to camera": _quaternions(-1, True),
    "the poses' quaternions are in the order w x y z, from world to camera": _quaternions(1, True),
}
_LEFT_HANDED = "the world is left-handed or pictures are mirrored"
_AXES: dict[str, Floats] = {
    "": np.eye(4),
    "cameras are OpenGL's (y up, looking along -z)": GL,
    "cameras have y up (x left, looking along z) or pictures are upside down": HALF_TURN,
    "cameras look backwards (x left, y down)": _BACK,
    "the pictures were turned by a quarter to the left, and the poses were not": QUARTER_TURN,
    "the pictures were turned by a quarter to the right, and the poses were not": QUARTER_TURN.T,
    _LEFT_HANDED: _MIRROR,
    f"{_LEFT_HANDED}, upside down": _MIRROR @ HALF_TURN,
    f"{_LEFT_HANDED}, and cameras are OpenGL's": _MIRROR @ GL,
}
# What a lens is too short by, and whether that is told for sure.
_FACTORS = {0.5: True, 0.63: True, 0.8: False, 0.91: False, 1.1: False, 1.25: False, 1.6: True, 2.0: True}
