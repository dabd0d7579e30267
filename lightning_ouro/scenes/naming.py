"""Whether a name of one category also fits the objects of another: "the table" may be the coffee table.

English compounds end with what a thing is: a tv stand is a stand and no tv. So a category is a kind of another
one if its name ends with the other's: "coffee table" and "bedside table" with "table", "bookshelf" with
"shelf". Number, hyphens and blanks do not matter, and what follows a preposition does not count: a "box of
tissues" is a box.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import product

from lightning_ouro.scenes.vocabulary import spellings

SHORTEST = 3  # letters: a shorter name ends too many words that mean something else; chosen by hand
# Words that are no kind of what they end with.
_OTHERS = frozenset(
    ("cardboard", "cupboard", "dashboard", "dishwasher", "keyboard", "skateboard", "surfboard")
)
_PREPOSITION = re.compile(r" (?:of|with|for|on|in|under|to|from|without) .*| ?\(.*")
_IRREGULAR = {"knives": "knife", "leaves": "leaf", "people": "person", "mice": "mouse"}


@lru_cache(maxsize=100_000)
def is_kind_of(category: str, general: str) -> bool:
    """Whether the objects of a category can also be called by the name of a more general one.

    Two spellings of one name are kinds of each other; a category is no kind of itself.
    """
    if category == general:
        return False
    special, wide = _words(category), _words(general)
    if special[-len(wide) :] == wide or "".join(special) == "".join(wide):
        return True
    ending = "".join(wide)
    return len(ending) >= SHORTEST and special[-1] not in _OTHERS and "".join(special).endswith(ending)


@lru_cache(maxsize=100_000)
def could_be_one(first: str, second: str) -> bool:
    """Whether an object of either category could also be called by the other's name, however that is spelled.

    Of a scene with a coffee table or a desk one can't say that it has no table, and hardly, of one with a table,
    that it has no coffee table.
    """
    pairs = list(product(spellings(first), spellings(second)))
    return any(one == other or is_kind_of(one, other) or is_kind_of(other, one) for one, other in pairs)


@lru_cache(maxsize=10_000)
def is_any_kind(category: str, names: frozenset[str]) -> bool:
    """Whether one of these names is that of the category, or of a more general one."""
    return any(category == name or is_kind_of(category, name) for name in names)


@lru_cache(maxsize=10_000)
def _words(category: str) -> tuple[str, ...]:
    """The words that say what a thing is, in lower case and singular; at least one."""
    named = _PREPOSITION.sub("", re.sub(r"[-_/]+", " ", category.casefold()))
    return tuple(_singular(word) for word in re.findall(r"[^\W_]+", named)) or (category,)


def _singular(word: str) -> str:
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if word.endswith("lves"):
        return f"{word[:-3]}f"
    if re.search(r"[^aeiou]ies$", word):
        return f"{word[:-3]}y"
    if re.search(r"(?:ss|x|z|[cs]h)es$", word):
        return word[:-2]
    return word[:-1] if re.search(r"[^su]s$", word) else word
