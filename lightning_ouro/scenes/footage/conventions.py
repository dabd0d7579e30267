"""Whether poses, boxes and depth of a recording that somebody wrote by hand belong together.

Other conventions than ours look like a recording: OpenGL's cameras, world-to-camera poses, another axis that points
up, other units. Each is tried where the recording as given shows few of its boxes, or its cameras aren't upright. If
depth then meets several times as many boxes, or, without depth, cameras stand upright among the boxes, the scene is
refused, and the message says which convention was told by what. Nothing is put right without being asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lightning_ouro.errors import BadSceneError
from lightning_ouro.scenes.footage.other_conventions import Reading, readings
from lightning_ouro.scenes.footage.recording import Recording, rigid
from lightning_ouro.scenes.footage.uprightness import uprightness
from lightning_ouro.scenes.footage.visibility import by_boxes, by_depth
from lightning_ouro.scenes.types import VISIBLE, Scene

Floats = NDArray[np.float64]

# Chosen by hand; tried on two public recordings and on rendered ones, as they are and with each mistake:
_FRAMES = 6  # that are looked at
_MOST_SEEN = (
    0.5  # of the objects: a recording that shows more is believed without a look, if cameras are upright
)
_TIMES = 3.0  # as many measured pixels have to meet boxes in another convention
_SOMEWHAT = 1.3  # as many, if cameras are upright in that convention only
# As many, if that alone tells: on 16 rendered rooms and a public recording, turned or mirrored cameras met 0.07 to
# 0.6 times as many as the right ones, and depth taken along rays 0.1 to 0.65 times (in the recording, 0.9 times).
_ALONE_TIMES = 1.5
_MAP_PIXELS = 4000  # of a depth map that are looked at
_LEAST_MET = 0.02  # of the measured pixels have to meet boxes in another convention
_UPRIGHT, _NOT_UPRIGHT = 0.9, 0.5  # of the cameras, in another convention and as given
_AROUND = 3.0  # metres around the boxes in which cameras are plausible
_LARGE = 10.0  # metres that most objects of a room are not long
_STANDING = 0.15  # metres within which boxes stand on one floor

SEE = "; see lightning_ouro/scenes/README.md for what is expected"


@dataclass(frozen=True)
class _Score:
    """How well a recording and its boxes go together in some convention.

    Attributes:
        met: Share of the measured pixels that lie in a box; None without depth.
        seen: Number of objects that the looked-at frames show.
    """

    met: float | None
    seen: int


def check_conventions(
    scene: Scene, recording: Recording, frame_indices: Sequence[int], visibility: NDArray[np.float32]
) -> None:
    """Refuses a recording that plainly has other conventions than ours.

    Args:
        scene: The scene.
        recording: Its recording.
        frame_indices: The `T` frames that were loaded.
        visibility: `(T, objects)` what they show.

    Raises:
        BadSceneError: another convention fits much better.
    """
    poses = recording.shots.poses
    upright = uprightness(poses)
    is_upright = upright is None or upright >= _NOT_UPRIGHT
    is_doubtful = not is_upright or float((visibility >= VISIBLE).any(axis=0).mean()) < _MOST_SEEN
    frames = measured_frames(recording, frame_indices)
    has_depth = any(depth is not None for depth in frames.values())
    if not is_doubtful and not has_depth:
        return
    as_given = Reading("", poses, scene)
    given = _score(recording, frames, as_given)
    best: tuple[float, BadSceneError] | None = None
    for reading in readings(scene, poses, has_depth):
        if not is_doubtful and not reading.is_told_alone:
            continue
        score = _score(recording, frames, reading)
        problem = _by_depth_alone(given, score, reading)
        if is_doubtful and problem is None:
            problem = _by_depth(given, score, reading, as_given) or _by_boxes(given, score, reading, as_given)
        if problem is not None and (best is None or score.seen + (score.met or 0) > best[0]):
            best = score.seen + (score.met or 0), problem
    if best is not None:
        raise best[1]


def measured_frames(
    recording: Recording, frame_indices: Sequence[int]
) -> dict[int, NDArray[np.float32] | None]:
    """The thinned depth maps, as far as there are any, of a few of some frames."""
    places = np.linspace(0, len(frame_indices) - 1, min(_FRAMES, len(frame_indices)), dtype=int).tolist()
    return {index: _thinned(recording.depth(index)) for index in (frame_indices[place] for place in places)}


def _thinned(depth: NDArray[np.float32] | None) -> NDArray[np.float32] | None:
    """Every n-th row and column of a depth map, which tell as much of the whole."""
    if depth is None:
        return None
    step = max(1, int(np.sqrt(depth.size / _MAP_PIXELS)))
    return depth[step // 2 :: step, step // 2 :: step]


def _score(recording: Recording, frames: dict[int, NDArray[np.float32] | None], reading: Reading) -> _Score:
    shots, number = recording.shots, len(reading.scene.objects)
    seen, met, measured = np.zeros(number, dtype=bool), 0, 0
    if not rigid(reading.poses).all():
        return _Score(None, 0)
    for index, depth in frames.items():
        lens, pose = shots.intrinsics[index], reading.poses[index]
        if depth is None:
            ids = by_boxes(reading.scene, lens, pose, shots.size)
        else:
            metres = (depth[:, :: -1 if reading.is_mirrored else 1] * reading.metres).astype(np.float32)
            if reading.is_along_rays:
                metres /= _ray_lengths(lens, shots.size, metres.shape)
            ids = by_depth(reading.scene, lens, pose, shots.size, metres)
            met += int((ids >= 0).sum())
            measured += int((depth > 0).mean() * ids.size)
        counts = np.bincount(ids[ids >= 0], minlength=number)
        seen |= counts >= VISIBLE * ids.size
    return _Score(met / measured if measured else None, int(seen.sum()))


def _ray_lengths(lens: Floats, size: tuple[int, int], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Lengths `(h, w)` of the rays through the pixels of a map, where the camera's axis is 1 long."""
    rows, columns = (
        (np.arange(number) + 0.5) * side / number for number, side in zip(shape, size, strict=True)
    )
    x, y = (columns - lens[0, 2]) / lens[0, 0], (rows - lens[1, 2]) / lens[1, 1]
    return np.sqrt(1 + x[None] ** 2 + y[:, None] ** 2).astype(np.float32)


