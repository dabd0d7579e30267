"""Files that were damaged, or hold something else, are neither read nor kept."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from lightning_ouro.solver.feature_format import Features

from .cached_features import KEYS, entry, is_exactly, make, on_disk


def header_with(path: Path, change) -> bytes:
    """The file with another header, put together by hand from the format's description."""
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    change(header)
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data[8 + size :]


DAMAGES = {
    "empty": lambda path: b"",
    "text": lambda path: b"<html>no such page</html>" * 20,
    "zeros": lambda path: bytes(path.stat().st_size),
    "huge header": lambda path: b"\xff" * 8 + path.read_bytes()[8:],
    "trailing bytes": lambda path: path.read_bytes() + b"\0",
    "no metadata": lambda path: header_with(path, lambda header: header.pop("__metadata__")),
    "null metadata": lambda path: header_with(path, lambda header: header.update(__metadata__=None)),
    "no checksum": lambda path: header_with(path, lambda header: header["__metadata__"].pop("checksum")),
    "newer version": lambda path: header_with(
        path, lambda header: header["__metadata__"].update(version="2")
    ),
    "other name": lambda path: header_with(path, lambda header: header.update(pool=header.pop("pooled"))),
    "missing layer": lambda path: header_with(
        path, lambda header: header.update({"deepstack.2": header.pop("deepstack.0")})
    ),
    "other type": lambda path: header_with(path, lambda header: header["pooled"].update(dtype="I32")),
    "unknown type": lambda path: header_with(
        path, lambda header: header["pooled"].update(dtype="F4", shape=[32, 8])
    ),
    "other shape": lambda path: header_with(path, lambda header: header["pooled"].update(shape=[8, 4])),
    "swapped layers": lambda path: header_with(
        path,
        lambda header: header.update(
            {"deepstack.0": header["deepstack.1"], "deepstack.1": header["deepstack.0"]}
        ),
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_counts_as_missing_and_is_deleted(tmp_path, damage):
    cache, path = on_disk(tmp_path), entry(tmp_path, KEYS[0])
    cache.put(KEYS[0], make(KEYS[0]))
    path.write_bytes(header_with(path, lambda header: None))
    assert is_exactly(cache.get(KEYS[0]), make(KEYS[0]))  # a header put together by hand is fine in itself
    path.write_bytes(DAMAGES[damage](path))
    assert cache.get(KEYS[0]) is None
    assert not path.exists() and (cache.hits, cache.misses) == (1, 1)
    cache.put(KEYS[0], make(KEYS[0]))
    assert is_exactly(cache.get(KEYS[0]), make(KEYS[0]))


@pytest.mark.parametrize(
    "content", [{}, {"pooled": torch.zeros(())}, {"pooled": torch.zeros(0, 8), "x": torch.ones(1)}]
)
def test_a_valid_file_of_other_tensors_counts_as_missing_and_is_deleted(tmp_path, content):
    path = entry(tmp_path, KEYS[0])
    path.parent.mkdir()
    save_file(content, path, {"version": "1", "checksum": "00000000"})
    assert on_disk(tmp_path).get(KEYS[0]) is None
    assert not path.exists()


def test_a_file_truncated_anywhere_or_with_any_bit_flipped_is_not_read(tmp_path):
    cache, path = on_disk(tmp_path), entry(tmp_path, KEYS[0])
    features = Features(torch.tensor([[1.5, -2.0]]), [torch.tensor([[0.0, 3.0]])])
    cache.put(KEYS[0], features)
    intact = path.read_bytes()
    flipped = (
        intact[: bit // 8] + bytes([intact[bit // 8] ^ 1 << bit % 8]) + intact[bit // 8 + 1 :]
        for bit in range(8 * len(intact))
    )
    for damaged in [*(intact[:size] for size in range(len(intact))), *flipped]:
        path.write_bytes(damaged)
        assert cache.get(KEYS[0]) is None, damaged
        assert not path.exists()
    path.write_bytes(intact)
    assert is_exactly(cache.get(KEYS[0]), features)
