"""How far long work has come: a bar on a terminal, and in a log file a line now and then."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

from rich.console import Console
from rich.markup import escape
from rich.progress import track as bar

SECONDS_BETWEEN_LINES = 30.0

T = TypeVar("T")


def track(items: Iterable[T], title: str, total: int | None = None, show: bool = True) -> Iterator[T]:
    """The items, one by one.

    On a terminal a bar is shown, which disappears when they are done. Elsewhere a line is printed when an item is done
    `SECONDS_BETWEEN_LINES` after the start or the line before, so short work says nothing.

    Args:
        items: What is worked on.
        title: What is done, as plain text.
        total: Number of items, where they don't know it themselves.
        show: Whether to say anything at all.
    """
    if total is None and isinstance(items, Sized):
        total = len(items)
    if not show:
        yield from items
    elif Console().is_terminal:
        yield from bar(items, escape(title), total, transient=True)
    else:
        yield from _with_lines(items, title, total)


def _with_lines(items: Iterable[T], title: str, total: int | None) -> Iterator[T]:
    start = last = time.monotonic()
    for done, item in enumerate(items, start=1):
        yield item  # and goes on when the work with it is done
        if (now := time.monotonic()) - last >= SECONDS_BETWEEN_LINES:
            of = "" if total is None else f" of {total}"
            print(f"{title}: {done}{of} after {now - start:.0f} s", flush=True)
            last = now
