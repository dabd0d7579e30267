"""Out of memory at a batch, said so that a person knows what to change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch

from lightning_ouro.errors import InputError
from lightning_ouro.solver.batches import SceneRow


@contextmanager
def explain_out_of_memory(rows: Sequence[SceneRow]) -> Iterator[None]:
    """Turns torch's error into one that names the batch and the settings that make it smaller.

    Raises:
        InputError: the device or the machine has no memory left for these rows.
    """
    try:
        yield
    except (
        RuntimeError
    ) as error:  # torch.OutOfMemoryError is one; the CPU's allocator raises the class itself
        if not isinstance(error, torch.OutOfMemoryError) and "can't allocate memory" not in str(error):
            raise
        questions = sum(len(row.questions) for row in rows)
        height, width = rows[0].video.frames.shape[1:3]
        raise InputError(
            f"out of memory at a batch of {len(rows)} videos of {len(rows[0].video.frames)} frames of "
            f"{height} x {width} and {questions} questions; raise trainer.accumulate_grad_batches (fewer questions at "
            "a time), set model.gradient_checkpointing=true, or lower data.frames.num_frames or their size "
            f"({' '.join(str(error).split())[:160]})"
        ) from error
