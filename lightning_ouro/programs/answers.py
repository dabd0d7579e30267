"""The typed answers of programs as the host sees them: units, ranges, rounding, and when two of them agree.

Printed as VSI-Bench prints its ground truths: counts and centimetres whole, metres and square metres always with one
decimal. No official value lies on a tie, so round-half-even and round-half-up both reproduce all of them.
"""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, get_args

from lightning_ouro.programs.questions import Unit

Kind = Literal["count", "centimetres", "metres", "square_metres", "choice"]
KINDS: tuple[Kind, ...] = get_args(Kind)

UNITS: dict[Kind, Unit | None] = {
    "count": "count",
    "centimetres": "cm",
    "metres": "m",
    "square_metres": "m2",
    "choice": None,
}
# Far above any room: the largest of VSI-Bench's is 129 m2, its longest side 5.5 m.
BOUNDS: dict[Kind, float] = {"count": 1000, "centimetres": 10_000, "metres": 100, "square_metres": 10_000}
STEPS: dict[Kind, float] = {"count": 0, "centimetres": 1, "metres": 0.1, "square_metres": 0.1}
TOLERANCE = 0.1
_SIGNS = frozenset(" ,.;:'’()/&+-%°")
LONGEST_CHOICE = 200  # characters; four long category names in a row
MOST_CHOICES = 27  # three turns of a route; a family shows fewer


@dataclass(frozen=True)
class TypedAnswer:
    """What a program returned: typed, not yet rounded.

    Attributes:
        kind: Which function of the API made it.
        value: An int for a count, text for a choice, an int or float otherwise.
        among: The values of a choice in the program's order, None for a number.
    """

    kind: Kind
    value: int | float | str
    among: tuple[str, ...] | None = None

    @property
    def unit(self) -> Unit | None:
        """The unit of a number, None for a choice."""
        return UNITS[self.kind]

    def out_of_range(self) -> str | None:
        """Says what is wrong with the value: not finite, not positive, beyond any room, not among its choices."""
        if isinstance(self.value, str):
            return self._bad_choice()
        if not isinstance(self.value, int) and not math.isfinite(self.value):
            return f"{self.kind}({self.value}) is not finite"
        bound = BOUNDS[self.kind]
        if self.value > bound:  # not shown: Python refuses to write integers of more than 4300 digits
            return f"{self.kind}() of more than {bound}"
        if self.kind == "count":
            return None if self.value >= 0 else "count() of less than 0"
        return None if self.value > 0 else f"{self.kind}() of 0 or less"

    def _bad_choice(self) -> str | None:
        among = self.among or ()
        return _bad_choices(among) or (
            None if self.value in among else f"the choice {self.value!r} is not among {list(among)}"
        )

    def printed(self) -> str:
        """The value as VSI-Bench writes it; a choice's own text."""
        if isinstance(self.value, str):
            return self.value
        return str(round(self.value)) if self.kind in ("count", "centimetres") else f"{self.value:.1f}"

    def agrees(self, other: TypedAnswer | None) -> bool:
        """Whether an answer from jittered metadata is still this one.

        A choice has to be the same; a number within max(10 %, one rounding step) of this one, both unrounded. Counts
        are never rounded, so their step is 0. None, an answer out of range, never agrees.
        """
        if other is None or self.kind != other.kind:
            return False
        if isinstance(self.value, str) or isinstance(other.value, str):
            return self.value == other.value
        return abs(other.value - self.value) <= max(TOLERANCE * abs(self.value), STEPS[self.kind])

    def equals(self, other: TypedAnswer | None) -> bool:
        """Whether two programs mean the same: kind, choices in any order, and value to a relative 1e-6."""
        if other is None or self.kind != other.kind or set(self.among or ()) != set(other.among or ()):
            return False
        if isinstance(self.value, str) or isinstance(other.value, str):
            return self.value == other.value
        return math.isclose(self.value, other.value, rel_tol=1e-6)


@lru_cache(maxsize=256)  # all readings of a scene answer among the same
def _bad_choices(among: tuple[str, ...]) -> str | None:
    if not 2 <= len(among) <= MOST_CHOICES:
        return f"a choice among {len(among)} values; 2 to {MOST_CHOICES} are possible"
    if len({value.strip().casefold() for value in among}) < len(among):
        return f"a choice among values that repeat: {list(among)}"
    if not all(is_readable(value, LONGEST_CHOICE) for value in among):
        return f"a choice among values that are no plain words of 1 to {LONGEST_CHOICE} characters"
    return None


def is_readable(text: str, longest: int) -> bool:
    """Words as one writes them: no control signs, no markup that a chat template would take for its own."""
    plain = text == " ".join(text.split()) and unicodedata.is_normalized("NFKC", text)
    return 0 < len(text) <= longest and plain and all(sign.isalnum() or sign in _SIGNS for sign in text)


def typed(kind: object, value: object, among: object) -> TypedAnswer | str:
    """Makes an answer of what came out of the sandbox (choices in lines), or says in words why it is none."""
    if kind not in KINDS:
        return f"no kind of answer: {str(kind)[:40]}"
    if kind == "choice":
        if not isinstance(value, str) or not isinstance(among, str):
            return "choice() needs a text and a list of texts"
        return TypedAnswer(kind, value, tuple(among.split("\n")))
    if isinstance(value, bool) or not isinstance(value, int if kind == "count" else (int, float)):
        wanted = "an int" if kind == "count" else "a number"
        return f"{kind}() needs {wanted}, not {type(value).__name__}"
    return TypedAnswer(kind, value)
