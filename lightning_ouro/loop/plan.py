"""A round's plan: which questions are trained on, in which rows, in which order.

A pure function of its arguments. Makes `steps * questions_per_step` draws by systematic sampling: a
question's expected number of draws is proportional to its weight and at most `MAX_DRAWS`. Draws are grouped
by scene into rows that share the scene's video, rows are shuffled, and the stream is cut so that every
micro-batch holds the same number of *questions* (a row may be cut in two there).

A `PlannedRow` names questions; the datamodule makes it a `solver.batches.SceneRow`, with the video, and the
solver a `solver.encoding.Row`, with tokens.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MAX_DRAWS = 2  # per question and round, so that a few questions cannot fill it; chosen by hand


@dataclass(frozen=True)
class RoundSize:
    """How much one round trains on.

    Attributes:
        steps: Optimizer steps; a round is shorter where the pool cannot fill them.
        questions_per_step: Questions per optimizer step, over ranks and micro-batches.
        batches_per_step: Micro-batches per step, ranks times accumulated batches; divides `questions_per_step`.
        questions_per_row: Maximum number of questions that share one video in a row.
    """

    steps: int
    questions_per_step: int
    batches_per_step: int
    questions_per_row: int


@dataclass(frozen=True)
class PlannedRow:
    """Questions of one scene that share its video in one batch."""

    scene_id: str
    question_ids: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """A round's micro-batches, in order; batch i goes to rank i mod world_size.

    Attributes:
        batches: Rows of each micro-batch; all hold the same number of questions.
        steps: Optimizer steps that they make.
        drawn: Number of draws of each question, in the pool's order.
    """

    batches: tuple[tuple[PlannedRow, ...], ...]
    steps: int
    drawn: NDArray[np.int64]


def make_plan(
    pool: Sequence[tuple[str, str]], weights: NDArray[np.float64], size: RoundSize, seed: Sequence[int]
) -> Plan:
    """The plan of a round.

    Args:
        pool: Scene id and question id of every question, in the pool's order.
        weights: Sampling weights of the questions, `(questions,)`, not negative.
        size: How much to train on.
        seed: Seeds draws and order, for instance (seed, round).
    """
    assert size.questions_per_step % size.batches_per_step == 0, (
        "the datamodule checks that one divides the other"
    )
    steps = min(size.steps, MAX_DRAWS * int((weights > 0).sum()) // size.questions_per_step)
    rng = np.random.default_rng(list(seed))
    drawn = systematic_sample(expected_draws(weights, steps * size.questions_per_step), rng)
    rows = _rows(pool, drawn, size.questions_per_row, rng)
    batches = _cut(rows, size.questions_per_step // size.batches_per_step)
    return Plan(batches, steps, drawn)


def expected_draws(weights: NDArray[np.float64], total: int) -> NDArray[np.float64]:
    """Draws in proportion to the weights that sum to `total`, none above `MAX_DRAWS`.

    What exceeds the cap is spread over the other questions in proportion, until nothing exceeds it.
    """
    expected = np.zeros(len(weights))
    capped = np.zeros(len(weights), dtype=bool)
    while total:
        free = ~capped & (weights > 0)
        if free.any():
            expected[free] = weights[free] * ((total - MAX_DRAWS * capped.sum()) / weights[free].sum())
        over = free & (expected > MAX_DRAWS)
        if not over.any():
            break
        capped |= over
        expected[over] = MAX_DRAWS
    return expected


def systematic_sample(expected: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Whole numbers of draws with the given expectations: each is its floor or ceiling, and the sum is exact.

    Systematic sampling (Madow 1949) over a random order, so that neighbours in the pool, which share a scene,
    do not exclude one another.
    """
    order = rng.permutation(len(expected))
    total = round(float(expected.sum()))
    edges = np.concatenate([[0.0], np.cumsum(expected[order])])
    if total:
        edges *= total / edges[-1]  # removes what rounding added, so that the sum is exact
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
    """Draws grouped by scene and shuffled.

    Second draws get rows of their own, so no row holds a question twice.
    """
    rows = []
    for repeat in range(MAX_DRAWS):
        by_scene: dict[str, list[str]] = defaultdict(list)
        for (scene_id, question_id), count in zip(pool, drawn, strict=True):
            if count > repeat:
                by_scene[scene_id].append(question_id)
        for scene_id in by_scene:
            ids = [by_scene[scene_id][index] for index in rng.permutation(len(by_scene[scene_id]))]
            starts = range(0, len(ids), questions_per_row)
            rows += [PlannedRow(scene_id, tuple(ids[start : start + questions_per_row])) for start in starts]
    return [rows[index] for index in rng.permutation(len(rows))]


def _cut(rows: Sequence[PlannedRow], questions_per_batch: int) -> tuple[tuple[PlannedRow, ...], ...]:
    """The stream of rows in batches of equally many questions.

    A row that crosses a boundary is cut in two.
    """
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
