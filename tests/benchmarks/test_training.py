"""The benchmark of training counts correctly, on a case small enough for a test."""

import json

import pytest
import torch
import training
from torch.utils.flop_counter import FlopCounterMode


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    path = tmp_path_factory.mktemp("training") / "report.json"
    training.main(["--prefix", "200", "--questions", "6", "--passes", "1", "--out", str(path)])
    return json.loads(path.read_text("utf8"))


def test_all_methods_have_the_same_gradients(report):
    assert [case["tower"] for case in report["cases"]] == [True, False]
    assert all(0 < case["gradient_difference"] < 1e-5 for case in report["cases"])


def test_a_shared_prefix_needs_fewer_tokens_and_bytes(report):
    for case in report["cases"]:
        tokens = {
            name: case[f"{name}_tokens_per_second"] * case[f"{name}_seconds"] for name in ("plain", "ours")
        }
        assert tokens["plain"] - tokens["ours"] == pytest.approx(5 * case["prefix"], rel=0.01)
        assert case["ours_mib"] < case["peer_mib"] < case["plain_mib"]
        assert case["memory_ratio"] == pytest.approx(case["ours_mib"] / case["plain_mib"], abs=0.01)
        assert case["speedup_plain"] == pytest.approx(case["plain_seconds"] / case["ours_seconds"], rel=0.02)


def test_operations_are_those_that_torch_counts():
    """Rows as transformers computes them in eager mode: padded, and every token against every other."""
    case = training.make_case("tiny", None, torch.device("cpu"), 200, 6, False)
    case.features()
    rows, length = case.padded["ids"].shape
    qwen = case.loaded.qwen
    qwen.model.language_model.config._attn_implementation = "eager"
    embeds = qwen.get_input_embeddings()(case.padded["ids"])
    with FlopCounterMode(display=False) as counter:
        qwen.model.language_model(inputs_embeds=embeds, use_cache=False).last_hidden_state.sum().backward()
    expected = case.token_flops() * rows * length + case.attention_flops(rows * length**2)
    assert counter.get_total_flops() == pytest.approx(expected, rel=1e-3)


def test_live_bytes_count_tensors_only_while_they_are_alive():
    weights = torch.nn.Linear(8, 8)
    with training.LiveBytes(weights) as tracker:
        first = torch.zeros(1000)
        del first
        second = torch.zeros(500)
        doubled = second * 2
        assert tracker.live == 4 * 1000 and tracker.peak == 4 * 1000
        del second, doubled
    assert tracker.live == 0
