"""What a position within a round depends on: how the round's questions were made into batches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from lightning_ouro.errors import InputError
from lightning_ouro.loop.plan import RoundSize

_OPTIONS = {
    "ranks": "the number of devices (trainer.devices x trainer.num_nodes)",
    "accumulated": "trainer.accumulate_grad_batches",
    "questions_per_step": "data.questions_per_step",
    "questions_per_scene": "data.questions_per_scene",
    "steps": "data.steps_per_round",
}


class Ranks(Protocol):
    """What is asked of the trainer."""

    @property
    def world_size(self) -> int: ...


@dataclass(frozen=True)
class RoundShape:
    """How a round was made into batches.

    Attributes:
        ranks: Processes that share the batches.
        accumulated: Batches of each rank per optimizer step.
        questions_per_step: Questions per optimizer step.
        questions_per_scene: Maximum number of questions that share one video in a row.
        steps: Optimizer steps that were asked for.
        batches: Batches that there were, over all ranks.
    """

    ranks: int
    accumulated: int
    questions_per_step: int
    questions_per_scene: int
    steps: int
    batches: int

    @classmethod
    def of(cls, size: RoundSize, trainer: Ranks | None, batches: int) -> RoundShape:
        """The shape of a round of this size that a trainer's ranks share, planned in so many batches."""
        assert trainer is not None, "asked for within a trainer only"
        ranks = trainer.world_size
        accumulated = size.batches_per_step // ranks
        return cls(ranks, accumulated, size.questions_per_step, size.questions_per_row, size.steps, batches)

    def check_goes_on(self, round_index: int, position: int, other: RoundShape) -> None:
        """Refuses to go on within a round whose batches are not those that were counted.

        Args:
            round_index: From 0.
            position: Batches of each rank that have been trained on.
            other: The round's shape now.

        Raises:
            InputError: the round was left unfinished, and an option differs; each one is named with both values.
        """
        changed = [
            f"{option}={getattr(self, name)} (now {getattr(other, name)})"
            for name, option in _OPTIONS.items()
            if getattr(self, name) != getattr(other, name)
        ]
        if changed and 0 < position * self.ranks < self.batches:
            raise InputError(
                f"the checkpoint was saved within round {round_index}, after {position * self.ranks} of its "
                f"{self.batches} batches, under {', '.join(changed)}; finish the round with the original options, and "
                "change them in a later one, or go on from a checkpoint that was saved at a round's end"
            )
