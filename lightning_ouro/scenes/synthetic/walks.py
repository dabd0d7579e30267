"""Footage for scenes that have none: a camera walks round the room and the renderer draws what it sees.

The room stands on `floor_rectangle`; where a layout's walls cut through objects, the renderer shows them all the same.
Everything that is drawn by chance is seeded by the scene's id, so a scene looks the same in every process.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lightning_ouro.scenes.floor import floor_rectangle
from lightning_ouro.scenes.synthetic.furniture import look_of
from lightning_ouro.scenes.synthetic.renderer import PaintedBoxes, Rendering, Room, render
from lightning_ouro.scenes.types import FrameBudget, Scene, Video, Views

_WALLS = ((214, 204, 188), (196, 208, 214), (206, 212, 192), (218, 200, 200), (205, 205, 205))
_FLOORS = ((150, 120, 90), (128, 128, 124), (170, 150, 120), (110, 96, 88), (140, 134, 150))
_HEIGHTS = (2.45, 3.0)  # metres, floor to ceiling
_HEADROOM = 0.1  # metres between the highest object and the ceiling
_WALL_GAP = 0.3  # metres that the camera keeps from the walls, unless the room is tiny
_SHARE = (0.55, 0.8)  # of the way from the room's middle to its walls that the camera keeps
_BEYOND = 1.0  # metres further out than that share of the objects' spread, at most
_SWEEP = (5.2, 5.8)  # radians of the round; less than a full turn, so that the last frame shows something new
_AHEAD = 0.5  # radians by which the camera looks past the middle, at most


@dataclass(frozen=True)
class _Walk:
    """A walk round the room, in the room's own frame: metres and radians.

    Attributes:
        radii: Half axes of the ellipse that the camera walks on.
        start: Angle on the ellipse at the start.
        sweep: Angle walked; negative is clockwise.
        height: Mean height of the camera above the floor.
        bob: How far the height changes.
        ahead: How far the camera looks to one side of the room's middle, as an angle on the far side.
        target_height: Height of what the camera looks at.
        duration: Seconds.
        fov: Horizontal field of view.
    """

    radii: tuple[float, float]
    start: float
    sweep: float
    height: float
    bob: float
    ahead: float
    target_height: float
    duration: float
    fov: float


class RenderedFootage:
    """A rendered walk through the scene; which walk depends on the scene's id alone."""

    def load(self, scene: Scene, budget: FrameBudget) -> Video:
        """Renders `budget.num_frames` frames at times spread evenly from the walk's start to its end."""
        seen, views = rendered_walk(scene, budget)
        return Video(seen.rgb, views)


def rendered_walk(scene: Scene, budget: FrameBudget) -> tuple[Rendering, Views]:
    """What the cameras of a scene's walk see, with depth and ids, and where they are."""
    rng = np.random.default_rng(int.from_bytes(hashlib.sha256(scene.id.encode()).digest()[:8]))
    room = _room_of(scene, rng)
    walk = _draw_walk(scene, room, rng)
    progress = np.linspace(0.0, 1.0, budget.num_frames)
    poses = _poses(walk, room, progress)
    intrinsics = np.repeat(_pinhole(walk.fov, budget)[None], budget.num_frames, axis=0)
    seen = render(_painted(scene), room, intrinsics, poses, budget.height, budget.width)
    return seen, Views(progress * walk.duration, intrinsics, poses, _visibility(seen.ids, len(scene.objects)))


def _visibility(ids: NDArray[np.int32], objects: int) -> NDArray[np.float32]:
    """`(T, objects)` share of pixels."""
    pixels = [np.bincount(frame.ravel() + 1, minlength=objects + 1)[1:] for frame in ids]
    return (np.array(pixels) / ids[0].size).astype(np.float32)


