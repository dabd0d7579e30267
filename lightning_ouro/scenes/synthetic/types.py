"""What the renderer takes and returns: painted boxes in a box-shaped room, and the images that cameras see."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lightning_ouro.scenes.synthetic.furniture import Texture


@dataclass(frozen=True, eq=False)
class PaintedBoxes:
    """The objects to draw.

    Attributes:
        centers: `(n, 3)` metres.
        sizes: `(n, 3)` full extents along the boxes' own axes, metres.
        rotations: `(n, 3, 3)`, columns are the boxes' axes.
        colours: `(n, 3)` RGB, 0 to 255.
        textures: One per box.
    """

    centers: NDArray[np.float64]
    sizes: NDArray[np.float64]
    rotations: NDArray[np.float64]
    colours: NDArray[np.float64]
    textures: tuple[Texture, ...]


@dataclass(frozen=True, eq=False)
class Room:
    """A box seen from inside; its own third axis points up.

    Attributes:
        center: `(3,)` metres.
        size: `(3,)` full extents, metres.
        rotation: `(3, 3)`, columns are the axes.
        wall: RGB of the walls and the ceiling, 0 to 255.
        floor: RGB of the floor, which has 0.5 m tiles.
    """

    center: NDArray[np.float64]
    size: NDArray[np.float64]
    rotation: NDArray[np.float64]
    wall: tuple[int, int, int]
    floor: tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class Rendering:
    """What the cameras see.

    Attributes:
        rgb: uint8 `(T, H, W, 3)`.
        depth: float32 `(T, H, W)` z in the camera's frame, metres.
        ids: int32 `(T, H, W)` index of the box that the pixel shows, -1 for the room.
    """

    rgb: NDArray[np.uint8]
    depth: NDArray[np.float32]
    ids: NDArray[np.int32]
