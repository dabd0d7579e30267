"""Sentence templates that write questions and parse them back, so that both directions always mean the same.

A template names a role's objects as `{role[0]}`, `{role[1]}`; a field that occurs twice has to be the same
name both times. Roles hold categories unless the field gives a pattern: `{times[0]:[0-9]+[.][0-9]}` is a
time, `{motion[0]:move|turn}` one of two words.
"""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from dataclasses import dataclass, field

Roles = Mapping[str, tuple[str, ...]]
"""What a question names, by role: categories, times, or words."""

SECONDS = "[0-9]+[.][0-9]"
_CATEGORY = "[^,?.]+?"


@dataclass(frozen=True)
class Form:
    """One way to phrase a question.

    Attributes:
        template: A `str.format` string with fields such as `{pair[0]}`.
        sizes: How many names of each role it holds.
        words: The roles that hold times or words instead of categories.
    """

    template: str
    sizes: Mapping[str, int] = field(init=False, repr=False, compare=False)
    words: frozenset[str] = field(init=False, repr=False, compare=False)
    _pattern: re.Pattern[str] = field(init=False, repr=False, compare=False)
    _plain: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        parts = list(string.Formatter().parse(self.template))
        specs = {name: spec for _, name, spec, _ in parts if name is not None}
        roles = [name.partition("[")[0] for name in specs]
        words = frozenset(name.partition("[")[0] for name, spec in specs.items() if spec)
        plain = "".join(text + (f"{{{name}}}" if name else "") for text, name, _, _ in parts)
        object.__setattr__(self, "sizes", {role: roles.count(role) for role in roles})
        object.__setattr__(self, "words", words)
        object.__setattr__(self, "_pattern", _pattern(self.template))
        object.__setattr__(self, "_plain", plain)

    def fits(self, roles: Roles) -> bool:
        """Whether the sentence names exactly these roles, with as many names each."""
        return self.sizes == {role: len(names) for role, names in roles.items()}

    def write(self, roles: Roles) -> str:
        """The sentence about these roles."""
        return self._plain.format(**roles)

    def read(self, text: str) -> Roles | None:
        """The roles that a text of this form names, or None; case and amounts of white space don't matter."""
        match = self._pattern.fullmatch(text.strip())
        if match is None:
            return None
        roles: dict[str, tuple[str, ...]] = {}
        for name in sorted(match.groupdict()):  # by number: a sentence may name the second before the first
            role = name.rpartition("_")[0]
            roles[role] = (*roles.get(role, ()), " ".join(match[name].split()))
        return roles


def _pattern(template: str) -> re.Pattern[str]:
    parts: list[str] = []
    seen: set[str] = set()
    for literal, name, spec, _ in string.Formatter().parse(template):
        parts.append(re.sub(r"(\\?\s)+", r"\\s+", re.escape(literal)))
        if name is not None:
            group = name.replace("[", "_").rstrip("]")
            parts.append(f"(?P={group})" if group in seen else f"(?P<{group}>{spec or _CATEGORY})")
            seen.add(group)
    return re.compile("".join(parts), re.IGNORECASE)
