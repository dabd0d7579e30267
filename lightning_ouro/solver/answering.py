"""Greedy answers to all questions of a batch from one prefill, one token a question and step.

Each step appends one token per question behind the packed batch; it sees its row's prefix, its own suffix and its own
earlier tokens. The tests compare the texts with transformers' `generate` on each question alone.
"""

from __future__ import annotations

import torch
from transformers import DynamicCache, Qwen3VLForConditionalGeneration

from lightning_ouro.solver.features import Features
from lightning_ouro.solver.packing import Packed, visible
from lightning_ouro.solver.shared_prefix import caching, hidden_states


@torch.no_grad()
def greedy_answers(
    model: Qwen3VLForConditionalGeneration,
    packed: Packed,
    features: Features | None,
    end_of_turn: int,
    max_new_tokens: int,
) -> list[list[int]]:
    """Token ids of each question's reply, without the end of the turn.

    Args:
        model: The solver.
        packed: Rows whose suffixes carry no answer, on the model's device.
        features: Of their videos.
        end_of_turn: The token that ends a reply.
        max_new_tokens: Replies are cut there; VSI-Bench allows 16.
    """
    cache = DynamicCache(config=model.config.text_config)
    hidden = hidden_states(model, packed, features, cache)[packed.question_end]
    row, segment = packed.rows[packed.question_end], packed.segments[packed.question_end]
    key_row, key_segment = packed.rows, packed.segments
    always = torch.ones((), dtype=torch.bool, device=row.device)
    replies: list[list[int]] = [[] for _ in range(packed.num_questions)]
    running = torch.ones_like(row, dtype=torch.bool)
    for step in range(max_new_tokens):
        tokens = model.lm_head(hidden).argmax(-1)  # (Q,)
        running &= tokens != end_of_turn
        for question in running.nonzero().flatten().tolist():
            replies[question].append(int(tokens[question]))
        if step == max_new_tokens - 1 or not running.any():
            break
        key_row, key_segment = torch.cat([key_row, row]), torch.cat([key_segment, segment])
        mask = visible(row[:, None], segment[:, None], key_row, key_segment, always)
        output = model.model.language_model(
            inputs_embeds=model.get_input_embeddings()(tokens)[None],
            attention_mask=mask[None, None],
            position_ids=(packed.question_next + step)[None, None].expand(3, -1, -1),
            **caching(cache),
        )
        hidden = output.last_hidden_state[0]
    return replies
