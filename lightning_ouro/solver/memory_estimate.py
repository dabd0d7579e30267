"""How much memory training will take on one device, before a weight is read: an estimate, and one line that says it.

Exact are weights, gradients and AdamW's state: they are counted on the meta device, on the model that would be trained
in the types that it would have (PEFT keeps adapters in float32 beside weights of half precision; AdamW keeps two
moments of the weights' type and a float32 counter each, arXiv 1711.05101).

Activations follow from what autograd keeps of transformers' Qwen3-VL, read in its `modeling_qwen3_vl.py` (5.17 to
5.24). h is the hidden size, h_q and h_k are the widths of queries and keys, m is that of the MLP; r, c and i are bytes
of a residual, of a computed number, and of the copy that each linear layer makes of its input (under autocast, and for
float32 adapters beside weights of half precision; else 0). Per token and layer of the language model:

    4 (2h + h_q + h_k)              norms, in float32
    2rh + c (h_q + h_k)             the same for norms that are trained
    2ch, or i (5h [+ h_q + m])      inputs of linear layers; what is bracketed with an adapter
    c (2 h_q + 2 h_k) + 4 heads     attention: queries, keys, values, result, statistics
    4cm, or 3cm                     MLP; the latter where the adapter keeps a copy of the fourth

and 8h + 9ch + 2cm per patch and block of a vision tower that is trained; a frozen one keeps nothing but its features,
and needs c (5h + 2m) + 16h per patch while it runs. In the backward pass 3cm + 2rh per token are in flight. Gradient
checkpointing keeps rh per token and layer and the above of one layer. Autocast adds 2 bytes for each float32 weight.
Logits exist for answer tokens only: float32 twice, and once in half precision. AdamW takes the trained weights' size
once more while it steps, when activations are gone (torch.optim.AdamW, `foreach`).

Live bytes of small models on a CPU lie within a fifth of it (tests/solver/test_footprint.py). What CUDA itself, its
allocator's gaps, DDP's buckets (the gradients once more) and validation take comes on top.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, cast

import torch
from torch import nn
from transformers import AutoModelForImageTextToText, Qwen3VLConfig

from lightning_ouro.scenes.types import FrameBudget
from lightning_ouro.solver.loading import Lora, Precision, Trained, choose_trained, weight_dtype
from lightning_ouro.solver.patches import PatchSpec, video_grid

AROUND_TOKENS = (
    10  # of a prefix that do not depend on the video: the turn's opening and `These are frames of a video.`
)
GROUP_TOKENS = (
    9  # of a group of frames besides its picture: `<12.3 seconds>` and the two marks around the picture
)
QUESTION_TOKENS = (
    60  # of a question with its answer; mean of the means of 14 families: 59, route planning has 134
)
ANSWER_TOKENS = 3  # of an answer with the end of its turn; mean of 218 questions: 2.8


@dataclass(frozen=True)
class MicroBatch:
    """What goes through the model at once.

    Attributes:
        frames: Of each video.
        questions_per_row: Questions that share a video.
        rows: Videos.
        gradient_checkpointing: Whether layers are computed again in the backward pass.
        precision: As the trainer calls it: 32-true, bf16-mixed, bf16-true.
    """

    frames: FrameBudget
    questions_per_row: int
    rows: int = 1
    gradient_checkpointing: bool = False
    precision: str = "32-true"


@dataclass(frozen=True)
class Layout:
    """How many tokens that makes.

    Attributes:
        patches: Of all videos, what the vision tower sees.
        video_tokens: Of all videos, what the language model sees of them.
        tokens: All that the language model sees.
        answer_tokens: Those that get logits.
    """

    patches: int
    video_tokens: int
    tokens: int
    answer_tokens: int


@dataclass(frozen=True)
class Footprint:
    """Bytes on one device, and what they are for.

    Attributes:
        parameters: Numbers in the weights, without an adapter.
        trained: Numbers that are trained.
        weights: Bytes of weights, adapter and buffers.
        gradients: Bytes of gradients.
        optimizer: Bytes of AdamW's state.
        activations: Bytes of what is kept for the backward pass, at its peak.
        logits: Bytes of the answers' logits.
        step: Bytes that the optimizer needs besides, when activations are gone.
    """

    parameters: int
    trained: int
    weights: int
    gradients: int
    optimizer: int
    activations: int
    logits: int
    step: int

    @property
    def total(self) -> int:
        """Bytes at the peak."""
        return self.weights + self.gradients + self.optimizer + max(self.activations + self.logits, self.step)

    def split(self, devices: int) -> int:
        """Bytes at the peak on each of several devices that share weights and trained state."""
        kept = self.weights + self.gradients + self.optimizer
        return kept // devices + max(self.activations + self.logits, self.step // devices)

    def describe(self, devices: int = 1) -> str:
        """One line for a person.

        Args:
            devices: Over which weights and trained state are split; roughly, since a frozen tower is not.
        """
        share = 100 * self.trained / self.parameters
        working, name = max((self.activations + self.logits, "activations"), (self.step, "for AdamW's step"))
        return (
            f"Qwen3-VL {_number(self.parameters)} parameters, {_number(self.trained)} trained ({share:.1f} %): about "
            f"{gigabytes(self.weights)} weights + {gigabytes(self.gradients + self.optimizer)} trained state + "
            f"{gigabytes(working)} {name} = {gigabytes(self.total)} on one device"
        ) + (f", {gigabytes(self.split(devices))} on each of {devices}" if devices > 1 else "")


def estimate(
    config: Qwen3VLConfig,
    lora: Lora | None,
    train: Trained,
    dtype: Precision,
    batch: MicroBatch,
    devices: int,
) -> str:
    """One line about a micro-batch whose questions share as few videos as they can, and about one with a video each.

    Args:
        config: The checkpoint's.
        lora: As `loading.load` takes it.
        train: Likewise.
        dtype: Likewise.
        batch: The former.
        devices: Over which weights and trained state are split.
    """
    questions = batch.rows * batch.questions_per_row
    few = footprint(config, lora, train, dtype, batch).describe(devices)
    most = footprint(config, lora, train, dtype, replace(batch, questions_per_row=1, rows=questions))
    return f"{few} at {batch.rows} video(s) a batch, {gigabytes(most.split(devices))} at {questions}"


def footprint(
    config: Qwen3VLConfig, lora: Lora | None, train: Trained, dtype: Precision, batch: MicroBatch
) -> Footprint:
    """The estimate.

    Args:
        config: The checkpoint's.
        lora: As `loading.load` takes it.
        train: Likewise.
        dtype: Likewise.
        batch: One micro-batch of one device.

    Raises:
        InputError: the frames' size is no multiple of a token.
    """
    net, parameters = outline(config, lora, train, dtype, batch.precision)
    every, trained = list(net.parameters()), [weight for weight in net.parameters() if weight.requires_grad]
    size = sum(map(_bytes, trained))
    layout, widths = layout_of(config, batch), _widths(net, lora, batch.precision)
    return Footprint(
        parameters=parameters,
        trained=sum(weight.numel() for weight in trained),
        weights=sum(map(_bytes, every)) + sum(map(_bytes, net.buffers())),
        gradients=size,
        optimizer=2 * size + 4 * len(trained),
        activations=_activations(config, net, layout, widths, batch),
        logits=layout.answer_tokens
        * config.text_config.vocab_size
        * (8 + (widths.computed if widths.is_half else 0)),
        step=size,
    )


def outline(
    config: Qwen3VLConfig, lora: Lora | None, train: Trained, dtype: Precision, precision: str = "32-true"
) -> tuple[nn.Module, int]:
    """The model that would be trained, on the meta device, and its parameters without an adapter."""
    with torch.device("meta"):
        model = AutoModelForImageTextToText.from_config(config, dtype=weight_dtype(config, dtype))
    parameters = sum(weight.numel() for weight in model.parameters())
    net = choose_trained(model, lora, train)
    true = {"bf16-true": torch.bfloat16, "16-true": torch.float16}  # Lightning casts all, adapters as well
    return (net.to(true[precision]) if precision in true else net), parameters


def layout_of(config: Qwen3VLConfig, batch: MicroBatch) -> Layout:
    """Tokens of a micro-batch; how many a question and a group of frames take are means, of the real tokenizer."""
    vision, frames = config.vision_config, batch.frames
    spec = PatchSpec(vision.patch_size, vision.temporal_patch_size, vision.spatial_merge_size)
    groups, height, width = video_grid((frames.num_frames, frames.height, frames.width, 3), spec)
    patches = batch.rows * groups * height * width
    video, questions = patches // spec.merge_size**2, batch.rows * batch.questions_per_row
    around = batch.rows * (AROUND_TOKENS + groups * GROUP_TOKENS)
    return Layout(patches, video, video + around + questions * QUESTION_TOKENS, questions * ANSWER_TOKENS)


@dataclass(frozen=True)
class _Widths:
    """Bytes of one number: of the residual stream, as computed, as copied for a linear layer (0: never)."""

    residual: int
    computed: int
    copied: int
    has_adapter: bool

    @property
    def is_half(self) -> bool:
        return self.computed == 2


def _widths(net: nn.Module, lora: Lora | None, precision: str) -> _Widths:
    sizes = {name: weight.element_size() for name, weight in net.named_parameters()}
    residual = next(size for name, size in sizes.items() if "embed_tokens" in name)
    adapter = max((size for name, size in sizes.items() if "lora_" in name), default=residual)
    if precision.endswith("-mixed"):
        return _Widths(residual, 2, 2, lora is not None)
    return _Widths(residual, residual, adapter if adapter != residual else 0, lora is not None)


def _activations(
    config: Qwen3VLConfig, net: nn.Module, layout: Layout, widths: _Widths, batch: MicroBatch
) -> int:
    text, vision = config.text_config, config.vision_config
    layer = _language_layer(text, widths) * layout.tokens
    kept = widths.residual * text.hidden_size * layout.tokens
    flight = (
        3 * widths.computed * text.intermediate_size + 2 * widths.residual * text.hidden_size
    ) * layout.tokens
    mixed = batch.precision.endswith("-mixed")
    casts = sum(2 * weight.numel() for weight in net.parameters() if mixed and weight.dtype == torch.float32)
    features = (
        (1 + len(vision.deepstack_visual_indexes)) * widths.residual * text.hidden_size * layout.video_tokens
    )
    block = 8 * vision.hidden_size + widths.computed * (9 * vision.hidden_size + 2 * vision.intermediate_size)
    passing = 16 * vision.hidden_size + widths.computed * (
        5 * vision.hidden_size + 2 * vision.intermediate_size
    )
    if batch.gradient_checkpointing:
        language = text.num_hidden_layers * kept + max(casts, layer + flight)
        tower = layout.patches * (vision.depth * widths.residual * vision.hidden_size + block)
    else:
        language, tower = (
            text.num_hidden_layers * layer + flight + casts,
            layout.patches * vision.depth * block,
        )
    is_trained = any(weight.requires_grad for name, weight in net.named_parameters() if ".visual." in name)
    return features + (language + tower if is_trained else max(language, layout.patches * passing))


def _language_layer(text: Any, widths: _Widths) -> int:
    """Bytes that one layer keeps of one token."""
    heads, hidden, middle = text.num_attention_heads, text.hidden_size, text.intermediate_size
    queries, keys = heads * text.head_dim, text.num_key_value_heads * text.head_dim
    computed, copied, adapted = widths.computed, widths.copied, widths.has_adapter
    norms = 4 * (2 * hidden + queries + keys)
    if not adapted:
        norms += 2 * widths.residual * hidden + computed * (queries + keys)
    inputs = copied * (5 * hidden + adapted * (queries + middle)) if copied else 2 * computed * hidden
    attention = computed * 2 * (queries + keys) + 4 * heads
    mlp = (3 if adapted and copied else 4) * computed * middle
    return cast(int, norms + inputs + attention + mlp)


def _bytes(tensor: torch.Tensor) -> int:
    return tensor.numel() * tensor.element_size()


def _number(count: int) -> str:
    for size, unit in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if count >= size:
            return f"{count / size:.1f} {unit}" if count < 10 * size else f"{count / size:.0f} {unit}"
    return str(count)


def gigabytes(size: int) -> str:
    """Bytes as a person reads them."""
    return f"{size / 1e9:.1f} GB" if size >= 5e7 else f"{size / 1e6:.0f} MB"
