"""Cache of vision features, so that a frozen vision tower sees each video once.

Features are looked up in memory, then on disk; both are bounded in bytes and drop the least recently used first.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import final

from lightning_ouro.errors import InputError
from lightning_ouro.solver.feature_disk import DiskStore
from lightning_ouro.solver.feature_format import Features


@dataclass(frozen=True)
class FeatureSettings:
    """Cache of a frozen vision tower's features.

    One video of 8 frames of 96 × 128 pixels takes 1 MB with Qwen3-VL-4B in bfloat16, one of 32 frames of 384 × 512
    takes 63 MB.

    Attributes:
        memory_gb: Largest size in main memory, per process, in units of 10^9 bytes; 0 keeps nothing in memory.
        folder: Folder on disk that all ranks and later runs share; null keeps nothing on disk.
        disk_gb: Largest size of the folder in units of 10^9 bytes; 0 keeps nothing on disk. N ranks that write at the
            same time may exceed it by (N - 1) / 16.

    Raises:
        InputError: a size is negative or not finite.
    """

    memory_gb: float = 4.0
    folder: str | None = None
    disk_gb: float = 100.0

    def __post_init__(self) -> None:
        for name in ("memory_gb", "disk_gb"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise InputError(
                    f"model.features.{name}={value} must be a finite number, at least 0; 0 keeps nothing"
                )


@final
class FeatureCache:
    """Looks features up in memory, then on disk. Not thread-safe.

    Args:
        settings: Sizes and folder.

    Attributes:
        hits: Calls of `get` that returned features.
        misses: Calls of `get` that returned None.

    Raises:
        InputError: the folder is not writable.
    """

    def __init__(self, settings: FeatureSettings = FeatureSettings()) -> None:
        self._memory = _MemoryStore(round(settings.memory_gb * 1e9))
        self._disk: DiskStore | None = None
        disk_bytes = round(settings.disk_gb * 1e9)
        if settings.folder is not None and disk_bytes:
            self._disk = DiskStore(Path(settings.folder), disk_bytes)
        self.hits = self.misses = 0

    def get(self, key: str) -> Features | None:
        """The features under a key, on the CPU, which the caller must not write into; None where there are none."""
        features = self._memory.get(key)
        if features is None and self._disk is not None:
            features = self._disk.get(key)
            if features is not None:
                self._memory.put(key, features)
        self.hits += features is not None
        self.misses += features is None
        return features

    def put(self, key: str, features: Features) -> None:
        """Keeps a copy of features under a key of 64 hex digits."""
        if self._memory.bound == 0 and self._disk is None:
            return
        copy = features.detached_copy()
        self._memory.put(key, copy)
        if self._disk is not None:
            self._disk.put(key, copy)


@final
class _MemoryStore:
    """Features in main memory, at most `bound` bytes; larger ones are not kept."""

    def __init__(self, bound: int) -> None:
        self.bound = bound
        self._total = 0
        self._entries: OrderedDict[str, Features] = OrderedDict()

    def get(self, key: str) -> Features | None:
        if key in self._entries:
            self._entries.move_to_end(key)
        return self._entries.get(key)

    def put(self, key: str, features: Features) -> None:
        if key in self._entries:
            self._total -= self._entries.pop(key).nbytes
        if features.nbytes > self.bound:
            return
        self._entries[key] = features
        self._total += features.nbytes
        while self._total > self.bound:
            self._total -= self._entries.popitem(last=False)[1].nbytes
