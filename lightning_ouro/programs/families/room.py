"""What the frames show of the room, and what belongs to it."""

from __future__ import annotations

import math

from lightning_ouro.programs.scene_geometry import SceneGeometry

LEAST_SHOWN = 0.5  # of the floor, that the frames show; chosen by hand
# Metres from an outline outside of which an object is no longer in the room: what hangs on or is set in a wall is, and
# outlines are drawn on either side of walls. Chosen by hand.
AT_WALL = 0.5


def shown_floor(geometry: SceneGeometry) -> float:
    """The share of the floor that the frames show; infinite if that is unknown."""
    return math.inf if geometry.pictures is None else geometry.pictures.floor_shown


def not_in_room(geometry: SceneGeometry, category: str) -> str | None:
    """That an object of a category stands outside of the floor, or None."""
    outside = any(geometry.outside[index] > AT_WALL for index in geometry.indices(category))
    return f"a {category} stands outside of the floor" if outside else None
