"""What a recording's numbers would be, had somebody written them in another convention than ours.

Each reading is a mistake that public trackers are full of, undone: cameras of OpenGL, world to camera, the parts of
quaternions in another order, pictures turned without their cameras, a left-handed world, other units.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from lightning_ouro.scenes.types import Scene

Floats = NDArray[np.float64]

GL = np.diag([1.0, -1.0, -1.0, 1.0])
HALF_TURN = np.diag([-1.0, -1.0, 1.0, 1.0])
QUARTER_TURN = np.array([[0.0, -1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
_Y_UP = np.array(
    [[1.0, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 1]]
)  # world with y up to one with z up
_Y_DOWN = np.array([[1.0, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1]])
# A quarter off, a box of a room is missed; chosen by hand. Beyond: the usual units.
_UNITS = (
    *(0.001, 0.01, 0.1, 0.2, 4.0, 5.0, 10.0, 100.0, 1000.0),
    *(0.25, 0.31, 0.4, 0.5, 0.63, 1.6, 2.0, 2.5, 3.2),
)


@dataclass(frozen=True, eq=False)
class Reading:
    """A recording in some convention.

    Attributes:
        name: What the files then are, for people.
        poses: `(F, 4, 4)` of all shots.
        scene: The scene, with its boxes.
        metres: What depth is multiplied by.
        turns_boxes: Whether the boxes are turned along.
        is_mirrored: Whether pictures and depth are mirrored.
        is_told_alone: Whether depth that meets more boxes tells it, however many are seen: no unit changes, with which
            everything may come to lie in one box.
        is_along_rays: Whether depth is measured along each pixel's ray.
    """

    name: str
    poses: Floats
    scene: Scene
    metres: float = 1.0
    turns_boxes: bool = False
    is_mirrored: bool = False
    is_told_alone: bool = False
    is_along_rays: bool = False


def readings(scene: Scene, poses: Floats, has_depth: bool) -> Iterator[Reading]:
    """A recording in all other conventions.

    Args:
        scene: The scene.
        poses: `(F, 4, 4)` of all shots.
        has_depth: Whether there is depth, without which some can't be told.
    """
    inverse = np.asarray(np.linalg.inv(poses), dtype=np.float64)
    yield from _turned_cameras(scene, poses, has_depth)
    yield from _other_quaternions(scene, poses, inverse)
    yield Reading("the poses take the world to the camera", inverse, scene)
    yield Reading("the poses take the world to OpenGL's camera (y up, looking along -z)", inverse @ GL, scene)
    yield Reading(
        "the positions in the poses are translations from world to camera (COLMAP's TX, TY, TZ)",
        with_translations(poses),
        scene,
    )
    yield from _other_axes(scene, poses)
    for name, factor in (("centimetres", 0.01), ("millimetres", 0.001)):
        moved = poses.copy()
        moved[:, :3, 3] *= factor
        yield Reading(f"the poses are in {name}", moved, scene)
        yield Reading(f"the boxes are in {name}", poses, _scaled(scene, factor))
    for factor in _UNITS if has_depth else ():
        yield Reading(f"depth_unit is {factor:g} times the given one", poses, scene, factor)


def _turned_cameras(scene: Scene, poses: Floats, has_depth: bool) -> Iterator[Reading]:
    """Cameras that stay where they are."""
    gl = "the poses are those of OpenGL's cameras (y up, looking along -z)"
    yield Reading(gl, poses @ GL, scene, is_told_alone=True)
    upside_down = (
        "the poses are those of cameras with y up (x left, looking along z) or of pictures upside down"
    )
    yield Reading(upside_down, poses @ HALF_TURN, scene, is_told_alone=True)
    transposed = with_rotations(poses, poses[:, :3, :3].transpose(0, 2, 1))
    yield Reading("the rotations in the poses are transposed", transposed, scene, is_told_alone=True)
    if not has_depth:  # which nothing else tells
        return
    lying = "the pictures were turned by a quarter, and the poses were not"
    for turn in (QUARTER_TURN, QUARTER_TURN.T):
        yield Reading(lying, poses @ turn, scene, is_told_alone=True)
    mirrored = (
        "the world is left-handed (negate one axis of poses, boxes and floor), or pictures are mirrored"
    )
    yield Reading(mirrored, poses, scene, is_mirrored=True, is_told_alone=True)
    along = "depth is measured along each pixel's ray, not along the camera's axis"
    yield Reading(along, poses, scene, is_along_rays=True, is_told_alone=True)


def _other_quaternions(scene: Scene, poses: Floats, inverse: Floats) -> Iterator[Reading]:
    """Rotations whose quaternions were read with w first where it is last, or the other way round."""
    for order, shift in (("x y z w", -1), ("w x y z", 1)):
        name = f"the poses' quaternions are in the order {order}"
        yield Reading(name, with_rotations(poses, reordered(poses, shift)), scene, is_told_alone=True)
        mended = with_rotations(inverse, reordered(inverse, shift))
        yield Reading(f"{name}, from world to camera", np.asarray(np.linalg.inv(mended), np.float64), scene)


def reordered(poses: Floats, shift: int) -> Floats:
    """Rotations `(N, 3, 3)` by quaternions whose parts x, y, z, w are rolled on."""
    return Rotation.from_quat(
        np.roll(Rotation.from_matrix(poses[:, :3, :3]).as_quat(), shift, axis=1)
    ).as_matrix()


def _other_axes(scene: Scene, poses: Floats) -> Iterator[Reading]:
    for name, turn in (("y points up", _Y_UP), ("y points down", _Y_DOWN)):
        yield Reading(f"{name} in the poses' world, but z in the boxes'", turn @ poses, scene)
        yield Reading(f"{name} in the poses' world, and cameras are OpenGL's", turn @ poses @ GL, scene)
        yield Reading(
            f"{name} in the world of poses and boxes", turn @ poses, _turned(scene, turn), turns_boxes=True
        )


def with_rotations(poses: Floats, rotations: Floats) -> Floats:
    changed = poses.copy()
    changed[:, :3, :3] = rotations
    return changed


def with_translations(poses: Floats) -> Floats:
    """The poses of cameras whose positions are, by mistake, translations from world to camera."""
    changed = poses.copy()
    changed[:, :3, 3] = -np.einsum("nij,nj->ni", poses[:, :3, :3], poses[:, :3, 3])
    return changed


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
