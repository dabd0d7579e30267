"""Typed answers on the host's side: units, ranges, rounding, and when two of them agree.

They are printed as VSI-Bench prints its ground truth: counts and centimetres as integers, metres and square
metres always with one decimal. No official value is a tie, so round-half-even and round-half-up both
reproduce all of them.
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
LENGTHS: frozenset[Kind] = frozenset({"centimetres", "metres", "square_metres"})
# Far above any room: VSI-Bench's largest has 129 m2, its longest object side is 5.5 m.
BOUNDS: dict[Kind, float] = {"count": 1000, "centimetres": 10_000, "metres": 100, "square_metres": 10_000}
STEPS: dict[Kind, float] = {"count": 0, "centimetres": 1, "metres": 0.1, "square_metres": 0.1}  # of rounding
TOLERANCE = 0.1  # by which a number may change under noise, relative; chosen by hand
_PUNCTUATION = frozenset(" ,.;:'’()/&+-%°")
LONGEST_CHOICE = 200  # characters: four long category names in a row
MOST_CHOICES = 27  # as many as a route of three turns has; families show fewer


@dataclass(frozen=True)
class TypedAnswer:
    """What a program returned: typed, but not yet rounded.

    Attributes:
        kind: Name of the API's function that created it.
        value: An int for a count, a string for a choice, otherwise an int or float.
        among: The choices in the program's order, or None for a number.
    """

    kind: Kind
    value: int | float | str
    among: tuple[str, ...] | None = None

    @property
    def unit(self) -> Unit | None:
        """The unit of a number, or None for a choice."""
        return UNITS[self.kind]

    def out_of_range(self) -> str | None:
        """What is wrong with the value: not finite or positive, beyond any room, or not among its choices."""
        if isinstance(self.value, str):
            return self._bad_choice()
        if not isinstance(self.value, int) and not math.isfinite(self.value):
            return f"{self.kind}({self.value}) is not finite"
        bound = BOUNDS[self.kind]
        if self.value > bound:  # the value is left out: Python refuses to print more than 4300 digits
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
        """The value as VSI-Bench prints it; for a choice, its text."""
        if isinstance(self.value, str):
            return self.value
        return str(round(self.value)) if self.kind in ("count", "centimetres") else f"{self.value:.1f}"

    def agrees(self, other: TypedAnswer | None) -> bool:
        """Whether the answer to a draw under noise is still this one.

        A choice has to be the same, and a number within max(10 %, one rounding step) of this one, both
        unrounded. Counts are never rounded, so their step is 0. None, an answer out of range, never agrees.
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


def described(answer: TypedAnswer | None) -> str:
    """An answer with its choices for a person."""
    if answer is None:
        return "a value out of range"
    among = "" if answer.among is None else f" among {sorted(answer.among)}"
    return f"{answer.kind}({answer.value}){among}"


@lru_cache(maxsize=256)  # the answers to all draws of a scene have the same choices
def _bad_choices(among: tuple[str, ...]) -> str | None:
    if not 2 <= len(among) <= MOST_CHOICES:
        return f"a choice among {len(among)} values; 2 to {MOST_CHOICES} are possible"
    if len({value.strip().casefold() for value in among}) < len(among):
        return f"a choice among values that repeat: {list(among)}"
    if not all(is_readable(value, LONGEST_CHOICE) for value in among):
        return f"a choice among values that are no plain words of 1 to {LONGEST_CHOICE} characters"
    return None


def is_readable(text: str, longest: int) -> bool:
    """Whether a text is plain words, without control characters or markup that a chat template acts on."""
    is_plain = text == " ".join(text.split()) and unicodedata.is_normalized("NFKC", text)
    return 0 < len(text) <= longest and is_plain and all(c.isalnum() or c in _PUNCTUATION for c in text)


def typed_answer(kind: object, value: object, among: object) -> TypedAnswer | str:
    """The answer that left the sandbox, with one choice a line, or what is wrong with it."""
    if kind not in KINDS:
        return f"no kind of answer: {str(kind)[:40]}"
    if kind == "choice":
        if not isinstance(value, str) or not isinstance(among, str):
            return "choice() needs a text and a list of texts"
        return TypedAnswer(kind, value, tuple(among.split("\n")))
    if isinstance(value, bool) or not isinstance(value, int if kind == "count" else (int, float)):
        needed = "an int" if kind == "count" else "a number"
        return f"{kind}() needs {needed}, not {type(value).__name__}"
    return TypedAnswer(kind, value)
