"""Which categories a free text names, and which family's question it asks in other words."""

from __future__ import annotations

import re
from collections.abc import Sequence

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
_FIELD = re.compile(r"\{\w+\[\d\]:?([^}]*)\}")


def named(text: str, categories: Sequence[str]) -> tuple[str, ...]:
    """The categories that a text names in singular or plural, sorted; the longest name wins."""
    names, rest = set(), text.casefold()
    for category in sorted(categories, key=len, reverse=True):
        rest, times = mention(category).subn(" ", rest)
        if times:
            names.add(category)
    return tuple(sorted(names))


def mention(category: str) -> re.Pattern[str]:
    """The pattern that finds a category in lower-case text, in singular or plural."""
    name = re.escape(category.casefold())
    plural = rf"{name[:-1]}ies" if name.endswith("y") else rf"{name[:-1]}ves" if name.endswith("lf") else name
    return re.compile(rf"(?<!\w)(?:{name}(?:\(s\)|e?s)?|{plural})(?!\w)")


def asks_like(text: str, categories: Sequence[str], families: Sequence[Family]) -> Family | None:
    """The first family whose question a text asks in other words, or None.

    A text asks a family's question if it names as many categories as one of the family's sentences does, and
    all of its other words are fillers or occur in the family's sentences.
    """
    names = named(text, categories)
    content = _words(text, names) - _FILLERS
    for family in families:
        for form in family.forms:
            category_sizes = [size for role, size in form.sizes.items() if role not in form.words]
            if len(names) == sum(category_sizes) and content <= _vocabulary(family):
                return family
    return None


def _words(text: str, names: Sequence[str]) -> set[str]:
    rest = text.casefold()
    for name in sorted(names, key=len, reverse=True):
        rest = mention(name).sub(" ", rest)
    return set(_WORD.findall(rest))


def _vocabulary(family: Family) -> set[str]:
    """All words of a family's sentences, with those that a field's pattern allows."""
    return {word for form in family.forms for word in _words(_FIELD.sub(r" \1 ", form.template), ())}
