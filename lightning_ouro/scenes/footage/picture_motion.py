"""Whether pictures move as the poses and the lens of a recording say.

A corner that a picture shares with one a moment later has moved along its epipolar line, from where it would be if it
were infinitely far away to where it would be if it were near. That needs neither depth nor boxes, and tells what they
can't: quaternions in another order, inverse poses, mirrored worlds and turned pictures, a lens of another size. Each
such reading is tried; the recording is refused where one explains plainly more of the corners than the files as given.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lightning_ouro.errors import BadSceneError
from lightning_ouro.scenes.footage.motion_readings import MotionReading, focal, motion_readings
from lightning_ouro.scenes.footage.picture_matches import corners_of, matches
from lightning_ouro.scenes.footage.read_frames import images_or_problems
from lightning_ouro.scenes.footage.recording import Recording
from lightning_ouro.scenes.types import Scene

Floats = NDArray[np.float64]

# Chosen by hand. On 225 parts of two public recordings, right as they are, no other axes explained over 1.7 times as
# many corners as the files as given; of 40 parts with each mistake all were told. A lens up to 1.25 times as long
# explained 3 times as many in parts of one of them, whose poses are not as exact:
_PAIRS = (
    12  # of pictures that are compared; half of them where these share enough corners, since videos take long
)
_ENOUGH = 150  # corners
_SIDE = 480  # pixels of the longer side at which they are
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
_SLACK = (
    2.0  # with which these are judged, in tolerances: poses that are a little off are not another convention
)
_OF_PAIRS = 0.75  # in which it explains more
_TENTH, _FEWER = 1.1, 1.2  # a lens that long explains so many times fewer, if pictures tell how long it is
_NONE, _BAR = 0.12, 60  # of so many corners: if no more are where they should be, one had better look

_SEE = "; see lightning_ouro/scenes/README.md for what is expected"


class _Near(NamedTuple):
    """Two frames that are compared, and by how many degrees the camera has turned between them."""

    frames: tuple[int, int]
    turn: float


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


def check_motion(scene: Scene, recording: Recording) -> bool:
    """Refuses a recording whose pictures plainly move as in another convention; warns if they move as in none.

    Args:
        scene: The scene.
        recording: Its recording.

    Returns:
        Whether the pictures tell that the lens is as long as given: one a tenth longer or shorter explains less.

    Raises:
        BadSceneError: another reading explains plainly more of the corners that pictures share.
    """
    shots = recording.shots
    pairs = _pairs(recording)
    numbers = np.array([len(pair.places[0]) for pair in pairs], dtype=int)
    if numbers.sum() < _LEAST:
        return False
    as_given = MotionReading("", shots.poses, shots.intrinsics)
    scored = [(reading, _explained(reading, pairs)) for reading in motion_readings(as_given)]
    given = _explained(as_given, pairs)
    best, most = max(scored, key=lambda one: int(one[1].sum()))
    said = (
        f"of {numbers.sum()} corners that pictures share with one a moment later {given.sum() / numbers.sum():.0%} are "
        "where poses and intrinsics say"
    )
    # Poses that are a little off are not another lens.
    rival = given if best.intrinsics is shots.intrinsics else _explained(as_given, pairs, _SLACK)
    if _is_plainly_better(most, rival, numbers):
        told = f"{said}, and {most.sum() / numbers.sum():.0%} would be if {best.name}"
        if best.is_sure:
            raise BadSceneError(f"pictures do not move as the cameras do: {told}{_SEE}")
        warnings.warn(f"scene {scene.id}: {told}", stacklevel=2)
        return False
    near = np.array([pair.turn <= _NEAR_TURN for pair in pairs])
    if numbers[near].sum() >= _BAR and given[near].sum() < _NONE * numbers[near].sum():
        warnings.warn(
            f"scene {scene.id}: {said}, and no other convention is plainly better: are the poses of these pictures?",
            stacklevel=2,
        )
    return _tells_lens(as_given, given, pairs)


def _tells_lens(as_given: MotionReading, given: NDArray[np.int_], pairs: Sequence[_Pair]) -> bool:
    """Whether a lens that is a tenth longer or shorter explains plainly fewer corners."""
    others = (focal(as_given, factor) for factor in (_TENTH, 1 / _TENTH))
    if given.sum() < _SHARE * sum(len(pair.places[0]) for pair in pairs):
        return False
    return all(given.sum() > _FEWER * _explained(other, pairs).sum() for other in others)


def _is_plainly_better(
    explained: NDArray[np.int_], given: NDArray[np.int_], numbers: NDArray[np.int_]
) -> bool:
    """Whether a reading explains plainly more of the corners `(pairs,)`, and does so in most pairs."""
    says = numbers >= _LEAST_OF_PAIR
    is_most = explained.sum() >= max(_SHARE * numbers.sum(), _TIMES * given.sum())
    return bool(is_most and says.any() and (explained > given)[says].mean() >= _OF_PAIRS)


def _pairs(recording: Recording) -> list[_Pair]:
    """Pictures of near frames; more of them where the first ones share few corners."""
    pairs: list[_Pair] = []
    chosen = _near_frames(recording.shots.poses)
    for some in (chosen[::2], chosen[1::2]):
        if sum(len(pair.places[0]) for pair in pairs) < _ENOUGH:
            pairs += _compared(recording, some)
    return pairs


def _compared(recording: Recording, chosen: Sequence[_Near]) -> list[_Pair]:
    """What pictures share; those that can't be read are passed over, since reading them costs itself elsewhere."""
    size = recording.shots.size
    shrink = min(1.0, _SIDE / max(size))
    shrunk = max(1, round(size[0] * shrink)), max(1, round(size[1] * shrink))
    indices = sorted({index for near in chosen for index in near.frames})
    corners = {
        index: corners_of(image)
        for index, image in images_or_problems(recording, indices, shrunk)
        if not isinstance(image, BadSceneError)
    }
    scale = np.array([size[1] / shrunk[1], size[0] / shrunk[0]])
    # A corner is found to about a pixel; poses and lenses are as good as that in 480.
    tolerance = float((1 + max(shrunk) / _SIDE) * scale.max())
    pairs: list[_Pair] = []
    for (a, b), turn in chosen:
        if a in corners and b in corners:
            first, second = matches(corners[a], corners[b])
            pairs.append(_Pair((a, b), (first * scale, second * scale), tolerance, turn))
    return pairs


