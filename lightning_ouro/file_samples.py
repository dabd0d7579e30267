"""Parts of large files, by which their contents are compared without reading gigabytes."""

from __future__ import annotations

from pathlib import Path

WINDOW = 4096  # bytes of a part; chosen by hand


def samples(path: Path, start: int, num_bytes: int, number: int) -> bytes:
    """Parts of a range in a file, evenly spread, among them its beginning and its end; all of it where it is short.

    Args:
        path: The file.
        start: Offset of the range's first byte.
        num_bytes: Its size.
        number: How many parts, at least 2.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb", buffering=0) as file:
        if num_bytes <= number * WINDOW:
            file.seek(start)
            return file.read(num_bytes)
        found = []
        for index in range(number):
            file.seek(start + index * (num_bytes - WINDOW) // (number - 1))
            found.append(file.read(WINDOW))
    return b"".join(found)
