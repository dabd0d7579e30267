"""All question families by name.

To add one, write a module in this folder that ends with `FAMILY = YourFamily()` (`base.Family` is the
interface), and enter the module's name below. The order is part of a run's results: families are offered and
drawn from in it.
"""

from __future__ import annotations

from importlib import import_module

from lightning_ouro.programs.families.base import Family, Key
from lightning_ouro.programs.families.forms import Form, Roles

__all__ = ["FAMILIES", "OPEN", "Family", "Form", "Key", "Roles", "read"]

_MODULES = (
    "object_counting",
    "object_size_estimation",
    "room_size_estimation",
    "object_abs_distance",
    "object_rel_distance",
    "object_rel_direction_easy",
    "object_rel_direction_medium",
    "object_rel_direction_hard",
    "obj_appearance_order",
    "route_planning",
    "camera_motion",
    "camera_obj_distance",
    "depth_order",
    "camera_displacement",
    "open_question",
)
_ALL: tuple[Family, ...] = tuple(import_module(f"{__name__}.{module}").FAMILY for module in _MODULES)
FAMILIES: dict[str, Family] = {family.name: family for family in _ALL}
OPEN = FAMILIES["open"]


def read(text: str, claimed: str = "") -> tuple[Family, Roles] | None:
    """The family whose form a text follows and the roles it names; None if it follows no form.

    No text follows forms of two families, so trying the claimed family first only saves time.
    """
    for family in (*filter(None, [FAMILIES.get(claimed)]), *_ALL):
        roles = family.parse(text)
        if roles is not None:
            return family, roles
    return None
