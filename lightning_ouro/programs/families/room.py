"""What the frames show of the room, and what belongs to it."""

from __future__ import annotations

import math

from lightning_ouro.programs.occlusion import AT_WALL, BELOW
from lightning_ouro.programs.scene_geometry import SceneGeometry

LEAST_SHOWN = 0.5  # of the floor, that the frames show; chosen by hand


def shown_floor(geometry: SceneGeometry) -> float:
    """The share of the floor that the frames show; infinite if that is unknown."""
    return math.inf if geometry.shown_room is None else geometry.shown_room.floor_shown


def something_hides(geometry: SceneGeometry) -> str | None:
    """That something without a box hides an object from all frames, and who knows what else; or None."""
    missing = [] if geometry.pictures is None else geometry.pictures.missing.tolist()
    if not missing:
        return None
    return f"no frame shows the {geometry.scene.objects[missing[0]].category} where it should be seen: what hides it?"


def is_below(geometry: SceneGeometry, index: int) -> bool:
    """Whether a box lies below the floor as a whole, in another storey; False where the floor's height is not known."""
    return (
        geometry.ground is not None and float(geometry.corners[index, :, 2].max()) < geometry.ground - BELOW
    )


def not_in_room(geometry: SceneGeometry, category: str) -> str | None:
    """That an object of a category stands outside of the floor or below it, or None."""
    indices = geometry.indices(category)
    if any(geometry.outside[index] > AT_WALL for index in indices):
        return f"a {category} stands outside of the floor"
    return (
        f"a {category} lies below the floor" if any(is_below(geometry, index) for index in indices) else None
    )
