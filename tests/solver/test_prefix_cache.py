"""Decoding steps, against softmax over everything that a question may see."""

import pytest
import torch
from torch import nn

from lightning_ouro.solver.attention import attend, layout_of
from lightning_ouro.solver.prefix_cache import SharedPrefixCache

from .test_attention import SCALE, SHAPES, packed_of

LAYER = nn.Module()
LAYER.layer_idx = 3


def states(length, key_heads, generator):
    shapes = [(1, heads, length, 16) for heads in (4, key_heads, key_heads)]
    return [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]


def attended(query, keys, values):
    """Attention of one query `(heads, dim)` over keys `(kv_heads, n, dim)`."""
    groups = len(query) // len(keys)
    keys, values = keys.repeat_interleave(groups, 0), values.repeat_interleave(groups, 0)
    weights = torch.softmax((query[:, None] * keys).sum(-1).mul(SCALE), dim=-1)
    return (weights[..., None] * values).sum(1)


@pytest.mark.parametrize("key_heads", [4, 2])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_a_token_sees_its_prefix_its_suffix_and_what_was_decoded_after_it(shape, key_heads):
    packed, generator = packed_of(shape), torch.Generator().manual_seed(1)
    cache = SharedPrefixCache(packed, max_new_tokens=5)
    query, key, value = states(len(packed.ids), key_heads, generator)
    attend(LAYER, query, key, value, None, layout_of(packed, cache), scaling=SCALE)
    questions = [
        (row, segment) for row, (_, suffixes) in enumerate(shape) for segment in range(1, len(suffixes) + 1)
    ]
    masks = [
        (packed.rows == row) & ((packed.segments == 0) | (packed.segments == segment))
        for row, segment in questions
    ]
    seen = [(key[0][:, mask], value[0][:, mask]) for mask in masks]
    lengths = dict.fromkeys(range(len(questions)), 5) | {0: 1, len(questions) - 1: 3}  # of the replies
    continues = torch.ones(len(questions), dtype=torch.bool)
    running = list(range(len(questions)))
    for step in range(1, 6):
        cache.begin_step(continues)
        running = [question for question, goes_on in zip(running, continues.tolist(), strict=True) if goes_on]
        if not running:
            break
        query, key, value = states(len(running), key_heads, generator)
        output, weights = attend(LAYER, query, key, value, None, cache, scaling=SCALE)
        assert weights is None and output.shape == (1, len(running), 4, 16)
        for index, question in enumerate(running):
            new = (key[0][:, [index]], value[0][:, [index]])
            seen[question] = tuple(torch.cat(pair, 1) for pair in zip(seen[question], new, strict=True))
            expected = attended(query[0][:, index], *seen[question])
            # Expected in float64; the cache computes softmax in float32.
            torch.testing.assert_close(output[0, index], expected, rtol=1e-5, atol=1e-6)
        continues = torch.tensor([lengths[question] > step for question in running])
