"""From categories to objects, for families that ask about single objects by their category."""

from __future__ import annotations

from lightning_ouro.programs.scene_geometry import SceneGeometry


def not_unique(geometry: SceneGeometry, *categories: str) -> str | None:
    """Which category does not name exactly one object, or that one is named twice; None if all is well."""
    for category in categories:
        if not geometry.is_unique(category):
            return f"{category} names {geometry.count(category)} objects, not one"
    if len(set(categories)) < len(categories):
        return f"not {len(categories)} different objects: {', '.join(categories)}"
    return None


def all_indices(geometry: SceneGeometry, *roles: tuple[str, ...]) -> frozenset[int]:
    """The indices of all objects of the categories that these roles name."""
    return frozenset(index for names in roles for name in names for index in geometry.indices(name))
