"""How a run's checkpoints are written: whole or not at all, and never lost without a word.

Lightning's own way writes to the system's temporary folder and moves the file from there, which is a copy where that
is another disk: when the run's disk is full, the copy breaks off in the place of the last good checkpoint. It also
takes a folder without permission to write for success.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO
from typing_extensions import override

from lightning_ouro.atomic_files import write_atomic


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes beside the final place, then renames."""

    @override
    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None
    ) -> None:
        """Writes a checkpoint.

        Raises:
            OSError: it cannot be written; an earlier checkpoint of that name is still there.
        """
        if "://" in str(path):  # on another machine, where there is no renaming
            super().save_checkpoint(checkpoint, path, storage_options)
            return
        buffer = io.BytesIO()
        torch.save(checkpoint, buffer)
        write_atomic(Path(path), buffer.getbuffer())


def use_atomic_checkpoints(trainer: L.Trainer) -> None:
    """Replaces Lightning's own way of writing checkpoints; others, which strategies or plugins bring, stay."""
    if type(trainer.strategy.checkpoint_io) is TorchCheckpointIO:
        trainer.strategy.checkpoint_io = AtomicCheckpointIO()
