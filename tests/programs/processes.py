"""The processes below this one, and their end."""

import os
import signal
from pathlib import Path


def children(process: int | str = "self") -> set[int]:
    """Ids of the living processes that a process has started."""
    listed = [path.read_text().split() for path in Path(f"/proc/{process}/task").glob("*/children")]
    return {int(child) for ids in listed for child in ids if is_alive(int(child))}


def is_alive(process: int) -> bool:
    """Whether a process exists and is more than an unread exit status."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def kill_children(spared: set[int]) -> None:
    """Kills all children as the kernel does when memory runs out, except for those that are spared."""
    for child in children() - spared:
        os.kill(child, signal.SIGKILL)
