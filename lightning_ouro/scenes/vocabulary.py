"""Maps the labels of all data sets to one vocabulary of categories, as questions write them.

A label is lower-cased, its underscores, dashes and slashes become spaces, and synonyms become one word, so
that "how many trash bins" means the same in every room. Labels that name no object (walls, floors) or no
particular one (unknown, other) have no category.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from lightning_ouro.plain_text import folded
from lightning_ouro.scenes.words import listed, words_of

MAX_LENGTH = 40  # characters of a category
_LONGEST_LABEL = 1000  # characters that are looked at; chosen by hand, so that blanks may surround a name
_EXCLUDED_WORDS = """
wall floor ceiling room structure object objects misc other otherfurniture otherstructure otherprop remove removed
split unknown unlabeled unlabelled undefined unannotated void none
"""
_EXCLUDED = frozenset(_EXCLUDED_WORDS.split())
_SYNONYMS = {
    "armchair": "chair",
    "doors": "door",
    "windows": "window",
    "cabinets": "cabinet",
    "office chair": "chair",
    "couch": "sofa",
    "couch chair": "sofa chair",
    "desk": "table",
    "tv monitor": "tv",
    "television": "tv",
    "refridgerator": "refrigerator",
    "fridge": "refrigerator",
    "washing machine": "washer",
    "washing machines": "washer",
    "heater": "radiator",
    "ceiling lamp": "ceiling light",
    "mouse": "computer mouse",
    "night stand": "nightstand",
    "book shelf": "bookshelf",
    "bookcase": "bookshelf",
    "potted plant": "plant",
    "showercurtrain": "shower curtain",
} | dict.fromkeys(
    (
        "trash can",
        "trashcan",
        "garbage bin",
        "garbagebin",
        "garbage can",
        "recycling bin",
        "dustbin",
        "waste bin",
    ),
    "trash bin",
)
# Labels that name some of what their category holds: not every table is a desk.
_NARROWER = frozenset(("armchair", "office chair", "desk", "tv monitor", "potted plant", "recycling bin"))
# Said of so much that nobody knows what is meant; the first of them with any word in front. By hand.
_CLASS_HEADS = listed("appliance clutter equipment furnishing furniture item object stuff")
_CLASSES = _CLASS_HEADS | listed(
    """
    accessory belonging decor decoration device electronic fixture product seat seating structure supply
    thing utensil
    """
)

# What the forms of the questions say themselves: of an object called so, nobody could tell that it is meant. By hand.
_FORM_WORDS = listed(
    """
    above ahead all and answer any back backward before behind below beside between both bottom camera center
    centre centimeter centimeters centimetre clockwise closer closest direction distance down each either end facing
    far farthest first five forward four front height here it its last left length line longest meter
    meters metre metres middle more my nearer nearest neither no none north nothing now one option or order
    path point position question right robot room route scene second seconds side six size south
    space straight that the them there they third this three time top turn two up video west width yes you your
    east anything everything
    """
)

_PLAIN_NAME = re.compile(
    r"[^\W_][\w '’&+/()-]*"
)  # no character that a form, a fence or a chat template acts on


def plain_name(label: str) -> str | None:
    """The label as a question can write it, or None if it is not plain words of at most 40 characters.

    Unlike `category_of`, this changes nothing that a person would read as part of the name.
    """
    name = folded(unicodedata.normalize("NFKC", label[:_LONGEST_LABEL]))
    is_plain = len(label) <= _LONGEST_LABEL and len(name) <= MAX_LENGTH and _PLAIN_NAME.fullmatch(name)
    return name if is_plain else None


@lru_cache(maxsize=10_000)
def category_of(label: str) -> str | None:
    """The category of a data set's label; None if the label names no object that one could ask about."""
    name = _normalized(label)
    if not name or len(name) > MAX_LENGTH or not re.fullmatch(r"[^\W_]+(?:[ '’][^\W_]+|['’])*", name):
        return None
    name = _SYNONYMS.get(name, name)
    return None if name in _EXCLUDED else name


def names_nothing(label: str) -> bool:
    """Whether a label says that there is no object, or none in particular: a wall, unknown."""
    return _normalized(label[:_LONGEST_LABEL]) in _EXCLUDED


def is_other_word(label: str, name: str) -> bool:
    """Whether a label is more than another way to write a name: a couch, but no Sofa."""
    return _normalized(label) != _normalized(name)


@lru_cache(maxsize=10_000)
def spellings(category: str) -> frozenset[str]:
    """The category itself and all names that the vocabulary makes one with it."""
    name = _normalized(category)
    unified = _SYNONYMS.get(name, name)
    return frozenset({category, unified, *(label for label, name in _SYNONYMS.items() if name == unified)})


def is_synonym(label: str) -> bool:
    """Whether a label is another word for its category, which may hold more than what the label names."""
    return _normalized(label) in _SYNONYMS


def is_narrower(label: str) -> bool:
    """Whether a label names only some of what its category holds, as a desk is only one kind of table."""
    return _normalized(label) in _NARROWER


@lru_cache(maxsize=10_000)
def is_class(name: str) -> bool:
    """Whether a name says no more than that something is there: furniture, object, appliance."""
    return any(
        words[-1] in _CLASS_HEADS or (len(words) == 1 and words[0] in _CLASSES)
        for words in words_of(name).things
    )


@lru_cache(maxsize=10_000)
def is_form_word(name: str) -> bool:
    """Whether a name is made of words that the questions' forms say themselves, and numbers: camera, closest point."""
    words = _normalized(name).split()
    return bool(words) and all(word in _FORM_WORDS or word.isdigit() for word in words)


def _normalized(label: str) -> str:
    """The label in lower case, with a space for each underscore, dash and slash."""
    plain = unicodedata.normalize("NFKC", label).casefold()
    return folded(re.sub(r"[_/\-]+", " ", plain))
