"""Footage for scenes without recordings: a camera walks around the room, and the renderer draws what it sees.

The rendered room stands on `floor_rectangle`; where the walls of a layout's room cut through objects, the
renderer draws the objects all the same. All random choices are seeded by the scene's id, so a scene looks the
same in every process. The constants were chosen by hand: on VSI-Bench's layouts, a walk shows at least 80 %
of the objects.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lightning_ouro.scenes.floor import floor_rectangle
from lightning_ouro.scenes.synthetic.furniture import look_of
from lightning_ouro.scenes.synthetic.types import PaintedBoxes, Rendering, Room
from lightning_ouro.scenes.types import PATH_RATE, CameraPath, FrameBudget, Scene, SceneObject, Video, Views

_WALLS = ((214, 204, 188), (196, 208, 214), (206, 212, 192), (218, 200, 200), (205, 205, 205))  # RGB
_FLOORS = ((150, 120, 90), (128, 128, 124), (170, 150, 120), (110, 96, 88), (140, 134, 150))  # RGB
_HEIGHTS = (2.45, 3.0)  # metres, floor to ceiling
_HEADROOM = 0.1  # minimum distance in metres between the highest object and the ceiling
_WALL_GAP = 0.3  # minimum distance in metres of the camera from the walls, unless the room is tiny
_SHARE = (0.55, 0.8)  # distance of the path from the room's middle, as a share of the walls' distance
_BEYOND = 1.0  # maximum distance in metres of the path beyond the same share of the objects' spread
_SWEEP = (5.2, 5.8)  # radians walked; less than a full turn, so that the last frame shows something new
_AHEAD = 0.5  # maximum angle in radians by which the camera looks past the room's middle


@dataclass(frozen=True)
class _Walk:
    """A walk around the room, in the room's own frame: metres and radians.

    Attributes:
        radii: Half axes of the ellipse that the camera walks on.
        start: Angle on the ellipse at the start.
        sweep: Angle walked; negative is clockwise.
        height: Mean height of the camera above the floor.
        bob: Amplitude of the camera's height.
        ahead: How far the camera looks to one side of the room's middle, as an angle on the far side.
        target_height: Height above the floor of the point that the camera looks at.
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
    """A rendered walk through the scene; all random choices are drawn from the scene's id."""

    def load(self, scene: Scene, budget: FrameBudget) -> Video:
        """Renders `budget.num_frames` frames at uniform times from the start of the walk to its end."""
        rendering, views = rendered_walk(scene, budget)
        return Video(rendering.rgb, views)

    def without(self, scene: Scene, video: Video, dropped: Collection[int]) -> Video:
        """Renders the same walk through the same room once more, without some objects.

        What stood on them floats, and what they hid is shown.
        """
        from lightning_ouro.scenes.synthetic.renderer import render  # imported late, see `rendered_walk`

        views, (height, width) = video.views, video.frames.shape[1:3]
        kept = [index for index in range(len(scene.objects)) if index not in dropped]
        boxes, room = _painted([scene.objects[index] for index in kept]), _draw_room(scene, _draws(scene))
        rendering = render(boxes, room, views.intrinsics, views.poses, height, width)
        visibility = np.zeros_like(views.visibility)
        visibility[:, kept] = _visibility(rendering.ids, len(kept))
        return Video(rendering.rgb, replace(views, visibility=visibility))


def rendered_walk(scene: Scene, budget: FrameBudget) -> tuple[Rendering, Views]:
    """The images of a scene's walk, with depth and object ids, and the cameras that took them."""
    # Imported late: the renderer needs torch, whose import takes a second that reading metadata does without.
    from lightning_ouro.scenes.synthetic.renderer import render

    rng = _draws(scene)
    room = _draw_room(scene, rng)
    walk = _draw_walk(scene, room, rng)
    progress = np.linspace(0.0, 1.0, budget.num_frames)
    poses = _poses(walk, room, progress)
    size = budget.rendered_size
    intrinsics = np.repeat(_pinhole(walk.fov, *size)[None], budget.num_frames, axis=0)
    rendering = render(_painted(scene.objects), room, intrinsics, poses, *size)
    visibility = _visibility(rendering.ids, len(scene.objects))
    times = progress * walk.duration
    path = _path(walk, room, times, poses)
    return rendering, Views(
        times, intrinsics, poses, visibility, size, path, frames_per_time=budget.frames_per_time
    )


