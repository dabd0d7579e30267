"""The words of a name: what it names, what that consists of or comes with, and singular or plural.

"stack of chairs"    names a stack, and chairs in it
"table/desk"         names a table or a desk; so do "table or desk" and "table (desk)"
"chair 2"            names a chair: numbers, sides and colours behind a name only tell objects apart
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

Words = tuple[str, ...]


def listed(words: str) -> frozenset[str]:
    """Some words, separated by blanks."""
    return frozenset(words.split())


_TOGETHER = re.compile(r"\s(?:and|or)\s|[/&+(),]")  # between the names of what is one box
_HOLDS = re.compile(r"\s(?:of|with|containing|full of)\s")
_PLACE = re.compile(r"(?<!built)(?<!walk)\s(?:for|on|in|under|to|from|without|by|at|near|behind)\s.*")
_SEVERAL = re.compile(r"\sand\s|[&+]")
_WORD = re.compile(r"[^\W_]+")
# Behind a name they say which one it is, not what.
_MARKS = listed(
    """
    left right front rear back upper lower top bottom middle center inner outer one two three small large
    big old new broken open closed unknown black white red green blue brown grey gray yellow
    """
)
_NUMBERED = re.compile(r"\d+\w?|\w")
_ENDING_IN_NUMBER = re.compile(r"([^\W\d]{3,})\d+")
_ONE_IN_S = listed("atlas bus canvas chassis gas iris lens tennis trellis")
_IRREGULAR = {
    "buses": "bus",
    "cacti": "cactus",
    "cactuses": "cactus",
    "calves": "calf",
    "children": "child",
    "dice": "die",
    "feet": "foot",
    "knives": "knife",
    "leaves": "leaf",
    "lice": "louse",
    "loaves": "loaf",
    "media": "medium",
    "men": "man",
    "mice": "mouse",
    "people": "person",
    "scarves": "scarf",
    "teeth": "tooth",
    "bureaux": "bureau",
    "lenses": "lens",
    "canvases": "canvas",
    "potatoes": "potato",
    "tomatoes": "tomato",
    "cookies": "cookie",
    "movies": "movie",
    "ties": "tie",
    "hoodies": "hoodie",
    "wives": "wife",
    "women": "woman",
}


class Named(NamedTuple):
    """What a name says, each as words in lower case and singular.

    Attributes:
        things: What the object is; at least one, more if the name leaves it open or joins several.
        contents: What it consists of or comes with.
        is_joined: Whether it is all of these things together.
        is_plural: Whether the name stands for several objects.
    """

    things: tuple[Words, ...]
    contents: tuple[Words, ...]
    is_joined: bool
    is_plural: bool


@lru_cache(maxsize=10_000)
def words_of(name: str) -> Named:
    """What a name says."""
    things: list[Words] = []
    contents: list[Words] = []
    for part in _TOGETHER.split(re.sub(r"[-_]+", " ", name.casefold())):
        first, *held = _HOLDS.split(f" {part} ")
        things.append(_words(first))
        contents += map(_words, held)
    said = tuple(filter(None, things)) or ((name,),)
    is_joined = bool(_SEVERAL.search(name))
    heads = [thing[-1] for thing in said]
    return Named(
        tuple(map(_in_singular, said)),
        tuple(_in_singular(words) for words in contents if words),
        is_joined=is_joined,
        is_plural=is_joined or any(singular(head) != head for head in heads),
    )


def singular(word: str) -> str:
    """The singular of a word in lower case; of one that is no plural, the word itself."""
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if word in _ONE_IN_S:
        return word
    if word.endswith("lves"):
        return f"{word[:-3]}f"
    if re.search(r"[^aeiou]ies$", word):
        return f"{word[:-3]}y"
    if re.search(r"(?:ss|x|z|[cs]h)es$", word):
        return word[:-2]
    return word[:-1] if re.search(r"[^su]s$", word) else word


def _words(phrase: str) -> Words:
    """The words of a phrase up to the place that it names, without marks behind them."""
    words = _WORD.findall(_PLACE.sub("", phrase))
    while len(words) > 1 and (words[-1] in _MARKS or _NUMBERED.fullmatch(words[-1])):
        words.pop()
    if words and (numbered := _ENDING_IN_NUMBER.fullmatch(words[-1])):
        words[-1] = numbered[1]
    return tuple(words)


def _in_singular(words: Words) -> Words:
    return tuple(map(singular, words))
