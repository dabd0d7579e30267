"""Vision features of a video, and the bytes of the file that holds them.

A file is a safetensors file of the tensors `pooled`, `deepstack.0`, `deepstack.1`, ... with a checksum in its metadata.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

VERSION = "1"


@dataclass(frozen=True)
class Features:
    """Output of the vision tower for one or several videos.

    Attributes:
        pooled: One vector per video token, `(tokens, hidden)`.
        deepstack: For each of the language model's first layers, what is added there, of the same shape.
    """

    pooled: Tensor
    deepstack: list[Tensor]

    @property
    def nbytes(self) -> int:
        return sum(tensor.nbytes for tensor in (self.pooled, *self.deepstack))

    def to(self, device: torch.device) -> Features:
        return Features(self.pooled.to(device), [layer.to(device) for layer in self.deepstack])

    def detached_copy(self) -> Features:
        """A copy on the CPU, outside of any graph, each tensor in memory of its own: features are views of a batch."""

        def copy(tensor: Tensor) -> Tensor:
            return torch.empty(tensor.shape, dtype=tensor.dtype, device="cpu").copy_(tensor.detach())

        # Not in inference mode, whose tensors cannot enter a graph later.
        with torch.inference_mode(False), torch.no_grad():
            return Features(copy(self.pooled), [copy(layer) for layer in self.deepstack])


def encode(features: Features) -> bytes:
    tensors = {"pooled": features.pooled}
    tensors |= {f"deepstack.{index}": layer for index, layer in enumerate(features.deepstack)}
    return save(tensors, {"version": VERSION, "checksum": _checksum(tensors)})


def decode(data: bytes) -> Features | None:
    """The features that `encode` wrote; None where the data is damaged, of another version, or something else."""
    try:
        with torch.inference_mode(False):
            tensors = load(data)
    # Besides its own error, safetensors lets through torch's about types that torch lacks and sizes that do not fit.
    except (SafetensorError, AssertionError, KeyError, RuntimeError, ValueError):
        return None
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])  # `load` drops the metadata
    metadata = header.get("__metadata__") or {}
    layers = [f"deepstack.{index}" for index in range(len(tensors) - 1)]
    if metadata.get("version") != VERSION or tensors.keys() != {"pooled", *layers}:
        return None
    if metadata.get("checksum") != _checksum(tensors):
        return None
    return Features(tensors["pooled"], [tensors[name] for name in layers])


def _checksum(tensors: Mapping[str, Tensor]) -> str:
    """CRC-32 over names, types, shapes and every bit: 1.6 GB/s on one core (AMD EPYC), where SHA-256 does 0.7."""
    checksum = 0
    for name, tensor in sorted(tensors.items()):
        checksum = zlib.crc32(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode(), checksum)
        checksum = zlib.crc32(tensor.reshape(-1).view(torch.uint8).numpy().data, checksum)
    return f"{checksum:08x}"
