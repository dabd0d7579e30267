"""Steps of writing replies, against softmax over everything that a question may see."""

import pytest
import torch

from lightning_ouro.solver.attention import attend, layout_of
from lightning_ouro.solver.prefix_cache import SharedPrefixCache

from .test_attention import SCALE, SHAPES, packed_of

LAYER = type("Layer", (), {"layer_idx": 3})()


def states(length, key_heads, generator):
    shapes = [(1, heads, length, 16) for heads in (4, key_heads, key_heads)]
    return [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]


def looked(query, keys, values):
    """One query `(heads, dim)` at keys `(key heads, n, dim)`."""
    groups = len(query) // len(keys)
    keys, values = keys.repeat_interleave(groups, 0), values.repeat_interleave(groups, 0)
    weights = torch.softmax((query[:, None] * keys).sum(-1).mul(SCALE), dim=-1)
    return (weights[..., None] * values).sum(1)


@pytest.mark.parametrize("key_heads", [4, 2])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_a_token_sees_its_prefix_its_suffix_and_what_was_written_behind_it(shape, key_heads):
    packed, generator = packed_of(shape), torch.Generator().manual_seed(1)
    kept = SharedPrefixCache(packed, room=5)
    query, key, value = states(len(packed.ids), key_heads, generator)
    attend(LAYER, query, key, value, None, layout_of(packed, kept), scaling=SCALE)
    questions = [
        (row, segment) for row, (_, suffixes) in enumerate(shape) for segment in range(1, len(suffixes) + 1)
    ]
    sees = [
        (packed.rows == row) & ((packed.segments == 0) | (packed.segments == own)) for row, own in questions
    ]
    seen = [(key[0][:, mask], value[0][:, mask]) for mask in sees]
    ends = dict.fromkeys(range(len(questions)), 5) | {
        0: 1,
        len(questions) - 1: 3,
    }  # steps after which replies end
    going = torch.ones(len(questions), dtype=torch.bool)
    running = list(range(len(questions)))
    for step in range(1, 6):
        kept.begin_step(going)
        running = [question for question, goes in zip(running, going.tolist(), strict=True) if goes]
        if not running:
            break
        query, key, value = states(len(running), key_heads, generator)
        found, weights = attend(LAYER, query, key, value, None, kept, scaling=SCALE)
        assert weights is None and found.shape == (1, len(running), 4, 16)
        for place, question in enumerate(running):
            new = (key[0][:, [place]], value[0][:, [place]])
            seen[question] = tuple(torch.cat(pair, 1) for pair in zip(seen[question], new, strict=True))
            expected = looked(
                query[0][:, place], *seen[question]
            )  # in float64; softmax is computed in float32
            torch.testing.assert_close(found[0, place], expected, rtol=1e-5, atol=1e-6)
        going = torch.tensor([ends[question] > step for question in running])
