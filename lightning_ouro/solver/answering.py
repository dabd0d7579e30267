"""Decoding: replies to all questions of a batch from one prefill, then one token per question and step.

Replies equal those of transformers' `generate` on each question alone (tests/solver/test_shared_prefix.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from transformers import Qwen3VLForConditionalGeneration

from lightning_ouro.solver.feature_format import Features
from lightning_ouro.solver.loading import LoadedModel
from lightning_ouro.solver.packing import Packed
from lightning_ouro.solver.prefix_cache import SharedPrefixCache
from lightning_ouro.solver.shared_prefix import hidden_states

# The next tokens `(Q,)` from logits `(Q, vocabulary)` and the question index of each row of logits.
Choose = Callable[[Tensor, Sequence[int]], Tensor]


def greedily(logits: Tensor, questions: Sequence[int]) -> Tensor:
    """The most likely token of each question, `(Q,)`, from logits `(Q, vocabulary)`."""
    return logits.argmax(-1)


def reply_texts(
    loaded: LoadedModel, packed: Packed, features: Features | None, max_new_tokens: int, choose: Choose
) -> list[str]:
    """The text of each question's reply; arguments as for `replies`."""
    tokenizer = loaded.tokenizer
    end_of_turn = tokenizer.convert_tokens_to_ids("<|im_end|>")
    written = replies(loaded.qwen, packed, features, end_of_turn, max_new_tokens, choose)
    return [tokenizer.decode(reply, skip_special_tokens=True) for reply in written]


@torch.no_grad()
def replies(
    model: Qwen3VLForConditionalGeneration,
    packed: Packed,
    features: Features | None,
    end_of_turn: int,
    max_new_tokens: int,
    choose: Choose = greedily,
) -> list[list[int]]:
    """Token ids of each question's reply, without the end-of-turn token.

    Args:
        model: The solver, prepared by `attention.use_shared_prefix`.
        packed: Rows whose suffixes hold no answer, on the model's device.
        features: Vision features of the rows' videos, in order; None if no row has a video.
        end_of_turn: The token that ends a reply.
        max_new_tokens: Length at which replies are cut off.
        choose: Chooses each next token.
    """
    cache = SharedPrefixCache(packed, max_new_tokens)
    hidden = hidden_states(model, packed, features, cache)[packed.question_end]
    running, position = list(range(packed.num_questions)), packed.question_next
    written: list[list[int]] = [[] for _ in running]
    for step in range(max_new_tokens):
        tokens = choose(model.lm_head(hidden), running)
        continues = tokens != end_of_turn
        running = [question for question, goes_on in zip(running, continues.tolist(), strict=True) if goes_on]
        tokens, position = tokens[continues], position[continues]
        for question, token in zip(running, tokens.tolist(), strict=True):
            written[question].append(token)
        if step == max_new_tokens - 1 or not running:
            break
        cache.begin_step(continues)
        output = model.model.language_model(
            inputs_embeds=model.get_input_embeddings()(tokens)[None],
            position_ids=(position + step)[None, None].expand(3, -1, -1),
            layout=cache,
            use_cache=False,
        )
        hidden = output.last_hidden_state[0]
    return written
