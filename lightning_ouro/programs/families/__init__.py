"""Every question type, by name: the one place where a new one is entered."""

from __future__ import annotations

from lightning_ouro.programs.families import object_rel_direction, open_question
from lightning_ouro.programs.families.base import Family, Key
from lightning_ouro.programs.families.camera_displacement import CameraDisplacement
from lightning_ouro.programs.families.camera_motion import CameraMotion
from lightning_ouro.programs.families.camera_obj_distance import CameraObjDistance
from lightning_ouro.programs.families.depth_order import DepthOrder
from lightning_ouro.programs.families.forms import Form, Roles
from lightning_ouro.programs.families.obj_appearance_order import ObjAppearanceOrder
from lightning_ouro.programs.families.object_abs_distance import ObjectAbsDistance
from lightning_ouro.programs.families.object_counting import ObjectCounting
from lightning_ouro.programs.families.object_rel_distance import ObjectRelDistance
from lightning_ouro.programs.families.object_size_estimation import ObjectSizeEstimation
from lightning_ouro.programs.families.room_size_estimation import RoomSizeEstimation
from lightning_ouro.programs.families.route_planning import RoutePlanning

__all__ = ["FAMILIES", "OPEN", "Family", "Form", "Key", "Roles", "read"]

OPEN = open_question.OpenQuestion()
_ALL: tuple[Family, ...] = (
    ObjectCounting(),
    ObjectSizeEstimation(),
    RoomSizeEstimation(),
    ObjectAbsDistance(),
    ObjectRelDistance(),
    object_rel_direction.EASY,
    object_rel_direction.MEDIUM,
    object_rel_direction.HARD,
    ObjAppearanceOrder(),
    RoutePlanning(),
    CameraMotion(),
    CameraObjDistance(),
    DepthOrder(),
    CameraDisplacement(),
    OPEN,
)
FAMILIES: dict[str, Family] = {family.name: family for family in _ALL}


def read(text: str, claimed: str = "") -> tuple[Family, Roles] | None:
    """The family whose form a text follows, and what it names; None if it follows no form.

    No text follows forms of two families, so the claimed one may be tried first: that only saves time.
    """
    for family in sorted(_ALL, key=lambda family: family.name != claimed):
        roles = family.parse(text)
        if roles is not None:
            return family, roles
    return None
