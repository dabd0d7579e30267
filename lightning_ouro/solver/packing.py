"""Rows to one batch of tensors: `[prefix | question 1 answer 1 | ... | question K answer K]`, padded to the longest.

A suffix attends to the prefix and to itself, so K questions cost one pass over the video and each sees exactly what it
would see alone. Axes: B rows, L tokens of the longest row, Q questions of the batch, N answer tokens of the batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from lightning_ouro.solver.encoding import Row

PREFIX, PADDING = 0, -1


@dataclass(frozen=True)
class Packed:
    """A batch of rows.

    Attributes:
        ids: Token ids, `(B, L)`.
        positions: M-RoPE positions, `(3, B, L)`.
        segments: 0 for the prefix, k for the row's k-th question, -1 for padding, `(B, L)`.
        target_row: Row of each answer token, `(N,)`.
        target_column: Column of the token that predicts it, `(N,)`.
        target_ids: The answer tokens, `(N,)`.
        target_question: Question of each answer token, `(N,)`, counted over the batch.
        target_is_content: False for the end-of-turn token, which is trained but not counted as confidence, `(N,)`.
        question_row: Row of each question, `(Q,)`.
        question_end: Column of each question's last token, `(Q,)`.
        question_next: Position that follows each question's last token, `(Q,)`.
    """

    ids: Tensor
    positions: Tensor
    segments: Tensor
    target_row: Tensor
    target_column: Tensor
    target_ids: Tensor
    target_question: Tensor
    target_is_content: Tensor
    question_row: Tensor
    question_end: Tensor
    question_next: Tensor

    def to(self, device: torch.device) -> Packed:
        """The same batch on a device."""
        return Packed(**{field.name: getattr(self, field.name).to(device) for field in fields(self)})

    @property
    def num_questions(self) -> int:
        """Questions of the batch, Q."""
        return len(self.question_row)


def attention_mask(segments: Tensor) -> Tensor:
    """Who may see whom, bool `(B, 1, L, L)`: earlier tokens of the prefix and of one's own suffix.

    Nobody sees padding but itself: a row of the mask without any True would give NaN.
    """
    query, key = segments[:, :, None], segments[:, None, :]
    length = segments.shape[1]
    causal = torch.ones(length, length, dtype=torch.bool, device=segments.device).tril()
    own = (key == PREFIX) | (key == query)
    itself = torch.eye(length, dtype=torch.bool, device=segments.device)
    return ((causal & own & (key != PADDING)) | itself)[:, None]


def pack(rows: Sequence[Row]) -> Packed:
    """One padded batch of rows, on the CPU."""
    lengths = [len(row.prefix.ids) + sum(len(suffix.ids) for suffix in row.suffixes) for row in rows]
    ids = torch.zeros(len(rows), max(lengths), dtype=torch.long)
    positions = torch.zeros(3, len(rows), max(lengths), dtype=torch.long)
    segments = torch.full((len(rows), max(lengths)), PADDING)
    targets: list[tuple[int, int, int, int, bool]] = []
    ends: list[tuple[int, int, int]] = []
    for index, row in enumerate(rows):
        column = len(row.prefix.ids)
        ids[index, :column], positions[:, index, :column], segments[index, :column] = (
            row.prefix.ids,
            row.prefix.positions,
            PREFIX,
        )
        for segment, suffix in enumerate(row.suffixes, start=1):
            size, start = len(suffix.ids), row.prefix.next_position
            span = slice(column, column + size)
            ids[index, span], segments[index, span] = suffix.ids, segment
            positions[:, index, span] = torch.arange(start, start + size)
            answer = suffix.ids[suffix.answer_start :].tolist()
            targets += [
                (index, column + suffix.answer_start + place - 1, token, len(ends), place < suffix.num_content)
                for place, token in enumerate(answer)
            ]
            ends.append((index, column + size - 1, start + size))
            column += size
    target = torch.tensor(targets, dtype=torch.long).reshape(-1, 5)
    question = torch.tensor(ends, dtype=torch.long).reshape(-1, 3)
    return Packed(
        ids,
        positions,
        segments,
        target_row=target[:, 0],
        target_column=target[:, 1],
        target_ids=target[:, 2],
        target_question=target[:, 3],
        target_is_content=target[:, 4].bool(),
        question_row=question[:, 0],
        question_end=question[:, 1],
        question_next=question[:, 2],
    )
