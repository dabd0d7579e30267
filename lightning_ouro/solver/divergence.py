"""Ends a run whose loss, gradient or weights are no longer numbers, before a checkpoint keeps them.

What follows a NaN is lost: every later step is NaN, too, and the next checkpoint replaces the last good one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import lightning as L
import torch
from torch import Tensor
from typing_extensions import override

from lightning_ouro.distributed import is_distributed
from lightning_ouro.errors import InputError, shortened
from lightning_ouro.programs.questions import Question
from lightning_ouro.solver.batches import questions_of

_NAMED = 3  # questions; chosen by hand
_REMEDY = (
    "the last checkpoint is from before: go on from it (--ckpt_path last) with a lower model.lr (now {lr:g}) or "
    "trainer.gradient_clip_val (now {clip}), in trainer.precision=32-true or bf16-mixed (now {precision})"
)


class StopWhenDiverged(L.Callback):
    """Checks loss and gradient of each step, the validation's losses, and the weights that are saved."""

    @override
    def on_before_backward(self, trainer: L.Trainer, pl_module: L.LightningModule, loss: Tensor) -> None:
        """Refuses a loss that is no number.

        Raises:
            InputError: on every rank, if it is none on any.
        """
        if not _any_bad([loss.detach()]):
            return
        asked, losses = _asked(pl_module)
        bad = [
            f"{question.id} ({question.family}, scene {question.scene_id}): {shortened(question.text)}"
            for question, value in zip(asked, losses.isfinite().tolist(), strict=True)
            if not value
        ]
        where = (
            f"of {len(bad)} of {len(asked)} questions: {'; '.join(bad[:_NAMED])}" if bad else _of_all(asked)
        )
        raise InputError(
            f"{_when(trainer)}: the loss is {_shown(loss)}, {where}; {_remedy(trainer, pl_module)}"
        )

    @override
    def on_before_optimizer_step(
        self, trainer: L.Trainer, pl_module: L.LightningModule, optimizer: torch.optim.Optimizer
    ) -> None:
        """Refuses a gradient that is no number; with fp16, whose scaler skips such steps, that is no fault.

        Raises:
            InputError: on every rank, if it is none on any.
        """
        if getattr(trainer.precision_plugin, "scaler", None) is not None:
            return
        if _any_bad(each.grad for each in pl_module.parameters() if each.grad is not None):
            asked, _ = _asked(pl_module)
            what = "the loss is a number, but its gradient is not"
            raise InputError(f"{_when(trainer)}: {what}, {_of_all(asked)}; {_remedy(trainer, pl_module)}")

    @override
    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Refuses to train on, or at all, where what was validated gives no number.

        Raises:
            InputError: a loss of `fit`'s validation is none.
        """
        metrics = trainer.callback_metrics.items()
        bad = [name for name, value in metrics if name.endswith("/loss") and not torch.isfinite(value).all()]
        if bad and trainer.state.fn == "fit":
            what = "before the first step: the base itself gives no number" if trainer.sanity_checking else ""
            raise InputError(
                f"{what or _when(trainer)}: {bad[0]} is no number; {_remedy(trainer, pl_module)}"
            )

    @override
    def on_save_checkpoint(
        self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Refuses to save weights that are no numbers.

        Raises:
            InputError: on every rank, if some are none on any.
        """
        if _any_bad(each.detach() for each in pl_module.parameters() if each.requires_grad):
            what = "the weights are no numbers any more, and are not saved"
            raise InputError(f"{_when(trainer)}: {what}; {_remedy(trainer, pl_module)}")


def _asked(pl_module: Any) -> tuple[list[Question], Tensor]:
    """The questions of the micro-batch in progress, and the loss of each, `(questions,)`."""
    return questions_of(pl_module.training_rows), pl_module.training_losses


def _any_bad(tensors: Iterable[Tensor]) -> bool:
    """Whether some element is not finite, on any rank; a collective."""
    flags = [tensor.isfinite().all() for tensor in _local(tensors)]
    bad = ~torch.stack(flags).all() if flags else torch.zeros((), dtype=torch.bool)
    if is_distributed():
        number = bad.to(torch.int32)
        torch.distributed.all_reduce(number)
        return bool(number)
    return bool(bad)


def _local(tensors: Iterable[Tensor]) -> Iterator[Tensor]:
    """The tensors; of sharded ones this rank's part."""
    for tensor in tensors:
        yield tensor.to_local() if hasattr(tensor, "to_local") else tensor


def _when(trainer: L.Trainer) -> str:
    return f"step {trainer.global_step} (round {trainer.current_epoch})"


def _of_all(asked: list[Question]) -> str:
    scenes = sorted({question.scene_id for question in asked})
    return (
        f"with {len(asked)} questions about {', '.join(scenes[:_NAMED])}{' ...' if scenes[_NAMED:] else ''}"
    )


def _shown(loss: Tensor) -> str:
    return "nan" if bool(loss.isnan().any()) else str(float(loss.detach()))


def _remedy(trainer: L.Trainer, pl_module: L.LightningModule) -> str:
    clip = "null" if trainer.gradient_clip_val is None else trainer.gradient_clip_val
    return _REMEDY.format(
        lr=float(getattr(pl_module, "lr", float("nan"))), clip=clip, precision=trainer.precision
    )
