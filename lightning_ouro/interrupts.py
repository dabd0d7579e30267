"""Ctrl-C, which a program may receive anywhere: also while libraries are imported, which then are left half made."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from lightning_ouro.streams import print_error

INTERRUPTED = 130  # exit status after Ctrl-C as shells say it: 128 + SIGINT
LINE = "lightning_ouro: interrupted"


class Interrupts:
    """Notes that Ctrl-C was pressed, whatever becomes of the KeyboardInterrupt that it raises as ever."""

    def __init__(self) -> None:
        self.happened = False
        self._is_starting = False

    @contextmanager
    def noted(self) -> Iterator[Interrupts]:
        """Within it, Ctrl-C is noted; does nothing where somebody else handles it, or outside of the main thread."""
        if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
            yield self
            return
        try:
            signal.signal(signal.SIGINT, self._note)
        except ValueError:  # not the main thread
            yield self
            return
        try:
            yield self
        finally:
            if signal.getsignal(signal.SIGINT) == self._note:
                signal.signal(signal.SIGINT, signal.default_int_handler)

    @contextmanager
    def starting(self) -> Iterator[None]:
        """Within it, Ctrl-C ends the process at once: nothing has been written that could be lost.

        An import that is interrupted in the middle of C code may swallow the exception, or fail with another one.
        """
        self._is_starting = True
        try:
            yield
        finally:
            self._is_starting = False

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.happened = True
        if self._is_starting:
            print_error(LINE)
            os._exit(INTERRUPTED)
        raise KeyboardInterrupt
