"""Which of a scene's quantities are known from its frames; all others can be kept from a program, or guessed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lightning_ouro.programs.geometry import Floats

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Known:
    """What is known of a scene with `n` objects.

    Attributes:
        places: `(n,)` whether it is known where on the floor an object's centre is.
        levels: `(n,)` whether it is known how high that is.
        heights: `(n,)` whether an object's height is known.
        sides: `(n,)` whether the lengths of its sides are known.
        gaps: `(n, n)` whether the distance between two objects is known.
        from_cameras: `(frames, n)` whether its distance from the camera is known.
        cameras: `(frames,)` whether it is known where the camera was, and to which side it looked.
        floor_area: Whether it is known.
    """

    places: Mask
    levels: Mask
    heights: Mask
    sides: Mask
    gaps: Mask
    from_cameras: Mask
    cameras: Mask
    floor_area: bool = True

    @classmethod
    def all_of(cls, objects: int, frames: int) -> Known:
        """Everything is known of a scene with so many objects, filmed in so many frames."""
        each, known = np.ones(objects, dtype=bool), np.ones(frames, dtype=bool)
        gaps, from_cameras = (np.ones((rows, objects), dtype=bool) for rows in (objects, frames))
        return cls(each, each, each, each, gaps, from_cameras, known)


@dataclass(frozen=True, eq=False)
class Guess:
    """What may be in the place of what is not known of `n` objects, in metres.

    Attributes:
        centers: `(n, 3)`.
        sizes: `(n, 3)`.
        extents: `(n, 3)`, heights are the last column.
        distances: `(n, n)` between the objects.
    """

    centers: Floats
    sizes: Floats
    extents: Floats
    distances: Floats


def only(known: Mask, values: Floats, guessed: Floats | None = None) -> list[Any]:
    """Nested lists of numbers, those that are not known replaced by what is guessed, or by None."""
    if known.all():
        return values.tolist()
    instead = np.array(None, dtype=object) if guessed is None else guessed
    return np.where(known, values, instead).tolist()
