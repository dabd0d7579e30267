"""The estimate against real tensors and the real tokenizer."""

import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import yaml
from lightning.pytorch.strategies import ModelParallelStrategy
from transformers import AutoConfig, AutoTokenizer

from lightning_ouro.errors import InputError
from lightning_ouro.scenes.types import FrameBudget
from lightning_ouro.solver.checkpoint import read_config
from lightning_ouro.solver.encoding import RowEncoder
from lightning_ouro.solver.loading import Lora, load
from lightning_ouro.solver.memory_estimate import (
    MemoryEstimate,
    MicroBatch,
    estimate,
    gigabytes,
    peak_memory,
)
from lightning_ouro.solver.module import SolverModule
from lightning_ouro.solver.patches import PatchSpec

from .conftest import make_video

TINY_BATCH = MicroBatch(FrameBudget(), questions_per_row=16)
FULL_BATCH = MicroBatch(FrameBudget(16, 384, 512), 16, gradient_checkpointing=True, precision="bf16-mixed")
RANK_16 = Lora(rank=16, alpha=32)
CONFIGS = Path(__file__).parents[2] / "configs"
STATUS = Path("/proc/self/status")


def size(tensors):
    return sum(tensor.nbytes for tensor in tensors)


@pytest.fixture(scope="module")
def config_4b(shared_data):
    return AutoConfig.from_pretrained(shared_data / "qwen3_vl_4b")


