"""Every question type, by name: the one place where a new one is entered."""

from __future__ import annotations

from lightning_ouro.programs.families import object_rel_direction
from lightning_ouro.programs.families.base import Family, Key
from lightning_ouro.programs.families.forms import Form, Roles
from lightning_ouro.programs.families.object_abs_distance import ObjectAbsDistance
from lightning_ouro.programs.families.object_counting import ObjectCounting
from lightning_ouro.programs.families.object_rel_distance import ObjectRelDistance
from lightning_ouro.programs.families.object_size_estimation import ObjectSizeEstimation
from lightning_ouro.programs.families.room_size_estimation import RoomSizeEstimation

__all__ = ["FAMILIES", "Family", "Form", "Key", "Roles", "read"]

_ALL: tuple[Family, ...] = (
    ObjectCounting(),
    ObjectSizeEstimation(),
    RoomSizeEstimation(),
    ObjectAbsDistance(),
    ObjectRelDistance(),
    object_rel_direction.EASY,
    object_rel_direction.MEDIUM,
    object_rel_direction.HARD,
)
FAMILIES: dict[str, Family] = {family.name: family for family in _ALL}


def read(text: str) -> tuple[Family, Roles] | None:
    """The family whose form a text follows, and the objects that it names; None if it follows no form."""
    for family in _ALL:
        roles = family.parse(text)
        if roles is not None:
            return family, roles
    return None
