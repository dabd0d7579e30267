"""Packing: rows become one flat batch of tensors, `[prefix | question 1 answer 1 | ... | question K answer K]` per row.

A suffix attends to the prefix of its row and to itself, so K questions cost one pass over the video and each sees
exactly what it would see alone. Nothing is padded.

Names of axes, here and in all modules of the solver:

| axis | length |
|---|---|
| `T` | tokens of the batch |
| `L` | tokens of a row |
| `P` | tokens of a row's prefix |
| `S` | tokens of a row's longest suffix |
| `K` | questions of a row, that is its suffixes |
| `Q` | questions of the batch |
| `N` | answer tokens of the batch |
| `heads`, `kv_heads` | attention heads of queries; of keys and values |
| `groups` | queries' heads that share a head of keys and values |
| `dim` | width of a head |
| `hidden` | width of the language model |
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import no_type_check

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from lightning_ouro.solver.encoding import Row

PREFIX = 0  # the segment of a prefix


@dataclass(frozen=True)
class Span:
    """Position of a row in the batch.

    Attributes:
        start: Index of its first token.
        prefix: Number of tokens of its prefix.
        suffixes: Number of tokens of each of its suffixes, in order.
    """

    start: int
    prefix: int
    suffixes: tuple[int, ...]

    @property
    def end(self) -> int:
        """Index after its last token."""
        return self.start + self.prefix + sum(self.suffixes)

    def suffix_indices(self) -> Int[Tensor, "K S"]:
        """The tokens of each suffix, counted from the row's start; -1 pads to the longest suffix."""
        lengths = torch.tensor(self.suffixes, dtype=torch.long)
        offset = torch.arange(int(lengths.max()) if len(lengths) else 0)
        indices = (self.prefix + lengths.cumsum(0) - lengths)[:, None] + offset
        return torch.where(offset < lengths[:, None], indices, -1)


@dataclass(frozen=True)
class Packed:
    """A batch of rows.

    Attributes:
        spans: Position of each row.
        ids: Token ids.
        positions: M-RoPE positions (time, row, column).
        rows: Row of each token.
        segments: 0 for a prefix, k for the row's k-th question.
        target_index: Index of the token that predicts each answer token.
        target_ids: The answer tokens.
        target_question: Question of each answer token, counted over the batch.
        target_is_content: False for the end-of-turn token, which is trained but does not count as confidence.
        question_end: Index of each question's last token.
        question_next: Position that follows each question's last token.
    """

    spans: tuple[Span, ...]
    ids: Int[Tensor, "T"]
    positions: Int[Tensor, "3 T"]
    rows: Int[Tensor, "T"]
    segments: Int[Tensor, "T"]
    target_index: Int[Tensor, "N"]
    target_ids: Int[Tensor, "N"]
    target_question: Int[Tensor, "N"]
    target_is_content: Bool[Tensor, "N"]
    question_end: Int[Tensor, "Q"]
    question_next: Int[Tensor, "Q"]

    def to(self, device: torch.device) -> Packed:
        names = [field.name for field in fields(self) if field.name != "spans"]
        return replace(self, **{name: getattr(self, name).to(device) for name in names})

    @property
    def num_questions(self) -> int:
        return len(self.question_end)


@no_type_check  # FlexAttention traces this function, and cannot trace the checks of shapes that tests add
def visible(
    query_row: Int[Tensor, "*#pairs"],
    query_segment: Int[Tensor, "*#pairs"],
    key_row: Int[Tensor, "*#pairs"],
    key_segment: Int[Tensor, "*#pairs"],
    is_causal: Bool[Tensor, "*#pairs"],
) -> Bool[Tensor, "*pairs"]:
    """Whether queries may see keys: earlier tokens of the same row's prefix and of the same suffix.

    Args:
        query_row: Row of each query.
        query_segment: Segment of each query.
        key_row: Row of each key.
        key_segment: Segment of each key.
        is_causal: Whether the key is not later than the query.
    """
    return (query_row == key_row) & ((key_segment == PREFIX) | (key_segment == query_segment)) & is_causal


def dense_mask(packed: Packed) -> Bool[Tensor, "T T"]:
    """`visible` for all pairs of tokens, queries first."""
    index = torch.arange(len(packed.ids), device=packed.ids.device)
    rows, segments = packed.rows, packed.segments
    return visible(rows[:, None], segments[:, None], rows, segments, index <= index[:, None])


def pack(rows: Sequence[Row]) -> Packed:
    """Packs rows into one batch, on the CPU."""
    spans = _spans(rows)
    ids = [ids for row in rows for ids in (row.prefix.ids, *(suffix.ids for suffix in row.suffixes))]
    lengths = torch.tensor([span.end - span.start for span in spans])
    target, question = _targets(rows, spans)
    return Packed(
        spans,
        torch.cat(ids),
        torch.cat([_positions(row) for row in rows], dim=1),
        torch.arange(len(rows)).repeat_interleave(lengths),
        torch.cat([_segments(span) for span in spans]),
        target_index=target[:, 0],
        target_ids=target[:, 1],
        target_question=target[:, 2],
        target_is_content=target[:, 3].bool(),
        question_end=question[:, 0],
        question_next=question[:, 1],
    )


def _spans(rows: Sequence[Row]) -> tuple[Span, ...]:
    spans: list[Span] = []
    for row in rows:
        start = spans[-1].end if spans else 0
        spans.append(Span(start, len(row.prefix.ids), tuple(len(suffix.ids) for suffix in row.suffixes)))
    return tuple(spans)


def _positions(row: Row) -> Int[Tensor, "3 L"]:
    """Every suffix starts at the same position, right after the prefix."""
    start = row.prefix.next_position
    suffixes = [torch.arange(start, start + len(suffix.ids)).expand(3, -1) for suffix in row.suffixes]
    return torch.cat([row.prefix.positions, *suffixes], dim=1)


def _segments(span: Span) -> Int[Tensor, "L"]:
    lengths = torch.tensor([span.prefix, *span.suffixes])
    return torch.arange(len(lengths)).repeat_interleave(lengths)


def _targets(rows: Sequence[Row], spans: Sequence[Span]) -> tuple[Int[Tensor, "N 4"], Int[Tensor, "Q 2"]]:
    """Columns of `Packed`: the four that start with `target_`, and the two that start with `question_`."""
    targets: list[tuple[int, int, int, bool]] = []
    ends: list[tuple[int, int]] = []
    for row, span in zip(rows, spans, strict=True):
        start = span.start + span.prefix
        for suffix in row.suffixes:
            targets += [
                (start + suffix.answer_start + offset - 1, token, len(ends), offset < suffix.num_content)
                for offset, token in enumerate(suffix.ids[suffix.answer_start :].tolist())
            ]
            start += len(suffix.ids)
            ends.append((start - 1, row.prefix.next_position + len(suffix.ids)))
    return (
        torch.tensor(targets, dtype=torch.long).reshape(-1, 4),
        torch.tensor(ends, dtype=torch.long).reshape(-1, 2),
    )
