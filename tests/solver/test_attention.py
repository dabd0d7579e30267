"""Attention by rows and by blocks, against torch's attention with a dense mask."""

import pytest
import torch
from jaxtyping import TypeCheckError
from torch import nn
from torch.nn.functional import scaled_dot_product_attention

from lightning_ouro.solver.attention import BLOCK, NAME, Layout, _block_mask, attend, layout_of
from lightning_ouro.solver.packing import Packed, Span, dense_mask

from .conftest import ready

SHAPES = {
    "one row": [(37, (5, 9, 5))],
    "one question": [(50, (11,))],
    "several rows of unequal length": [(64, (10, 3)), (1, (1, 1, 1, 30)), (90, (7,))],
    "a row without questions": [(20, ()), (8, (4, 6))],
    "longer than a block": [(BLOCK + 40, (60, 25, 100)), (30, (BLOCK + 1,))],
    "exactly a block": [(BLOCK - 20, (20,))],
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
    ids, targets = torch.zeros(start, dtype=torch.long), (none, none, none, none.bool())
    positions, rows, segments = ids.expand(3, -1), torch.tensor(rows), torch.tensor(segments)
    return Packed(tuple(spans), ids, positions, rows, segments, *targets, none, none)


def states(length, key_heads):
    generator = torch.Generator().manual_seed(length)
    shapes = [(1, heads, length, 16) for heads in (4, key_heads, key_heads)]
    return [
        torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True) for shape in shapes
    ]


def reference(packed, query, key, value):
    groups = query.shape[1] // key.shape[1]
    key, value = (tensor.repeat_interleave(groups, dim=1) for tensor in (key, value))
    mask = dense_mask(packed)
    return scaled_dot_product_attention(query, key, value, attn_mask=mask, scale=SCALE).transpose(1, 2)


def by_layout(packed, kind):
    if kind == "rows":
        return layout_of(packed)
    return Layout(packed.spans, (), _block_mask(packed))


# Compiling would need a C++ compiler on a CPU.
@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")
@pytest.mark.parametrize("key_heads", [4, 2])
@pytest.mark.parametrize("kind", ["rows", "blocks"])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_outputs_and_gradients_equal_those_under_the_dense_mask(shape, kind, key_heads):
    packed = packed_of(shape)
    inputs = states(len(packed.ids), key_heads)
    if kind == "blocks":  # FlexAttention has no backward pass on a CPU
        inputs = [tensor.detach() for tensor in inputs]
    output, _ = attend(nn.Module(), *inputs, None, layout=by_layout(packed, kind), scaling=SCALE)
    expected = reference(packed, *inputs)
    torch.testing.assert_close(output, expected, atol=1e-10, rtol=1e-10)
    if kind == "blocks":
        return
    weights = torch.randn(expected.shape, generator=torch.Generator().manual_seed(1), dtype=expected.dtype)
    gradients = torch.autograd.grad((output * weights).sum(), inputs)
    expected_gradients = torch.autograd.grad((expected * weights).sum(), inputs)
    for gradient, expected_gradient in zip(gradients, expected_gradients, strict=True):
        torch.testing.assert_close(gradient, expected_gradient, atol=1e-10, rtol=1e-10)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_the_block_mask_skips_exactly_the_blocks_without_a_visible_pair(shape):
    packed = packed_of(shape)
    missing = -len(packed.ids) % BLOCK
    mask = torch.nn.functional.pad(dense_mask(packed), (0, missing, 0, missing))
    blocks = mask.reshape(len(mask) // BLOCK, BLOCK, -1, BLOCK).any(dim=3).any(dim=1)
    padding = torch.arange(len(blocks)) * BLOCK + BLOCK > len(packed.ids)
    blocks |= torch.diag(padding)  # padding sees itself
    assert torch.equal(_block_mask(packed).to_dense()[0, 0].bool(), blocks)


def test_without_a_layout_it_is_plain_causal_attention():
    query, key, value = states(12, 4)
    module = nn.Module()
    module.is_causal = True
    output, _ = attend(module, query, key, value, None, scaling=SCALE)
    expected = scaled_dot_product_attention(query, key, value, is_causal=True, scale=SCALE).transpose(1, 2)
    torch.testing.assert_close(output, expected)


def test_it_is_set_on_the_language_model_and_not_on_the_vision_tower():
    qwen = ready()[0].qwen
    assert qwen.model.language_model.config._attn_implementation == NAME
    assert qwen.model.visual.config._attn_implementation == "sdpa"
    assert all(
        layer.self_attn.config._attn_implementation == NAME for layer in qwen.model.language_model.layers
    )


def test_a_tensor_of_another_shape_than_annotated_is_refused():
    query, key, value = states(12, 4)
    with pytest.raises(TypeCheckError, match="key"):
        attend(nn.Module(), query, key[0], value, None, scaling=SCALE)
