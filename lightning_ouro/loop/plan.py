"""A round's plan: which questions are trained, in which rows, in which order. A pure function of its arguments.

`steps * questions_per_step` draws by systematic sampling: the expected number of draws of a question is proportional to
its weight, at most `MAX_DRAWS`. Draws are grouped by scene into rows that share the scene's video, rows are shuffled,
and the stream is cut so that every micro-batch holds the same number of *questions* (a row may be cut there).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MAX_DRAWS = 2


@dataclass(frozen=True)
class PlannedRow:
    """Questions of one scene that share its video in one batch."""

    scene_id: str
    question_ids: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """A round's micro-batches in the order in which ranks deal them out.

    Attributes:
        batches: Each a list of rows with the same number of questions in all.
        steps: Optimizer steps that they make.
        drawn: Draws of each question, in the pool's order.
    """

    batches: tuple[tuple[PlannedRow, ...], ...]
    steps: int
    drawn: NDArray[np.int64]


def make_plan(
    pool: Sequence[tuple[str, str]],
    weights: NDArray[np.float64],
    steps: int,
    questions_per_step: int,
    batches_per_step: int,
    questions_per_row: int,
    seed: Sequence[int],
) -> Plan:
    """The plan of a round.

    Args:
        pool: Scene id and question id of every question, in the pool's order.
        weights: The questions' sampling weights, `(questions,)`, not negative.
        steps: Optimizer steps wanted; fewer where the pool cannot fill them.
        questions_per_step: Questions of one optimizer step over ranks and micro-batches.
        batches_per_step: Micro-batches of one step: ranks times accumulated batches; divides `questions_per_step`.
        questions_per_row: At most so many questions share one video.
        seed: Seeds the draw and the order, for instance (seed, round).
    """
    assert questions_per_step % batches_per_step == 0, "the datamodule checks that micro-batches are equal"
    steps = min(steps, MAX_DRAWS * int((weights > 0).sum()) // questions_per_step)
    rng = np.random.default_rng(list(seed))
    drawn = systematic_sample(expected_draws(weights, steps * questions_per_step), rng)
    rows = _rows(pool, drawn, questions_per_row, rng)
    batches = _cut(rows, questions_per_step // batches_per_step)
    return Plan(batches, steps, drawn)


def expected_draws(weights: NDArray[np.float64], total: int) -> NDArray[np.float64]:
    """Draws in proportion to the weights that sum to `total`, none above `MAX_DRAWS`.

    What the cap takes from some is spread over the others in proportion, until nothing exceeds it.
    """
    expected = np.zeros(len(weights))
    capped = np.zeros(len(weights), dtype=bool)
    while total:
        free = ~capped & (weights > 0)
        expected[free] = (
            weights[free] * ((total - MAX_DRAWS * capped.sum()) / weights[free].sum()) if free.any() else 0
        )
        over = free & (expected > MAX_DRAWS)
        if not over.any():
            break
        capped |= over
        expected[over] = MAX_DRAWS
    return expected


def systematic_sample(expected: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Whole numbers of draws with the given expectations: each is its floor or ceiling, and the sum is exact.

    Systematic sampling (Madow 1949) over a random order: neighbours in the pool, which share a scene, don't exclude one
    another.
    """
    order = rng.permutation(len(expected))
    total = round(float(expected.sum()))
    edges = np.concatenate([[0.0], np.cumsum(expected[order])])
    if total:
        edges *= total / edges[-1]  # takes away what rounding added, so that the sum is exact
    ticks = np.ceil(edges - rng.uniform()).astype(np.int64)
    ticks[0], ticks[-1] = 0, total
    drawn = np.zeros(len(expected), dtype=np.int64)
    drawn[order] = np.diff(ticks)
    return drawn


def _rows(
    pool: Sequence[tuple[str, str]],
    drawn: NDArray[np.int64],
    questions_per_row: int,
    rng: np.random.Generator,
) -> list[PlannedRow]:
    """Draws grouped by scene and shuffled; second draws make rows of their own, so no row asks a question twice."""
    rows = []
    for turn in range(MAX_DRAWS):
        by_scene: dict[str, list[str]] = defaultdict(list)
        for (scene_id, question_id), count in zip(pool, drawn, strict=True):
            if count > turn:
                by_scene[scene_id].append(question_id)
        for scene_id in by_scene:
            ids = [by_scene[scene_id][place] for place in rng.permutation(len(by_scene[scene_id]))]
            starts = range(0, len(ids), questions_per_row)
            rows += [PlannedRow(scene_id, tuple(ids[start : start + questions_per_row])) for start in starts]
    return [rows[place] for place in rng.permutation(len(rows))]


def _cut(rows: Sequence[PlannedRow], questions_per_batch: int) -> tuple[tuple[PlannedRow, ...], ...]:
    """The stream of rows in batches of equally many questions; a row that crosses a border is cut in two."""
    batches: list[tuple[PlannedRow, ...]] = []
    batch: list[PlannedRow] = []
    room = questions_per_batch
    for row in rows:
        ids = row.question_ids
        while ids:
            batch.append(PlannedRow(row.scene_id, ids[:room]))
            ids, room = ids[room:], room - len(batch[-1].question_ids)
            if room == 0:
                batches.append(tuple(batch))
                batch, room = [], questions_per_batch
    assert not batch, "the number of draws is a multiple of the batch"
    return tuple(batches)
