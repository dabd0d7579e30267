"""The estimate against real tensors: exactly for weights and state, within bounds for activations."""

import weakref
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from transformers import AutoConfig, AutoTokenizer, Qwen3VLConfig, Qwen3VLForConditionalGeneration

from lightning_ouro.errors import InputError
from lightning_ouro.scenes.types import FrameBudget
from lightning_ouro.solver.checkpoint import read_config
from lightning_ouro.solver.encoding import RowEncoder
from lightning_ouro.solver.loading import (
    LORA_TARGETS,
    Lora,
    choose_trained,
    enable_gradient_checkpointing,
    load,
    weight_dtype,
)
from lightning_ouro.solver.memory_estimate import MicroBatch, footprint, layout_of, outline
from lightning_ouro.solver.patches import PatchSpec

from .conftest import make_video

TINY_BATCH = MicroBatch(FrameBudget(), questions_per_row=16)
FULL_BATCH = MicroBatch(FrameBudget(32, 384, 512), 16, gradient_checkpointing=True, precision="bf16-mixed")
RANK_16 = Lora(rank=16, alpha=32)


def size(tensors):
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


@pytest.fixture(scope="module")
def config_4b(shared_data):
    return AutoConfig.from_pretrained(shared_data / "qwen3_vl_4b")


@pytest.fixture(scope="module")
def with_lora(config_4b):
    return footprint(config_4b, RANK_16, "all", "bfloat16", FULL_BATCH)


