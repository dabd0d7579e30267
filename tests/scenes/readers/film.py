"""A procedural scene as a data set would have recorded it: frames with depth and object ids, a mesh, exact poses."""

from dataclasses import dataclass

import numpy as np

from lightning_ouro.scenes.synthetic.procedural import procedural_scene
from lightning_ouro.scenes.synthetic.walks import rendered_walk
from lightning_ouro.scenes.types import FrameBudget, Scene

SPACING = 0.06  # metres between the mesh's points: dense enough for an alpha shape of 0.2 m to have no gaps


@dataclass(frozen=True)
class Film:
    """A recording with its ground truth.

    Attributes:
        scene: The filmed scene; its floor is at z = 0.
        times: `(T,)` seconds.
        intrinsics: `(3, 3)` in pixels of the frames, pixel centres at half numbers.
        poses: `(T, 4, 4)` camera to world, OpenCV.
        rgb: uint8 `(T, H, W, 3)`.
        depth: float32 `(T, H, W)` metres.
        ids: int32 `(T, H, W)` indices of objects, -1 for the room.
        shares: `(T, objects)` shares of the frames' pixels.
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
    """A walk through the procedural scene with this index, or through another scene with rendered footage."""
    scene = scene or procedural_scene(index)
    rendering, views = rendered_walk(scene, FrameBudget(frames, height, width))
    shares = (rendering.ids.reshape(frames, -1, 1) == np.arange(len(scene.objects))).mean(axis=1)
    return Film(
        scene,
        views.timestamps,
        views.intrinsics[0],
        views.poses,
        rendering.rgb,
        rendering.depth,
        rendering.ids,
        shares,
    )


def mesh_of(scene):
    """Points `(V, 3)` on the floor and the faces of all boxes, corners included, and the object of each or -1."""
    low, high = scene.floor.min(axis=0), scene.floor.max(axis=0)
    x, y = (
        np.linspace(*ends, max(2, int((ends[1] - ends[0]) / SPACING))) for ends in zip(low, high, strict=True)
    )
    floor = np.stack([*np.meshgrid(x, y), np.zeros((len(y), len(x)))], axis=-1).reshape(-1, 3)
    points, owners = [floor], [np.full(len(floor), -1)]
    for item in scene.objects:
        sides = [np.linspace(-0.5, 0.5, max(2, int(side / SPACING))) for side in item.size]
        grid = np.stack(np.meshgrid(*sides, indexing="ij"), axis=-1).reshape(-1, 3)
        surface = grid[(np.abs(grid) == 0.5).any(axis=1)] * item.size
        points.append(surface @ item.rotation.T + item.center)
        owners.append(np.full(len(surface), item.id))
    return np.concatenate(points), np.concatenate(owners)


def same_box(a, b, tolerance):
    """Whether two objects have the same eight corners, in any order."""
    gaps = np.linalg.norm(a.corners()[:, None] - b.corners(), axis=-1)
    return gaps.min(axis=0).max() <= tolerance and gaps.min(axis=1).max() <= tolerance


def clearly(shares, threshold=0.003, factor=2):
    """Which true shares are not within a factor of the threshold: every method must tell these visible or not."""
    return (shares > threshold * factor) | (shares < threshold / factor)


def there(scene):
    """The counts of the categories that a scene has any of."""
    return {name: number for name, number in scene.counts.items() if number}


def absent(scene):
    """The categories that a scene is known to have none of."""
    return {name for name, number in scene.counts.items() if number == 0 and name in scene.complete}
