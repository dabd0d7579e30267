"""A procedural scene as a data set would have recorded it: frames with depth and object ids, a mesh, exact poses."""

from dataclasses import dataclass

import numpy as np

from lightning_ouro.scenes.synthetic.procedural import procedural_scene
from lightning_ouro.scenes.synthetic.walks import rendered_walk
from lightning_ouro.scenes.types import FrameBudget, Scene

SPACING = 0.06  # metres between the mesh's points: an alpha shape of 0.2 m has no gaps


@dataclass(frozen=True)
class Film:
    """What was filmed.

    Attributes:
        scene: The truth; its floor stands at z = 0.
        times: `(T,)` seconds.
        intrinsics: `(3, 3)` in pixels of the frames, pixel centres at half numbers.
        poses: `(T, 4, 4)` camera to world, OpenCV.
        rgb: uint8 `(T, H, W, 3)`.
        depth: float32 `(T, H, W)` metres.
        ids: int32 `(T, H, W)` places of objects, -1 for the room.
        shares: `(T, objects)` of the frames' pixels.
    """

    scene: Scene
    times: np.ndarray
    intrinsics: np.ndarray
    poses: np.ndarray
    rgb: np.ndarray
    depth: np.ndarray
    ids: np.ndarray
    shares: np.ndarray


def film(index=7, frames=6, height=240, width=320, scene=None):
    """A walk through a procedural scene, or through another one with rendered footage."""
    scene = scene or procedural_scene(index)
    seen, views = rendered_walk(scene, FrameBudget(frames, height, width))
    shares = (seen.ids.reshape(frames, -1, 1) == np.arange(len(scene.objects))).mean(axis=1)
    return Film(
        scene, views.timestamps, views.intrinsics[0], views.poses, seen.rgb, seen.depth, seen.ids, shares
    )


def mesh_of(scene):
    """Points `(V, 3)` on the floor and on the faces of all boxes, corners included, and whose each is; -1 floor."""
    low, high = scene.floor.min(axis=0), scene.floor.max(axis=0)
    x, y = (
        np.linspace(*ends, max(2, int((ends[1] - ends[0]) / SPACING))) for ends in zip(low, high, strict=True)
    )
    floor = np.stack([*np.meshgrid(x, y), np.zeros((len(y), len(x)))], axis=-1).reshape(-1, 3)
    points, owners = [floor], [np.full(len(floor), -1)]
    for thing in scene.objects:
        sides = [np.linspace(-0.5, 0.5, max(2, int(side / SPACING))) for side in thing.size]
        grid = np.stack(np.meshgrid(*sides, indexing="ij"), axis=-1).reshape(-1, 3)
        surface = grid[(np.abs(grid) == 0.5).any(axis=1)] * thing.size
        points.append(surface @ thing.rotation.T + thing.center)
        owners.append(np.full(len(surface), thing.id))
    return np.concatenate(points), np.concatenate(owners)


def same_box(one, other, tolerance):
    """Whether two objects have the same eight corners, in any order."""
    gaps = np.linalg.norm(one.corners()[:, None] - other.corners(), axis=-1)
    return gaps.min(axis=0).max() <= tolerance and gaps.min(axis=1).max() <= tolerance


def clearly(shares, threshold=0.003, factor=2):
    """Which true shares are not within a factor of the threshold: there every method has to tell seen from unseen."""
    return (shares > threshold * factor) | (shares < threshold / factor)