def _painted(scene: Scene) -> PaintedBoxes:
    looks = [look_of(thing.category) for thing in scene.objects]
    return PaintedBoxes(
        centers=np.array([thing.center for thing in scene.objects]).reshape(-1, 3),
        sizes=np.array([thing.size for thing in scene.objects]).reshape(-1, 3),
        rotations=np.array([thing.rotation for thing in scene.objects]).reshape(-1, 3, 3),
        colours=np.array([look.colour for look in looks], dtype=np.float64).reshape(-1, 3),
        textures=tuple(look.texture for look in looks),
    )


def _room_of(scene: Scene, rng: np.random.Generator) -> Room:
    heights = np.concatenate([thing.corners() for thing in scene.objects])[:, 2]
    base = floor_rectangle(scene)
    bottom = heights.min()
    height = max(float(rng.uniform(*_HEIGHTS)), float(heights.max() - bottom) + _HEADROOM)
    x, y = base.axis
    rotation = np.array([[x, -y, 0.0], [y, x, 0.0], [0.0, 0.0, 1.0]])
    wall, floor = _WALLS[int(rng.integers(len(_WALLS)))], _FLOORS[int(rng.integers(len(_FLOORS)))]
    return Room(
        np.array([*base.middle, bottom + height / 2]),
        np.array([*base.extents, height]),
        rotation,
        wall,
        floor,
    )


def _draw_walk(scene: Scene, room: Room, rng: np.random.Generator) -> _Walk:
    corners = np.concatenate([thing.corners() for thing in scene.objects])
    spread = np.abs((corners - room.center) @ room.rotation).max(axis=0)[:2]
    half = room.size[:2] / 2
    share = float(rng.uniform(*_SHARE))
    radii = np.minimum(
        share * np.minimum(half, spread + _BEYOND / share), np.maximum(half - _WALL_GAP, 0.3 * half)
    )
    return _Walk(
        radii=(float(radii[0]), float(radii[1])),
        start=float(rng.uniform(0, 2 * math.pi)),
        sweep=float(rng.choice([-1.0, 1.0]) * rng.uniform(*_SWEEP)),
        height=float(rng.uniform(1.65, 2.15)),
        bob=float(rng.uniform(0.03, 0.15)),
        ahead=float(rng.uniform(-_AHEAD, _AHEAD)),
        target_height=float(rng.uniform(0.3, 0.7)),
        duration=float(rng.uniform(20, 40)),
        fov=math.radians(float(rng.uniform(80, 90))),
    )


def _poses(walk: _Walk, room: Room, progress: NDArray[np.float64]) -> NDArray[np.float64]:
    angle = walk.start + walk.sweep * progress
    eyes = _on_ellipse(walk, room, angle, walk.height + walk.bob * np.sin(2 * angle))
    targets = _on_ellipse(walk, room, angle + math.pi + walk.ahead, np.full_like(angle, walk.target_height))
    poses = np.tile(np.eye(4), (len(progress), 1, 1))
    poses[:, :3, :3] = room.rotation @ _looking(targets - eyes)
    poses[:, :3, 3] = room.center + eyes @ room.rotation.T
    return poses


def _on_ellipse(
    walk: _Walk, room: Room, angle: NDArray[np.float64], height: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Points `(T, 3)` in the room's frame; heights are above the floor."""
    x, y = walk.radii[0] * np.cos(angle), walk.radii[1] * np.sin(angle)
    return np.stack([x, y, height - room.size[2] / 2], axis=1)


def _looking(directions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rotations `(T, 3, 3)` of level cameras that look along `(T, 3)`; columns are right, down, forward."""
    forward = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right, axis=1, keepdims=True)
    return np.stack([right, np.cross(forward, right), forward], axis=2)


def _pinhole(fov: float, budget: FrameBudget) -> NDArray[np.float64]:
    focal = budget.width / 2 / math.tan(fov / 2)
    return np.array([[focal, 0.0, budget.width / 2], [0.0, focal, budget.height / 2], [0.0, 0.0, 1.0]])
