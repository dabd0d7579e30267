"""What each video token of a rendered room shows: categories, depth and positions.

A video token covers two frames, which may be one frame twice, and a square of `FrameBudget.token` pixels a side. These
targets give the vision tower a dense signal; answers of two tokens alone taught it nothing (module.py).
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lightning_ouro.scenes.synthetic.furniture import FURNITURE
from lightning_ouro.scenes.synthetic.renderer import Rendering
from lightning_ouro.scenes.types import FrameBudget, Scene, Views

CATEGORIES = tuple(sorted(FURNITURE))
NUM_PLACES = (
    18  # numbers per token in `Cells.places`: 2 frames x (2 of the camera + 1 of the scene) x 3 coordinates
)
MIN_SHARE = 0.02  # of a token's pixels, for a category to count as shown; chosen by hand


@dataclass(frozen=True, eq=False)
class Cells:
    """What the tokens of a video show, in the order of the tokens.

    Attributes:
        categories: `(tokens, CATEGORIES)`, whether each category is shown.
        depth: `(tokens,)` logarithm of the median distance along the camera's axis, metres.
        places: `(tokens, 18)`, for both frames of a token the camera's position, the direction it looks in,
            and the median position of what the token's pixels show; in the coordinates of the first camera,
            metres.
    """

    categories: NDArray[np.bool_]
    depth: NDArray[np.float32]
    places: NDArray[np.float32]


def cells(scene: Scene, rendering: Rendering, views: Views, frames: FrameBudget) -> Cells:
    """The targets for a rendered procedural room."""
    if frames.frames_per_time == 1:  # the solver is shown each frame twice
        rendering = Rendering(*(np.repeat(pixels, 2, axis=0) for pixels in astuple(rendering)))
        views = Views(
            np.repeat(views.timestamps, 2),
            np.repeat(views.intrinsics, 2, axis=0),
            np.repeat(views.poses, 2, axis=0),
            np.repeat(views.visibility, 2, axis=0),
            views.size,
        )
        frames = replace(frames, num_frames=2 * frames.num_frames)
    category_ids = np.array([CATEGORIES.index(item.category) for item in scene.objects] + [len(CATEGORIES)])
    tokens = by_token(category_ids[rendering.ids], frames)  # the room itself has id -1, the last entry
    shares = [(tokens == category).mean(axis=1) for category in range(len(CATEGORIES))]
    categories = np.stack([share > MIN_SHARE for share in shares], axis=1)
    depth = np.log(np.median(by_token(rendering.depth, frames), axis=1)).astype(np.float32)
    return Cells(categories, depth, places(rendering, views, frames))


def places(rendering: Rendering, views: Views, frames: FrameBudget) -> NDArray[np.float32]:
    """`Cells.places`, from the cameras and the renderer's depth."""
    relative = np.linalg.inv(views.poses[0]) @ views.poses
    height, width = frames.rendered_size
    rows, columns = np.mgrid[:height, :width] + 0.5
    pixels = np.stack([columns, rows, np.ones_like(rows)], axis=-1)
    rays = np.einsum("tij,hwj->thwi", np.linalg.inv(views.intrinsics), pixels) * rendering.depth[..., None]
    points = np.einsum("tij,thwj->thwi", relative[:, :3, :3], rays) + relative[:, None, None, :3, 3]
    by_axis = [by_token(points[..., axis], frames).reshape(-1, 2, frames.token**2) for axis in range(3)]
    shown = np.stack([np.median(values, axis=2) for values in by_axis], axis=2)  # (tokens, 2, 3)
    cameras = relative[:, :3, [3, 2]].reshape(-1, 2, 6)  # (pairs of frames, 2, 6)
    per_token = cameras.repeat(len(shown) // len(cameras), axis=0)  # a pair's tokens share its cameras
    return np.concatenate([per_token, shown], axis=2).reshape(len(shown), NUM_PLACES).astype(np.float32)


def by_token(pixels: NDArray[Any], frames: FrameBudget) -> NDArray[Any]:
    """Pixels `(T, H, W)` regrouped as `(tokens, pixels of a token)`."""
    pairs = frames.num_frames // 2
    rows, columns = (side // frames.token for side in frames.rendered_size)
    split = pixels.reshape(pairs, 2, rows, frames.token, columns, frames.token)
    return split.transpose(0, 2, 4, 1, 3, 5).reshape(pairs * rows * columns, -1)
