"""Files that appear under their name only when they are complete: temporary name, fsync, rename."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Within it, an error of the system that names no file, as a write to a full disk raises it, names this one."""
    try:
        yield
    except OSError as error:
        if error.errno is not None and error.filename is None:
            error.filename = str(path)
        raise


def write_atomic(path: Path, data: bytes | memoryview) -> None:
    """Writes a file, creating its folder; a killed process leaves the previous file or none.

    Raises:
        OSError: it cannot be written, such as to a full disk; the error names the file, and nothing is left of it.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with naming(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def write_jsonl(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Writes rows as JSON lines, atomically."""
    write_atomic(path, to_jsonl(rows))


def to_jsonl(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Rows as JSON lines in UTF-8; a lone surrogate, which it cannot hold, is escaped as JSON escapes it."""
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    return text.encode("utf8", "backslashreplace")


def from_jsonl(data: bytes) -> list[Any]:
    """The rows of `to_jsonl`; only a line feed ends a row, whatever else `splitlines` takes for an end."""
    return [json.loads(row) for row in data.split(b"\n") if row]
