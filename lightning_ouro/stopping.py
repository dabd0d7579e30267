"""What a run does when a cluster ends it: SIGTERM, or SLURM's warning SIGUSR1 (`sbatch --signal=USR1@120`).

Training stops after the optimizer step in progress and leaves `last.ckpt`; what was proposed is on disk already. The
exit status is 128 + the signal's number, as a shell says it. Lightning saves nothing after SIGTERM and ends with 0, so
that whoever started it takes the run for finished. After SIGUSR1 it writes `hpc_ckpt_1.ckpt` into the working folder,
in the middle of whatever is going on, and loads it from there into any later run. After SIGUSR1 the job is requeued.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import lightning as L
from typing_extensions import override

from lightning_ouro.run_folder import run_checkpoint, run_folder
from lightning_ouro.slurm import JOB, note_run
from lightning_ouro.streams import print_error

LAST = "last.ckpt"


class StopOnSignal(L.Callback):
    """Ends a command on SIGTERM and, in a job of SLURM, on SIGUSR1; has to be the last of the callbacks.

    Args:
        command: The command, by which a job that is restarted finds its run.
        words: Its arguments.
    """

    def __init__(self, command: str, words: Sequence[str]) -> None:
        self._command, self._words = command, words
        self._trainer: L.Trainer | None = None
        self._asked = 0
        self._step = 0

    @override
    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Listens, and notes the run for a restart of the job."""
        self._listen(trainer)
        if (folder := run_folder(trainer)) is not None and trainer.is_global_zero:
            note_run(self._command, self._words, folder)

    def _listen(self, trainer: L.Trainer) -> None:
        """Takes the place of Lightning's handlers, which come after `on_fit_start`."""
        self._trainer = trainer
        numbers = [signal.SIGTERM] + ([signal.SIGUSR1] if JOB in os.environ else [])
        try:
            for number in numbers:
                signal.signal(number, self._note)
        except ValueError:  # not the main thread
            return

    @override
    def on_validation_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._listen(trainer)

    on_test_start = on_predict_start = on_validation_start

    @override
    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._listen(trainer)
        self._step = trainer.global_step

    @override
    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Stops between two steps, where all ranks have heard of it."""
        if trainer.global_step == self._step:  # the step's other batches are to come
            return
        self._step = trainer.global_step
        self._stop_if_asked(trainer)

    @override
    def on_validation_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Stops within a round's validation, which comes before the round's checkpoint."""
        if _is_training(trainer):
            self._stop_if_asked(trainer)

    def _note(self, number: int, frame: FrameType | None) -> None:
        assert self._trainer is not None, "on_fit_start has set it"
        self._asked = self._asked or number
        if not _is_training(self._trainer):
            self._end(self._trainer, None)

    def _stop_if_asked(self, trainer: L.Trainer) -> None:
        """A collective; another rank may have been told earlier."""
        is_asked = bool(self._asked)
        if trainer.world_size > 1:
            is_asked = trainer.strategy.reduce_boolean_decision(is_asked, all=False)
        if is_asked:
            self._asked = self._asked or signal.SIGTERM
            self._end(trainer, _save(trainer))

    def _end(self, trainer: L.Trainer, saved: Path | None) -> None:
        if trainer.is_global_zero:
            name = signal.Signals(self._asked).name
            where = f"; {saved} goes on from step {trainer.global_step}" if saved else ""
            print_error(f"lightning_ouro: stopped by {name}{where}")
            if self._asked == signal.SIGUSR1:
                _requeue()
        raise SystemExit(128 + self._asked)


def _is_training(trainer: L.Trainer) -> bool:
    """Whether a round is being trained or validated: only then is there something to save."""
    progress = trainer.fit_loop.epoch_progress.current
    return trainer.state.fn == "fit" and not trainer.sanity_checking and progress.ready > progress.completed


def _save(trainer: L.Trainer) -> Path | None:
    """Writes `last.ckpt` on all ranks; None in a run that keeps none."""
    checkpoint = run_checkpoint(trainer)
    if checkpoint is None or checkpoint.dirpath is None or not checkpoint.save_last:
        return None
    path = Path(checkpoint.last_model_path or Path(checkpoint.dirpath) / LAST)
    checkpoint.last_model_path = str(path)
    trainer.save_checkpoint(path)
    return path


def _requeue() -> None:
    scontrol = shutil.which("scontrol")
    if scontrol is None:
        print_error("lightning_ouro: there is no scontrol to requeue the job with")
        return
    done = subprocess.run([scontrol, "requeue", os.environ[JOB]], check=False)
    if done.returncode:
        print_error(
            f"lightning_ouro: scontrol requeue {os.environ[JOB]} failed with status {done.returncode}"
        )
