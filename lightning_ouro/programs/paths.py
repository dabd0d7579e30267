"""The shortest paths between all objects of a scene, found together; `walking` says what a path is.

A first search from each object knows only the lines that are free for every pair. Its way is a pair's path
unless a line that is free for this pair alone (because it passes what an end stands on) makes a shorter one
possible; only then are all lines of the pair searched, among the bends that a shorter path can reach.

All of it pauses every few milliseconds, so that whoever runs it can stop in time.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from lightning_ouro.programs.blocking import Flags, Sets
from lightning_ouro.programs.clearance import EPSILON
from lightning_ouro.programs.geometry import Floats
from lightning_ouro.programs.lines import CHUNK, Lines, is_within
from lightning_ouro.programs.walking import Ground, Indices

Way = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Paths:
    """The shortest paths between all objects in one draw of a scene.

    Attributes:
        bends: `(m, 2)` points at which paths bend, metres.
        ways: For each pair of objects a ≥ b, at a (a + 1) / 2 + b, the indices of the bends on the way from a
            to b; None if there is no way.
    """

    bends: Floats
    ways: list[Way | None]


def find_paths(ground: Ground, draw: int, straight: Flags) -> Generator[None, None, Paths]:
    """Finds all paths in one draw with at most `lines.MOST_OBSTACLES` obstacles, with pauses.

    Args:
        ground: What is walked on.
        draw: Index of the draw.
        straight: `(n, n)` whether two objects have a straight way there, which is their path.
    """
    objects = len(straight)
    lines = Lines(ground, draw)
    yield from lines.find(straight)
    ways: dict[tuple[int, int], Way | None] = {(a, b): () for a, b in np.argwhere(straight).tolist()}
    likely = yield from _find_likely(lines)
    for i, (a, b) in enumerate(lines.pairs.tolist()):
        found = likely.get((a, b), _UNKNOWN)
        ways[a, b] = found.way if found.is_shortest else _shortest(lines, i, found.length)
        if i % CHUNK == 0:
            yield
    return Paths(lines.bends, [ways.get((a, b)) for a in range(objects) for b in range(a + 1)])


@dataclass(frozen=True)
class _Found:
    """A way between two objects, which may not be the shortest.

    Attributes:
        length: Metres.
        way: Its bends.
        is_shortest: Whether no line that only this pair can use makes a shorter one.
    """

    length: float
    way: Way
    is_shortest: bool


_UNKNOWN = _Found(np.inf, (), False)


def _find_likely(lines: Lines) -> Generator[None, None, dict[tuple[int, int], _Found]]:
    """The shortest ways along lines that are free for every pair, by the pair, where there is one."""
    open_bends = np.flatnonzero(lines.near == 0)
    n, found = len(lines.under), dict[tuple[int, int], _Found]()
    if len(open_bends) == 0:
        return found
    leaving = is_within(lines.blocked_objects, lines.under[:, None]) & (lines.own & lines.under[:, None] == 0)
    leaving &= lines.near == 0
    last = np.where(leaving, lines.from_objects, np.inf)
    steps = np.zeros((n + len(lines.bends), n + len(lines.bends)))
    steps[:n, n:] = np.where(leaving, lines.from_objects, 0)
    steps[n:, n:] = np.where(lines.blocked == 0, lines.lengths, 0)
    graph, special = csr_array(steps), _SpecialLines(lines)
    for start in np.unique(lines.pairs[:, 0]).tolist():
        lengths, before = dijkstra(graph, indices=start, return_predecessors=True)
        tree = _Tree.of(start, lengths[n:], np.maximum(before[n:] - n, -1), lines.own)
        pairs = np.flatnonzero(lines.pairs[:, 0] == start)
        total = tree.lengths + last[lines.pairs[pairs, 1]]
        bends = total.argmin(axis=1)
        bounds = np.where(tree.own[bends] & lines.aside[pairs], np.inf, total.min(axis=1))
        is_shortest = ~special.can_shorten(tree, pairs, bounds)
        for pair, bend, bound, is_found in zip(pairs, bends, bounds, is_shortest, strict=True):
            if np.isfinite(bound):
                way = tuple(tree.way_to(int(bend)))
                found[start, int(lines.pairs[pair, 1])] = _Found(float(bound), way, bool(is_found))
        yield
    return found


@dataclass(frozen=True, eq=False)
class _Tree:
    """The ways from one object to all bends along lines that are free for every pair.

    Attributes:
        root: The object.
        lengths: `(m,)` metres; infinite where no way leads.
        before: `(m,)` the bend before each; negative for the first on a way.
        own: `(m,)` the obstacles around whose corners the way to each bend leads, as sets.
    """

    root: int
    lengths: Floats
    before: Indices
    own: Sets

    @classmethod
    def of(cls, root: int, lengths: Floats, before: Indices, own: Sets) -> _Tree:
        """The tree, with what all ways lead around."""
        total, inner = own.copy(), before >= 0
        while (longer := np.where(inner, own | total[before], own) != total).any():
            total[longer] |= total[before[longer]]
        return cls(root, lengths, before, total)

    def way_to(self, bend: int) -> Iterator[int]:
        """The bends on the way to one."""
        way = [bend]
        while self.before[way[-1]] >= 0:
            way.append(int(self.before[way[-1]]))
        return reversed(way)


class _SpecialLines:
    """The lines that are free for some pairs only."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        most = int(np.bitwise_count(lines.aside).max(initial=0))
        are_special = (lines.blocked != 0) & (np.bitwise_count(lines.blocked) <= most)
        self._starts, self._ends = np.nonzero(are_special)
        self._blocked, self._lengths = lines.blocked[are_special], lines.lengths[are_special]

    def can_shorten(self, tree: _Tree, pairs: Indices, bounds: Floats) -> Flags:
        """Whether paths may be shorter than the ways that a tree gives to some pairs `(k,)`, whose first is its root.

        The first special line on the way of a shorter path leads to a bend by less than the tree does, or to
        one to which the tree leads around an obstacle that does not count for the pair.
        """
        lines, bounds, aside = self._lines, bounds[:, None] - EPSILON, self._lines.aside[pairs, None]
        ends, free = lines.pairs[pairs, 1], lines.are_free(np.arange(len(lines.bends)), aside)
        to_end = lines.from_objects[ends]
        first = np.where(
            is_within(lines.blocked_objects[tree.root], aside), lines.from_objects[tree.root], np.inf
        )
        last = np.where(is_within(lines.blocked_objects[ends], aside), to_end, np.inf)
        around = (tree.own & aside != 0) & (tree.lengths + to_end < bounds)
        leaving = (first < tree.lengths - EPSILON) & (first + to_end < bounds)
        arriving = tree.lengths + last < bounds
        shorter = (free & (around | leaving | arriving)).any(axis=1)
        reached = tree.lengths[self._starts] + self._lengths
        useful = np.flatnonzero(reached < tree.lengths[self._ends] - EPSILON)
        starts, ends, reached = self._starts[useful], self._ends[useful], reached[useful]
        for i in np.flatnonzero(~shorter).tolist():
            some = np.flatnonzero(is_within(self._blocked[useful], aside[i]))
            some = some[free[i, starts[some]] & free[i, ends[some]]]
            shorter[i] = (reached[some] + to_end[i, ends[some]] < bounds[i]).any()
        return shorter


