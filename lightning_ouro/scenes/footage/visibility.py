"""How much of a frame each object fills: from instance masks, else from depth, else from the boxes alone.

- Masks say it.
- Depth: a pixel shows an object if its ray meets the object's box, and what was measured lies within that stretch of
  the ray, give or take 3 cm or 2 % of the depth. Of several boxes the smallest has it: what lies on a bed is not bed.
  What lies within 4 cm of the floor is floor: one looks between the legs of a table. Only what is hardly higher than
  that, such as a rug, is seen there.
- Boxes: the nearest box along the ray, as if boxes were filled and nothing else stood in the way.

Depth and boxes are looked at in at most 160 × 120 pixels, of which the threshold of 0.3 % is 58.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from lightning_ouro.scenes.footage.recording import Recording
from lightning_ouro.scenes.synthetic.furniture import Texture
from lightning_ouro.scenes.synthetic.renderer import PaintedBoxes, Room, render
from lightning_ouro.scenes.types import Scene

PIXELS = 160 * 120
NEAR, NEARLY = 0.03, 0.02  # metres, share of the depth: how far a measured point may lie off a box
FLOOR = 0.04  # metres
_FAR = 1000.0  # metres, the walls of a world without any

Floats = NDArray[np.float64]


def visible_shares(scene: Scene, recording: Recording, place: int) -> NDArray[np.float32]:
    """`(objects,)` shares of a frame's pixels, by the best that the recording has."""
    known = recording.known_shares(place)
    if known is not None:
        return known
    shown = recording.mask(place)
    if shown is None:
        shots = recording.shots
        depth, camera = recording.depth(place), (shots.intrinsics[place], shots.poses[place])
        shown = (
            by_boxes(scene, *camera, shots.size)
            if depth is None
            else by_depth(scene, *camera, shots.size, depth)
        )
    counts = np.bincount(shown[shown >= 0], minlength=len(scene.objects))
    return (counts / shown.size).astype(np.float32)


def by_boxes(scene: Scene, intrinsics: Floats, pose: Floats, size: tuple[int, int]) -> NDArray[np.int32]:
    """The object that each pixel shows, -1 for none, if there were nothing but filled boxes.

    Args:
        scene: Its boxes.
        intrinsics: `(3, 3)` in pixels of an image of `size`.
        pose: `(4, 4)` camera to world.
        size: Height and width of the image; the result is smaller where that is large.
    """
    height, width = _small(size)
    scale = np.array([width / size[1], height / size[0], 1.0])
    centers, sizes, rotations = _boxes(scene)
    grey = np.full((len(centers), 3), 128.0)
    textures: list[Texture] = ["plain"] * len(centers)
    boxes = PaintedBoxes(centers, sizes, rotations, grey, tuple(textures))
    nowhere = Room(pose[:3, 3], np.full(3, _FAR), np.eye(3), (0, 0, 0), (0, 0, 0))
    return render(boxes, nowhere, (intrinsics * scale[:, None])[None], pose[None], height, width).ids[0]


def by_depth(
    scene: Scene, intrinsics: Floats, pose: Floats, size: tuple[int, int], depth: NDArray[np.float32]
) -> NDArray[np.int32]:
    """The object that each pixel of a depth map shows, -1 for none.

    Args:
        scene: Its boxes.
        intrinsics: `(3, 3)` in pixels of an image of `size`.
        pose: `(4, 4)` camera to world.
        size: Height and width of the image.
        depth: `(h, w)` metres along the camera's axis over the same view, 0 where unknown; large ones are thinned out.
    """
    step = max(1, math.ceil(math.sqrt(depth.size / PIXELS)))
    rows, columns = (np.arange(step // 2, length, step) for length in depth.shape)
    z = np.nan_to_num(depth[np.ix_(rows, columns)].astype(np.float64), posinf=0.0, neginf=0.0)
    scale = np.array([depth.shape[1] / size[1], depth.shape[0] / size[0], 1.0])
    u, v = np.meshgrid(columns + 0.5, rows + 0.5)
    rays = (
        np.stack([u, v, np.ones_like(u)], axis=-1)
        @ np.linalg.inv(intrinsics * scale[:, None]).T
        @ pose[:3, :3].T
    )
    centers, sizes, rotations = _boxes(scene)
    ground = _floor_height(scene) + FLOOR
    heights = pose[2, 3] + rays[..., 2] * z
    tops = centers[:, 2] + (np.abs(rotations[:, 2]) * sizes).sum(axis=1) / 2
    slack = np.maximum(NEAR, NEARLY * z)
    shown = np.full(z.shape, -1, dtype=np.int32)
    for place in np.argsort(-sizes.prod(axis=1)).tolist():  # the largest first, so that the smallest has it
        entry, leave = _span(rays, pose[:3, 3], centers[place], sizes[place], rotations[place])
        measured = (z > 0) & (heights > (ground if tops[place] > ground + FLOOR else -np.inf))
        shown[measured & (entry <= leave) & (entry - slack <= z) & (z <= leave + slack)] = place
    return shown


def _floor_height(scene: Scene) -> float:
    """Metres; most things stand on the floor, and a box that reaches below it is a box too large."""
    bottoms = [float(thing.corners()[:, 2].min()) for thing in scene.objects]
    return float(np.percentile(bottoms, 20, method="lower"))


def _span(
    rays: Floats, origin: Floats, center: Floats, size: Floats, rotation: Floats
) -> tuple[Floats, Floats]:
    """Where rays enter and leave a box, in their own lengths; they leave before they enter where they miss it."""
    inward, start = rays @ rotation, (origin - center) @ rotation
    inverse = 1 / np.where(np.abs(inward) < 1e-12, 1e-12, inward)
    first, second = (-size / 2 - start) * inverse, (size / 2 - start) * inverse
    entry, leave = np.minimum(first, second).max(axis=-1), np.maximum(first, second).min(axis=-1)
    return np.maximum(entry, 0.0), leave


def _small(size: tuple[int, int]) -> tuple[int, int]:
    """A height and width of at most `PIXELS` in the same shape."""
    shrink = min(1.0, math.sqrt(PIXELS / (size[0] * size[1])))
    return max(1, round(size[0] * shrink)), max(1, round(size[1] * shrink))


def _boxes(scene: Scene) -> tuple[Floats, Floats, Floats]:
    centers, sizes, rotations = zip(
        *((thing.center, thing.size, thing.rotation) for thing in scene.objects), strict=True
    )
    return np.stack(centers), np.stack(sizes), np.stack(rotations)
