"""Greedy answers to all questions of a batch from one prefill, one token a question and step.

Each step appends one token per question behind the packed rows; it sees the prefix, its own suffix and its own earlier
tokens. The tests compare the texts with transformers' `generate` on each question alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import DynamicCache, Qwen3VLForConditionalGeneration

from lightning_ouro.solver.encoding import Row
from lightning_ouro.solver.packing import PADDING, PREFIX, Packed
from lightning_ouro.solver.patches import PatchSpec
from lightning_ouro.solver.shared_prefix import caching, hidden_states, video_features


@torch.no_grad()
def greedy_answers(
    model: Qwen3VLForConditionalGeneration,
    rows: Sequence[Row],
    packed: Packed,
    spec: PatchSpec,
    end_of_turn: int,
    max_new_tokens: int,
) -> list[list[int]]:
    """Token ids of each question's reply, without the end of the turn.

    Args:
        model: The solver.
        rows: Rows whose suffixes carry no answer.
        packed: Their batch on the model's device.
        spec: How frames become patches.
        end_of_turn: The token that ends a reply.
        max_new_tokens: Replies are cut there; VSI-Bench allows 16.
    """
    cache = DynamicCache(config=model.config.text_config)
    features = video_features(model, [row.video for row in rows if row.video is not None], spec)
    hidden = hidden_states(model, packed, features, cache)[packed.question_row, packed.question_end]
    places = _Places(packed)
    replies: list[list[int]] = [[] for _ in range(packed.num_questions)]
    running = torch.ones(packed.num_questions, dtype=torch.bool, device=packed.ids.device)
    for step in range(max_new_tokens):
        tokens = model.lm_head(hidden).argmax(-1)  # (Q,)
        running &= tokens != end_of_turn
        for question in running.nonzero().flatten().tolist():
            replies[question].append(int(tokens[question]))
        if step == max_new_tokens - 1 or not running.any():
            break
        output = model.model.language_model(
            inputs_embeds=model.get_input_embeddings()(places.scatter(tokens)),
            attention_mask=places.next_mask(),
            position_ids=places.scatter(packed.question_next + step)[None].expand(3, -1, -1),
            **caching(cache),
        )
        hidden = output.last_hidden_state[packed.question_row, places.slot]
    return replies


class _Places:
    """Where each question's next token stands in its row, and what it may see."""

    def __init__(self, packed: Packed) -> None:
        rows, self.slot = packed.question_row, torch.zeros_like(packed.question_row)
        self.num_rows = len(packed.ids)
        for row in range(self.num_rows):
            mine = rows == row
            self.slot[mine] = torch.arange(int(mine.sum()), device=rows.device)
        self.rows = rows
        self.width = int(self.slot.max()) + 1
        self.segment = self.scatter(self.slot + 1, fill=PADDING - 1)  # a slot without a question sees the prefix only
        self.keys = packed.segments

    def scatter(self, values: Tensor, fill: int = 0) -> Tensor:
        """Values of questions `(Q,)` at their places `(B, questions of the longest row)`."""
        placed = values.new_full((self.num_rows, self.width), fill)
        placed[self.rows, self.slot] = values
        return placed

    def next_mask(self) -> Tensor:
        """The mask of one more token a question, `(B, 1, width, keys + width)`; remembers the new keys."""
        self.keys = torch.cat([self.keys, self.segment], dim=1)
        own = self.keys[:, None, :] == self.segment[:, :, None]
        return (own | (self.keys == PREFIX)[:, None, :])[:, None]
