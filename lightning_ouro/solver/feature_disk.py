"""Vision features in a folder that ranks and runs may share, bounded in bytes.

Each entry is one file, `<folder>/<key[:2]>/<key>.safetensors`. A file appears only when it is complete, a checksum
detects damaged ones, and a process that finds that another was faster carries on.
"""

from __future__ import annotations

import os
import re
import time
import warnings
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import final

from lightning_ouro.atomic_files import write_atomic
from lightning_ouro.errors import InputError
from lightning_ouro.solver.feature_format import Features, decode, encode

ENTRY = re.compile(r"[0-9a-f]{64}\.safetensors")
UNFINISHED = re.compile(rf"\.{ENTRY.pattern}\.\d+")  # as `write_atomic` names them
ABANDONED = (
    3600.0  # seconds without a write after which an unfinished file's writer counts as dead; chosen by hand
)
SCANS = 16  # a process scans the folder each time it has written 1/16 of the bound; chosen by hand


@final
class DiskStore:
    """Features in a folder of at most `bound` bytes.

    Entries are deleted least recently used first, by modification time, which reading renews. Other files in the
    folder are neither counted nor touched.

    Raises:
        InputError: the folder is not writable.
    """

    def __init__(self, folder: Path, bound: int) -> None:
        self._folder, self._bound = folder, bound
        self._allowance = 0  # bytes that may be written before the folder is scanned again
        self._gave_up = False
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with TemporaryFile(dir=folder):
                pass  # permission bits say nothing for root and on network file systems
        except OSError as error:
            raise InputError(
                f"model.features.folder={str(folder)!r} is not a writable folder ({error.strerror}); name another one, "
                "or set it to null to keep features in memory only"
            ) from error

    def get(self, key: str) -> Features | None:
        path = self._path(key)
        try:
            # Not memory-mapped: on network file systems, reading a mapped file that others deleted kills the process.
            data = path.read_bytes()
        except OSError:
            return None
        features = decode(data)
        with suppress(OSError):  # deleted by another process, or owned by another user
            if features is None:
                path.unlink()
            else:
                os.utime(path)
        return features

    def put(self, key: str, features: Features) -> None:
        data = encode(features)
        if self._gave_up or len(data) > self._bound:
            return
        path = self._path(key)
        try:
            if len(data) > self._allowance:
                self._make_room(len(data))
            if len(data) <= self._allowance:
                self._allowance -= len(data)
                write_atomic(path, data)
        except FileNotFoundError:
            pass  # another process emptied the folder meanwhile
        except OSError as error:
            self._gave_up = True
            with suppress(OSError):
                path.with_name(f".{path.name}.{os.getpid()}").unlink()
            warnings.warn(
                f"model.features.folder={str(self._folder)!r}: writing failed ({error.strerror}); features are no "
                "longer kept there",
                stacklevel=3,
            )

    def _make_room(self, size: int) -> None:
        """Scans the folder, and deletes the least recently used entries if `size` more bytes would not fit.

        A scan takes milliseconds for a thousand files and seconds for a million, too long for every write: where
        something has to go, a whole part of the bound goes at once.
        """
        entries, total = self._scan()
        step = max(size, self._bound // SCANS)
        if total + size > self._bound:
            for _, length, path in sorted(entries):
                path.unlink(missing_ok=True)
                total -= length
                if total + step <= self._bound:
                    break
        self._allowance = min(self._bound - total, step)

    def _scan(self) -> tuple[list[tuple[int, int, Path]], int]:
        """Time, bytes and path of each entry, and the bytes of all files; deletes what dead writers left behind."""
        entries: list[tuple[int, int, Path]] = []
        total = 0
        for path in self._folder.glob("[0-9a-f][0-9a-f]/*"):
            with suppress(FileNotFoundError):  # deleted or completed meanwhile
                status = path.stat()
                if ENTRY.fullmatch(path.name):
                    entries.append((status.st_mtime_ns, status.st_size, path))
                    total += status.st_size
                elif UNFINISHED.fullmatch(path.name):
                    if status.st_mtime < time.time() - ABANDONED:
                        path.unlink()
                    else:
                        total += status.st_size
        return entries, total

    def _path(self, key: str) -> Path:
        name = f"{key}.safetensors"
        assert ENTRY.fullmatch(name), f"a key has 64 hex digits, not {key!r}"
        return self._folder / key[:2] / name
