"""Sentence templates that write questions and parse them back, so that both directions always mean the same.

A template names a role's objects as `{role[0]}`, `{role[1]}`; a field that occurs twice has to be the same
name both times. Roles hold categories unless the field gives a pattern: `{times[0]:[0-9]+[.][0-9]}` is a
time, `{motion[0]:move|turn}` one of two words.

Reading takes time in proportion to the text. Between two categories stands the sentence's own text, with times
and words in it. Each such separator is looked for once, from left to right, and the first place is kept: since
every category may hold the same characters, trying a later place could find nothing that this misses. (Except
where a sentence names an object twice, and its name holds the words that stand behind it; families write none.)
"""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from lightning_ouro.plain_text import folded, lower_case

Roles = Mapping[str, tuple[str, ...]]
"""What a question names, by role: categories, times, or words."""

SECONDS = "[0-9]+[.][0-9]"
# Characters of a text that is read; the longest that families write, a route with names of 40 characters, has 693.
LONGEST = 1000
_ENDS_A_CATEGORY = frozenset(",?.")
_ASCII_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


@dataclass(frozen=True)
class Form:
    """One way to phrase a question.

    Attributes:
        template: A `str.format` string with fields such as `{pair[0]}`; the pattern of a field is a choice of
            words, or digits with other characters between them.
        is_extra: Whether it asks something that VSI-Bench does not ask in this family.
        of_one_room: Whether it asks for what one room has as a whole, and so is not clear about several (`necks`).
        sizes: How many names of each role it holds.
        words: The roles that hold times or words instead of categories.
    """

    template: str
    is_extra: bool = False
    of_one_room: bool = False
    sizes: Mapping[str, int] = field(init=False, repr=False, compare=False)
    words: frozenset[str] = field(init=False, repr=False, compare=False)
    _categories: tuple[str, ...] = field(init=False, repr=False, compare=False)
    _separators: tuple[re.Pattern[str], ...] = field(init=False, repr=False, compare=False)
    _plain: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        parts = list(string.Formatter().parse(self.template))
        specs = {name: spec for _, name, spec, _ in parts if name is not None}
        roles = [name.partition("[")[0] for name in specs]
        words = frozenset(name.partition("[")[0] for name, spec in specs.items() if spec)
        plain = "".join(text + (f"{{{name}}}" if name else "") for text, name, _, _ in parts)
        object.__setattr__(self, "sizes", {role: roles.count(role) for role in roles})
        object.__setattr__(self, "words", words)
        object.__setattr__(
            self, "_categories", tuple(name for _, name, spec, _ in parts if name and not spec)
        )
        object.__setattr__(self, "_separators", _separators(self.template))
        object.__setattr__(self, "_plain", plain)

    def fits(self, roles: Roles) -> bool:
        """Whether the sentence names exactly these roles, with as many names each."""
        return self.sizes == {role: len(names) for role, names in roles.items()}

    def write(self, roles: Roles) -> str:
        """The sentence about these roles."""
        return self._plain.format(**roles)

    def outline(self) -> str:
        """The sentence with capital letters for categories, `1.0` and `2.0` for times, words such as `move/turn`."""
        written = dict(zip(dict.fromkeys(self._categories), string.ascii_uppercase, strict=False))
        for _, name, spec, _ in string.Formatter().parse(self.template):
            if name is not None and spec:
                written[name] = f"{int(name[-2]) + 1}.0" if spec == SECONDS else spec.replace("|", "/")
        roles = {
            role: tuple(written[f"{role}[{index}]"] for index in range(size))
            for role, size in self.sizes.items()
        }
        return folded(self.write(roles))

    def read(self, text: str) -> Roles | None:
        """The roles that a text of this form names, or None.

        Case and white space don't matter. Categories are given as the text writes them, words in lower case,
        times without leading zeros.
        """
        prepared = _prepared(text)
        found = None if prepared is None else self._find(*prepared)
        if found is None:
            return None
        roles: dict[str, tuple[str, ...]] = {}
        for name in sorted(found):  # by number: a sentence may name the second before the first
            role = name.partition("[")[0]
            roles[role] = (*roles.get(role, ()), found[name])
        return roles

    def _find(self, text: str, lower: str) -> dict[str, str] | None:
        """What a text, folded and also in lower case, has in each field."""
        separator = self._separators[0].match(lower)
        found = {} if separator is None else _words(separator)
        for name, pattern in zip(self._categories, self._separators[1:], strict=True):
            if separator is None:
                return None
            start = separator.end()
            if name in found:
                end = start + len(found[name])
                separator = pattern.match(lower, end)
                is_repeated = lower_case(text[start:end]) == lower_case(found[name])
                separator = separator if is_repeated else None
            else:
                separator = pattern.search(lower, start + 1)
                category = "" if separator is None else text[start : separator.start()].strip()
                if not category or not _ENDS_A_CATEGORY.isdisjoint(category):
                    return None
                found[name] = category
            found |= {} if separator is None else _words(separator)
        return None if separator is None else found


def _separators(template: str) -> tuple[re.Pattern[str], ...]:
    """Patterns for what stands before the first, between each two, and after the last of the categories."""
    patterns = [""]
    for literal, name, spec, _ in string.Formatter().parse(template):
        patterns[-1] += re.escape(re.sub(r"\s+", " ", literal).translate(_ASCII_LOWER))
        if name is not None and spec:
            patterns[-1] += f"(?P<{_group(name)}>{spec})"
        elif name is not None:
            patterns.append("")
    assert all(patterns[1:-1]), f"nothing stands between two categories: {template}"
    return tuple(map(re.compile, [*patterns[:-1], rf"{patterns[-1]}\Z"]))


def _group(name: str) -> str:
    """`times[0]` as the name of a group, `times_0`."""
    return name.replace("[", "_").rstrip("]")


def _words(separator: re.Match[str]) -> dict[str, str]:
    """The words and times that a separator holds, by field."""
    groups = separator.groupdict()
    return {f"{group[:-2]}[{group[-1]}]": _without_zeros(value) for group, value in groups.items()}


def _without_zeros(word: str) -> str:
    """A number without leading zeros; any other word as it is."""
    return re.sub(r"^0+(?=[0-9])", "", word)


@lru_cache(maxsize=16)  # a text is tried on all forms
def _prepared(text: str) -> tuple[str, str] | None:
    """The text folded, and that in lower case with each character in its place; None if it is too long."""
    text = folded(text)
    return None if len(text) > LONGEST else (text, text.translate(_ASCII_LOWER))
