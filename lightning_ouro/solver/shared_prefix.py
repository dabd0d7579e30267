"""The shared-prefix forward pass: transformers' own Qwen3-VL on one packed batch of all questions of several scenes.

Each video is encoded once, the language model processes prefixes and suffixes once, and only the hidden states that
predict an answer token reach the LM head. In float32, losses and gradients equal those of each question alone through
`Qwen3VLForConditionalGeneration.forward` (tests/solver/test_shared_prefix.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from transformers import Qwen3VLForConditionalGeneration

from lightning_ouro.solver.attention import layout_of
from lightning_ouro.solver.feature_format import Features
from lightning_ouro.solver.packing import Packed
from lightning_ouro.solver.prefix_cache import SharedPrefixCache


@dataclass(frozen=True)
class Scored:
    """Loss and confidence of each question of a batch.

    Attributes:
        loss: Mean cross-entropy of the answer's tokens, end of turn included; float32, in the graph.
        confidence: Geometric mean of the probabilities of the answer's content tokens; float32, detached.
    """

    loss: Float[Tensor, "Q"]
    confidence: Float[Tensor, "Q"]


def hidden_states(
    model: Qwen3VLForConditionalGeneration,
    packed: Packed,
    features: Features | None,
    cache: SharedPrefixCache | None = None,
) -> Float[Tensor, "T hidden"]:
    """Last hidden states of all tokens.

    Args:
        model: Prepared by `attention.use_shared_prefix`.
        packed: A batch on the model's device.
        features: Vision features of its videos, in the order of its rows; None if it has no video.
        cache: Stores keys and values, from which replies are decoded.
    """
    embeds = model.get_input_embeddings()(packed.ids)
    is_video = packed.ids == model.config.video_token_id
    if features is not None:
        embeds = embeds.masked_scatter(is_video[:, None], features.pooled.to(embeds.dtype))
    output = model.model.language_model(
        inputs_embeds=embeds[None],
        position_ids=packed.positions[:, None],
        visual_pos_masks=None if features is None else is_video[None],
        deepstack_visual_embeds=None if features is None else features.deepstack,
        layout=layout_of(packed, cache),
        use_cache=False,
    )
    return output.last_hidden_state[0]


def score(model: Qwen3VLForConditionalGeneration, packed: Packed, features: Features | None) -> Scored:
    """Loss and confidence of every question from one pass; arguments as for `hidden_states`."""
    hidden = hidden_states(model, packed, features)
    logits = model.lm_head(hidden[packed.target_index]).float()
    loss = torch.nn.functional.cross_entropy(logits, packed.target_ids, reduction="none")
    return Scored(
        mean_by_question(loss, packed.target_question, packed.num_questions),
        confidences(loss.detach(), packed),
    )


def confidences(loss: Float[Tensor, "N"], packed: Packed) -> Float[Tensor, "Q"]:
    """`exp(mean log p)` over each answer's content tokens, from the cross-entropies of all answer tokens."""
    content = packed.target_is_content
    return torch.exp(-mean_by_question(loss[content], packed.target_question[content], packed.num_questions))


def mean_by_question(
    values: Float[Tensor, "N"], question: Int[Tensor, "N"], num_questions: int
) -> Float[Tensor, "{num_questions}"]:
    """Mean of the values of each question."""
    total = values.new_zeros(num_questions).index_add(0, question, values)
    count = values.new_zeros(num_questions).index_add(0, question, torch.ones_like(values))
    return total / count
