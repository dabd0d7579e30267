"""Turns images upright, together with their intrinsics and poses.

Phones store images in the sensor's landscape orientation regardless of how the device was held, and a tag says how
players turn them. ARKitScenes' have no tag: `quarter_turns` picks, for a whole video, the rotation after which the
camera's y axis points down in most frames; the decision for one pose is that of apple/ARKitScenes @7283761
`threedod/benchmark_scripts/rectify_im.py`. The column `sky_direction` of `raw/metadata.csv` has many errors and is not
used.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from lightning_ouro.scenes.footage.uprightness import quarter_turns as quarter_turns

Floats = NDArray[np.float64]
_Pixel = TypeVar("_Pixel", bound=np.generic)

_CLOCKWISE = np.array([(0, -1), (1, 0)])  # of image coordinates, x right and y down


def rotate_image(image: NDArray[_Pixel], turns: int) -> NDArray[_Pixel]:
    """An image or map `(H, W, ...)` after clockwise quarter turns."""
    return np.ascontiguousarray(np.rot90(image, -turns))


def rotate_size(size: tuple[int, int], turns: int) -> tuple[int, int]:
    """Height and width after quarter turns."""
    return size if turns % 2 == 0 else (size[1], size[0])


def rotate_poses(poses: Floats, turns: int) -> Floats:
    """Poses `(N, 4, 4)` of the cameras that would have taken the rotated images."""
    rotation = np.eye(4)
    rotation[:2, :2] = np.linalg.matrix_power(_CLOCKWISE, turns)
    return poses @ rotation.T


def rotate_intrinsics(intrinsics: Floats, size: tuple[int, int], turns: int) -> Floats:
    """Pinhole matrices `(N, 3, 3)` of the rotated images; `size` is height and width before the rotation."""
    axes, pixels = np.eye(3), np.eye(3)
    axes[:2, :2] = pixels[:2, :2] = np.linalg.matrix_power(_CLOCKWISE, turns)
    # A coordinate that changed its sign is counted from the opposite edge.
    pixels[:2, 2] = np.maximum(-axes[:2, :2], 0) @ [size[1], size[0]]
    return pixels @ intrinsics @ axes.T
