"""Which categories a free text names, and which family's question it asks in other words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from lightning_ouro.plain_text import folded, lower_case
from lightning_ouro.programs.families.base import Family

# Words that do not change what a question asks for. The words of a family's own sentences come on top.
_FILLER_WORDS = """
a all altogether an and any are as at be been big by can contain contains could count counted counting do does
estimate exactly exist exists find for from give had has have here hold holds how i image in including inside into is
it its located many me much notice number object objects of on or our place please present room scene see seen show
shown shows size so space spot tell that the there these they thing things this those to total value video view
visible was we were what when where which whole will with within would you your
"""
_UNITS = "m metre metres meter meters cm centimetre centimetres centimeter centimeters s sec second seconds square sq"
_FILLERS = frozenset((*_FILLER_WORDS.split(), *_UNITS.split()))
_WORD = re.compile(r"[^\W\d_]+(?:'s)?")
_GAP = " | "  # stands for a name that was found: no name reaches across it
# A length in a text is a condition, and these words relate two things: content, where a family has no such words.
LENGTH = re.compile(
    r"(?<![\w.])(?:[0-9][0-9.,]*[ -]?|(?:half an?|an?|one|two|three|four|five|half)[ -])"
    r"(?:c?m|(?:centi)?met(?:er|re)s?)\b"
)
_RELATION = re.compile(
    r"\b(?:within|inside|on|onto|under|above|below|between|(?:clos|near|farth|furth)(?:er|est) (?:than|to|from))\b"
)
_FIELD = re.compile(r"\{\w+\[\d\]:?([^}]*)\}")


def named(text: str, categories: Sequence[str]) -> tuple[str, ...]:
    """The categories that a text names in singular or plural, sorted; the longest name wins."""
    return _split(text, categories)[0]


def foreign_letter(text: str, categories: Sequence[str]) -> str | None:
    """The first letter outside of names that is not ASCII, such as a dotless i, or None.

    Words with such letters look like others to a person, so a family's question could hide behind them.
    """
    rest = _split(text, categories)[1]
    return next((letter for letter in rest if letter.isalnum() and not letter.isascii()), None)


def _split(text: str, categories: Sequence[str]) -> tuple[tuple[str, ...], str]:
    """The categories that a text names, and the rest."""
    names, rest = set(), lower_case(text)
    for category in sorted(categories, key=len, reverse=True):
        rest, times = mention(category).subn(_GAP, rest)
        if times:
            names.add(category)
    return tuple(sorted(names)), rest


@lru_cache(maxsize=10_000)
def mention(category: str) -> re.Pattern[str]:
    """The pattern that finds a category in lower-case text, in singular or plural."""
    name = re.escape(lower_case(category))
    plural = rf"{name[:-1]}ies" if name.endswith("y") else rf"{name[:-1]}ves" if name.endswith("lf") else name
    return re.compile(rf"(?<!\w)(?:{name}(?:\(s\)|e?s)?|{plural})(?!\w)")


def asks_like(text: str, categories: Sequence[str], families: Sequence[Family]) -> Family | None:
    """The first family whose question a text asks in other words, or None.

    A text asks a family's question if it names as many categories as one of the family's sentences does, and
    all of its other words are fillers or occur in the family's sentences. Fillers that relate two categories to each
    other ("on") have to occur, too, and lengths are in no family's sentence.
    """
    names, rest = _split(text, categories)
    if LENGTH.search(rest):
        return None
    content = set(_WORD.findall(rest)) - _FILLERS
    relations = set(_RELATION.findall(rest)) if len(names) > 1 else set()
    for family in families:
        if not content <= _vocabulary(family) or not relations <= _relations(family):
            continue
        for form in family.forms:
            category_sizes = [size for role, size in form.sizes.items() if role not in form.words]
            if len(names) == sum(category_sizes):
                return family
    return None


@lru_cache(maxsize=64)  # families never change
def _vocabulary(family: Family) -> frozenset[str]:
    """All words of a family's sentences, with those that a field's pattern allows."""
    return frozenset(_WORD.findall(_templates(family)))


@lru_cache(maxsize=64)
def _relations(family: Family) -> frozenset[str]:
    return frozenset(_RELATION.findall(_templates(family)))


def _templates(family: Family) -> str:
    return lower_case(folded(" ".join(_FIELD.sub(r" \1 ", form.template) for form in family.forms)))