def _path(walk: _Walk, room: Room, times: NDArray[np.float64], poses: NDArray[np.float64]) -> CameraPath:
    """The whole walk, which at its frames' times has exactly their poses."""
    moments = math.ceil(walk.duration * PATH_RATE) + 1
    every = np.union1d(np.linspace(0.0, walk.duration, moments), times)
    path = CameraPath(every, _poses(walk, room, every / walk.duration))
    path.poses[path.indices(times)] = poses
    return path


def _draws(scene: Scene) -> np.random.Generator:
    """The scene's random choices, from the first one on: that of the room."""
    return np.random.default_rng(int.from_bytes(hashlib.sha256(scene.id.encode()).digest()[:8]))


def _visibility(ids: NDArray[np.int32], num_objects: int) -> NDArray[np.float32]:
    """`(T, objects)` share of each frame's pixels."""
    pixels = [np.bincount(frame.ravel() + 1, minlength=num_objects + 1)[1:] for frame in ids]
    return (np.array(pixels) / ids[0].size).astype(np.float32)


def _painted(objects: Sequence[SceneObject]) -> PaintedBoxes:
    looks = [look_of(item.category) for item in objects]
    return PaintedBoxes(
        centers=np.array([item.center for item in objects]).reshape(-1, 3),
        sizes=np.array([item.size for item in objects]).reshape(-1, 3),
        rotations=np.array([item.rotation for item in objects]).reshape(-1, 3, 3),
        colours=np.array([look.colour for look in looks], dtype=np.float64).reshape(-1, 3),
        textures=tuple(look.texture for look in looks),
    )


def _draw_room(scene: Scene, rng: np.random.Generator) -> Room:
    heights = np.concatenate([item.corners() for item in scene.objects])[:, 2]
    base = floor_rectangle(scene)
    bottom = heights.min()
    height = max(float(rng.uniform(*_HEIGHTS)), float(heights.max() - bottom) + _HEADROOM)
    x, y = base.axis
    wall, floor = _WALLS[int(rng.integers(len(_WALLS)))], _FLOORS[int(rng.integers(len(_FLOORS)))]
    return Room(
        center=np.array([*base.middle, bottom + height / 2]),
        size=np.array([*base.extents, height]),
        rotation=np.array([[x, -y, 0.0], [y, x, 0.0], [0.0, 0.0, 1.0]]),
        wall=wall,
        floor=floor,
    )


def _draw_walk(scene: Scene, room: Room, rng: np.random.Generator) -> _Walk:
    corners = np.concatenate([item.corners() for item in scene.objects])
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
    """`(T, 4, 4)` camera to world, at each share `(T,)` of the walk."""
    angle = walk.start + walk.sweep * progress
    eyes = _on_ellipse(walk, room, angle, walk.height + walk.bob * np.sin(2 * angle))
    targets = _on_ellipse(walk, room, angle + math.pi + walk.ahead, np.full_like(angle, walk.target_height))
    poses = np.tile(np.eye(4), (len(progress), 1, 1))
    poses[:, :3, :3] = room.rotation @ _look_along(targets - eyes)
    poses[:, :3, 3] = room.center + eyes @ room.rotation.T
    return poses


def _on_ellipse(
    walk: _Walk, room: Room, angle: NDArray[np.float64], height: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Points `(T, 3)` in the room's frame; heights are above the floor."""
    x, y = walk.radii[0] * np.cos(angle), walk.radii[1] * np.sin(angle)
    return np.stack([x, y, height - room.size[2] / 2], axis=1)


def _look_along(directions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rotations `(T, 3, 3)` of level cameras that look along `(T, 3)`; columns are right, down, forward."""
    forward = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right, axis=1, keepdims=True)
    return np.stack([right, np.cross(forward, right), forward], axis=2)


def _pinhole(fov: float, height: int, width: int) -> NDArray[np.float64]:
    focal = width / 2 / math.tan(fov / 2)
    return np.array([[focal, 0.0, width / 2], [0.0, focal, height / 2], [0.0, 0.0, 1.0]])
