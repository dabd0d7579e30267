"""Collective operations other than gradient reduction."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import torch

T = TypeVar("T")


def is_distributed() -> bool:
    """Whether this process is one of several ranks."""
    return torch.distributed.is_available() and torch.distributed.is_initialized()


def all_gather_list(items: list[T]) -> list[T]:
    """The items of all ranks, in the order of ranks.

    A collective. A single process gets its own items back.
    """
    if not is_distributed():
        return items
    parts: list[list[T]] = [[] for _ in range(torch.distributed.get_world_size())]
    torch.distributed.all_gather_object(parts, items)
    return [item for part in parts for item in part]


def from_first_rank(compute: Callable[[], T]) -> T:
    """What the first rank computes, on every rank; what it raises is raised on every rank, so that none waits for it.

    A collective. A single process computes it itself.
    """
    if not is_distributed():
        return compute()
    outcome: list[T | Exception | None] = [None]
    if torch.distributed.get_rank() == 0:
        try:
            outcome = [compute()]
        except Exception as error:  # whatever it is, the others have to know
            outcome = [error]
    torch.distributed.broadcast_object_list(outcome, src=0)
    (found,) = outcome
    if isinstance(found, Exception):
        raise found
    return cast("T", found)


def shutdown() -> None:
    """Destroys the process group, if there is one; to be called on every rank before the interpreter exits.

    Gloo's threads may still hold tensors; a thread that drops them while the interpreter is torn down aborts
    the process, and a run that ended well is reported as failed (pytorch#179291). Lightning destroys NCCL's
    groups only.
    """
    if is_distributed():
        torch.distributed.destroy_process_group()
