"""Whether the options of an open question exclude one another, and whether the text gives one of them away."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from itertools import combinations

from lightning_ouro.scenes.naming import could_be_one

_WORD = re.compile(r"[^\W_]+")
_ARTICLES = frozenset(("the", "a", "an"))
_METRES_PER = dict.fromkeys(("m", "meter", "meters", "metre", "metres"), 1.0)
_METRES_PER |= dict.fromkeys(("cm", "centimeter", "centimeters", "centimetre", "centimetres"), 0.01)
_METRES_PER |= dict.fromkeys(("mm", "millimeter", "millimeters", "millimetre", "millimetres"), 0.001)
_TINY = 1e-9  # "more than 3" begins that far above 3
_NUMBER = re.compile(r"([0-9]+(?:[.][0-9]+)?) ?([a-z]*)")
# Words that make a number the end of a range, and whether the number itself is in it.
_FROM = re.compile(
    r"\b(?:(or more|or over|at least|or longer|or farther)|(?:more|over|above|[a-z]+er) than)\b"
)
_UP_TO = re.compile(
    r"\b(?:(or less|or fewer|at most|up to|or under)|(?:less|fewer|under|below|closer|nearer|shorter|lower|smaller)"
    r"(?: than)?|under|below)\b"
)
_OTHERWISE = frozenset(("else", "unknown", "undecidable"))


def overlap(options: Sequence[str]) -> str | None:
    """That two options could both be right, or None."""
    for one, other in combinations(options, 2):
        if _are_one(one.casefold(), other.casefold()):
            return f"options that do not exclude one another: {list(options)}"
    return None


def given_away(words: Sequence[str], options: Sequence[str]) -> str | None:
    """Which option the text does not name, or names more often than another, or None."""
    said = f" {' '.join(words)} "
    times = {}
    for option in options:
        phrase = f" {' '.join(_WORD.findall(option.casefold()))} "
        times[option] = said.count(phrase)
        if not times[option]:
            return f"the option {option!r}, which the text does not name"
        if _OTHERWISE & set(phrase.split()):
            return f"the option {option!r} is no answer of its own"
    most = max(times, key=lambda option: times[option])
    return (
        None if len(set(times.values())) == 1 else f"the text names the option {most!r} more than the others"
    )


def _are_one(one: str, other: str) -> bool:
    first, second = _range(one), _range(other)
    if first is not None and second is not None:
        unit, low, high = first
        other_unit, other_low, other_high = second
        return unit == other_unit and max(low, other_low) <= min(high, other_high)
    words, others = _meaning(one), _meaning(other)
    if set(words) == set(others):
        return words == others or "," not in one  # the same things in another order are another list
    is_part = set(words) <= set(others) or set(others) <= set(words)
    return is_part or could_be_one(" ".join(words), " ".join(others))


def _meaning(option: str) -> list[str]:
    """An option's words without articles."""
    return [word for word in _WORD.findall(option) if word not in _ARTICLES]


def _range(option: str) -> tuple[str, float, float] | None:
    """The numbers that an option means, from the least to the largest, and "m" for lengths, which are in metres.

    None for what is no number, and for numbers of things, such as "2 chairs".
    """
    found = _NUMBER.findall(option)
    if not 1 <= len(found) <= 2:
        return None
    unit = next((unit for _, unit in reversed(found) if unit in _METRES_PER), "")
    numbers = [_METRES_PER.get(unit, 1.0) * float(number) for number, _ in found]
    kind = "m" if unit else ""
    if (up_to := _UP_TO.search(option)) is not None:
        return kind, -math.inf, numbers[-1] - (0.0 if up_to[1] else _TINY)
    if (least := _FROM.search(option)) is not None:
        return kind, numbers[0] + (0.0 if least[1] else _TINY), math.inf
    return (kind, min(numbers), max(numbers)) if unit or option.replace(".", "").isdigit() else None