def _by_depth_alone(given: _Score, score: _Score, reading: Reading) -> BadSceneError | None:
    """The refusal if depth meets plainly more boxes with turned cameras, mirrored pictures or depth along rays."""
    if not reading.is_told_alone or given.met is None or score.met is None or score.met < _LEAST_MET:
        return None
    if score.met < _ALONE_TIMES * given.met or score.seen < given.seen:
        return None
    return _told_by_depth(given, score, reading)


def _told_by_depth(given: _Score, score: _Score, reading: Reading) -> BadSceneError:
    return BadSceneError(
        f"poses, boxes and depth do not belong together: {given.met:.1%} of the measured points lie in a box, and "
        f"{score.met:.1%} would if {reading.name}{SEE}"
    )


def _by_depth(given: _Score, score: _Score, reading: Reading, before: Reading) -> BadSceneError | None:
    """The refusal if measured depth meets several times as many boxes in this convention.

    Where cameras are held upright in this one only, somewhat more boxes tell enough.
    """
    if given.met is None or score.met is None or score.met < _LEAST_MET:
        return None
    upright, now = uprightness(before.poses), uprightness(reading.poses)
    is_only_now = upright is not None and upright < _NOT_UPRIGHT and now is not None and now >= _UPRIGHT
    is_much_better = score.met >= _TIMES * given.met and score.seen > 2 * given.seen
    if not is_much_better and not (is_only_now and score.met >= _SOMEWHAT * given.met):
        return None
    return _told_by_depth(given, score, reading)


def _by_boxes(given: _Score, score: _Score, reading: Reading, before: Reading) -> BadSceneError | None:
    """The refusal if only in this convention cameras are held upright, or stand among the boxes, or these are small."""
    sizes = [float(np.median([item.size.max() for item in one.scene.objects])) for one in (before, reading)]
    if sizes[0] > _LARGE >= sizes[1]:
        told = f"half of the boxes are over {sizes[0]:.3g} m long as given, and over {sizes[1]:.2g} m"
        return BadSceneError(f"poses and boxes do not belong together: {told} if {reading.name}{SEE}")
    if given.met is not None and not reading.turns_boxes:
        return None  # depth tells better
    upright, now = uprightness(before.poses), uprightness(reading.poses)
    if reading.turns_boxes:
        fits = standing(reading.scene, _STANDING) >= standing(before.scene, _STANDING) + 2
    else:
        fits = _are_among(reading) and score.seen >= max(1, 0.75 * given.seen)
    if not fits:
        return None
    if upright is not None and upright < _NOT_UPRIGHT and now is not None and now >= _UPRIGHT:
        told = f"{upright:.0%} of the cameras are held upright as given, and {now:.0%}"
    elif not _are_among(before) and not reading.turns_boxes and score.seen > _TIMES * given.seen:
        told = f"cameras are away from the boxes and {given.seen} objects are seen as given, and {score.seen}"
    else:
        return None
    return BadSceneError(f"poses and boxes do not belong together: {told} if {reading.name}{SEE}")


def _are_among(reading: Reading) -> bool:
    """Whether most cameras are around the boxes, neither under the floor nor high above."""
    corners = np.concatenate([item.corners() for item in reading.scene.objects])
    low, high = corners.min(axis=0), corners.max(axis=0)
    margin = np.array([_AROUND, _AROUND, 0.5])
    above = np.array([_AROUND, _AROUND, _AROUND])
    places = reading.poses[:, :3, 3]
    inside = ((places >= low - margin) & (places <= high + above)).all(axis=1)
    return bool(inside.mean() >= _UPRIGHT)


def standing(scene: Scene, within: float) -> int:
    """The largest number of objects whose bottoms are within so many metres of height."""
    bottoms = np.sort([item.corners()[:, 2].min() for item in scene.objects])
    return int((np.searchsorted(bottoms, bottoms + within, side="right") - np.arange(len(bottoms))).max())
