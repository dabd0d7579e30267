"""From categories to objects, for families that name objects by their category."""

from __future__ import annotations

from lightning_ouro.programs.scene_geometry import SceneGeometry
from lightning_ouro.scenes.vocabulary import is_form_word


def not_unique(geometry: SceneGeometry, *categories: str) -> str | None:
    """Which category does not name exactly one object, or that one is named twice; None if all is well."""
    for category in categories:
        number = geometry.count(category)
        if len(geometry.indices(category)) != 1 or number != 1:
            return f"{category} names {number} objects, not one"
    if len(set(categories)) < len(categories):
        return f"not {len(categories)} different objects: {', '.join(categories)}"
    return not_complete(geometry, *categories)


def not_complete(geometry: SceneGeometry, *categories: str) -> str | None:
    """Of which category there may be none, or more objects than have a box, or whose name is not clear; else None."""
    for category in categories:
        number, boxes = geometry.count(category), len(geometry.indices(category))
        if category not in geometry.scene.complete:
            return f"not every {category} is annotated"
        if number != boxes:
            return f"{number} {category} are counted but {boxes} have a box: that the frames show all can't be checked"
        if not boxes:
            return f"there is no {category}"
        if is_form_word(category):
            return f"{category} is a word of the questions themselves"
        if geometry.kinds(category):
            return f"{category} can mean the {geometry.kinds(category)[0]} too"
    return None


def all_indices(geometry: SceneGeometry, *roles: tuple[str, ...]) -> frozenset[int]:
    """The indices of all objects of the categories that these roles name."""
    return frozenset(index for names in roles for name in names for index in geometry.indices(name))