def _shortest(lines: Lines, pair: int, bound: float) -> Way | None:
    """A pair's path along all of its lines, given a length that it does not exceed."""
    (a, b), aside = lines.pairs[pair].tolist(), lines.aside[pair]
    through = lines.from_objects[a] + lines.from_objects[b]
    free = lines.are_free(np.arange(len(lines.bends)), aside)
    bends = np.flatnonzero(free & (through <= bound + EPSILON))
    leaving = is_within(lines.blocked_objects[[[a], [b]], bends], aside)
    if np.isinf(bound) and not _are_connected(lines, leaving, bends, aside):
        return None
    inner, steps = np.ix_(bends, bends), np.zeros((len(bends) + 2, len(bends) + 2))
    first, last = np.where(leaving, lines.from_objects[[[a], [b]], bends], 0)
    steps[0, 2:], steps[2:, 1] = first, last
    steps[2:, 2:] = np.where(is_within(lines.blocked[inner], aside), lines.lengths[inner], 0)
    _, before = dijkstra(csr_array(steps), indices=0, return_predecessors=True)
    way, node = [], int(before[1])
    while node > 0:
        way.append(int(bends[node - 2]))
        node = int(before[node])
    return tuple(reversed(way))


def _are_connected(lines: Lines, leaving: Flags, bends: Indices, aside: np.uint64) -> bool:
    """Whether lines lead from one end to the other, given where they lead from each `(2, m)`."""
    seen, goal = sorted(leaving, key=np.count_nonzero)
    fresh = seen
    while fresh.any() and not (seen & goal).any():
        fresh = is_within(lines.blocked[np.ix_(bends[fresh], bends)], aside).any(axis=0) & ~seen
        seen = seen | fresh
    return bool((seen & goal).any())
