"""Which categories and objects of a scene a prompt describes.

Objects that no frame shows are left out, since no question about them would be kept. So are names that are
not plain words (line breaks, quotes, markup, more than 40 characters): readers let none in, but a scene may come
from elsewhere, and a name must not become part of the prompt's structure. If too many objects are left, categories
with a single object come first, those that fill the largest part of some frame before the others; then categories
with several objects in the same order, each completely or not at all.
"""

from __future__ import annotations

from dataclasses import dataclass

from lightning_ouro.programs.scene_geometry import SceneGeometry
from lightning_ouro.scenes.vocabulary import plain_name


@dataclass(frozen=True)
class DescribedCategory:
    """A category as a prompt describes it.

    Attributes:
        category: Its name.
        count: Number of objects of this category, whether visible or not.
        is_countable: Whether all of them are annotated, have a box and are visible.
        objects: Ids of the visible ones.
        share: The largest share of a frame's pixels that one of them fills, 0 to 1.
    """

    category: str
    count: int
    is_countable: bool
    objects: tuple[int, ...]
    share: float


def described_categories(geometry: SceneGeometry, max_objects: int) -> list[DescribedCategory]:
    """The categories that a prompt describes, sorted by name, with at most `max_objects` objects in all."""
    visible = [
        entry
        for name in geometry.categories()
        if is_plain(name) and (entry := _describe(geometry, name)).objects
    ]
    kept, objects_left = set[str](), max_objects
    for entry in sorted(visible, key=lambda entry: (entry.count > 1, -entry.share, entry.category)):
        if len(entry.objects) <= objects_left:
            kept.add(entry.category)
            objects_left -= len(entry.objects)
    return [entry for entry in visible if entry.category in kept]


def is_plain(name: str) -> bool:
    """Whether a name may appear in a prompt."""
    return plain_name(name) == name


def _describe(geometry: SceneGeometry, category: str) -> DescribedCategory:
    indices = geometry.indices(category)
    visible = tuple(index for index in indices if index in geometry.seen)
    count = geometry.count(category)
    is_countable = category in geometry.scene.complete and len(visible) == len(indices) == count
    share = 0.0
    if geometry.views is not None and visible:
        share = float(geometry.views.visibility[:, list(visible)].max())
    return DescribedCategory(category, count, is_countable, visible, share)
