"""Whether pictures move as the poses and the lens of a recording say.

A corner that a picture shares with one a moment later has moved along its epipolar line, from where it would be if it
were infinitely far away to where it would be if it were near. That needs neither depth nor boxes, and tells what they
can't: quaternions in another order, inverse poses, mirrored worlds and turned pictures, a lens of another size. Each
such reading is tried; the recording is refused where one explains plainly more of the corners than the files as given.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lightning_ouro.errors import BadSceneError
from lightning_ouro.scenes.footage.other_conventions import (
    GL,
    HALF_TURN,
    QUARTER_TURN,
    reordered,
    with_rotations,
    with_translations,
)
from lightning_ouro.scenes.footage.picture_matches import SIDE, corners_of, matches
from lightning_ouro.scenes.footage.recording import Recording
from lightning_ouro.scenes.types import Scene

Floats = NDArray[np.float64]

# Chosen by hand. On 225 parts of two public recordings, right as they are, no other axes explained over 1.7 times as
# many corners as the files as given; of 40 parts with each mistake all were told. A lens up to 1.25 times as long
# explained 3 times as many in parts of one of them, whose poses are not as exact:
_PAIRS = 8  # of pictures that are compared
_TURN, _STEP = (
    6.0,
    0.25,
)  # degrees, metres: two pictures are compared once the camera has moved by one of them
_LONGEST = 60  # frames between them
_MOST_TURN = 35.0  # degrees between two pictures; beyond, patches no longer look alike
_NEAR_TURN = 15.0  # degrees within which a right recording's pictures surely share corners
_NEAR = 0.2  # metres from the camera, at which nothing is filmed
_IN_FRONT = 0.05  # of a ray's length: what is nearer to the image plane is beside the picture
_LEAST = 40  # corners that tell something
_LEAST_OF_PAIR = 5  # corners with which a pair has a say
_SHARE = 0.4  # of the corners that another reading has to explain
_TIMES = 2.0  # as many as the files as given
_OF_PAIRS = 0.75  # in which it explains more
_NONE = 0.12  # of the corners: if no reading explains more, one had better look

_MIRROR = np.diag([-1.0, 1.0, 1.0, 1.0])
_BACK = np.diag([-1.0, 1.0, -1.0, 1.0])
_SEE = "; see lightning_ouro/scenes/README.md for what is expected"


class _Pair(NamedTuple):
    """Two pictures and the corners that they share.

    Attributes:
        frames: Their indices.
        places: `(m, 2)` in each, in pixels of the pictures.
        tolerance: Pixels of the pictures by which corners are uncertain.
        turn: Degrees by which the camera has turned between them.
    """

    frames: tuple[int, int]
    places: tuple[Floats, Floats]
    tolerance: float
    turn: float


@dataclass(frozen=True, eq=False)
class _Reading:
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


def check_motion(scene: Scene, recording: Recording) -> None:
    """Refuses a recording whose pictures plainly move as in another convention; warns if they move as in none.

    Args:
        scene: The scene.
        recording: Its recording.

    Raises:
        BadSceneError: another reading explains plainly more of the corners that pictures share.
    """
    shots = recording.shots
    pairs = list(_pairs(recording))
    numbers = np.array([len(pair.places[0]) for pair in pairs], dtype=int)
    if numbers.sum() < _LEAST:
        return
    as_given = _Reading("", shots.poses, shots.intrinsics)
    scored = [(reading, _explained(reading, pairs)) for reading in _readings(as_given)]
    given = _explained(as_given, pairs)
    best, most = max(scored, key=lambda one: int(one[1].sum()))
    said = (
        f"of {numbers.sum()} corners that pictures share with one a moment later {given.sum() / numbers.sum():.0%} are "
        "where poses and intrinsics say"
    )
    if _is_plainly_better(most, given, numbers):
        told = f"{said}, and {most.sum() / numbers.sum():.0%} would be if {best.name}"
        if best.is_sure:
            raise BadSceneError(f"pictures do not move as the cameras do: {told}{_SEE}")
        warnings.warn(f"scene {scene.id}: {told}", stacklevel=2)
    near = np.array([pair.turn <= _NEAR_TURN for pair in pairs])
    corners, explained = numbers[near].sum(), max(most[near].sum(), given[near].sum())
    if corners >= _LEAST and explained < _NONE * corners:
        warnings.warn(
            f"scene {scene.id}: {said}, and hardly more in any convention: are the poses of these pictures?",
            stacklevel=2,
        )


def _is_plainly_better(
    explained: NDArray[np.int_], given: NDArray[np.int_], numbers: NDArray[np.int_]
) -> bool:
    """Whether a reading explains plainly more of the corners `(pairs,)`, and does so in most pairs."""
    says = numbers >= _LEAST_OF_PAIR
    is_most = explained.sum() >= max(_SHARE * numbers.sum(), _TIMES * given.sum())
    return bool(is_most and says.any() and (explained > given)[says].mean() >= _OF_PAIRS)


def _pairs(recording: Recording) -> Iterator[_Pair]:
    """Pictures of near frames; those that can't be read are passed over, since reading them costs itself elsewhere."""
    height, width = recording.shots.size
    for frames, turn in _near_frames(recording.shots.poses):
        try:
            first, second = (corners_of(image) for image in recording.images(frames))
        except BadSceneError:
            continue
        scale = np.array([width / first.size[1], height / first.size[0]])
        places = tuple(found * scale for found in matches(first, second))
        # A corner is found to about a pixel; poses and lenses are as good as that in 480.
        yield _Pair(frames, (places[0], places[1]), float((1 + max(first.size) / SIDE) * scale.max()), turn)


