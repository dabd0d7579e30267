"""Memory that training takes on one device: estimated before any weight is read, measured afterwards.

Weights, gradients and AdamW's state are exact, counted on the meta device on the model that would be trained.
Activations and logits are an upper bound: per token and layer, autograd keeps (c + 2) w bytes, or the layer's
input under gradient checkpointing; the layer in its backward pass adds 1.5 (c + 2) w. w sums the widths, in
and out, of the layer's linear layers; c is the bytes of a computed number. A trained vision tower counts
the same way, per patch; a frozen one runs earlier and needs less. Autocast copies float32 weights, 2 bytes each; a
logit takes 8 + c. Live bytes of small models are 50 to 100 % of the bound. CUDA itself, gaps in its
allocator, DDP's buckets and validation come on top.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, replace

import torch
from transformers import AutoModelForImageTextToText, Qwen3VLConfig, Qwen3VLForConditionalGeneration

from lightning_ouro.scenes.types import FrameBudget
from lightning_ouro.solver.loading import Lora, Precision, Trained, choose_trained, weight_dtype
from lightning_ouro.solver.patches import PatchSpec, video_grid

# Tokens under Qwen3-VL's tokenizer, checked by tests/solver/test_memory_estimate.py; a prefix has 12 more at most.
GROUP_TOKENS = 9  # a group of frames without its picture: `<12.3 seconds>` and the marks around the picture
QUESTION_TOKENS = 60  # a question with its answer: the mean over 14 families is 59, route planning has 134
ANSWER_TOKENS = 3  # an answer with the end of its turn: the mean over 218 questions is 2.8


@dataclass(frozen=True)
class MicroBatch:
    """What goes through the model at once: `rows` videos with `questions_per_row` questions each."""

    frames: FrameBudget
    questions_per_row: int
    rows: int = 1
    gradient_checkpointing: bool = False
    precision: str = "32-true"  # the trainer's

    @classmethod
    def of(
        cls,
        frames: FrameBudget,
        questions: int,
        questions_per_row: int,
        gradient_checkpointing: bool,
        precision: str,
    ) -> MicroBatch:
        """The one of so many questions that has the fewest videos."""
        per_row = min(questions, questions_per_row)
        return cls(frames, per_row, math.ceil(questions / per_row), gradient_checkpointing, precision)

    def count(self, config: Qwen3VLConfig) -> tuple[int, int, int]:
        """Patches for the vision tower, tokens for the language model, and tokens that get logits."""
        vision, frames = config.vision_config, self.frames
        spec = PatchSpec(vision.patch_size, vision.temporal_patch_size, vision.spatial_merge_size)
        repeats = spec.temporal_patch_size // frames.frames_per_time
        groups, height, width = video_grid((frames.num_frames * repeats, *_largest(frames), 3), spec)
        video = groups * (height * width // spec.merge_size**2 + GROUP_TOKENS)
        tokens = self.rows * (video + self.questions_per_row * QUESTION_TOKENS)
        answers = self.rows * self.questions_per_row * ANSWER_TOKENS
        return self.rows * groups * height * width, tokens, answers


def _largest(frames: FrameBudget) -> tuple[int, int]:
    """Height and width of a frame of the most tokens; with a budget of pixels it may have any shape."""
    row = frames.token, frames.frame_pixels // frames.token**2 * frames.token
    return row if frames.is_in_pixels else (frames.height, frames.width)


@dataclass(frozen=True)
class MemoryEstimate:
    parameters: int  # numbers in the weights, without an adapter
    trained: int  # numbers that are trained
    weights: int  # bytes from here on; with adapter and buffers
    gradients: int
    optimizer: int  # AdamW's two moments of each weight's type and float32 step counters (arXiv 1711.05101)
    activations: int  # at most; with logits

    def total(self, devices: int = 1) -> int:
        """Peak bytes per device, with weights and trained state sharded over them (in fact a frozen tower is not)."""
        step = self.gradients // devices  # AdamW's temporaries (`foreach`), when activations are freed
        return (self.weights + self.gradients + self.optimizer) // devices + max(self.activations, step)

    def __str__(self) -> str:
        state, working = self.gradients + self.optimizer, max(self.activations, self.gradients)
        return (
            f"Qwen3-VL of {self.parameters / 1e6:.1f} M parameters, {self.trained / 1e6:.1f} M of them trained "
            f"({self.trained / self.parameters:.1%}): {gigabytes(self.weights)} weights + {gigabytes(state)} trained "
            f"state + at most {gigabytes(working)} activations = {gigabytes(self.total())} on one device"
        )


def estimate(
    config: Qwen3VLConfig, lora: Lora | None, train: Trained, dtype: Precision, batch: MicroBatch
) -> MemoryEstimate:
    """Estimates training on one micro-batch of the model that `loading.load` builds from the same arguments."""
    with torch.device("meta"):
        model = AutoModelForImageTextToText.from_config(config, dtype=weight_dtype(config, dtype))
    parameters, net = sum(weight.numel() for weight in model.parameters()), choose_trained(model, lora, train)
    if batch.precision in ("bf16-true", "16-true"):  # Lightning casts adapters and buffers too
        net.bfloat16()
    trained = [weight for weight in net.parameters() if weight.requires_grad]
    numbers, size = sum(weight.numel() for weight in trained), sum(weight.nbytes for weight in trained)
    weights = sum(tensor.nbytes for tensor in (*net.parameters(), *net.buffers()))
    optimizer = 2 * size + 4 * len(trained)
    return MemoryEstimate(parameters, numbers, weights, size, optimizer, activation_bound(model, batch))


def range_of_estimates(
    config: Qwen3VLConfig,
    lora: Lora | None,
    train: Trained,
    dtype: Precision,
    fewest: MicroBatch,
    questions: int,
    devices: int,
) -> str:
    """One line for a person: training with the fewest videos per micro-batch, and with as many as questions.

    Args:
        config: The model's; it and the next three as for `estimate`.
        lora: Its adapter.
        train: What is trained without one.
        dtype: Type of the weights.
        fewest: The micro-batch with the fewest videos.
        questions: Questions per micro-batch.
        devices: Number of devices that share weights and trained state.
    """
    most = replace(fewest, questions_per_row=1, rows=questions)
    least, largest = (estimate(config, lora, train, dtype, batch) for batch in (fewest, most))
    each = f", {gigabytes(least.total(devices))} on each of {devices}" if devices > 1 else ""
    shared = f"with {fewest.rows} video(s) per micro-batch"
    return f"{least}{each}, {shared}; {gigabytes(largest.total(devices))} with {questions}"


def activation_bound(model: Qwen3VLForConditionalGeneration, batch: MicroBatch) -> int:
    config, weights, is_mixed = model.config, list(model.parameters()), batch.precision.endswith("-mixed")
    computed = 2 if is_mixed else max(weight.element_size() for weight in weights)  # adapters may be wider
    residual = model.get_input_embeddings().weight.element_size()
    patches, tokens, answers = batch.count(config)
    stacks = [(model.model.language_model.layers, tokens, config.text_config.hidden_size)]
    if any(weight.requires_grad for weight in model.model.visual.parameters()):
        stacks.append((model.model.visual.blocks, patches, config.vision_config.hidden_size))
    bound = answers * config.text_config.vocab_size * (8.0 + computed)
    bound += sum(2 * weight.numel() for weight in weights if is_mixed and weight.dtype == torch.float32)
    for layers, units, hidden in stacks:
        shapes = [weight.shape for name, weight in layers[0].named_parameters() if "lora_" not in name]
        layer = (computed + 2) * sum(sum(shape) for shape in shapes if len(shape) == 2)
        kept = residual * hidden if batch.gradient_checkpointing else layer
        bound += units * (len(layers) * kept + 1.5 * layer)
    return round(bound)


def peak_memory(device: torch.device) -> int:
    """Peak bytes so far: of tensors on a CUDA device, else of this process in main memory (not on Windows)."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    import resource  # which Windows lacks

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS, KiB on Linux
    return peak if sys.platform == "darwin" else peak * 1024


def reset_peak_memory(device: torch.device) -> None:
    """Starts a new peak on a CUDA device; that of a process cannot be reset."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def gigabytes(size: int) -> str:
    """Bytes for a person to read, in units of 10^9 or 10^6."""
    return f"{size / 1e9:.1f} GB" if size >= 5e7 else f"{size / 1e6:.0f} MB"
