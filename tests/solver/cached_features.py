"""Features with a key each, and caches of them."""

from pathlib import Path

import torch

from lightning_ouro.solver.feature_cache import FeatureCache, FeatureSettings
from lightning_ouro.solver.feature_format import Features

KEYS = [
    f"{number * 0x0123456789ABCDEF:064x}"[::-1] for number in range(1, 100)
]  # each in a folder of its own
TOKEN = 3 * 8 * 4  # bytes of one token of `make` in float32


def make(key: str, tokens: int = 4, dtype: torch.dtype = torch.float32) -> Features:
    generator = torch.Generator().manual_seed(int(key[:12], 16))
    pooled, *deepstack = (torch.randn(tokens, 8, generator=generator).to(dtype) for _ in range(3))
    return Features(pooled, deepstack)


def in_memory(bound: int) -> FeatureCache:
    return FeatureCache(FeatureSettings(bound / 1e9))


def on_disk(folder: Path, bound: int = 10**9) -> FeatureCache:
    return FeatureCache(FeatureSettings(0, str(folder), bound / 1e9))


def entry(folder: Path, key: str) -> Path:
    return folder / key[:2] / f"{key}.safetensors"


def bytes_in(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def tensors(features: Features) -> list[torch.Tensor]:
    return [features.pooled, *features.deepstack]


def is_exactly(actual: Features | None, expected: Features) -> bool:
    """Compares bits, so that NaN equals NaN and -0 differs from 0."""
    if actual is None or len(actual.deepstack) != len(expected.deepstack):
        return False
    pairs = list(zip(tensors(actual), tensors(expected), strict=True))
    same_kind = all(a.dtype == b.dtype and a.shape == b.shape for a, b in pairs)
    return same_kind and all(
        torch.equal(a.view(torch.uint8), b.contiguous().view(torch.uint8)) for a, b in pairs
    )
