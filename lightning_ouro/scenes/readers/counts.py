"""How many objects of each category a source counts, whatever words it uses for them.

A source may use several words for one category, and count some of them by hand, others by their boxes. So numbers
are put together word by word before these become categories: two sofas and a couch are three sofas, in any order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from lightning_ouro.scenes.readers.names import Names
from lightning_ouro.scenes.vocabulary import is_narrower, is_synonym
from lightning_ouro.scenes.words import singular


def merged_counts(labels: Sequence[str], given: Mapping[str, int], names: Names) -> dict[str, int]:
    """The number of objects by category.

    Args:
        labels: The label of each box that was let in.
        given: Numbers by label that the source gives itself. They win over the boxes with the same label; if no box
            of a category has any of these labels, over all of its boxes.
        names: What named the objects.
    """
    boxes = Counter(map(_written, labels))
    by_category = Counter(named for label in labels if (named := names.of(label)) is not None)
    corrected: Counter[str] = Counter()
    first: dict[str, str] = {}
    for label, number in given.items():
        # "TV" and "tv" are two entries of one label.
        corrected[first.setdefault(_written(label), label)] += number
    counts = dict(by_category)
    for category, mine in _by_category(corrected, by_category, names).items():
        used = [_written(label) for label in mine if _written(label) in boxes]
        others = by_category[category] - sum(boxes[label] for label in used) if used else 0
        counts[category] = others + sum(mine.values())
    return counts


def complete_categories(labels: Collection[str], objects: Collection[str], names: Names) -> frozenset[str]:
    """The categories of which all instances are known, from labels of which they are.

    That all desks are annotated does not tell that all tables are, which is what desks are called here.
    """
    named = {category_of_count(label, objects, names) for label in labels if not is_narrower(label)}
    return frozenset(name for name in named if name is not None)


def category_of_count(label: str, objects: Collection[str], names: Names) -> str | None:
    """What is counted by a label: the category of the boxes if it is their plural, since "chairs: 4" counts chairs."""
    name = names.of(label)
    if name is None or name in objects:
        return name
    one = " ".join((*name.split()[:-1], singular(name.split()[-1])))
    unified = names.of(one)
    return unified if unified in objects else name


def _by_category(
    given: Mapping[str, int], objects: Collection[str], names: Names
) -> dict[str, dict[str, int]]:
    """The given numbers by category and label."""
    grouped: dict[str, dict[str, int]] = {}
    for label, number in given.items():
        category = category_of_count(label, objects, names)
        # That there is no desk does not tell that there is no table, which is what desks are called here.
        if category is not None and (number or not is_synonym(label) or category in objects):
            grouped.setdefault(category, {})[label] = number
    return grouped


def _written(label: str) -> str:
    return " ".join(label.casefold().replace("_", " ").replace("-", " ").split())
