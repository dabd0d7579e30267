"""`propose`: one round of questions without training, printed and written to a file: how a person tunes a prompt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import lightning as L

from lightning_ouro.atomic_files import write_jsonl
from lightning_ouro.loop.callback import ClosedLoop, RoundProposed
from lightning_ouro.programs.questions import Question, Rejection


class OuroTrainer(L.Trainer):
    """Lightning's trainer, which can also propose."""

    def propose(
        self, model: L.LightningModule, datamodule: L.LightningDataModule, ckpt_path: str | None = None
    ) -> None:
        """Asks for one round of questions and stops: the first, or the next of a checkpoint with its feedback.

        Args:
            model: The solver whose base proposes, where the proposer is one.
            datamodule: The scenes.
            ckpt_path: A run's checkpoint.
        """
        (loop,) = (callback for callback in self.callbacks if isinstance(callback, ClosedLoop))  # type: ignore[attr-defined]
        loop.only_proposes, self.num_sanity_val_steps = True, 0
        try:
            self.fit(model, datamodule=datamodule, ckpt_path=ckpt_path)
        except RoundProposed as done:
            path = Path(self.log_dir or ".") / "proposed.jsonl"  # every rank has to ask for the folder
            if self.is_global_zero:
                write_jsonl(path, [*map(_accepted, done.accepted), *map(_rejected, done.rejected)])
                print(report(done.accepted, done.rejected))
                print(f"{len(done.accepted)} accepted, {len(done.rejected)} rejected: {path}")


def report(accepted: Sequence[Question], rejected: Sequence[Rejection]) -> str:
    """Each proposal with its program and what became of it, for a person."""
    parts = []
    for question in accepted:
        listed = "" if question.options is None else f"  of {', '.join(question.options)}"
        said = f"accepted: {question.answer}{listed}  (margin {question.margin:.2f})"
        parts.append(f"{question.scene_id}  {question.family}\n{question.text}\n{question.program}{said}\n")
    for rejection in rejected:
        proposal = rejection.proposal
        said = f"rejected: {rejection.reason}: {rejection.detail}"
        parts.append(f"{proposal.scene_id}  {proposal.family}\n{proposal.text}\n{proposal.program}{said}\n")
    return "\n".join(parts)


def _accepted(question: Question) -> dict[str, Any]:
    return {"accepted": True} | question.to_json()


def _rejected(rejection: Rejection) -> dict[str, Any]:
    return {"accepted": False, "reason": rejection.reason, "detail": rejection.detail} | asdict(
        rejection.proposal
    )
