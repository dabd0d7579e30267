"""Replies to all questions of a batch from one prefill, one token a question and step.

The tests compare the texts with transformers' `generate` on each question alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from transformers import Qwen3VLForConditionalGeneration

from lightning_ouro.solver.feature_cache import Features
from lightning_ouro.solver.packing import Packed
from lightning_ouro.solver.prefix_cache import SharedPrefixCache
from lightning_ouro.solver.shared_prefix import hidden_states

Choose = Callable[[Tensor, Sequence[int]], Tensor]


def greedily(logits: Tensor, questions: Sequence[int]) -> Tensor:
    """The likeliest token of each question, `(Q,)`, of logits `(Q, vocabulary)`."""
    return logits.argmax(-1)


@torch.no_grad()
def replies(
    model: Qwen3VLForConditionalGeneration,
    packed: Packed,
    features: Features | None,
    end_of_turn: int,
    max_new_tokens: int,
    choose: Choose = greedily,
) -> list[list[int]]:
    """Token ids of each question's reply, without the end of the turn.

    Args:
        model: The solver.
        packed: Rows whose suffixes carry no answer, on the model's device.
        features: Of their videos.
        end_of_turn: The token that ends a reply.
        max_new_tokens: Replies are cut there; VSI-Bench allows 16.
        choose: Takes logits and the batch's questions that they belong to, gives a token of each.
    """
    kept = SharedPrefixCache(packed, max_new_tokens)
    hidden = hidden_states(model, packed, features, kept)[packed.question_end]
    running, position = list(range(packed.num_questions)), packed.question_next
    written: list[list[int]] = [[] for _ in running]
    for step in range(max_new_tokens):
        tokens = choose(model.lm_head(hidden), running)
        going = tokens != end_of_turn
        running = [question for question, goes in zip(running, going.tolist(), strict=True) if goes]
        tokens, position = tokens[going], position[going]
        for question, token in zip(running, tokens.tolist(), strict=True):
            written[question].append(token)
        if step == max_new_tokens - 1 or not running:
            break
        kept.begin_step(going)
        output = model.model.language_model(
            inputs_embeds=model.get_input_embeddings()(tokens)[None],
            position_ids=(position + step)[None, None].expand(3, -1, -1),
            layout=kept,
            use_cache=False,
        )
        hidden = output.last_hidden_state[0]
    return written
