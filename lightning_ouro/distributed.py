"""What every rank must do together, outside of gradients."""

from __future__ import annotations

from typing import TypeVar

import torch

T = TypeVar("T")


def all_gather_list(items: list[T]) -> list[T]:
    """The items of all ranks, in the order of ranks; every rank must call it. One process gets its own back."""
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return items
    parts: list[list[T]] = [[] for _ in range(torch.distributed.get_world_size())]
    torch.distributed.all_gather_object(parts, items)
    return [item for part in parts for item in part]


def shutdown() -> None:
    """Leaves the others, if there are any. To be called before the interpreter ends, on every rank.

    Gloo's threads may still hold tensors; one that drops them while the interpreter is taken down aborts the process,
    and a run that ended well is reported as failed (pytorch#179291). Lightning leaves only NCCL's groups.
    """
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
