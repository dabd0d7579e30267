"""What every rank must do together, outside of gradients."""

from __future__ import annotations

from typing import TypeVar

import torch

T = TypeVar("T")


def gathered(items: list[T]) -> list[T]:
    """The items of all ranks, in the order of ranks; every rank must call it. One process gets its own back."""
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return items
    parts: list[list[T]] = [[] for _ in range(torch.distributed.get_world_size())]
    torch.distributed.all_gather_object(parts, items)
    return [item for part in parts for item in part]
