"""Standard output and error that print whatever they are given, wherever they lead."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import TextIO

from typing_extensions import Buffer


def open_streams() -> None:
    """Makes standard output and error print any text, and outlive their reader.

    What their encoding lacks (names of files that are no UTF-8, anything but ASCII in a plain locale) is printed
    escaped. After `| head` has read enough, the rest goes nowhere, and the command's work and files are finished all
    the same. A closed stream takes everything.
    """
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        stream = getattr(sys, name)
        if stream is None:  # started with `>&-`
            nowhere = Path(os.devnull).open("w", encoding="utf8", errors="backslashreplace")  # noqa: SIM115
            setattr(sys, name, nowhere)
        elif isinstance(stream, io.TextIOWrapper):  # not a test's or a notebook's
            stream.reconfigure(errors="backslashreplace")
            if stream is getattr(sys, f"__{name}__") and _leads_to(stream, descriptor):
                setattr(sys, name, _outliving(stream, descriptor))


def flush_output() -> None:
    """Writes what is still buffered for standard output.

    Raises:
        OSError: it cannot be written, such as to a full disk; what is left goes nowhere.
    """
    try:
        sys.stdout.flush()
    except OSError as error:
        _lead_nowhere(1)
        raise OSError(error.errno, error.strerror, "standard output") from error


def print_error(line: str) -> None:
    """Prints to standard error; where that cannot be written, the exit status has to do."""
    try:
        print(line, file=sys.stderr, flush=True)
    except OSError:
        _lead_nowhere(2)


def _leads_to(stream: TextIO, descriptor: int) -> bool:
    try:
        return stream.fileno() == descriptor
    except (OSError, ValueError):
        return False


def _outliving(stream: io.TextIOWrapper, descriptor: int) -> io.TextIOWrapper:
    stream.flush()
    raw = _OutlivingFile(descriptor, "wb", closefd=False)
    line_buffering = stream.line_buffering
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=line_buffering,
        write_through=stream.write_through,
    )


class _OutlivingFile(io.FileIO):
    """A file whose reader may go: what is written afterwards goes nowhere."""

    def write(self, data: Buffer, /) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            _lead_nowhere(self.fileno())
            return len(memoryview(data))


def _lead_nowhere(descriptor: int) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)
