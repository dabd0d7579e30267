"""What a room lacks although its like has it: things whose number, zero, is worth asking for.

Nobody needs to look for a bathtub in an office. So the categories that a scene is said to have none of are those
that rooms of its kind typically hold. The kind is inferred from what is there; no other scene is looked at. All
tables were written by hand.

That nothing of a category is annotated says little if its objects may go by another name. A category counts as
absent only if its source annotates all of it, if it could not be called like anything that is there
(`naming.could_be_one`), if nobody would take one for the other (`naming.seems_alike`), and if no other name mentions
it, or tells of it (`alike.told_by`): where there is a tv stand, nobody may have boxed the tv, and a lampshade
belongs to a lamp. A file's own 0 is doubted for the same reasons. Doors
are no candidates, since hardly a room has none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Set
from typing import NamedTuple

from lightning_ouro.scenes.alike import told_by
from lightning_ouro.scenes.naming import could_be_one, seems_alike
from lightning_ouro.scenes.vocabulary import spellings
from lightning_ouro.scenes.words import words_of


def _names(listed: str) -> frozenset[str]:
    return frozenset(" ".join(name.split()) for name in listed.split(","))


class _RoomKind(NamedTuple):
    """A kind of room.

    Attributes:
        signs: Categories that tell it.
        typical: What such rooms hold, many of them but not each.
    """

    signs: frozenset[str]
    typical: frozenset[str]


_KINDS = (
    _RoomKind(  # bathroom
        signs=_names("toilet, bathtub, shower, shower curtain, urinal, toilet paper"),
        typical=_names(
            "bathtub, mirror, plant, radiator, stool, toilet, towel, trash bin, washer, window, bucket, shower curtain"
        ),
    ),
    _RoomKind(  # kitchen
        signs=_names("refrigerator, stove, oven, dishwasher, microwave, counter, kettle, kitchen cabinet"),
        typical=_names(
            "chair, clock, counter, cup, dishwasher, kettle, microwave, oven, plant, radiator, refrigerator, stool, "
            "stove, table, towel, trash bin, washer, window"
        ),
    ),
    _RoomKind(  # bedroom
        signs=_names("bed, nightstand, mattress, closet, wardrobe, dresser"),
        typical=_names(
            "backpack, bed, bookshelf, chair, closet, fan, guitar, lamp, laptop, mirror, nightstand, pillow, plant, "
            "radiator, suitcase, table, trash bin, tv, window"
        ),
    ),
    _RoomKind(  # living room
        signs=_names("sofa, fireplace, piano, coffee table, tv stand, sofa chair, ottoman"),
        typical=_names(
            "bookshelf, clock, cushion, fan, fireplace, guitar, lamp, piano, pillow, plant, radiator, sofa, stool, "
            "table, trash bin, tv, window"
        ),
    ),
    _RoomKind(  # office or classroom
        signs=_names(
            "monitor, keyboard, computer mouse, computer tower, whiteboard, printer, telephone, copier, blackboard"
        ),
        typical=_names(
            "backpack, bookshelf, chair, clock, computer mouse, computer tower, keyboard, lamp, laptop, monitor, "
            "plant, printer, radiator, sofa, table, telephone, trash bin, whiteboard, window"
        ),
    ),
)


def absent_categories(annotated: Set[str], names: Iterable[str]) -> frozenset[str]:
    """The annotated categories that a room lacks although rooms of its kind typically have them.

    Args:
        annotated: Categories of which the room's source annotates every object.
        names: What the room's objects are called, also those that were left out later.
    """
    there = frozenset(names)
    typical = frozenset[str]().union(*(kind.typical for kind in _kinds_of(there)))
    return frozenset(
        name for name in typical & annotated if not any(may_be_there_as(name, other) for other in there)
    )


def _kinds_of(names: Set[str]) -> list[_RoomKind]:
    """The kinds of room that most signs speak for; none without any sign."""
    signs = [len(kind.signs & names) for kind in _KINDS]
    return [kind for kind, number in zip(_KINDS, signs, strict=True) if number == max(signs) > 0]


def may_be_there_as(absent: str, name: str) -> bool:
    """Whether what is called by a name could be, or belong to, an object of the category that seems absent."""
    is_mentioned = re.search(rf"(?<!\w){re.escape(absent)}(?!\w)", name) is not None
    return (
        is_mentioned or seems_alike(absent, name) or could_be_one(absent, name) or _is_told_by(name, absent)
    )


def _is_told_by(name: str, absent: str) -> bool:
    """Whether what is called by a name tells that there is one of a category: a lampshade of a lamp."""
    told = frozenset[str]().union(*(told_by(" ".join(words)) for words in words_of(name).things))
    return not told.isdisjoint(spellings(absent))
