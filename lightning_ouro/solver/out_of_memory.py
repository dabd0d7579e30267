"""Out-of-memory errors that name the batch and the settings that make it smaller."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch

from lightning_ouro.errors import InputError, on_one_line
from lightning_ouro.solver.batches import SceneRow, questions_of


@contextmanager
def explain_out_of_memory(rows: Sequence[SceneRow]) -> Iterator[None]:
    """Replaces torch's out-of-memory error while these rows are processed.

    Raises:
        InputError: the device, or the machine, has no memory left for these rows.
    """
    try:
        yield
    except RuntimeError as error:
        # torch.OutOfMemoryError is a RuntimeError; the CPU's allocator raises a plain one.
        if not isinstance(error, torch.OutOfMemoryError) and "can't allocate memory" not in str(error):
            raise
        num_frames, height, width = rows[0].video.frames.shape[:3]
        raise InputError(
            f"out of memory with {len(rows)} videos of {num_frames} frames of {height} x {width} and "
            f"{len(questions_of(rows))} questions in one batch; raise trainer.accumulate_grad_batches (fewer questions "
            "at a time), set model.gradient_checkpointing=true, or lower data.frames.num_frames, height or width "
            f"({on_one_line(error)})"
        ) from error
