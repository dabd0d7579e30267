"""Attention of packed rows that computes what may be seen and nothing else; transformers calls it in every layer.

On a CPU a row is two calls of torch's fused attention: its prefix, causal; and its suffixes as a batch, each of which
looks at the prefix and at itself. On CUDA a batch is one call of FlexAttention with a block mask (arXiv 2412.05496),
which leaves out blocks that nobody in them may see; its lengths are padded to 128, since the compiled backward pass
wants that, and it is compiled once for all lengths (`dynamic`; a length at a time costs 15 s each).

It is entered as an attention function of transformers and set on the language model alone; the vision tower keeps its
own. Without a layout (transformers' own `generate`, masks of one's own) it is transformers' SDPA.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

import torch
import torch._dynamo
from torch import Tensor, nn
from torch.nn.attention.flex_attention import BlockMask, create_block_mask, flex_attention
from torch.nn.functional import pad, scaled_dot_product_attention
from transformers import AttentionInterface, Qwen3VLForConditionalGeneration
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from lightning_ouro.solver.packing import Packed, Span, visible
from lightning_ouro.solver.prefix_cache import SharedPrefixCache

NAME = "lightning_ouro_shared_prefix"
BLOCK = 128  # tokens a side of FlexAttention's blocks; lengths are padded to a multiple


@dataclass(frozen=True)
class Layout:
    """What attention has to know of a batch.

    Attributes:
        spans: Where each row lies.
        gathers: For each row the tokens of its suffixes, `(K, S)`, counted from the row's start; -1 is padding.
        block_mask: The same for FlexAttention; None on a CPU.
        kept: Takes keys and values, where replies are to be written.
    """

    spans: tuple[Span, ...]
    gathers: tuple[Tensor, ...]
    block_mask: BlockMask | None
    kept: SharedPrefixCache | None = None


def layout_of(packed: Packed, kept: SharedPrefixCache | None = None) -> Layout:
    """The layout of a batch, on its device."""
    gathers = tuple(span.suffix_indices().to(packed.ids.device) for span in packed.spans)
    return Layout(packed.spans, gathers, _block_mask(packed) if packed.ids.is_cuda else None, kept)


def use_shared_prefix(model: Qwen3VLForConditionalGeneration) -> None:
    """Lets the language model attend by the layout that it is given."""
    AttentionInterface.register(NAME, attend)
    model.model.language_model.config._attn_implementation = NAME


def attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    layout: Layout | SharedPrefixCache | None = None,
    **given: Any,
) -> tuple[Tensor, Tensor | None]:
    """An attention function as transformers calls it.

    Args:
        module: The layer.
        query: `(1, heads, T, dim)`.
        key: `(1, key heads, T, dim)`.
        value: Likewise.
        attention_mask: Only without a layout.
        layout: Who sees whom; or what was kept of a batch, for one token more of each question.
        given: What transformers passes besides; `scaling` counts.

    Returns:
        `(1, T, heads, dim)`, and no weights.
    """
    if layout is None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, **given)
    query, key = (
        query.to(value.dtype),
        key.to(value.dtype),
    )  # under autocast their norms have made them float32
    scale = given["scaling"]
    if isinstance(layout, SharedPrefixCache):
        return layout.attend(cast(int, module.layer_idx), query, key, value, scale), None
    if layout.kept is not None:
        layout.kept.fill(cast(int, module.layer_idx), key, value)
    if layout.block_mask is not None:
        return _flex(query, key, value, layout.block_mask, scale).transpose(1, 2), None
    rows: list[Tensor] = []
    for span, gather in zip(layout.spans, layout.gathers, strict=True):
        here = slice(span.start, span.end)
        rows.append(_row(query[:, :, here], key[:, :, here], value[:, :, here], span, gather, scale))
    return torch.cat(rows, dim=1), None


def _row(query: Tensor, key: Tensor, value: Tensor, span: Span, gather: Tensor, scale: float) -> Tensor:
    """Attention within one row, `(1, T, heads, dim)`."""
    groups = query.shape[1] // key.shape[1]
    if groups > 1:
        key, value = (states.repeat_interleave(groups, dim=1) for states in (key, value))
    shared = [states[:, :, : span.prefix] for states in (query, key, value)]
    prefix = scaled_dot_product_attention(
        shared[0], shared[1], shared[2], is_causal=True, scale=scale
    ).transpose(1, 2)
    if gather.numel() == 0:
        return prefix
    places = gather.clamp(min=0)
    asking, keys, values = (states[0][:, places].transpose(0, 1) for states in (query, key, value))
    keys = torch.cat([shared[1].expand(len(gather), -1, -1, -1), keys], dim=2)  # (K, heads, P + S, dim)
    values = torch.cat([shared[2].expand(len(gather), -1, -1, -1), values], dim=2)
    length = gather.shape[1]
    mask = torch.ones(length, span.prefix + length, dtype=torch.bool, device=query.device).tril(span.prefix)
    suffixes = scaled_dot_product_attention(asking, keys, values, attn_mask=mask, scale=scale).transpose(1, 2)
    return torch.cat([prefix, suffixes[gather >= 0][None]], dim=1)


def _block_mask(packed: Packed) -> BlockMask:
    # Padding is a row of its own: it sees itself, so that no softmax is empty, and nobody sees it.
    missing = -len(packed.ids) % BLOCK
    rows, segments = pad(packed.rows, (0, missing), value=-1), pad(packed.segments, (0, missing))

    def law(batch: Tensor, head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        return visible(rows[query], segments[query], rows[key], segments[key], key <= query)

    return create_block_mask(law, None, None, len(rows), len(rows), device=str(rows.device), BLOCK_SIZE=BLOCK)


@lru_cache(maxsize=1)
def _compiled() -> Any:
    torch._dynamo.config.recompile_limit = max(64, torch._dynamo.config.recompile_limit)
    return torch.compile(flex_attention, dynamic=True)


def _flex(query: Tensor, key: Tensor, value: Tensor, mask: BlockMask, scale: float) -> Tensor:
    length = query.shape[2]
    padded = [pad(states, (0, 0, 0, -length % BLOCK)) for states in (query, key, value)]
    kernel = _compiled() if query.is_cuda else flex_attention
    return kernel(*padded, block_mask=mask, scale=scale, enable_gqa=query.shape[1] != key.shape[1])[
        :, :, :length
    ]
