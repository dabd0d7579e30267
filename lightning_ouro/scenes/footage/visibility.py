"""The share of a frame that each object fills: from instance masks, else from depth, else from boxes alone.

- Masks give it directly.
- Depth: a pixel shows an object if its ray passes through the object's box and the measured depth lies within
  that stretch of the ray, up to 3 cm or 2 % of the depth. Of several boxes the smallest wins: what lies on a
  bed is not the bed. Points less than 4 cm above the floor are floor, which one sees between the legs of a
  table; only objects that are hardly higher than that, such as rugs, are seen there.
- Boxes: the nearest box on the ray, as if boxes were solid and nothing else were in the way.

Depth and boxes are evaluated at about 160 × 120 pixels at most; the visibility threshold of 0.3 % is 58 of
these.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from lightning_ouro.scenes.footage.recording import Recording
from lightning_ouro.scenes.synthetic.furniture import Texture
from lightning_ouro.scenes.synthetic.types import PaintedBoxes, Room
from lightning_ouro.scenes.types import Scene

PIXELS = 160 * 120
# Chosen by hand:
NEAR, NEARLY = 0.03, 0.02  # metres, share of the depth: how far a measured point may lie outside a box
FLOOR = 0.04  # metres above the floor up to which points belong to the floor
_FAR = 1000.0  # metres, extents of the empty room that the renderer needs around the camera

Floats = NDArray[np.float64]


def visible_shares(scene: Scene, recording: Recording, frame_index: int) -> NDArray[np.float32]:
    """`(objects,)` shares of a frame's pixels, from the best source that the recording has."""
    known = recording.known_shares(frame_index)
    if known is not None:
        return known
    ids = recording.mask(frame_index)
    if ids is None:
        shots, depth = recording.shots, recording.depth(frame_index)
        intrinsics, pose = shots.intrinsics[frame_index], shots.poses[frame_index]
        if depth is None:
            ids = by_boxes(scene, intrinsics, pose, shots.size)
        else:
            ids = by_depth(scene, intrinsics, pose, shots.size, depth)
    counts = np.bincount(ids[ids >= 0], minlength=len(scene.objects))
    return (counts / ids.size).astype(np.float32)


def by_boxes(scene: Scene, intrinsics: Floats, pose: Floats, size: tuple[int, int]) -> NDArray[np.int32]:
    """The object that each pixel would show if there were only the solid boxes: its id, or -1.

    Args:
        scene: Its boxes.
        intrinsics: `(3, 3)` in pixels of an image of `size`.
        pose: `(4, 4)` camera to world.
        size: Height and width of the image; the result covers the same view with about `PIXELS` pixels at
            most.
    """
    # Imported late: the renderer needs torch, which recordings with masks, depth or known shares do without.
    from lightning_ouro.scenes.synthetic.renderer import render

    height, width = _reduced(size)
    scale = np.array([width / size[1], height / size[0], 1.0])
    centers, sizes, rotations = _boxes(scene)
    grey = np.full((len(centers), 3), 128.0)
    textures: list[Texture] = ["plain"] * len(centers)
    boxes = PaintedBoxes(centers, sizes, rotations, grey, tuple(textures))
    room = Room(pose[:3, 3], np.full(3, _FAR), np.eye(3), (0, 0, 0), (0, 0, 0))
    return render(boxes, room, (intrinsics * scale[:, None])[None], pose[None], height, width).ids[0]


def by_depth(
    scene: Scene, intrinsics: Floats, pose: Floats, size: tuple[int, int], depth: NDArray[np.float32]
) -> NDArray[np.int32]:
    """The object that each pixel of a depth map shows: its id, or -1.

    Args:
        scene: Its boxes.
        intrinsics: `(3, 3)` in pixels of an image of `size`.
        pose: `(4, 4)` camera to world.
        size: Height and width of the image.
        depth: `(h, w)` metres along the camera's axis over the same view, 0 where unknown; only every n-th
            row and column of a large map is used.
    """
    z, rays = _rays(intrinsics, pose, size, depth)
    centers, sizes, rotations = _boxes(scene)
    ground = _floor_height(scene) + FLOOR
    heights = pose[2, 3] + rays[..., 2] * z
    tops = centers[:, 2] + (np.abs(rotations[:, 2]) * sizes).sum(axis=1) / 2
    tolerance = np.maximum(NEAR, NEARLY * z)
    ids = np.full(z.shape, -1, dtype=np.int32)
    for index in np.argsort(-sizes.prod(axis=1)).tolist():  # the smallest last, so that it wins
        entry, leave = span(rays, pose[:3, 3], centers[index], sizes[index], rotations[index])
        measured = (z > 0) & (heights > (ground if tops[index] > ground + FLOOR else -np.inf))
        ids[measured & (entry <= leave) & (entry - tolerance <= z) & (z <= leave + tolerance)] = index
    return ids


def _rays(
    intrinsics: Floats, pose: Floats, size: tuple[int, int], depth: NDArray[np.float32]
) -> tuple[Floats, Floats]:
    """Depths `(h, w)` of about `PIXELS` pixels at most, and their rays `(h, w, 3)` in the world, camera z = 1."""
    step = max(1, math.ceil(math.sqrt(depth.size / PIXELS)))
    rows, columns = (np.arange(step // 2, length, step) for length in depth.shape)
    z = np.nan_to_num(depth[np.ix_(rows, columns)].astype(np.float64), posinf=0.0, neginf=0.0)
    scale = np.array([depth.shape[1] / size[1], depth.shape[0] / size[0], 1.0])
    u, v = np.meshgrid(columns + 0.5, rows + 0.5)
    points = np.stack([u, v, np.ones_like(u)], axis=-1)
    return z, points @ np.linalg.inv(intrinsics * scale[:, None]).T @ pose[:3, :3].T


def _floor_height(scene: Scene) -> float:
    """Metres; most objects stand on the floor, and a box that reaches below it is too large."""
    bottoms = [float(item.corners()[:, 2].min()) for item in scene.objects]
    return float(np.percentile(bottoms, 20, method="lower"))


def span(
    rays: Floats, origin: Floats, center: Floats, size: Floats, rotation: Floats
) -> tuple[Floats, Floats]:
    """Where rays enter and leave a box, in multiples of their length; where they miss it, leave < enter."""
    inward, start = rays @ rotation, (origin - center) @ rotation
    inverse = 1 / np.where(np.abs(inward) < 1e-12, 1e-12, inward)
    first, second = (-size / 2 - start) * inverse, (size / 2 - start) * inverse
    entry, leave = np.minimum(first, second).max(axis=-1), np.maximum(first, second).min(axis=-1)
    return np.maximum(entry, 0.0), leave


def _reduced(size: tuple[int, int]) -> tuple[int, int]:
    """A height and width of about the same aspect ratio with about `PIXELS` pixels at most."""
    shrink = min(1.0, math.sqrt(PIXELS / (size[0] * size[1])))
    return max(1, round(size[0] * shrink)), max(1, round(size[1] * shrink))


def _boxes(scene: Scene) -> tuple[Floats, Floats, Floats]:
    """Centres `(n, 3)`, sizes `(n, 3)` and rotations `(n, 3, 3)`."""
    boxes = ((item.center, item.size, item.rotation) for item in scene.objects)
    centers, sizes, rotations = zip(*boxes, strict=True)
    return np.stack(centers), np.stack(sizes), np.stack(rotations)
