"""Random orders in which families offer their candidates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

import numpy as np

Item = TypeVar("Item")


def random_order(number: int, rng: np.random.Generator, limit: int = 20_000) -> list[int]:
    """At most `limit` of the integers below `number`, in random order."""
    if number == 0:
        return []
    return [int(i) for i in rng.choice(number, size=min(number, limit), replace=False)]


def balanced_order(
    items: Iterable[Item], kinds: Iterable[object], rng: np.random.Generator
) -> Iterator[Item]:
    """The items in an order in which each kind is equally likely to come next while it has items left."""
    queues: dict[object, list[Item]] = {}
    for item, kind in zip(items, kinds, strict=True):
        queues.setdefault(kind, []).append(item)
    remaining = list(queues.values())
    while remaining:
        queue = remaining[int(rng.integers(len(remaining)))]
        yield queue.pop()
        if not queue:
            remaining.remove(queue)


def in_turns(kinds: Sequence[Iterator[Item]], rng: np.random.Generator) -> Iterator[Item]:
    """The items of several iterators, each of which is equally likely to come next while it has items left."""
    remaining = list(kinds)
    while remaining:
        kind = remaining[int(rng.integers(len(remaining)))]
        item = next(kind, None)
        if item is None:
            remaining.remove(kind)
        else:
            yield item
