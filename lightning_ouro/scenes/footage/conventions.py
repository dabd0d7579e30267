"""Whether poses, boxes and depth of a recording that somebody wrote by hand belong together.

Other conventions than ours look like a recording: OpenGL's cameras, world-to-camera poses, another axis that points
up, other units. Each is tried where the recording as given shows few of its boxes, or its cameras aren't upright. If
depth then meets several times as many boxes, or, without depth, cameras stand upright among the boxes, the scene is
refused, and the message says which convention was told by what. Nothing is put right without being asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lightning_ouro.errors import BadSceneError
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
_LEAST_MET = 0.02  # of the measured pixels have to meet boxes in another convention
_UPRIGHT, _NOT_UPRIGHT = 0.9, 0.5  # of the cameras, in another convention and as given
_AROUND = 3.0  # metres around the boxes in which cameras are plausible
_LARGE = 10.0  # metres that most objects of a room are not long
_STANDING = 0.15  # metres within which boxes stand on one floor

_SEE = "; see lightning_ouro/scenes/README.md for what is expected"
_GL = np.diag([1.0, -1.0, -1.0, 1.0])
_HALF_TURN = np.diag([-1.0, -1.0, 1.0, 1.0])
_Y_UP = np.array(
    [[1.0, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 1]]
)  # world with y up to one with z up
_Y_DOWN = np.array([[1.0, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1]])


@dataclass(frozen=True, eq=False)
class _Reading:
    """A recording in some convention.

    Attributes:
        name: What the files then are, for people.
        poses: `(F, 4, 4)` of all shots.
        scene: The scene, with its boxes.
        metres: What depth is multiplied by.
        turns_boxes: Whether the boxes are turned along.
    """

    name: str
    poses: Floats
    scene: Scene
    metres: float = 1.0
    turns_boxes: bool = False


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
    share = float((visibility >= VISIBLE).any(axis=0).mean())
    if is_upright and share >= _MOST_SEEN:
        return
    places = np.linspace(0, len(frame_indices) - 1, min(_FRAMES, len(frame_indices)), dtype=int).tolist()
    frames = {index: recording.depth(index) for index in (frame_indices[place] for place in places)}
    as_given = _Reading("", poses, scene)
    given = _score(recording, frames, as_given)
    best: tuple[float, BadSceneError] | None = None
    for reading in _readings(scene, poses, any(depth is not None for depth in frames.values())):
        score = _score(recording, frames, reading)
        problem = _by_depth(given, score, reading, as_given) or _by_boxes(given, score, reading, as_given)
        if problem is not None and (best is None or score.seen + (score.met or 0) > best[0]):
            best = score.seen + (score.met or 0), problem
    if best is not None:
        raise best[1]


def _readings(scene: Scene, poses: Floats, has_depth: bool) -> Iterator[_Reading]:
    inverse = np.asarray(np.linalg.inv(poses), dtype=np.float64)
    yield _Reading("the poses are those of OpenGL's cameras (y up, looking along -z)", poses @ _GL, scene)
    upside_down = (
        "the poses are those of cameras with y up (x left, looking along z) or of pictures upside down"
    )
    yield _Reading(upside_down, poses @ _HALF_TURN, scene)
    yield _Reading("the rotations in the poses are transposed", _with_transposed_rotations(poses), scene)
    yield _Reading("the poses take the world to the camera", inverse, scene)
    yield _Reading(
        "the poses take the world to OpenGL's camera (y up, looking along -z)", inverse @ _GL, scene
    )
    for name, turn in (("y points up", _Y_UP), ("y points down", _Y_DOWN)):
        yield _Reading(f"{name} in the poses' world, but z in the boxes'", turn @ poses, scene)
        yield _Reading(f"{name} in the poses' world, and cameras are OpenGL's", turn @ poses @ _GL, scene)
        yield _Reading(
            f"{name} in the world of poses and boxes", turn @ poses, _turned(scene, turn), 1.0, True
        )
    for name, factor in (("centimetres", 0.01), ("millimetres", 0.001)):
        moved = poses.copy()
        moved[:, :3, 3] *= factor
        yield _Reading(f"the poses are in {name}", moved, scene)
        yield _Reading(f"the boxes are in {name}", poses, _scaled(scene, factor))
    for factor in (0.001, 0.01, 0.1, 0.2, 0.25, 4.0, 5.0, 10.0, 100.0, 1000.0) if has_depth else ():
        yield _Reading(f"depth_unit is {factor:g} times the given one", poses, scene, factor)


def _with_transposed_rotations(poses: Floats) -> Floats:
    transposed = poses.copy()
    transposed[:, :3, :3] = poses[:, :3, :3].transpose(0, 2, 1)
    return transposed


def _scaled(scene: Scene, factor: float) -> Scene:
    items = scene.objects
    small = (replace(item, center=item.center * factor, size=item.size * factor) for item in items)
    return replace(scene, objects=tuple(small))


def _turned(scene: Scene, turn: Floats) -> Scene:
    rotation = turn[:3, :3]
    return replace(
        scene,
        objects=tuple(
            replace(item, center=rotation @ item.center, rotation=rotation @ item.rotation)
            for item in scene.objects
        ),
    )


def _score(recording: Recording, frames: dict[int, NDArray[np.float32] | None], reading: _Reading) -> _Score:
    shots, number = recording.shots, len(reading.scene.objects)
    seen, met, measured = np.zeros(number, dtype=bool), 0, 0
    if not rigid(reading.poses).all():
        return _Score(None, 0)
    for index, depth in frames.items():
        lens, pose = shots.intrinsics[index], reading.poses[index]
        if depth is None:
            ids = by_boxes(reading.scene, lens, pose, shots.size)
        else:
            metres = (depth * reading.metres).astype(np.float32)
            ids = by_depth(reading.scene, lens, pose, shots.size, metres)
            met += int((ids >= 0).sum())
            measured += int((depth > 0).mean() * ids.size)
        counts = np.bincount(ids[ids >= 0], minlength=number)
        seen |= counts >= VISIBLE * ids.size
    return _Score(met / measured if measured else None, int(seen.sum()))


def _by_depth(given: _Score, score: _Score, reading: _Reading, before: _Reading) -> BadSceneError | None:
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
    return BadSceneError(
        f"poses, boxes and depth do not belong together: {given.met:.1%} of the measured points lie in a box, and "
        f"{score.met:.1%} would if {reading.name}{_SEE}"
    )


def _by_boxes(given: _Score, score: _Score, reading: _Reading, before: _Reading) -> BadSceneError | None:
    """The refusal if only in this convention cameras are held upright, or stand among the boxes, or these are small."""
    sizes = [float(np.median([item.size.max() for item in one.scene.objects])) for one in (before, reading)]
    if sizes[0] > _LARGE >= sizes[1]:
        told = f"half of the boxes are over {sizes[0]:.3g} m long as given, and over {sizes[1]:.2g} m"
        return BadSceneError(f"poses and boxes do not belong together: {told} if {reading.name}{_SEE}")
    if given.met is not None and not reading.turns_boxes:
        return None  # depth tells better
    upright, now = uprightness(before.poses), uprightness(reading.poses)
    if reading.turns_boxes:
        fits = _standing(reading.scene) >= _standing(before.scene) + 2
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
    return BadSceneError(f"poses and boxes do not belong together: {told} if {reading.name}{_SEE}")


def _are_among(reading: _Reading) -> bool:
    """Whether most cameras are around the boxes, neither under the floor nor high above."""
    corners = np.concatenate([item.corners() for item in reading.scene.objects])
    low, high = corners.min(axis=0), corners.max(axis=0)
    margin = np.array([_AROUND, _AROUND, 0.5])
    above = np.array([_AROUND, _AROUND, _AROUND])
    places = reading.poses[:, :3, 3]
    inside = ((places >= low - margin) & (places <= high + above)).all(axis=1)
    return bool(inside.mean() >= _UPRIGHT)


def _standing(scene: Scene) -> int:
    """The largest number of objects that stand at one height."""
    bottoms = np.sort([item.corners()[:, 2].min() for item in scene.objects])
    return int((np.searchsorted(bottoms, bottoms + _STANDING, side="right") - np.arange(len(bottoms))).max())
