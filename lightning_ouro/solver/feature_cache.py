"""Features of videos, kept in memory and on disk, so that a frozen vision tower sees a video once.

Both places are bounded in bytes, and the least recently used goes first. On disk an entry is one file,
`<folder>/<key[:2]>/<key>.safetensors`. Ranks and runs may share a folder: a file appears when it is whole, a checksum
tells a damaged one, and whoever finds that another process was quicker goes on.
"""

from __future__ import annotations

import json
import math
import os
import re
import time
import warnings
import zlib
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import final

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from lightning_ouro.atomic_files import write_atomic
from lightning_ouro.errors import InputError

VERSION = "1"
ENTRY = re.compile(r"[0-9a-f]{64}\.safetensors")
UNFINISHED = re.compile(rf"\.{ENTRY.pattern}\.\d+")  # as write_whole names them
ABANDONED = 3600.0  # seconds without a write after which an unfinished file's writer is taken for dead
LOOKS = 16  # a process looks at the folder each time it has written this part of the bound


@dataclass(frozen=True)
class Features:
    """What the vision tower gives for one or several videos.

    Attributes:
        pooled: One vector a video token, `(tokens, hidden)`.
        deepstack: The same shape for each of the language model's first layers.
    """

    pooled: Tensor
    deepstack: list[Tensor]

    def to(self, device: torch.device) -> Features:
        """The same on a device."""
        return Features(self.pooled.to(device), [layer.to(device) for layer in self.deepstack])


