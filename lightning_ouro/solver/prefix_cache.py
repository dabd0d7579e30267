"""Keys and values of a batch while its replies are decoded: each row's prefix once, each question's own tokens apart.

Each step adds one token per question that is still being answered. Its query attends to its row's prefix, of which
there is one copy for all of the row's questions, and to its own tokens: those of its suffix, then those decoded so far.
All of a row's queries meet the prefix in one matrix product (as in Hydragen, arXiv 2402.05099). Axes are named in
`packing`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import pad

from lightning_ouro.solver.packing import Packed


@dataclass
class _RowCache:
    """Keys and values (the first axis) of one row in one layer; `own` holds S suffix tokens and a reply."""

    prefix: Float[Tensor, "2 kv_heads P dim"]
    own: Float[Tensor, "2 K kv_heads own dim"]


@final
class SharedPrefixCache:
    """Keys and values of a batch.

    Args:
        packed: The batch; its suffixes hold no answer.
        max_new_tokens: Largest number of tokens of a reply.
    """

    def __init__(self, packed: Packed, max_new_tokens: int) -> None:
        self._spans, self._max_new_tokens, self._num_decoded = packed.spans, max_new_tokens, 0
        self._suffixes = [span.suffix_indices().to(packed.ids.device) for span in packed.spans]
        self._layers: dict[int, list[_RowCache]] = {}
        # Suffixes are padded to the row's longest; decoded tokens follow after the padding.
        self._visible = [pad(indices >= 0, (0, max_new_tokens), value=True) for indices in self._suffixes]
        self._num_questions = [len(indices) for indices in self._suffixes]

    def fill(
        self, layer: int, key: Float[Tensor, "1 kv_heads T dim"], value: Float[Tensor, "1 kv_heads T dim"]
    ) -> None:
        """Stores a layer's keys and values of the whole batch."""
        self._layers[layer] = []
        both = torch.cat([key, value])
        for span, indices in zip(self._spans, self._suffixes, strict=True):
            row = both[:, :, span.start : span.end]
            own = row[:, :, indices.clamp(min=0)].transpose(1, 2)
            own = torch.cat([own, own.new_empty(*own.shape[:3], self._max_new_tokens, own.shape[4])], dim=3)
            self._layers[layer].append(_RowCache(row[:, :, : span.prefix].clone(), own))

    def begin_step(self, continues: Bool[Tensor, "Q"]) -> None:
        """Drops the questions whose reply has ended, and makes room for one token of each of the others.

        Args:
            continues: Which of the last step's questions are still being answered.
        """
        self._num_decoded += 1
        if bool(continues.all()):
            return
        parts = continues.split(self._num_questions)
        self._num_questions = [int(part.sum()) for part in parts]
        self._visible = [visible[part] for visible, part in zip(self._visible, parts, strict=True)]
        for rows in self._layers.values():
            for row, part in zip(rows, parts, strict=True):
                row.own = row.own[:, part]

    def attend(
        self,
        layer: int,
        query: Float[Tensor, "1 heads Q dim"],
        key: Float[Tensor, "1 kv_heads Q dim"],
        value: Float[Tensor, "1 kv_heads Q dim"],
        scale: float,
    ) -> Float[Tensor, "1 Q heads dim"]:
        """Attention of one step, one token per question.

        Args:
            layer: Index of the layer.
            query: Queries of the tokens.
            key: Their keys, which are stored.
            value: Their values, which are stored.
            scale: Factor of the products of queries and keys.
        """
        outputs: list[Tensor] = []
        both = torch.cat([key, value]).transpose(1, 2)  # (2, Q, kv_heads, dim)
        queries = query[0].transpose(0, 1).unflatten(1, (key.shape[1], -1))  # (Q, kv_heads, groups, dim)
        rows = zip(self._layers[layer], self._visible, both.split(self._num_questions, 1), strict=True)
        for (row, visible, new), row_queries in zip(rows, queries.split(self._num_questions), strict=True):
            if len(row_queries):
                end = row.own.shape[3] - self._max_new_tokens + self._num_decoded
                row.own[:, :, :, end - 1] = new
                own = row.own[:, :, :, :end]
                outputs.append(_attend_row(row_queries, row.prefix, own, visible[:, :end], scale))
        return torch.cat(outputs).flatten(1, 2)[None]


def _attend_row(
    query: Float[Tensor, "K kv_heads groups dim"],
    prefix: Float[Tensor, "2 kv_heads P dim"],
    own: Float[Tensor, "2 K kv_heads own dim"],
    visible: Bool[Tensor, "K own"],
    scale: float,
) -> Float[Tensor, "K kv_heads groups dim"]:
    """Softmax attention over a row's prefix and each question's own tokens."""
    number, groups = query.shape[0], query.shape[2]
    stacked = query.transpose(0, 1).flatten(1, 2)  # (kv_heads, K * groups, dim)
    on_prefix = (stacked @ prefix[0].mT).unflatten(1, (number, groups)).transpose(0, 1)
    on_own = (query @ own[0].mT).float().masked_fill(~visible[:, None, None], float("-inf"))
    weights = torch.softmax(torch.cat([on_prefix.float(), on_own], dim=-1) * scale, dim=-1).to(query.dtype)
    prefix_weights, own_weights = weights.split([prefix.shape[2], own.shape[3]], dim=-1)
    from_prefix = (
        (prefix_weights.transpose(0, 1).flatten(1, 2) @ prefix[1])
        .unflatten(1, (number, groups))
        .transpose(0, 1)
    )
    return from_prefix + own_weights @ own[1]
