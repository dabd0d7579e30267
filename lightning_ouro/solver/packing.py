"""Rows to one flat batch of tensors: `[prefix | question 1 answer 1 | ... | question K answer K]`, row behind row.

A suffix attends to the prefix of its row and to itself, so K questions cost one pass over the video and each sees
exactly what it would see alone. Nothing is padded. Axes: T tokens of the batch, R rows, Q questions, N answer tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from lightning_ouro.solver.encoding import Row

PREFIX = 0


@dataclass(frozen=True)
class Span:
    """Where a row lies in the batch.

    Attributes:
        start: Its first token.
        prefix: Tokens of its prefix.
        suffixes: Tokens of each of its suffixes, in order.
    """

    start: int
    prefix: int
    suffixes: tuple[int, ...]

    @property
    def end(self) -> int:
        """Behind its last token."""
        return self.start + self.prefix + sum(self.suffixes)

    def suffix_indices(self) -> Tensor:
        """The tokens of each suffix, counted from the row's start, `(K, S)`; -1 pads to the longest."""
        lengths = torch.tensor(self.suffixes, dtype=torch.long)
        offset = torch.arange(int(lengths.max()) if len(lengths) else 0)
        places = (self.prefix + lengths.cumsum(0) - lengths)[:, None] + offset
        return torch.where(offset < lengths[:, None], places, -1)


@dataclass(frozen=True)
class Packed:
    """A batch of rows.

    Attributes:
        spans: Where each row lies.
        ids: Token ids, `(T,)`.
        positions: M-RoPE positions, `(3, T)`.
        rows: The row of each token, `(T,)`.
        segments: 0 for a prefix, k for the row's k-th question, `(T,)`.
        target_place: The token that predicts each answer token, `(N,)`.
        target_ids: The answer tokens, `(N,)`.
        target_question: Question of each answer token, `(N,)`, counted over the batch.
        target_is_content: False for the end-of-turn token, which is trained but not counted as confidence, `(N,)`.
        question_end: Each question's last token, `(Q,)`.
        question_next: Position that follows each question's last token, `(Q,)`.
    """

    spans: tuple[Span, ...]
    ids: Tensor
    positions: Tensor
    rows: Tensor
    segments: Tensor
    target_index: Tensor
    target_ids: Tensor
    target_question: Tensor
    target_is_content: Tensor
    question_end: Tensor
    question_next: Tensor

    def to(self, device: torch.device) -> Packed:
        """The same batch on a device."""
        tensors = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "spans"}
        return Packed(self.spans, **{name: tensor.to(device) for name, tensor in tensors.items()})

    @property
    def num_questions(self) -> int:
        """Questions of the batch, Q."""
        return len(self.question_end)


def visible(
    query_row: Tensor, query_segment: Tensor, key_row: Tensor, key_segment: Tensor, earlier: Tensor
) -> Tensor:
    """The law of who sees whom, for tensors that broadcast: earlier tokens of the row's prefix and of one's own suffix.

    Args:
        query_row: Row of those who look.
        query_segment: Their segment.
        key_row: Row of those who are looked at.
        key_segment: Their segment.
        earlier: Whether they do not come later.
    """
    return (query_row == key_row) & ((key_segment == PREFIX) | (key_segment == query_segment)) & earlier


def dense_mask(packed: Packed) -> Tensor:
    """The law for all pairs, bool `(T, T)`."""
    place = torch.arange(len(packed.ids), device=packed.ids.device)
    rows, segments = packed.rows, packed.segments
    return visible(rows[:, None], segments[:, None], rows, segments, place <= place[:, None])


def pack(rows: Sequence[Row]) -> Packed:
    """One batch of rows, on the CPU."""
    spans: list[Span] = []
    ids: list[Tensor] = []
    positions: list[Tensor] = []
    segments: list[Tensor] = []
    targets: list[tuple[int, int, int, bool]] = []
    ends: list[tuple[int, int]] = []
    place = 0
    for row in rows:
        spans.append(Span(place, len(row.prefix.ids), tuple(len(suffix.ids) for suffix in row.suffixes)))
        ids.append(row.prefix.ids)
        positions.append(row.prefix.positions)
        place += len(row.prefix.ids)
        for suffix in row.suffixes:
            size, start = len(suffix.ids), row.prefix.next_position
            ids.append(suffix.ids)
            positions.append(torch.arange(start, start + size).expand(3, -1))
            targets += [
                (place + suffix.answer_start + offset - 1, token, len(ends), offset < suffix.num_content)
                for offset, token in enumerate(suffix.ids[suffix.answer_start :].tolist())
            ]
            place += size
            ends.append((place - 1, start + size))
        lengths = torch.tensor([spans[-1].prefix, *spans[-1].suffixes])
        segments.append(torch.arange(len(lengths)).repeat_interleave(lengths))
    target = torch.tensor(targets, dtype=torch.long).reshape(-1, 4)
    question = torch.tensor(ends, dtype=torch.long).reshape(-1, 2)
    return Packed(
        tuple(spans),
        torch.cat(ids),
        torch.cat(positions, dim=1),
        torch.arange(len(rows)).repeat_interleave(torch.tensor([span.end - span.start for span in spans])),
        torch.cat(segments),
        target_index=target[:, 0],
        target_ids=target[:, 1],
        target_question=target[:, 2],
        target_is_content=target[:, 3].bool(),
        question_end=question[:, 0],
        question_next=question[:, 1],
    )
