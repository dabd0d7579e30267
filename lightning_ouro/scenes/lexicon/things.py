"""What words name: a small table of things and their kinds, which `build.py` derives from Open English WordNet.

A word may name several things, the most usual first. Only so much of that is used as people who annotate rooms would
mean (`_USUAL`, `_KNOWN`): a torch may be a flashlight, but a plate is no bag, though both are bases in baseball. The
table is read once it is needed, in about 15 ms.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

TABLE = Path(__file__).parent / "things.txt"
# Senses that count of the wider name of a pair, and of one of two names for the same thing; of the other the first
# does. The dish is the fourth thing that "plate" names, the elevator the fourth that "lift" does. Chosen by hand.
_USUAL, _KNOWN = 4, 5


class _Table(NamedTuple):
    """The parts of the file; lines are taken apart when they are asked for."""

    things: Sequence[str]
    words: dict[str, str]
    masses: frozenset[str]
    fronts: frozenset[str]


def key_of(name: str) -> str:
    """What the table calls a name: letters and digits in lower case, so that a deck chair is a deckchair."""
    return re.sub(r"[\W_]", "", name.lower())


@lru_cache(maxsize=1)
def _table() -> _Table:
    _, things, words, masses, fronts = re.split(
        r"^# (?:thing|word|mass|front)\n", TABLE.read_text("utf8"), flags=re.M
    )
    by_key = dict(line.split("\t", 1) for line in words.splitlines())
    return _Table(things.splitlines(), by_key, frozenset(masses.split()), frozenset(fronts.split()))


def is_word(name: str) -> bool:
    """Whether the table has things of this name."""
    return bool(_entry(name))


def has_entry(name: str) -> bool:
    """Whether the table has a name as it is, be it a plural."""
    return key_of(name) in _table().words


def is_front(word: str) -> bool:
    """Whether compounds begin with a word: "night", as in nightstand."""
    return word in _table().fronts or word in _table().words


def is_mass(word: str) -> bool:
    """Whether a word names stuff or a collection."""
    return word in _table().masses


@lru_cache(maxsize=10_000)
def senses(name: str) -> tuple[int, ...]:
    """The things that a name stands for, the most usual first; of "scissor" those of "scissors"."""
    return tuple(map(int, _entry(name).partition("\t")[0].split()))


@lru_cache(maxsize=10_000)
def told_by(name: str) -> frozenset[str]:
    """Keys of what the definition of a name's first sense mentions: "lamp" of a lampshade."""
    return frozenset(_entry(name).partition("\t")[2].split())


def are_same(one: str, other: str, *, whole: bool = True) -> bool:
    """Whether both names are words for the same thing.

    Args:
        one: A name, or the last words of one that stand for it.
        other: A name.
        whole: Whether `one` is all of its name. Of a paper bag, "bag" does not say that it is a suitcase.
    """
    first, second = senses(one)[:_KNOWN], senses(other)[:_KNOWN]
    return bool(set(first[:1]) & set(second) or (whole and set(second[:1]) & set(first)))


@lru_cache(maxsize=100_000)
def is_thing_of_kind(name: str, general: str) -> bool:
    """Whether what a name usually stands for is a kind of what a more general name stands for."""
    return bool(_kinds(senses(name)[:1]) & set(senses(general)[:_USUAL]))


def _kinds(things: Iterable[int]) -> frozenset[int]:
    """All things that these are kinds of."""
    above = frozenset(int(line) for thing in things for line in _table().things[thing].split())
    return above | _kinds(above) if above else above


def _entry(name: str) -> str:
    words, key = _table().words, key_of(name)
    return words.get(key) or words.get(f"{key}s", "")