@pytest.mark.parametrize("dtype", ["auto", "bfloat16"])
@pytest.mark.parametrize(
    ("lora", "train"),
    [(None, "all"), (None, "language_model"), (Lora(), "all"), (Lora(vision=True, merger=True), "all")],
)
def test_weights_gradients_and_optimizer_state_are_exact(lora, train, dtype):
    memory = estimate(read_config("tiny"), lora, train, dtype, TINY_BATCH)
    net = load("tiny", "random", lora, 0, train, dtype).net
    trained = [weight for weight in net.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(trained)
    sum(weight.sum().float() for weight in trained).backward()
    optimizer.step()
    assert memory.weights == size([*net.parameters(), *net.buffers()])
    assert memory.gradients == size(weight.grad for weight in trained)
    assert memory.optimizer == size(value for state in optimizer.state.values() for value in state.values())
    assert memory.trained == sum(weight.numel() for weight in trained)
    plain = load("tiny", "random", None, 0).net
    assert memory.parameters == sum(weight.numel() for weight in plain.parameters())


def test_true_half_precision_casts_adapters_and_buffers_too():
    batch = replace(TINY_BATCH, precision="bf16-true")
    memory = estimate(read_config("tiny"), Lora(), "all", "auto", batch)
    net = load("tiny", "random", Lora(), 0).net.to(torch.bfloat16)
    assert memory.weights == size([*net.parameters(), *net.buffers()])
    assert memory.gradients == size(weight for weight in net.parameters() if weight.requires_grad)


def test_tokens_of_a_full_size_video_are_those_of_the_real_tokenizer(config_4b, shared_data):
    tokenizer = AutoTokenizer.from_pretrained(shared_data / "qwen3_vl_4b")
    encoder = RowEncoder(tokenizer, config_4b, PatchSpec())
    prefix = encoder.prefix(make_video(0, num_frames=16, height=384, width=512))
    is_video = prefix.ids == config_4b.video_token_id
    assert int(is_video.sum()) == 16 * 12 * 16 == 3072
    groups = int((is_video[1:] & ~is_video[:-1]).sum())
    assert groups == 16, "of one frame each, repeated"
    assert len(prefix.ids) == 3220
    patches, tokens, _ = replace(FULL_BATCH, questions_per_row=0).count(config_4b)
    assert patches == 4 * 3072
    assert tokens == pytest.approx(len(prefix.ids), rel=0.005)


def test_the_mean_question_is_as_long_as_assumed(config_4b, shared_data, family_questions):
    tokenizer = AutoTokenizer.from_pretrained(shared_data / "qwen3_vl_4b")
    encoder = RowEncoder(tokenizer, config_4b, PatchSpec())
    suffixes = [encoder.suffix(question.prompt, question.answer) for question in family_questions]
    lengths = [len(suffix.ids) for suffix in suffixes]
    answer_lengths = [len(suffix.ids) - suffix.answer_start for suffix in suffixes]
    _, tokens, answers = FULL_BATCH.count(config_4b)
    _, tokens_with_another, answers_with_another = replace(FULL_BATCH, questions_per_row=17).count(config_4b)
    assert sum(lengths) / len(lengths) == pytest.approx(tokens_with_another - tokens, rel=0.15)
    assert sum(answer_lengths) / len(answer_lengths) == pytest.approx(
        answers_with_another - answers, rel=0.15
    )


def test_a_full_size_adapter_is_counted(config_4b):
    memory = estimate(config_4b, RANK_16, "all", "bfloat16", FULL_BATCH)
    hidden, queries, keys, middle = 2560, 4096, 1024, 9728
    sides = 2 * (hidden + queries) + 2 * (hidden + keys) + 3 * (hidden + middle)
    assert memory.parameters == 4_437_815_808
    assert memory.trained == 36 * 16 * sides == 33_030_144
    assert memory.gradients == 4 * memory.trained, "adapters are float32"
    assert memory.weights == pytest.approx(2 * 4.438e9 + 4 * 33.0e6, rel=0.001)


@pytest.mark.parametrize(
    ("lora", "layers"), [(replace(RANK_16, vision=True), 24 * 4), (replace(RANK_16, merger=True), 4 * 2)]
)
def test_full_size_adapters_of_vision_tower_and_mergers_are_counted(config_4b, lora, layers):
    optimizer = [estimate(config_4b, each, "all", "bfloat16", FULL_BATCH) for each in (RANK_16, lora)]
    plain, more = ((memory.optimizer - 2 * memory.gradients) // 4 for memory in optimizer)
    assert plain == 2 * 252, "tensors A and B of 7 layers in each of 36 blocks"
    assert more == plain + 2 * layers


def test_full_size_activations_are_near_a_rule_of_thumb(config_4b):
    tokens, layers, hidden = 3216 + 16 * 60, 36, 2560
    recomputed = estimate(config_4b, RANK_16, "all", "bfloat16", FULL_BATCH)
    inputs = 2 * tokens * layers * hidden  # what gradient checkpointing keeps at least
    assert inputs < recomputed.activations < 4 * inputs
    batch = replace(FULL_BATCH, gradient_checkpointing=False)
    kept = estimate(config_4b, RANK_16, "all", "bfloat16", batch)
    thumb = (
        34 * tokens * layers * hidden
    )  # arXiv 2205.05198, of a narrower, ungated MLP without float32 norms
    assert thumb < kept.activations < 4 * thumb


def test_full_fine_tuning_takes_16_bytes_per_trained_weight(config_4b):
    memory = estimate(config_4b, None, "language_model", "float32", FULL_BATCH)
    kept, vision_tower = memory.weights + memory.gradients + memory.optimizer, 0.415e9
    assert memory.trained == pytest.approx(4.438e9 - vision_tower, rel=0.001)
    assert kept == pytest.approx(16 * 4.438e9 - 12 * vision_tower, rel=0.001)
    assert memory.total() == kept + max(memory.gradients, memory.activations)


def test_sharding_divides_all_but_activations():
    memory = MemoryEstimate(10, 5, weights=800, gradients=400, optimizer=400, activations=300)
    assert memory.total() == 1600 + 400, "AdamW's temporaries are as large as the gradients"
    assert memory.total(devices=4) == 400 + 300


def test_the_estimate_is_readable_on_one_line(config_4b):
    assert str(estimate(config_4b, RANK_16, "all", "bfloat16", FULL_BATCH)) == (
        "Qwen3-VL of 4437.8 M parameters, 33.0 M of them trained (0.7%): 9.0 GB weights + 0.4 GB trained state + at "
        "most 2.3 GB activations = 11.7 GB on one device"
    )
    assert gigabytes(12_400_000) == "12 MB"


def test_the_memory_line_says_what_each_of_several_devices_takes():
    module = SolverModule(init="random")
    module.trainer = SimpleNamespace(strategy=ModelParallelStrategy(), world_size=4)
    line = module.memory_needed(FrameBudget(), 16, 8, "32-true")
    assert " on each of 4, with 2 video(s) per micro-batch; " in line


def test_more_of_anything_takes_more():
    config = read_config("tiny")
    least = estimate(config, Lora(), "all", "auto", TINY_BATCH).total()
    for change in ({"rows": 2}, {"questions_per_row": 32}, {"frames": FrameBudget(num_frames=16)}):
        assert estimate(config, Lora(), "all", "auto", replace(TINY_BATCH, **change)).total() > least
    assert estimate(config, Lora(rank=16), "all", "auto", TINY_BATCH).total() > least
    assert estimate(config, Lora(vision=True), "all", "auto", TINY_BATCH).total() > least
    recomputed = replace(TINY_BATCH, gradient_checkpointing=True)
    assert estimate(config, Lora(), "all", "auto", recomputed).total() < least


def test_frames_of_a_fraction_of_a_token_are_refused():
    batch = replace(TINY_BATCH, frames=FrameBudget(height=90))
    with pytest.raises(InputError, match=r"frames\.height=90"):
        estimate(read_config("tiny"), None, "all", "auto", batch)


@pytest.mark.parametrize("name", ["qwen3_vl_4b", "qwen3_vl_4b_full"])
def test_configs_state_the_estimate_of_four_videos_with_four_questions_each(config_4b, name):
    text = (CONFIGS / f"{name}.yaml").read_text("utf8")
    model, data = (yaml.safe_load(text)[group] for group in ("model", "data"))
    lora = None if model["lora"] is None else Lora(**model["lora"])
    batch = MicroBatch(FrameBudget(**data["frames"]), 4, 4, model["gradient_checkpointing"], "bf16-mixed")
    total = estimate(config_4b, lora, model.get("train", "all"), model["dtype"], batch).total()
    assert f"# Memory: about {total / 1e9:.0f} GB on one GPU, estimated" in text


@pytest.mark.skipif(not STATUS.exists(), reason="the kernel's own figure is only in Linux's /proc")
def test_peak_memory_without_a_gpu_is_the_processs_peak_in_bytes():
    peak = peak_memory(torch.device("cpu"))
    kilobytes = int(re.search(r"VmHWM:\s+(\d+) kB", STATUS.read_text())[1])
    assert peak == pytest.approx(1024 * kilobytes, rel=0.01)


def test_peak_memory_on_a_gpu_is_that_of_its_tensors(monkeypatch):
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", {torch.device("cuda", 1): 12_345}.get)
    assert peak_memory(torch.device("cuda", 1)) == 12_345
