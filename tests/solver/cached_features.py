"""Features with a key each, and caches of them."""

from pathlib import Path

import torch

from lightning_ouro.solver.feature_cache import FeatureCache, Features, FeatureSettings

KEYS = [f"{number * 0x0123456789ABCDEF:064x}"[::-1] for number in range(1, 100)]  # in folders of their own
TOKEN = 3 * 8 * 4  # bytes of what `make` gives for one token in float32


def make(key: str, tokens: int = 4, dtype: torch.dtype = torch.float32) -> Features:
    draw = torch.Generator().manual_seed(int(key[:12], 16))
    pooled, *deepstack = (torch.randn(tokens, 8, generator=draw).to(dtype) for _ in range(3))
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


def is_exactly(found: Features | None, expected: Features) -> bool:
    """Bit by bit, so that NaN equals NaN and -0 is not 0."""
    if found is None or len(found.deepstack) != len(expected.deepstack):
        return False
    pairs = list(zip(tensors(found), tensors(expected), strict=True))
    same_kind = all(a.dtype == b.dtype and a.shape == b.shape for a, b in pairs)
    return same_kind and all(
        torch.equal(a.view(torch.uint8), b.contiguous().view(torch.uint8)) for a, b in pairs
    )
