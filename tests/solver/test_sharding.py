"""The loop with weights sharded over two ranks, against unsharded ones on two ranks and on one; gloo, on the CPU."""

import sys
from types import SimpleNamespace

import pytest
import torch
from lightning.pytorch.strategies import (
    DeepSpeedStrategy,
    FSDPStrategy,
    ModelParallelStrategy,
    SingleDeviceStrategy,
)
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from lightning_ouro.cli import main
from lightning_ouro.errors import InputError
from lightning_ouro.solver.sharding import Sharding, check_resume, check_trainer, mixed_precision, sharding_of

from ..small_run import lines
from .two_ranks import CONFIGS, again, fit, run_on_two_ranks

DDP, FSDP2 = (["--config", str(CONFIGS / "strategy" / f"{name}.yaml")] for name in ("ddp", "fsdp2"))
HELD_OUT = [
    f"{group}/{quantity}"
    for group in ("val", "val_strict")
    for quantity in ("loss", "score", "video_gain", "query_drop", "query_drop_unchanged")
]
ALL = ["--model.lora", "null", "--loop.proposer", "GrammarProposer", "--loop.blind", "none"]
# A frozen tower, which is not sharded, with its feature cache; a step of two batches; gradient checkpointing.
LORA = ["--model.lora.rank", "4", "--trainer.accumulate_grad_batches", "2"]
LORA += ["--model.gradient_checkpointing", "true"]
LORA += ["--loop.proposals_per_scene", "12"]  # the model proposes, and not all of its proposals hold


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """All weights and LoRA, where the model proposes, under DDP and FSDP2; FSDP2 resumes LoRA after its first round."""
    folder = tmp_path_factory.mktemp("sharding")
    commands = [fit("ddp_all", *DDP, *ALL), fit("fsdp2_all", *FSDP2, *ALL), fit("ddp_lora", *DDP, *LORA)]
    first = fit("fsdp2_lora", *FSDP2, *LORA)
    commands += [[*first, "--trainer.max_epochs", "1"]]
    commands += [again("fit", "fsdp2_lora", "--trainer.max_epochs", "2"), again("predict", "fsdp2_lora")]
    run_on_two_ranks(commands, folder)
    return folder / "runs"


@pytest.fixture
def command(tmp_path, monkeypatch):
    """Runs a command in this process, in a folder of its own, on one thread like a rank."""
    monkeypatch.chdir(tmp_path)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["lightning_ouro", *arguments])
        main()

    yield run
    torch.set_num_threads(threads)


def checkpoint(run):
    return torch.load(run / "version_0" / "checkpoints" / "last.ckpt", weights_only=True)


def curve(run, name):
    return [event.value for event in EventAccumulator(str(run / "version_0")).Reload().Scalars(name)]


def assert_same_training(run, other, within=1e-5):
    state, expected = checkpoint(run), checkpoint(other)
    assert state["global_step"] == expected["global_step"] == 4
    assert state["state_dict"].keys() == expected["state_dict"].keys()
    for name, weight in expected["state_dict"].items():
        assert (state["state_dict"][name] - weight).norm() <= within * weight.norm(), name
    for name in ("train/loss", "train/confidence", *HELD_OUT):
        assert curve(run, name) == pytest.approx(curve(other, name), abs=1e-4), name
    for round_name in ("000", "001"):
        path = f"version_0/rounds/{round_name}/selection.jsonl"
        for row, expected_row in zip(lines(run / path), lines(other / path), strict=True):
            assert (row["id"], row["drawn"]) == (expected_row["id"], expected_row["drawn"])
            assert row["confidence"] == pytest.approx(expected_row["confidence"], abs=1e-4)


def test_sharded_weights_train_like_unsharded_ones_on_two_ranks(runs):
    assert_same_training(runs / "fsdp2_all", runs / "ddp_all")


def test_a_resumed_run_with_sharded_adapters_trains_like_an_unsharded_one(runs):
    assert_same_training(runs / "fsdp2_lora", runs / "ddp_lora")
    names = checkpoint(runs / "fsdp2_lora")["state_dict"].keys()
    assert all("lora_" in name for name in names - {"weighted_loss.previous_mean"})


