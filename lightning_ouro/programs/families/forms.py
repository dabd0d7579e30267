"""Sentences that are written and read from one template, so that both always mean the same.

A template names roles as `{role[0]}`; a role that stands in it twice has to be the same object twice.
"""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from dataclasses import dataclass, field

Roles = Mapping[str, tuple[str, ...]]
"""Category names by role, in the order in which the text names them."""


@dataclass(frozen=True)
class Form:
    """One way to put a question.

    Attributes:
        template: A `str.format` string with fields such as `{pair[0]}`.
    """

    template: str
    _pattern: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_pattern", _pattern(self.template))

    def write(self, roles: Roles) -> str:
        """The sentence about these objects."""
        return self.template.format(**roles)

    def read(self, text: str) -> Roles | None:
        """The objects of a sentence of this form, or None; case and amounts of white space don't matter."""
        match = self._pattern.fullmatch(text.strip())
        if match is None:
            return None
        roles: dict[str, tuple[str, ...]] = {}
        for name, value in match.groupdict().items():
            role = name.rpartition("_")[0]
            roles[role] = (*roles.get(role, ()), " ".join(value.split()))
        return roles


def _pattern(template: str) -> re.Pattern[str]:
    parts: list[str] = []
    seen: set[str] = set()
    for literal, name, _, _ in string.Formatter().parse(template):
        parts.append(re.sub(r"(\\?\s)+", r"\\s+", re.escape(literal)))
        if name is not None:
            group = name.replace("[", "_").rstrip("]")
            parts.append(f"(?P={group})" if group in seen else f"(?P<{group}>[^,?.]+?)")
            seen.add(group)
    return re.compile("".join(parts), re.IGNORECASE)
