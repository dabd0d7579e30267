"""Recorded frames in which some objects are covered: every pixel whose ray meets one of their boxes is grey.

This is masking, not removal: one sees that something is covered, and roughly how large it is. It hides what the
boxes hold and what stands in front of them, while what an annotation leaves outside of its box, shadows and
reflections stay. A camera inside a box sees nothing but grey.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from lightning_ouro.scenes.footage.visibility import span
from lightning_ouro.scenes.types import Scene, SceneObject, Video

# RGB, mid-grey: what Qwen3-VL's processor maps nearest to 0, so that it stands for no colour.
GREY = (128, 128, 128)
_NEAR = 1e-3  # metres; a box that reaches nearer to the image plane projects to no bounded rectangle

Floats = NDArray[np.float64]


def masked(scene: Scene, video: Video, dropped: Collection[int]) -> Video:
    """The video with the boxes of some objects, by id, filled in every frame.

    How much is left of what the masks cover in part is not known: the other objects' visibility is kept.
    """
    views, frames = video.views, video.frames.copy()
    for frame, intrinsics, pose in zip(frames, views.intrinsics, views.poses, strict=True):
        for index in dropped:
            _fill(frame, scene.objects[index], intrinsics, pose)
    visibility, possible = views.visibility.copy(), views.at_most.copy()
    visibility[:, list(dropped)] = possible[:, list(dropped)] = 0
    return Video(frames, replace(views, visibility=visibility, possible=possible))


def _fill(frame: NDArray[np.uint8], item: SceneObject, intrinsics: Floats, pose: Floats) -> None:
    """Paints the pixels of a frame `(H, W, 3)` whose rays, through the pixels' centres, meet the object's box."""
    left, right, top, bottom = _window(item, intrinsics, pose, frame.shape[:2])
    if left >= right or top >= bottom:
        return
    u, v = np.meshgrid(np.arange(left, right) + 0.5, np.arange(top, bottom) + 0.5)
    rays = np.stack([u, v, np.ones_like(u)], axis=-1) @ np.linalg.inv(intrinsics).T @ pose[:3, :3].T
    entry, leave = span(rays, pose[:3, 3], item.center, item.size, item.rotation)
    frame[top:bottom, left:right][entry <= leave] = GREY


def _window(
    item: SceneObject, intrinsics: Floats, pose: Floats, size: tuple[int, ...]
) -> tuple[int, int, int, int]:
    """Left, right, top, bottom of the pixels that can show a box: none behind the camera, all if it crosses."""
    height, width = size
    corners = (item.corners() - pose[:3, 3]) @ pose[:3, :3]  # in the camera's frame
    if corners[:, 2].max() <= 0:
        return 0, 0, 0, 0
    if corners[:, 2].min() < _NEAR:
        return 0, width, 0, height
    points = (corners @ intrinsics.T)[:, :2] / corners[:, 2:]
    low = np.clip(np.floor(points.min(axis=0)), 0, [width, height]).astype(int)
    high = np.clip(np.ceil(points.max(axis=0)), 0, [width, height]).astype(int)
    return int(low[0]), int(high[0]), int(low[1]), int(high[1])