@pytest.mark.parametrize("dtype", ["auto", "bfloat16"])
@pytest.mark.parametrize(
    ("lora", "train"),
    [(None, "all"), (None, "language_model"), (Lora(), "all"), (Lora(vision=True, merger=True), "all")],
)
def test_weights_gradients_and_optimizer_are_exact(lora, train, dtype):
    estimate = footprint(read_config("tiny"), lora, train, dtype, TINY_BATCH)
    net = load("tiny", "random", lora, 0, train, dtype).net
    trained = [weight for weight in net.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(trained)
    sum(weight.sum().float() for weight in trained).backward()
    optimizer.step()
    assert estimate.weights == size([*net.parameters(), *net.buffers()])
    assert estimate.gradients == size(weight.grad for weight in trained)
    assert estimate.optimizer == size(value for state in optimizer.state.values() for value in state.values())
    assert estimate.trained == sum(weight.numel() for weight in trained)
    assert estimate.parameters == sum(
        weight.numel() for weight in load("tiny", "random", None, 0).net.parameters()
    )


def test_the_trainers_true_precision_casts_adapters_and_buffers_too():
    estimate = footprint(
        read_config("tiny"), Lora(), "all", "auto", replace(TINY_BATCH, precision="bf16-true")
    )
    net = load("tiny", "random", Lora(), 0).net.to(torch.bfloat16)
    assert estimate.weights == size([*net.parameters(), *net.buffers()])
    assert estimate.gradients == size(weight for weight in net.parameters() if weight.requires_grad)


class LiveBytes(TorchDispatchMode):
    """Bytes of the storages that were made in it and still live, and their peak."""

    def __init__(self, model):
        super().__init__()
        kept = [
            *model.parameters(),
            *model.buffers(),
            *(w.grad for w in model.parameters() if w.grad is not None),
        ]
        self.seen = {tensor.untyped_storage()._cdata for tensor in kept}
        self.now = self.peak = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if (
                isinstance(tensor, torch.Tensor)
                and (storage := tensor.untyped_storage())._cdata not in self.seen
            ):
                self.seen.add(storage._cdata)
                self.now += storage.nbytes()
                self.peak = max(self.peak, self.now)
                weakref.finalize(storage, self.gone, storage._cdata, storage.nbytes())
        return result

    def gone(self, place, nbytes):
        self.seen.discard(place)
        self.now -= nbytes


def small_config():
    rope = {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [6, 5, 5], "mrope_interleaved": True}
    text = {
        "hidden_size": 256,
        "num_attention_heads": 8,
        "num_key_value_heads": 2,
        "head_dim": 32,
        "vocab_size": 512,
    }
    text |= {"intermediate_size": 768, "num_hidden_layers": 4, "rope_parameters": rope}
    vision = {"hidden_size": 64, "depth": 2, "intermediate_size": 128, "num_heads": 2, "out_hidden_size": 256}
    vision |= {"deepstack_visual_indexes": [0], "num_position_embeddings": 64}
    return Qwen3VLConfig(text_config=text, vision_config=vision, tie_word_embeddings=True)


@pytest.mark.parametrize("checkpointing", [False, True], ids=["kept", "checkpointing"])
@pytest.mark.parametrize(
    ("lora", "dtype", "precision"),
    [
        (None, "float32", "32-true"),
        (None, "float32", "bf16-mixed"),
        (None, "bfloat16", "32-true"),
        (Lora(), "float32", "32-true"),
        (Lora(), "bfloat16", "bf16-mixed"),
        (Lora(), "bfloat16", "32-true"),
    ],
)
def test_activations_are_within_a_fifth_of_live_bytes(lora, dtype, precision, checkpointing):
    config = small_config()
    batch = MicroBatch(FrameBudget(4, 64, 96), 3, gradient_checkpointing=checkpointing, precision=precision)
    model = Qwen3VLForConditionalGeneration(config).to(weight_dtype(config, dtype))
    model.model.language_model.rotary_emb.float()
    net = choose_trained(model, lora, "language_model").train()
    if checkpointing:
        enable_gradient_checkpointing(model)
    for weight in net.parameters():
        weight.grad = torch.zeros_like(weight) if weight.requires_grad else None
    layout = layout_of(config, batch)
    embeds = torch.randn(1, layout.tokens, 256, dtype=model.dtype)
    places = torch.arange(layout.tokens).expand(3, 1, -1)
    mixed = torch.autocast("cpu", torch.bfloat16) if precision == "bf16-mixed" else nullcontext()
    with LiveBytes(net) as live:
        with mixed:
            hidden = model.model.language_model(inputs_embeds=embeds, position_ids=places, use_cache=False)[0]
            logits = model.lm_head(hidden[0, : layout.answer_tokens]).float()
            loss = nn.functional.cross_entropy(logits, torch.zeros(layout.answer_tokens, dtype=torch.long))
        del logits
        loss.backward()
    estimate = footprint(config, lora, "language_model", dtype, batch)
    features = 2 * layout.video_tokens * embeds.element_size() * 256
    assert 0.8 < (estimate.activations + estimate.logits - features) / live.peak < 1.2


def test_a_full_size_model_has_an_adapter_on_each_linear_layer_of_the_language_model(config_4b):
    net, parameters = outline(config_4b, RANK_16, "all", "bfloat16")
    adapters = [name for name, part in net.named_modules() if name.endswith("lora_A")]
    assert len(adapters) == 36 * len(LORA_TARGETS) == 252
    assert all(".language_model.layers." in name for name in adapters)
    assert parameters == 4_437_815_808
    trained = sum(weight.numel() for weight in net.parameters() if weight.requires_grad)
    hidden, queries, keys, middle = 2560, 4096, 1024, 9728
    sides = 2 * (hidden + queries) + 2 * (hidden + keys) + 3 * (hidden + middle)
    assert trained == 36 * 16 * sides == 33_030_144
    assert {weight.dtype for weight in net.parameters() if weight.requires_grad} == {torch.float32}


@pytest.mark.parametrize(
    ("lora", "more"), [(replace(RANK_16, vision=True), 24 * 4), (replace(RANK_16, merger=True), 4 * 2)]
)
def test_tower_and_mergers_get_adapters_on_request(config_4b, lora, more):
    net, _ = outline(config_4b, lora, "all", "bfloat16")
    adapters = [name for name, _ in net.named_modules() if name.endswith("lora_A")]
    assert len(adapters) == 252 + more
    assert len([name for name in adapters if ".visual." in name]) == more
    assert not any("patch_embed" in name for name in adapters)


def test_tokens_of_a_full_size_video_are_those_of_the_real_tokenizer(config_4b, shared_data):
    tokenizer = AutoTokenizer.from_pretrained(shared_data / "qwen3_vl_4b")
    encoder = RowEncoder(tokenizer, config_4b, PatchSpec())
    prefix = encoder.prefix(make_video(0, num_frames=32, height=384, width=512))
    is_video = prefix.ids == config_4b.video_token_id
    assert int(is_video.sum()) == 16 * 12 * 16 == 3072
    runs = int((is_video[1:] & ~is_video[:-1]).sum())
    assert runs == 16, "a group of two frames each"
    assert len(prefix.ids) == 3223
    layout = layout_of(config_4b, replace(FULL_BATCH, questions_per_row=0))
    assert layout.patches == 4 * layout.video_tokens == 4 * 3072
    assert layout.tokens == pytest.approx(len(prefix.ids), rel=0.005)


def test_the_mean_question_is_as_long_as_assumed(config_4b, shared_data, family_questions):
    tokenizer = AutoTokenizer.from_pretrained(shared_data / "qwen3_vl_4b")
    encoder = RowEncoder(tokenizer, config_4b, PatchSpec())
    suffixes = [encoder.suffix(question.prompt, question.answer) for question in family_questions]
    answers = [len(suffix.ids) - suffix.answer_start for suffix in suffixes]
    one_more = layout_of(config_4b, replace(FULL_BATCH, questions_per_row=17)).tokens
    tokens = one_more - layout_of(config_4b, FULL_BATCH).tokens
    assert sum(len(suffix.ids) for suffix in suffixes) / len(suffixes) == pytest.approx(tokens, rel=0.15)
    assert sum(answers) / len(answers) == pytest.approx(
        layout_of(config_4b, FULL_BATCH).answer_tokens / 16, rel=0.15
    )


def test_a_full_size_estimate_lies_near_a_rule_of_thumb(config_4b, with_lora):
    tokens, layers, hidden = 3226 + 16 * 60, 36, 2560
    assert with_lora.weights == pytest.approx(2 * 4.438e9 + 4 * 33.0e6, rel=0.001)
    assert with_lora.gradients + with_lora.optimizer == pytest.approx(12 * 33.0e6, rel=0.002)
    inputs = 2 * tokens * layers * hidden  # all that checkpointing keeps for certain
    assert inputs < with_lora.activations < 3 * inputs
    kept = footprint(config_4b, RANK_16, "all", "bfloat16", replace(FULL_BATCH, gradient_checkpointing=False))
    thumb = 34 * tokens * layers * hidden  # arXiv 2205.05198, of a narrower, ungated MLP, no norms in float32
    assert thumb < kept.activations < 3 * thumb
    assert with_lora.logits == 48 * 151_936 * 10
    whole = footprint(config_4b, None, "language_model", "float32", FULL_BATCH)
    tower = 0.415e9
    assert whole.trained == pytest.approx(4.438e9 - tower, rel=0.001)
    assert whole.weights + whole.gradients + whole.optimizer == pytest.approx(
        16 * 4.438e9 - 12 * tower, rel=0.001
    )
    assert whole.total == whole.weights + whole.gradients + whole.optimizer + whole.step


def test_the_line_for_a_person(config_4b, with_lora):
    assert with_lora.describe() == (
        "Qwen3-VL 4.4 B parameters, 33 M trained (0.7 %): about 9.0 GB weights + 0.4 GB trained state + 1.9 GB "
        "activations = 11.3 GB on one device"
    )
    whole = footprint(config_4b, None, "language_model", "float32", FULL_BATCH)
    assert "+ 16.1 GB for AdamW's step = 82.1 GB on one device" in whole.describe()


def test_more_of_anything_never_takes_less():
    config = read_config("tiny")
    least = footprint(config, Lora(), "all", "auto", TINY_BATCH).total
    for change in ({"rows": 2}, {"questions_per_row": 32}, {"frames": FrameBudget(num_frames=16)}):
        assert footprint(config, Lora(), "all", "auto", replace(TINY_BATCH, **change)).total > least
    assert footprint(config, Lora(rank=16), "all", "auto", TINY_BATCH).total > least
    assert footprint(config, Lora(vision=True), "all", "auto", TINY_BATCH).total > least
    checkpointing = replace(TINY_BATCH, gradient_checkpointing=True)
    assert footprint(config, Lora(), "all", "auto", checkpointing).total < least


def test_frames_that_are_no_whole_tokens_are_refused():
    batch = replace(TINY_BATCH, frames=FrameBudget(height=90))
    with pytest.raises(InputError, match=r"frames\.height=90"):
        footprint(read_config("tiny"), None, "all", "auto", batch)


@pytest.mark.parametrize("name", ["qwen3_vl_4b", "qwen3_vl_4b_full"])
def test_configs_state_the_estimate_of_four_videos_with_four_questions_each(config_4b, name):
    text = (Path(__file__).parents[2] / "configs" / f"{name}.yaml").read_text("utf8")
    model, data = (yaml.safe_load(text)[group] for group in ("model", "data"))
    lora = None if model["lora"] is None else Lora(**model["lora"])
    batch = MicroBatch(FrameBudget(**data["frames"]), 4, 4, model["gradient_checkpointing"], "bf16-mixed")
    total = footprint(config_4b, lora, model.get("train", "all"), model["dtype"], batch).total
    assert f"# Memory: about {total / 1e9:.0f} GB on one GPU, estimated" in text
