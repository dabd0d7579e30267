"""Any question that no other family asks, with a program that gives a typed answer.

Nothing can check that text and program agree, so a text that asks what a family asks, in other words, is refused: its
answer would be believed where the family's own program could have told. What is left has to name the things that it
is about, in text or options, and the frames have to show all of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import final

import numpy as np
from typing_extensions import override

from lightning_ouro.programs.answers import TypedAnswer
from lightning_ouro.programs.families.base import Family, only
from lightning_ouro.programs.families.forms import Roles
from lightning_ouro.programs.scene_geometry import SceneGeometry

# Words that add nothing to what a question asks for; a family's own words come on top.
_SAYING_NOTHING = """
a all altogether an and any are as at be been big by can contain contains could count counted counting do does
estimate exactly exist exists find for from give had has have here hold holds how i image in including inside into is
it its located many me much notice number object objects of on or our place please present room scene see seen show
shown shows size so space spot tell that the there these they thing things this those to total value video view
visible was we were what when where which whole will with within would you your
"""
_UNITS = "m metre metres meter meters cm centimetre centimetres centimeter centimeters s sec second seconds square sq"
_FILLERS = frozenset((*_SAYING_NOTHING.split(), *_UNITS.split()))
_WORD = re.compile(r"[^\W\d_]+(?:'s)?")


@final
class OpenQuestion(Family):
    """Kept only if all that it names is shown, and a count is no more than there are of what it names."""

    name = "open"
    forms = ()
    main_role = "objects"
    symmetric = frozenset({"objects"})

    @override
    def program(self, roles: Roles) -> str:
        raise NotImplementedError("an open question brings its own program")

    @override
    def candidates(self, geometry: SceneGeometry, rng: np.random.Generator) -> Iterator[Roles]:
        return iter(())  # only a model thinks of these

    @override
    def check(self, geometry: SceneGeometry, roles: Roles, answer: TypedAnswer | None = None) -> str | None:
        if answer is None or answer.kind != "count" or not isinstance(answer.value, int):
            return None
        names = roles["objects"]
        most = sum(map(geometry.count, names)) if names else len(geometry.scene.objects)
        if answer.value <= most:
            return None
        return f"{answer.value} of {most} {' and '.join(names) or 'objects'}: more than there are"

    @override
    def must_show(self, geometry: SceneGeometry, roles: Roles) -> frozenset[int]:
        return (
            only(geometry, roles["objects"])
            if roles["objects"]
            else frozenset(range(len(geometry.scene.objects)))
        )


def named(said: str, categories: Sequence[str]) -> tuple[str, ...]:
    """The categories that a text names, in singular or plural, each once and sorted; the longest name wins."""
    found, rest = set(), said.casefold()
    for category in sorted(categories, key=len, reverse=True):
        rest, times = mention(category).subn(" ", rest)
        if times:
            found.add(category)
    return tuple(sorted(found))


def mention(category: str) -> re.Pattern[str]:
    """Finds a category in lower-case text, in singular or plural."""
    name = re.escape(category.casefold())
    plural = rf"{name[:-1]}ies" if name.endswith("y") else rf"{name[:-1]}ves" if name.endswith("lf") else name
    return re.compile(rf"(?<!\w)(?:{name}(?:\(s\)|e?s)?|{plural})(?!\w)")


def asks_like(text: str, categories: Sequence[str], families: Sequence[Family]) -> Family | None:
    """The family whose question a text asks in other words: it says nothing that the family's sentences don't say.

    Compared are the words that are neither names of categories nor fillers, and how many categories are named.
    """
    names = named(text, categories)
    own = _words(text, names) - _FILLERS
    for family in families:
        for form in family.forms:
            category_roles = {role: size for role, size in form.sizes.items() if role not in form.words}
            if len(names) == sum(category_roles.values()) and own <= _vocabulary(family):
                return family
    return None


def _words(text: str, names: Sequence[str]) -> set[str]:
    rest = text.casefold()
    for name in sorted(names, key=len, reverse=True):
        rest = mention(name).sub(" ", rest)
    return set(_WORD.findall(rest))


def _vocabulary(family: Family) -> set[str]:
    fields = re.compile(r"\{\w+\[\d\]:?([^}]*)\}")  # the words that a field allows are the family's too
    return {word for form in family.forms for word in _words(fields.sub(r" \1 ", form.template), ())}
