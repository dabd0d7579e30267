"""The bound on activations against live bytes of small models on a CPU."""

import weakref
from contextlib import nullcontext

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from transformers import Qwen3VLConfig, Qwen3VLForConditionalGeneration

from lightning_ouro.scenes.types import FrameBudget
from lightning_ouro.solver.loading import Lora, choose_trained, enable_gradient_checkpointing, weight_dtype
from lightning_ouro.solver.memory_estimate import MicroBatch, activation_bound
from lightning_ouro.solver.patches import PatchSpec, video_grid


class LiveBytes(TorchDispatchMode):
    """Bytes of the live storages that were allocated inside, and their peak."""

    def __init__(self, model):
        super().__init__()
        gradients = [weight.grad for weight in model.parameters() if weight.grad is not None]
        tensors = [*model.parameters(), *model.buffers(), *gradients]
        self.known = {tensor.untyped_storage()._cdata for tensor in tensors}
        self.now = self.peak = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, torch.Tensor):
                self.add(tensor.untyped_storage())
        return result

    def add(self, storage):
        if storage._cdata not in self.known:
            self.known.add(storage._cdata)
            self.now += storage.nbytes()
            self.peak = max(self.peak, self.now)
            weakref.finalize(storage, self.remove, storage._cdata, storage.nbytes())

    def remove(self, address, nbytes):
        self.known.discard(address)
        self.now -= nbytes


def small_config(heads, key_heads, middle):
    rope = {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [6, 5, 5], "mrope_interleaved": True}
    text = {
        "hidden_size": 256,
        "num_attention_heads": heads,
        "num_key_value_heads": key_heads,
        "head_dim": 32,
    }
    text |= {"intermediate_size": middle, "num_hidden_layers": 4, "vocab_size": 512, "rope_parameters": rope}
    vision = {"hidden_size": 64, "depth": 2, "intermediate_size": 128, "num_heads": 2, "out_hidden_size": 256}
    vision |= {"deepstack_visual_indexes": [0], "num_position_embeddings": 64}
    return Qwen3VLConfig(text_config=text, vision_config=vision, tie_word_embeddings=True)


def pass_both_ways(model, batch, is_frozen):
    """Vision tower, language model, logits of answer tokens and backward pass."""
    patches, tokens, answers = batch.count(model.config)
    frames = batch.frames
    grid = video_grid((2 * frames.num_frames, frames.height, frames.width, 3), PatchSpec())
    with torch.autocast("cpu", torch.bfloat16, enabled=batch.precision == "bf16-mixed"):
        pixels = torch.randn(patches, 3 * 2 * 16 * 16, dtype=model.dtype)
        with torch.no_grad() if is_frozen else nullcontext():
            output = model.model.visual(pixels, grid_thw=torch.tensor([grid]), return_dict=True)
        is_video = torch.arange(tokens) < len(output.pooler_output)
        text = model.get_input_embeddings()(torch.zeros(tokens - int(is_video.sum()), dtype=torch.long))
        hidden = model.model.language_model(
            inputs_embeds=torch.cat([output.pooler_output.to(model.dtype), text])[None],
            position_ids=torch.arange(tokens).expand(3, 1, -1),
            visual_pos_masks=is_video[None],
            deepstack_visual_embeds=output.deepstack_features,
            use_cache=False,
        )[0]
        logits = model.lm_head(hidden[0, :answers]).float()
        loss = nn.functional.cross_entropy(logits, torch.zeros(answers, dtype=torch.long))
    del output, text, logits, hidden
    loss.backward()


@pytest.mark.parametrize("checkpointing", [False, True], ids=["kept", "recomputed"])
@pytest.mark.parametrize(("heads", "key_heads", "middle"), [(8, 2, 768), (8, 8, 256)])
@pytest.mark.parametrize(
    ("lora", "train", "dtype", "precision"),
    [
        (None, "language_model", "float32", "32-true"),
        (None, "language_model", "float32", "bf16-mixed"),
        (None, "language_model", "bfloat16", "bf16-true"),
        (None, "all", "float32", "32-true"),
        (Lora(), "all", "float32", "32-true"),
        (Lora(), "all", "bfloat16", "bf16-mixed"),
        (Lora(), "all", "bfloat16", "32-true"),
        (Lora(), "all", "bfloat16", "bf16-true"),
        (Lora(vision=True), "all", "bfloat16", "bf16-mixed"),
    ],
)
def test_live_bytes_are_between_half_of_the_bound_and_all_of_it(
    lora, train, dtype, precision, heads, key_heads, middle, checkpointing
):
    config = small_config(heads, key_heads, middle)
    batch = MicroBatch(FrameBudget(4, 64, 96), 3, 1, checkpointing, precision)
    model = Qwen3VLForConditionalGeneration(config).to(weight_dtype(config, dtype))
    model.model.language_model.rotary_emb.float()
    net = choose_trained(model, lora, train).train()
    if precision == "bf16-true":
        net.to(torch.bfloat16)
    if checkpointing:
        enable_gradient_checkpointing(model)
    for weight in net.parameters():
        weight.grad = torch.zeros_like(weight) if weight.requires_grad else None
    is_frozen = not any(weight.requires_grad for weight in model.model.visual.parameters())
    with LiveBytes(net) as live:
        pass_both_ways(model, batch, is_frozen)
    assert 0.5 < live.peak / activation_bound(model, batch) < 1
