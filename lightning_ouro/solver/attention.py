"""Attention of packed rows that computes visible pairs only; transformers calls it in every layer.

On a CPU a row takes two calls of torch's fused attention: its prefix, causal; and its suffixes as a batch, each of
which attends to the prefix and to itself. On CUDA a batch takes one call of FlexAttention with a block mask (arXiv
2412.05496), which skips blocks without a visible pair. Its lengths are padded to multiples of 128, which the compiled
backward pass needs, and it is compiled once for all lengths (`dynamic`; compiling for each length takes 15 s).

`attend` is registered as an attention function of transformers and set on the language model alone; the vision tower
keeps its own. Without a layout (transformers' own `generate`, custom masks) it is transformers' SDPA. Axes are named in
`packing`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

import torch
import torch._dynamo
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.attention.flex_attention import BlockMask, create_block_mask, flex_attention
from torch.nn.functional import pad, scaled_dot_product_attention
from transformers import AttentionInterface, Qwen3VLForConditionalGeneration
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from lightning_ouro.solver.packing import Packed, Span, visible
from lightning_ouro.solver.prefix_cache import SharedPrefixCache

NAME = "lightning_ouro_shared_prefix"
BLOCK = 128  # side of FlexAttention's blocks, in tokens


@dataclass(frozen=True)
class Layout:
    """What attention needs to know about a batch.

    Attributes:
        spans: Position of each row.
        suffix_indices: For each row, the tokens of its suffixes, `(K, S)`, counted from its start; -1 is padding.
        block_mask: The same for FlexAttention; None on a CPU.
        cache: Stores keys and values, where replies are to be decoded.
    """

    spans: tuple[Span, ...]
    suffix_indices: tuple[Tensor, ...]
    block_mask: BlockMask | None
    cache: SharedPrefixCache | None = None


def layout_of(packed: Packed, cache: SharedPrefixCache | None = None) -> Layout:
    """The layout of a batch, on its device."""
    indices = tuple(span.suffix_indices().to(packed.ids.device) for span in packed.spans)
    return Layout(packed.spans, indices, _block_mask(packed) if packed.ids.is_cuda else None, cache)


def use_shared_prefix(model: Qwen3VLForConditionalGeneration) -> None:
    """Makes the language model attend by the layout that it is called with."""
    AttentionInterface.register(NAME, attend)
    model.model.language_model.set_attn_implementation(NAME)


def attend(
    module: nn.Module,
    query: Float[Tensor, "batch heads query dim"],
    key: Float[Tensor, "batch kv_heads key dim"],
    value: Float[Tensor, "batch kv_heads key dim"],
    attention_mask: Tensor | None,
    layout: Layout | SharedPrefixCache | None = None,
    **kwargs: Any,  # transformers calls attention functions with keywords that differ by version
) -> tuple[Float[Tensor, "batch query heads dim"], Tensor | None]:
    """An attention function, called by transformers.

    Args:
        module: The attention layer.
        query: Queries; with a layout the batch is 1.
        key: Keys.
        value: Values.
        attention_mask: Only used without a layout.
        layout: Which tokens see which; or the cache of a batch, for one more token of each question.
        kwargs: Further arguments of transformers, of which `scaling` is used.

    Returns:
        The output, and no attention weights.
    """
    if layout is None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, **kwargs)
    query, key = query.to(value.dtype), key.to(value.dtype)  # under autocast, their norms return float32
    scale = kwargs["scaling"]
    if isinstance(layout, SharedPrefixCache):
        return layout.attend(cast(int, module.layer_idx), query, key, value, scale), None
    if layout.cache is not None:
        layout.cache.fill(cast(int, module.layer_idx), key, value)
    if layout.block_mask is not None:
        return _flex(query, key, value, layout.block_mask, scale).transpose(1, 2), None
    rows: list[Tensor] = []
    for span, indices in zip(layout.spans, layout.suffix_indices, strict=True):
        row = slice(span.start, span.end)
        rows.append(_attend_row(query[:, :, row], key[:, :, row], value[:, :, row], span, indices, scale))
    return torch.cat(rows, dim=1), None


def _attend_row(
    query: Float[Tensor, "1 heads L dim"],
    key: Float[Tensor, "1 kv_heads L dim"],
    value: Float[Tensor, "1 kv_heads L dim"],
    span: Span,
    indices: Int[Tensor, "K S"],
    scale: float,
) -> Float[Tensor, "1 L heads dim"]:
    """Attention within one row."""
    groups = query.shape[1] // key.shape[1]
    if groups > 1:
        key, value = (states.repeat_interleave(groups, dim=1) for states in (key, value))
    shared = [states[:, :, : span.prefix] for states in (query, key, value)]
    prefix = scaled_dot_product_attention(shared[0], shared[1], shared[2], is_causal=True, scale=scale)
    prefix = prefix.transpose(1, 2)
    if indices.numel() == 0:
        return prefix
    num_questions, length = indices.shape
    gathered = indices.clamp(min=0)
    queries, keys, values = (states[0][:, gathered].transpose(0, 1) for states in (query, key, value))
    keys = torch.cat([shared[1].expand(num_questions, -1, -1, -1), keys], dim=2)  # (K, heads, P + S, dim)
    values = torch.cat([shared[2].expand(num_questions, -1, -1, -1), values], dim=2)
    mask = torch.ones(length, span.prefix + length, dtype=torch.bool, device=query.device).tril(span.prefix)
    suffixes = scaled_dot_product_attention(queries, keys, values, attn_mask=mask, scale=scale)
    return torch.cat([prefix, suffixes.transpose(1, 2)[indices >= 0][None]], dim=1)


def _block_mask(packed: Packed) -> BlockMask:
    # Padding is a row of its own: it sees itself, so that no softmax is empty, and no other token sees it.
    missing = -len(packed.ids) % BLOCK
    rows, segments = pad(packed.rows, (0, missing), value=-1), pad(packed.segments, (0, missing))
    return create_block_mask(
        # A lambda has no annotations, so the tests add no checks, which FlexAttention could not trace.
        lambda batch, head, query, key: visible(
            rows[query], segments[query], rows[key], segments[key], key <= query
        ),
        B=None,
        H=None,
        Q_LEN=len(rows),
        KV_LEN=len(rows),
        device=str(rows.device),
        BLOCK_SIZE=BLOCK,
    )


@lru_cache(maxsize=1)
def _compiled_flex_attention() -> Any:
    torch._dynamo.config.recompile_limit = max(64, torch._dynamo.config.recompile_limit)
    return torch.compile(flex_attention, dynamic=True)


def _flex(
    query: Float[Tensor, "1 heads T dim"],
    key: Float[Tensor, "1 kv_heads T dim"],
    value: Float[Tensor, "1 kv_heads T dim"],
    mask: BlockMask,
    scale: float,
) -> Float[Tensor, "1 heads T dim"]:
    length = query.shape[2]
    padded = [pad(states, (0, 0, 0, -length % BLOCK)) for states in (query, key, value)]
    kernel = _compiled_flex_attention() if query.is_cuda else flex_attention
    is_grouped = query.shape[1] != key.shape[1]
    return kernel(*padded, block_mask=mask, scale=scale, enable_gqa=is_grouped)[:, :, :length]
