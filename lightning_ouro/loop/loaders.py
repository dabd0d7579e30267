"""The loaders that the datamodule hands to the Trainer: plain iterables that hold one rank's share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from lightning_ouro.loop.plan import PlannedRow
from lightning_ouro.solver.batches import EvalBatch, TrainBatch


class FixedBatches:
    """This rank's evaluation batches, of which only the one that is asked for is held in memory.

    Args:
        chunks: The scenes of each batch, by id.
        load: Turns these into the batch.
    """

    def __init__(self, chunks: Sequence[Sequence[str]], load: Callable[[Sequence[str]], EvalBatch]) -> None:
        self._chunks, self._load = chunks, load

    def __len__(self) -> int:
        return len(self._chunks)

    def __iter__(self) -> Iterator[EvalBatch]:
        return map(self._load, self._chunks)


class RoundBatches:
    """This rank's batches of a round, from the current position on.

    `len` is that of the whole round, because Lightning counts from the round's start.

    Args:
        batches: All of this rank's batches of the round.
        position: How many of them have been trained on, asked for when iteration begins.
        load: Turns planned rows into a batch.
    """

    def __init__(
        self,
        batches: Sequence[Sequence[PlannedRow]],
        position: Callable[[], int],
        load: Callable[[Sequence[PlannedRow]], TrainBatch],
    ) -> None:
        self._batches, self._position, self._load = batches, position, load

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[TrainBatch]:
        for rows in self._batches[self._position() :]:
            yield self._load(rows)

    def state_dict(self) -> dict[str, Any]:
        """Empty: its presence tells Lightning that a resumed round continues where it stopped."""
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Does nothing: the datamodule has restored the position, whether Lightning keeps this state or not."""