@dataclass(frozen=True)
class FeatureSettings:
    """How much of what a frozen vision tower gave is kept.

    With Qwen3-VL-4B in bfloat16 a video of 8 frames of 96 × 128 takes 1 MB, one of 32 frames of 384 × 512 takes 63 MB.

    Attributes:
        memory_gb: Bound in main memory, per process, in 10^9 bytes, at least 0; 0 keeps nothing there.
        folder: Where features are kept on disk, for all ranks and later runs; null keeps nothing there.
        disk_gb: Bound of the folder in 10^9 bytes, at least 0; 0 keeps nothing there. N ranks that write at the same
            time may pass it by (N - 1) / 16.

    Raises:
        InputError: a bound is negative or no finite number.
    """

    memory_gb: float = 4.0
    folder: str | None = None
    disk_gb: float = 100.0

    def __post_init__(self) -> None:
        for name in ("memory_gb", "disk_gb"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise InputError(
                    f"model.features.{name}={value} must be finite and at least 0, which keeps nothing"
                )


@final
class FeatureCache:
    """Looks features up in memory, then on disk. Not safe to share between threads.

    Args:
        settings: How much is kept, and where.

    Attributes:
        hits: Calls of `get` that found something.
        misses: Calls of `get` that did not.

    Raises:
        InputError: the folder cannot be written to.
    """

    def __init__(self, settings: FeatureSettings = FeatureSettings()) -> None:
        self._memory = _Memory(round(settings.memory_gb * 1e9))
        disk_bytes = round(settings.disk_gb * 1e9)
        self._disk = (
            _Disk(Path(settings.folder), disk_bytes) if settings.folder is not None and disk_bytes else None
        )
        self.hits = self.misses = 0

    def get(self, key: str) -> Features | None:
        """What is kept under a key, on the CPU and not to be written into; None where nothing is."""
        found = self._memory.get(key)
        if found is None and self._disk is not None:
            found = self._disk.get(key)
            if found is not None:
                self._memory.put(key, found)
        self.hits += found is not None
        self.misses += found is None
        return found

    def put(self, key: str, features: Features) -> None:
        """Keeps a copy of features under a key of 64 hex digits."""
        if self._memory.bound == 0 and self._disk is None:
            return
        kept = _copy(features)
        self._memory.put(key, kept)
        if self._disk is not None:
            self._disk.put(key, kept)


@final
class _Memory:
    """Features in main memory; what is larger than the bound, in bytes, is not kept."""

    def __init__(self, bound: int) -> None:
        self.bound = bound
        self._total = 0
        self._kept: OrderedDict[str, Features] = OrderedDict()

    def get(self, key: str) -> Features | None:
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._kept.get(key)

    def put(self, key: str, features: Features) -> None:
        if key in self._kept:
            self._total -= _size(self._kept.pop(key))
        if _size(features) > self.bound:
            return
        self._kept[key] = features
        self._total += _size(features)
        while self._total > self.bound:
            self._total -= _size(self._kept.popitem(last=False)[1])


@final
class _Disk:
    """Features in a folder of at most `bound` bytes, least recently used by the time of last change, set anew by reads.

    What lies in the folder besides entries and unfinished ones is neither counted nor touched.

    Raises:
        InputError: the folder cannot be written to.
    """

    def __init__(self, folder: Path, bound: int) -> None:
        self._folder, self._bound = folder, bound
        self._room = 0  # bytes that may be written before the folder is looked at
        self._gave_up = False
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with TemporaryFile(dir=folder):
                pass  # permission bits do not tell for root and on network file systems
        except OSError as error:
            raise InputError(
                f"model.features.folder={str(folder)!r} is no folder that can be written to ({error.strerror}); "
                "name another, or null to keep features in memory only"
            ) from error

    def get(self, key: str) -> Features | None:
        path = self._path(key)
        try:
            data = (
                path.read_bytes()
            )  # not mapped: on network file systems a file deleted by others kills who reads it
        except OSError:
            return None
        features = _decoded(data)
        with suppress(OSError):  # deleted by another process, or another user's
            if features is None:
                path.unlink()
            else:
                os.utime(path)
        return features

    def put(self, key: str, features: Features) -> None:
        data = _encoded(features)
        if self._gave_up or len(data) > self._bound:
            return
        path = self._path(key)
        try:
            if len(data) > self._room:
                self._make_room(len(data))
            if len(data) <= self._room:
                self._room -= len(data)
                write_atomic(path, data)
        except FileNotFoundError:
            pass  # somebody emptied the folder meanwhile
        except OSError as error:
            self._gave_up = True
            with suppress(OSError):
                path.with_name(f".{path.name}.{os.getpid()}").unlink()
            warnings.warn(
                f"model.features.folder={str(self._folder)!r}: nothing more is kept there ({error.strerror})",
                stacklevel=3,
            )

    def _make_room(self, size: int) -> None:
        """Looks at the folder, and deletes the least recently used where `size` more bytes would not fit.

        Looking takes milliseconds for a thousand files and seconds for a million, so it is not for every write: where
        something has to go, a part of the bound goes at once.
        """
        entries, total = self._scan()
        step = max(size, self._bound // LOOKS)
        if total + size > self._bound:
            for _, length, path in sorted(entries):
                path.unlink(missing_ok=True)
                total -= length
                if total + step <= self._bound:
                    break
        self._room = min(self._bound - total, step)

    def _scan(self) -> tuple[list[tuple[int, int, Path]], int]:
        """Time, bytes and path of each entry, and the bytes of all files; clears what killed writers left."""
        entries: list[tuple[int, int, Path]] = []
        total = 0
        for path in self._folder.glob("[0-9a-f][0-9a-f]/*"):
            with suppress(FileNotFoundError):  # deleted or finished meanwhile
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


def _size(features: Features) -> int:
    return sum(tensor.nbytes for tensor in (features.pooled, *features.deepstack))


def _copy(features: Features) -> Features:
    """On the CPU, out of any graph, and each tensor alone in its memory: what comes is views of a whole batch."""

    def alone(tensor: Tensor) -> Tensor:
        return torch.empty(tensor.shape, dtype=tensor.dtype, device="cpu").copy_(tensor.detach())

    with torch.inference_mode(False), torch.no_grad():  # a tensor made in inference mode cannot enter a graph
        return Features(alone(features.pooled), [alone(layer) for layer in features.deepstack])


def _encoded(features: Features) -> bytes:
    tensors = {"pooled": features.pooled}
    tensors |= {f"deepstack.{place}": layer for place, layer in enumerate(features.deepstack)}
    return save(tensors, {"version": VERSION, "checksum": _checksum(tensors)})


def _decoded(data: bytes) -> Features | None:
    """None where the file is damaged, of another version or of something else."""
    try:
        with torch.inference_mode(False):
            tensors = load(data)
    except (
        SafetensorError,
        AssertionError,
        KeyError,
        RuntimeError,
        ValueError,
    ):  # all but the first are torch's, to
        return None  # types that it does not have and sizes that do not fit
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])  # `load` drops the metadata
    metadata = header.get("__metadata__") or {}
    layers = [f"deepstack.{place}" for place in range(len(tensors) - 1)]
    if metadata.get("version") != VERSION or tensors.keys() != {"pooled", *layers}:
        return None
    if metadata.get("checksum") != _checksum(tensors):
        return None
    return Features(tensors["pooled"], [tensors[name] for name in layers])


def _checksum(tensors: Mapping[str, Tensor]) -> str:
    """Of names, types, shapes and every bit: 1.6 GB/s on one core (AMD EPYC), where SHA-256 does 0.7."""
    checksum = 0
    for name, tensor in sorted(tensors.items()):
        checksum = zlib.crc32(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode(), checksum)
        checksum = zlib.crc32(tensor.reshape(-1).view(torch.uint8).numpy().data, checksum)
    return f"{checksum:08x}"