def _near_frames(poses: Floats) -> list[_Near]:
    """Frames, evenly chosen, each with the next one from which the camera has turned or moved enough; and degrees.

    By how much `(F, 4, 4)` poses turn is the same in every convention.
    """
    pairs: list[_Near] = []
    for index in (
        np.unique(np.linspace(0, len(poses) - 2, _PAIRS, dtype=int)).tolist() if len(poses) > 1 else ()
    ):
        later = poses[index + 1 : index + 1 + _LONGEST]
        cosines = (np.einsum("ij,nij->n", poses[index, :3, :3], later[:, :3, :3]) - 1) / 2
        turns = np.rad2deg(np.arccos(np.clip(cosines, -1, 1)))
        enough = (turns > _TURN) | (np.linalg.norm(later[:, :3, 3] - poses[index, :3, 3], axis=1) > _STEP)
        chosen = int(enough.argmax()) if enough.any() else len(later) - 1
        if turns[chosen] <= _MOST_TURN:
            pairs.append(_Near((index, index + 1 + chosen), float(turns[chosen])))
    return pairs


def _explained(reading: MotionReading, pairs: Sequence[_Pair], slack: float = 1.0) -> NDArray[np.int_]:
    """Of each pair `(pairs,)` the number of corners that are where they should be."""
    counts: list[int] = []
    for pair in pairs:
        a, b = pair.frames
        motion = np.asarray(np.linalg.inv(reading.poses[b]) @ reading.poses[a], dtype=np.float64)
        rays = _homogeneous(pair.places[0]) @ np.linalg.inv(reading.intrinsics[a]).T @ motion[:3, :3].T
        off = _off_line(rays, motion[:3, 3], pair.places[1], reading.intrinsics[b])
        counts.append(int((off <= slack * pair.tolerance).sum()))
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