def _near_frames(poses: Floats) -> list[tuple[tuple[int, int], float]]:
    """Frames, evenly chosen, each with the next one from which the camera has turned or moved enough; and degrees.

    By how much `(F, 4, 4)` poses turn is the same in every convention.
    """
    pairs: list[tuple[tuple[int, int], float]] = []
    for index in (
        np.unique(np.linspace(0, len(poses) - 2, _PAIRS, dtype=int)).tolist() if len(poses) > 1 else ()
    ):
        later = poses[index + 1 : index + 1 + _LONGEST]
        cosines = (np.einsum("ij,nij->n", poses[index, :3, :3], later[:, :3, :3]) - 1) / 2
        turns = np.rad2deg(np.arccos(np.clip(cosines, -1, 1)))
        enough = (turns > _TURN) | (np.linalg.norm(later[:, :3, 3] - poses[index, :3, 3], axis=1) > _STEP)
        chosen = int(enough.argmax()) if enough.any() else len(later) - 1
        if turns[chosen] <= _MOST_TURN:
            pairs.append(((index, index + 1 + chosen), float(turns[chosen])))
    return pairs


def _explained(reading: _Reading, pairs: Sequence[_Pair]) -> NDArray[np.int_]:
    """Of each pair `(pairs,)` the number of corners that are where they should be."""
    counts: list[int] = []
    for pair in pairs:
        a, b = pair.frames
        motion = np.asarray(np.linalg.inv(reading.poses[b]) @ reading.poses[a], dtype=np.float64)
        rays = _homogeneous(pair.places[0]) @ np.linalg.inv(reading.intrinsics[a]).T @ motion[:3, :3].T
        off = _off_line(rays, motion[:3, 3], pair.places[1], reading.intrinsics[b])
        counts.append(int((off <= pair.tolerance).sum()))
    return np.array(counts, dtype=int)


def _homogeneous(places: Floats) -> Floats:
    return np.column_stack([places, np.ones(len(places))])


def _off_line(rays: Floats, shift: Floats, places: Floats, lens: Floats) -> Floats:
    """Pixels `(m,)` between places and where points on some rays may be, from infinitely far to near ones.

    A point at depth z on the first camera's ray r is, up to its length, at r + shift / z in the second camera's axes.
    This is a line in the picture as well, of which the part behind the camera doesn't count.
    """
    depths, slope = rays[:, 2], shift[2]
    low, high = np.zeros(len(rays)), np.full(len(rays), 1 / _NEAR)  # of 1 / z
    if slope != 0:
        bound = (_IN_FRONT - depths) / slope
        low, high = (np.maximum(low, bound), high) if slope > 0 else (low, np.minimum(high, bound))
    is_seen = (low <= high) & ((slope != 0) | (depths >= _IN_FRONT))
    ends = []
    for inverse in (low, high):
        points = (rays + np.where(is_seen, inverse, 0)[:, None] * shift) @ lens.T
        ends.append(points[:, :2] / np.where(is_seen, points[:, 2], 1)[:, None])
    along = ends[1] - ends[0]
    length = np.maximum((along**2).sum(axis=1), 1e-12)
    share = np.clip(((places - ends[0]) * along).sum(axis=1) / length, 0, 1)
    off = np.linalg.norm(places - ends[0] - share[:, None] * along, axis=1)
    return np.where(is_seen, off, np.inf)


def _readings(given: _Reading) -> Iterator[_Reading]:
    """All other conventions that change how pictures move."""
    for name, read in _POSES.items():
        for axes, turn in _AXES.items():
            if name or axes:
                both = " and ".join(filter(None, (name, axes)))
                yield _Reading(both, read(given.poses) @ turn, given.intrinsics)
    for factor, is_sure in _FACTORS.items():
        whole, focal = given.intrinsics.copy(), given.intrinsics.copy()
        whole[:, :2] *= factor
        focal[:, [0, 1], [0, 1]] *= factor
        times = f"{factor:.2g} times"
        yield _Reading(
            f"the pictures had {times} the size that the intrinsics are of", given.poses, whole, is_sure
        )
        yield _Reading(f"the focal length were {times} the given one", given.poses, focal, is_sure)


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