def test_blind_confidences_of_the_base_equal_those_of_unsharded_weights(runs):
    blind, expected = (
        checkpoint(runs / f"{name}_lora")["callbacks"]["ClosedLoop"]["ledger"]["blind"]
        for name in ("fsdp2", "ddp")
    )
    assert blind and blind.keys() == expected.keys()
    for family, confidence in expected.items():
        assert blind[family] == pytest.approx(confidence, abs=1e-4)


def test_sharded_weights_train_like_one_process(runs, tmp_path, command):
    command(*fit("alone", *ALL, devices=1))
    # DDP itself is 1.5e-5 away: a mean of two halves is rounded differently.
    assert_same_training(runs / "fsdp2_all", tmp_path / "runs" / "alone", within=5e-5)


def test_one_process_reads_the_checkpoint_and_replies_like_two_ranks(runs, tmp_path, command):
    last = str(runs / "fsdp2_lora" / "version_0" / "checkpoints" / "last.ckpt")
    command("predict", *fit("read", devices=1)[1:], "--model.lora.rank", "4", "--ckpt_path", last)
    replies, expected = (
        lines(folder / "version_0/replies.jsonl") for folder in (tmp_path / "runs/read", runs / "fsdp2_lora")
    )
    assert {reply["set"] for reply in replies} == {"vsi_bench", "strict"}
    assert len(replies) > 36 and sorted(replies, key=str) == sorted(expected, key=str)


def trainer_with(strategy, batches=1):
    return SimpleNamespace(strategy=strategy, precision="32-true", accumulate_grad_batches=batches)


def deepspeed(stage, **settings):
    strategy = object.__new__(DeepSpeedStrategy)  # the constructor needs DeepSpeed
    strategy.config = {"zero_optimization": {"stage": stage}, **settings}
    return strategy


ZERO_2 = deepspeed(2, train_micro_batch_size_per_gpu=1)


def test_unsupported_strategies_are_refused_and_supported_ones_named():
    for strategy, batches, message in (
        (FSDPStrategy(), 1, r"trainer\.strategy=FSDPStrategy is not supported; .*fsdp2\.yaml"),
        (deepspeed(3), 1, r"ZeRO stage 3 is not supported; use stage 2, or .*fsdp2\.yaml"),
        (deepspeed(2), 1, r"DeepSpeed needs logging_batch_size_per_gpu; use .*deepspeed\.yaml"),
        (ZERO_2, 4, r"trainer\.accumulate_grad_batches=4 must be 1 under DeepSpeed"),
    ):
        with pytest.raises(InputError, match=message):
            check_trainer(trainer_with(strategy, batches))


@pytest.mark.parametrize("strategy", [ModelParallelStrategy(), SingleDeviceStrategy(), ZERO_2])
def test_other_strategies_are_not_refused(strategy):
    check_trainer(trainer_with(strategy))


def test_a_run_that_began_with_unsharded_weights_is_not_resumed_sharded():
    fit_sharded, test_sharded = (Sharding(torch.device("cpu"), "32-true", is_fit) for is_fit in (True, False))
    with pytest.raises(InputError, match="ckpt_path: this run began with unsharded weights"):
        check_resume(fit_sharded, was_sharded=False)
    check_resume(fit_sharded, was_sharded=True)
    check_resume(test_sharded, was_sharded=False)
    check_resume(None, was_sharded=True)


@pytest.mark.parametrize(("stage", "is_fit"), [("fit", True), ("validate", False), ("test", False)])
def test_only_the_model_parallel_strategy_shards(stage, is_fit):
    assert sharding_of(trainer_with(SingleDeviceStrategy()), stage) is None
    strategy = ModelParallelStrategy()
    strategy.parallel_devices = [torch.device("cpu")]
    assert sharding_of(trainer_with(strategy), stage) == Sharding(torch.device("cpu"), "32-true", is_fit)


def test_weights_are_gathered_in_the_type_of_computation_gradients_in_float32():
    assert mixed_precision("bf16-mixed").param_dtype == torch.bfloat16
    for precision in ("32-true", "bf16-true", "bf16-mixed"):
        assert mixed_precision(precision).reduce_dtype == torch.float32
        assert (mixed_precision(precision).param_dtype is None) == (precision != "bf16-mixed")
