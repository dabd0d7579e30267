"""Both ways of attending against torch's attention with the whole mask."""

from types import SimpleNamespace

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from lightning_ouro.solver.attention import BLOCK, Layout, _block_mask, attend, layout_of
from lightning_ouro.solver.packing import Packed, Span, dense_mask

SHAPES = {
    "one row": [(37, (5, 9, 5))],
    "one question": [(50, (11,))],
    "several rows of unequal length": [(64, (10, 3)), (1, (1, 1, 1, 30)), (90, (7,))],
    "a row without questions": [(20, ()), (8, (4, 6))],
    "longer than a block": [(BLOCK + 40, (60, 25, 100)), (30, (BLOCK + 1,))],
    "a whole block": [(BLOCK - 20, (20,))],
}
SCALE = 0.3


def packed_of(shape):
    spans, rows, segments, start = [], [], [], 0
    for number, (prefix, suffixes) in enumerate(shape):
        spans.append(Span(start, prefix, suffixes))
        start = spans[-1].end
        rows += [number] * (start - spans[-1].start)
        segments += [segment for segment, length in enumerate((prefix, *suffixes)) for _ in range(length)]
    none = torch.zeros(0, dtype=torch.long)
    ids = torch.zeros(start, dtype=torch.long)
    return Packed(
        tuple(spans), ids, ids.expand(3, -1), torch.tensor(rows), torch.tensor(segments), *[none] * 6
    )


def states(length, key_heads):
    generator = torch.Generator().manual_seed(length)
    shapes = [(1, heads, length, 16) for heads in (4, key_heads, key_heads)]
    return [
        torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True) for shape in shapes
    ]


def reference(packed, query, key, value):
    groups = query.shape[1] // key.shape[1]
    key, value = (one.repeat_interleave(groups, dim=1) for one in (key, value))
    mask = dense_mask(packed)
    return scaled_dot_product_attention(query, key, value, attn_mask=mask, scale=SCALE).transpose(1, 2)


def by_layout(packed, kind):
    if kind == "rows":
        return layout_of(packed)
    return Layout(packed.spans, (), _block_mask(packed))


@pytest.mark.filterwarnings(
    "ignore:flex_attention called without torch.compile"
)  # which needs a compiler on a CPU
@pytest.mark.parametrize("key_heads", [4, 2])
@pytest.mark.parametrize("kind", ["rows", "blocks"])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_attention_and_its_gradients_are_those_of_the_whole_mask(shape, kind, key_heads):
    packed = packed_of(shape)
    given = states(len(packed.ids), key_heads)
    if kind == "blocks":  # FlexAttention has no backward pass on a CPU
        given = [one.detach() for one in given]
    found, _ = attend(SimpleNamespace(), *given, None, layout=by_layout(packed, kind), scaling=SCALE)
    expected = reference(packed, *given)
    torch.testing.assert_close(found, expected, atol=1e-10, rtol=1e-10)
    if kind == "blocks":
        return
    weights = torch.randn(expected.shape, generator=torch.Generator().manual_seed(1), dtype=expected.dtype)
    ours = torch.autograd.grad((found * weights).sum(), given)
    theirs = torch.autograd.grad((expected * weights).sum(), given)
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, atol=1e-10, rtol=1e-10)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_the_block_mask_leaves_out_just_the_blocks_that_nobody_may_see(shape):
    packed = packed_of(shape)
    missing = -len(packed.ids) % BLOCK
    whole = torch.nn.functional.pad(dense_mask(packed), (0, missing, 0, missing))
    blocks = whole.reshape(len(whole) // BLOCK, BLOCK, -1, BLOCK).any(dim=3).any(dim=1)
    padding = torch.arange(len(blocks)) * BLOCK + BLOCK > len(packed.ids)
    blocks |= torch.diag(padding)  # padding sees itself
    assert torch.equal(_block_mask(packed).to_dense()[0, 0].bool(), blocks)


def test_without_a_layout_it_is_plain_attention():
    query, key, value = states(12, 4)
    module = SimpleNamespace(is_causal=True)
    found, _ = attend(module, query, key, value, None, scaling=SCALE)
    expected = scaled_dot_product_attention(query, key, value, is_causal=True, scale=SCALE).transpose(1, 2)
    torch.testing.assert_close(found, expected)
