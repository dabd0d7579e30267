"""A start that failed leaves nothing behind: no empty run folder, and no record in the folder of another run.

What counts is what lies there. Checkpoints, rounds, notes of what was proposed, replies: of all that nothing is taken
away.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import lightning as L
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from typing_extensions import override

from lightning_ouro.run_folder import checkpoints_of, folder_of, run_checkpoint

# What loggers and the records of config and split write before anything has been computed.
WRITTEN_AT_A_START = ("events.out.tfevents.*", "hparams.yaml", "metrics.csv", "config.*.yaml", "splits.json")


class Start:
    """The start of a command with a trainer; made before any of its files are.

    Args:
        trainer: The trainer, whose run has no folder yet or an old one.
    """

    def __init__(self, trainer: L.Trainer) -> None:
        self._trainer, self._watch = trainer, _Watch()
        trainer.callbacks.append(self._watch)  # type: ignore[attr-defined]
        checkpoint = run_checkpoint(trainer)
        self._chooses_later = not trainer.loggers and checkpoint is not None and checkpoint.dirpath is None
        self._old = {folder: set(_files(folder)) for folder in _folders(trainer)}
        self._missing = {folder: _missing_parents(folder) for folder in self._old}

    @property
    def folder(self) -> Path:
        """Where the run's files go, or at least where that folder will be."""
        return next(iter(self._old), Path(self._trainer.default_root_dir))

    def discard(self) -> None:
        """Takes away what the start left, if it left nothing but that; to be called when the command has failed."""
        if not self._trainer.is_global_zero:
            return
        checkpoint = run_checkpoint(self._trainer)
        if self._chooses_later and checkpoint is not None and checkpoint.dirpath is not None:
            folder = folder_of(Path(checkpoint.dirpath))  # made for this run
            self._old[folder], self._missing[folder] = set(), [folder, folder.parent]
        for folder, old in self._old.items():
            new = [path for path in _files(folder) if path not in old]
            if all(_is_of_a_start(path) for path in new) and not (old and self._watch.has_begun):
                _remove(new, folder, self._missing[folder])


class _Watch(L.Callback):
    """Notes whether anything but the validation before the first round has begun."""

    has_begun = False

    @override
    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.has_begun = True

    @override
    def on_validation_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.has_begun = self.has_begun or not trainer.sanity_checking

    on_test_start = on_predict_start = on_train_start


def _folders(trainer: L.Trainer) -> Iterator[Path]:
    """Where the run's files go, as far as it is known before the start."""
    for logger in trainer.loggers:
        if isinstance(logger, TensorBoardLogger | CSVLogger):
            yield Path(logger.log_dir).absolute()
    if (checkpoints := checkpoints_of(trainer)) is not None:
        yield folder_of(checkpoints).absolute()


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if not path.is_dir()]


def _missing_parents(folder: Path) -> list[Path]:
    """The folder and its parents, as far up as they do not exist."""
    return [path for path in (folder, *folder.parents) if not path.exists()]


def _is_of_a_start(path: Path) -> bool:
    return any(path.match(pattern) for pattern in WRITTEN_AT_A_START)


def _remove(files: Iterable[Path], folder: Path, missing: Iterable[Path]) -> None:
    with suppress(OSError):  # another process is faster, or the disk refuses this, too
        for path in files:
            path.unlink()
        if folder in missing:
            for path in sorted(folder.rglob("*"), reverse=True):
                path.rmdir()
        for path in missing:
            path.rmdir()
