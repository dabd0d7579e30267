"""Places that two pictures of one room have in common: corners, told by what is around them.

Harris' corners in the form of Shi and Tomasi (Good Features to Track, CVPR 1994) and normalised patches, each of
which has to be the other's best match, and plainly better than any other corner (Lowe's ratio, IJCV 2004). Made for
pictures a moment apart: patches are compared as they lie, neither turned nor scaled.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

Floats = NDArray[np.float64]
Patches = NDArray[np.float32]

# Chosen by hand, on two public recordings and on rendered rooms:
_CORNERS = 350  # at most, of a picture
_RADIUS = 6  # of a patch, pixels
_APART = 3  # pixels between corners
_WEAKEST = 0.002  # of the strongest corner
_FLAT = 1.0  # grey levels squared per pixel squared: below it, noise
_ALIKE = 0.8  # least correlation of two patches
_RATIO = 0.6  # of the distance to the best match over that to any other corner
_ELSEWHERE = 4  # pixels from which on a corner is another one


class Corners(NamedTuple):
    """The corners of a picture.

    Attributes:
        places: `(n, 2)` columns and rows of pixels.
        patches: `(n, p)` what is around each, with mean 0 and length 1.
    """

    places: NDArray[np.intp]
    patches: Patches


def corners_of(image: NDArray[np.uint8]) -> Corners:
    """The corners of a picture `(H, W, 3)`, the strongest first."""
    grey = np.asarray(Image.fromarray(image).convert("L"), dtype=np.float32)
    smooth = ndimage.gaussian_filter(grey, 1.0)
    down, right = np.gradient(smooth)
    xx, yy, xy = (ndimage.gaussian_filter(part, 2.0) for part in (right * right, down * down, right * down))
    strength = (xx + yy) / 2 - np.sqrt(((xx - yy) / 2) ** 2 + xy * xy)
    is_corner = strength == ndimage.maximum_filter(strength, 2 * _APART + 1)
    is_corner &= strength > max(_FLAT, _WEAKEST * float(strength.max()))
    margin = _RADIUS + 1
    inner = np.zeros_like(is_corner)
    inner[margin:-margin, margin:-margin] = True
    rows, columns = np.nonzero(is_corner & inner)
    strongest = np.argsort(-strength[rows, columns], kind="stable")[:_CORNERS]
    places = np.stack([columns[strongest], rows[strongest]], axis=1)
    return Corners(places, _patches(smooth, places))


def _patches(smooth: NDArray[np.float32], places: NDArray[np.intp]) -> Patches:
    around = np.arange(-_RADIUS, _RADIUS + 1)
    rows, columns = places[:, 1, None] + around, places[:, 0, None] + around
    patches = smooth[rows[:, :, None], columns[:, None, :]].reshape(len(places), len(around) ** 2)
    patches = patches - patches.mean(axis=1, keepdims=True)
    return np.asarray(patches / np.maximum(np.linalg.norm(patches, axis=1, keepdims=True), 1e-6), np.float32)


def matches(first: Corners, second: Corners) -> tuple[Floats, Floats]:
    """The places `(m, 2)` in two pictures of the corners that are the same, pixel centres at half numbers."""
    if not len(first.places) or not len(second.places):
        return np.zeros((0, 2)), np.zeros((0, 2))
    alike = first.patches @ second.patches.T
    best = alike.argmax(axis=1)
    here = np.arange(len(best))
    likeness = alike[here, best]
    is_mutual = alike.argmax(axis=0)[best] == here
    rival = np.maximum(
        np.where(_elsewhere(second.places)[best], alike, -1).max(axis=1),
        np.where(_elsewhere(first.places), alike[:, best].T, -1).max(axis=1),
    )
    kept = is_mutual & (likeness > _ALIKE) & (1 - likeness < _RATIO * (1 - rival))
    return first.places[kept] + 0.5, second.places[best[kept]] + 0.5


def _elsewhere(places: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Which of `(n, n)` pairs of corners are two, and not one that was found twice."""
    return np.asarray(np.abs(places[:, None] - places[None]).max(axis=2) > _ELSEWHERE)
