"""The share of a frame that each object fills: from instance masks, else from depth, else from boxes alone.

- Masks give it directly.
- Depth: a pixel shows an object if its ray passes through the object's box and the measured depth lies within
  that stretch of the ray, up to 3 cm or 2 % of the depth. Of several boxes the smallest wins: what lies on a
  bed is not the bed. Points less than 4 cm above the floor are floor, which one sees between the legs of a
  table; only objects that are hardly higher than that, such as rugs, are seen there.
- Boxes: the nearest box on the ray, as if boxes were solid and nothing else were in the way.

What a pixel shows is not known where a mask has no label or a depth map no depth: black, shiny or transparent things
and far ones return none. There each object may be seen whose box lies on the ray. Nor is it known in a frame without
mask and depth of a recording that has them in others: what boxes alone would show may be seen there, and is not
certain. What may be seen is neither seen nor absent.

Depth and boxes are evaluated at about 160 × 120 pixels at most; the visibility threshold of 0.3 % is 58 of
these.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lightning_ouro.scenes.footage.recording import UNKNOWN, Recording, Shares, Shots
from lightning_ouro.scenes.synthetic.furniture import Texture
from lightning_ouro.scenes.synthetic.types import PaintedBoxes, Room
from lightning_ouro.scenes.types import Scene

PIXELS = 160 * 120
# Chosen by hand:
NEAR, NEARLY = 0.03, 0.02  # metres, share of the depth: how far a measured point may lie outside a box
FLOOR = 0.04  # metres above the floor up to which points belong to the floor
_FAR = 1000.0  # metres, extents of the empty room that the renderer needs around the camera

Floats = NDArray[np.float64]


def visible_shares(scene: Scene, recording: Recording, frame_indices: Sequence[int]) -> list[Shares]:
    """What some frames of a recording show, each from the best source that the recording has for it."""
    measured = [measured_shares(scene, recording, index) for index in frame_indices]
    return completed(scene, recording.shots, frame_indices, measured)


def completed(
    scene: Scene, shots: Shots, frame_indices: Sequence[int], measured: Sequence[Shares | None]
) -> list[Shares]:
    """What some frames show, estimated from the boxes where it was not measured."""
    is_measured = any(known is not None for known in measured)
    return [
        _estimated(scene, shots, index, not is_measured) if known is None else known
        for index, known in zip(frame_indices, measured, strict=True)
    ]


def measured_shares(scene: Scene, recording: Recording, index: int) -> Shares | None:
    """What a frame shows by stored shares, mask or depth; None if it has none of them."""
    known = recording.known_shares(index)
    if known is not None:
        return known
    ids = recording.mask(index)
    unknown = None if ids is None else ids == UNKNOWN
    shots = recording.shots
    camera = (shots.intrinsics[index], shots.poses[index], shots.size)
    if ids is None:
        depth = recording.depth(index)
        if depth is None:
            return None
        ids, unknown = by_depth(scene, *camera, depth), ~(np.isfinite(depth) & (depth > 0))
    assert unknown is not None
    certain = _shares(ids, scene)
    return Shares(certain, np.minimum(certain + may_show(scene, *camera, unknown), np.float32(1)))


def _estimated(scene: Scene, shots: Shots, index: int, is_certain: bool) -> Shares:
    """What a frame would show if there were only the boxes."""
    ids = by_boxes(scene, shots.intrinsics[index], shots.poses[index], shots.size)
    possible = _shares(ids, scene)
    return Shares(possible if is_certain else np.zeros_like(possible), possible)


def _shares(ids: NDArray[np.int32], scene: Scene) -> NDArray[np.float32]:
    counts = np.bincount(ids[ids >= 0], minlength=len(scene.objects))
    return (counts / ids.size).astype(np.float32)


def may_show(
    scene: Scene, intrinsics: Floats, pose: Floats, size: tuple[int, int], unknown: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """`(objects,)` shares of the pixels of which it is not known what they show, and whose rays meet the object's box.

    Args:
        scene: Its boxes.
        intrinsics: `(3, 3)` in pixels of an image of `size`.
        pose: `(4, 4)` camera to world.
        size: Height and width of the image.
        unknown: `(h, w)` of which pixels of the same view it is not known.
    """
    kept = _every_nth(unknown.shape)
    rows, columns = np.nonzero(unknown[np.ix_(*kept)])
    rays = rays_of(intrinsics, pose, size, unknown.shape, kept)[rows, columns]
    shares = np.zeros(len(scene.objects), dtype=np.float32)
    for index, item in enumerate(scene.objects if len(rays) else ()):
        entry, leave = span(rays, pose[:3, 3], item.center, item.size, item.rotation)
        shares[index] = ((entry <= leave) & (leave > 0)).sum() / (len(kept[0]) * len(kept[1]))
    return shares


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
    kept = _every_nth(depth.shape)
    z = np.nan_to_num(depth[np.ix_(*kept)].astype(np.float64), posinf=0.0, neginf=0.0)
    rays = rays_of(intrinsics, pose, size, depth.shape, kept)
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


def _every_nth(shape: tuple[int, ...]) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """The rows and columns of a map that leave about `PIXELS` pixels at most."""
    step = max(1, math.ceil(math.sqrt(math.prod(shape) / PIXELS)))
    rows, columns = (np.arange(step // 2, length, step) for length in shape)
    return rows, columns


def rays_of(
    intrinsics: Floats,
    pose: Floats,
    size: tuple[int, int],
    shape: tuple[int, ...],
    kept: tuple[NDArray[np.int_], NDArray[np.int_]],
) -> Floats:
    """Rays `(h, w, 3)` in the world, camera z = 1, of some rows and columns of a map of the same view as an image."""
    rows, columns = kept
    scale = np.array([shape[1] / size[1], shape[0] / size[0], 1.0])
    u, v = np.meshgrid(columns + 0.5, rows + 0.5)
    points = np.stack([u, v, np.ones_like(u)], axis=-1)
    return np.asarray(points @ np.linalg.inv(intrinsics * scale[:, None]).T @ pose[:3, :3].T)


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
