"""The shared-prefix forward: transformers' own Qwen3-VL, given one packed row for all questions of a scene.

The vision tower runs once per row, the language model once over prefix and suffixes, and only the hidden states that
predict an answer token reach the LM head. In float32, losses and gradients equal those of each question alone through
`Qwen3VLForConditionalGeneration.forward` (tests/solver/test_shared_prefix.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from inspect import signature
from typing import Any

import torch
from torch import Tensor
from transformers import Qwen3VLForConditionalGeneration, Qwen3VLTextModel
from transformers.cache_utils import Cache

from lightning_ouro.scenes.types import Video
from lightning_ouro.solver.encoding import Row
from lightning_ouro.solver.packing import Packed, attention_mask
from lightning_ouro.solver.patches import PatchSpec, frames_to_patches, video_grid

# transformers 5.24 renames this argument and warns of the old name, which earlier ones need.
_CACHE = "cache" if "cache" in signature(Qwen3VLTextModel.forward).parameters else "past_key_values"


@dataclass(frozen=True)
class Features:
    """What the vision tower gives for a batch's videos, in the order of its rows.

    Attributes:
        pooled: One vector a video token, `(tokens, hidden)`.
        deepstack: The same shape for each of the language model's first layers.
    """

    pooled: Tensor
    deepstack: list[Tensor]


@dataclass(frozen=True)
class Scored:
    """How the solver did on each question of a batch.

    Attributes:
        loss: Mean cross-entropy of the answer's tokens, the end of the turn included, `(Q,)`, float32, in the graph.
        confidence: Geometric mean of the probabilities of the answer's content tokens, `(Q,)`, float32, detached.
    """

    loss: Tensor
    confidence: Tensor


def video_features(model: Qwen3VLForConditionalGeneration, videos: Sequence[Video], spec: PatchSpec) -> Features | None:
    """Pooled and DeepStack features of the videos, or None where there is none; equal videos are encoded once."""
    if not videos:
        return None
    distinct = list({id(video): video for video in videos}.values())
    device = model.model.visual.patch_embed.proj.weight.device
    patches = torch.cat([frames_to_patches(video.frames, spec) for video in distinct]).to(device)
    grids = torch.tensor([video_grid(video.frames.shape, spec) for video in distinct], device=device)
    output = model.model.get_video_features(patches, grids, return_dict=True)
    place = {id(video): index for index, video in enumerate(distinct)}
    order = [place[id(video)] for video in videos]
    return Features(
        torch.cat([output.pooler_output[index] for index in order]),
        [torch.cat([layer[index] for index in order]) for layer in output.deepstack_features],
    )


def hidden_states(
    model: Qwen3VLForConditionalGeneration, packed: Packed, features: Features | None, cache: Cache | None = None
) -> Tensor:
    """Last hidden states of all tokens, `(B, L, hidden)`; fills `cache` where one is given."""
    embeds = model.get_input_embeddings()(packed.ids)
    is_video = packed.ids == model.config.video_token_id
    if features is not None:
        embeds = embeds.masked_scatter(is_video[..., None], features.pooled.to(embeds.dtype))
    output = model.model.language_model(
        inputs_embeds=embeds,
        attention_mask=attention_mask(packed.segments),
        position_ids=packed.positions,
        visual_pos_masks=None if features is None else is_video,
        deepstack_visual_embeds=None if features is None else features.deepstack,
        **caching(cache),
    )
    return output.last_hidden_state


def caching(cache: Cache | None) -> dict[str, Any]:
    """The arguments with which the language model reads and fills `cache`, under any transformers that we allow."""
    return {_CACHE: cache, "use_cache": cache is not None}


def score(model: Qwen3VLForConditionalGeneration, rows: Sequence[Row], packed: Packed, spec: PatchSpec) -> Scored:
    """Loss and confidence of every question from one pass; `packed` is the rows' batch on the model's device."""
    features = video_features(model, [row.video for row in rows if row.video is not None], spec)
    hidden = hidden_states(model, packed, features)
    logits = model.lm_head(hidden[packed.target_row, packed.target_column]).float()
    loss = torch.nn.functional.cross_entropy(logits, packed.target_ids, reduction="none")
    return Scored(
        mean_by_question(loss, packed.target_question, packed.num_questions),
        confidences(loss.detach(), packed),
    )


def confidences(loss: Tensor, packed: Packed) -> Tensor:
    """`exp(mean log p)` over each answer's content tokens, `(Q,)`, from the tokens' cross-entropies `(N,)`."""
    content = packed.target_is_content
    return torch.exp(-mean_by_question(loss[content], packed.target_question[content], packed.num_questions))


def mean_by_question(values: Tensor, question: Tensor, num_questions: int) -> Tensor:
    """Mean of the values of each question, `(Q,)`."""
    total = values.new_zeros(num_questions).index_add(0, question, values)
    count = values.new_zeros(num_questions).index_add(0, question, torch.ones_like(values))
    return total / count
