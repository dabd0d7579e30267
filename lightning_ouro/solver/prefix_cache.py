"""Keys and values of a batch while its replies are written: each row's prefix once, each question's own tokens apart.

A step brings one token of each question that is still being answered. Its query looks at its row's prefix, which the
row's questions share and none copies, and at its own tokens: those of its suffix, then those written so far. All of a
row's queries meet the prefix in one matrix product (as in Hydragen, arXiv 2402.05099).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from lightning_ouro.solver.packing import Packed


@dataclass
class _Row:
    """What one layer keeps of one row: `prefix (2, key heads, P, dim)`, `own (2, K, key heads, S + room, dim)`."""

    prefix: Tensor
    own: Tensor


@final
class SharedPrefixCache:
    """What attention keeps of a batch.

    Args:
        packed: The batch; its suffixes carry no answer.
        room: Tokens that a reply has at most.
    """

    def __init__(self, packed: Packed, room: int) -> None:
        self._spans, self._room, self._written = packed.spans, room, 0
        self._places = [span.suffix_indices().to(packed.ids.device) for span in packed.spans]
        self._layers: dict[int, list[_Row]] = {}
        # Tokens of a row's suffixes are padded to the longest; what is written stands behind that.
        self._seen = [torch.nn.functional.pad(places >= 0, (0, room), value=True) for places in self._places]
        self._questions = [len(places) for places in self._places]

    def fill(self, layer: int, key: Tensor, value: Tensor) -> None:
        """Takes a layer's keys and values of the whole batch, `(1, key heads, T, dim)`."""
        self._layers[layer] = []
        both = torch.cat([key, value])
        for span, places in zip(self._spans, self._places, strict=True):
            row = both[:, :, span.start : span.end]
            own = row[:, :, places.clamp(min=0)].transpose(1, 2)
            own = torch.cat([own, own.new_empty(*own.shape[:3], self._room, own.shape[4])], dim=3)
            self._layers[layer].append(_Row(row[:, :, : span.prefix].clone(), own))

    def begin_step(self, going: Tensor) -> None:
        """Forgets the questions whose reply has ended, and makes place for a token of each of the others.

        Args:
            going: Which of the questions of the step before are still answered, bool.
        """
        self._written += 1
        if bool(going.all()):
            return
        parts = going.split(self._questions)
        self._questions = [int(part.sum()) for part in parts]
        self._seen = [seen[part] for seen, part in zip(self._seen, parts, strict=True)]
        for rows in self._layers.values():
            for row, part in zip(rows, parts, strict=True):
                row.own = row.own[:, part]

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
        """Attention of a step, `(1, Q, heads, dim)`.

        Args:
            layer: Whose.
            query: `(1, heads, Q, dim)`, a token of each question.
            key: `(1, key heads, Q, dim)`.
            value: Likewise.
            scale: Of the products.
        """
        found: list[Tensor] = []
        both = torch.cat([key, value]).transpose(1, 2)  # (2, Q, key heads, dim)
        queries = query[0].transpose(0, 1).unflatten(1, (key.shape[1], -1))  # (Q, key heads, groups, dim)
        rows = zip(self._layers[layer], self._seen, both.split(self._questions, 1), strict=True)
        for (row, seen, new), asking in zip(rows, queries.split(self._questions), strict=True):
            if len(asking):
                end = row.own.shape[3] - self._room + self._written
                row.own[:, :, :, end - 1] = new
                found.append(_look(asking, row.prefix, row.own[:, :, :, :end], seen[:, :end], scale))
        return torch.cat(found).flatten(1, 2)[None]


def _look(query: Tensor, prefix: Tensor, own: Tensor, seen: Tensor, scale: float) -> Tensor:
    """Softmax over a row's prefix and each question's own tokens, `(K, key heads, groups, dim)` as `query` is."""
    number, groups = query.shape[0], query.shape[2]
    together = query.transpose(0, 1).flatten(1, 2)  # (key heads, K * groups, dim)
    shared = (together @ prefix[0].mT).unflatten(1, (number, groups)).transpose(0, 1)
    mine = (query @ own[0].mT).float().masked_fill(~seen[:, None, None], float("-inf"))
    weights = torch.softmax(torch.cat([shared.float(), mine], dim=-1) * scale, dim=-1).to(query.dtype)
    on_prefix, on_own = weights.split([prefix.shape[2], own.shape[3]], dim=-1)
    from_prefix = (
        (on_prefix.transpose(0, 1).flatten(1, 2) @ prefix[1]).unflatten(1, (number, groups)).transpose(0, 1)
    )
    return from_prefix + on_own @ own[1]
