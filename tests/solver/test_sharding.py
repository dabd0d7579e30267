"""The loop with weights split over two ranks, against whole weights on two ranks and on one; over gloo, on the CPU."""

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
from lightning_ouro.solver.sharding import check_resume, check_trainer, mixed_precision

from ..small_run import lines
from .two_ranks import CONFIGS, again, fit, run_on_two_ranks

DDP, FSDP2 = (["--config", str(CONFIGS / "strategy" / f"{name}.yaml")] for name in ("ddp", "fsdp2"))
ALL = ["--model.lora", "null", "--loop.proposer", "GrammarProposer", "--loop.blind", "none"]
# A frozen tower, which stays whole, with its feature cache; a step of two batches; layers that are computed again.
LORA = [
    "--model.lora.rank",
    "4",
    "--trainer.accumulate_grad_batches",
    "2",
    "--model.gradient_checkpointing",
    "true",
]
LORA += ["--loop.proposals_per_scene", "12"]  # the model's: not all hold


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """All weights under DDP and FSDP2; LoRA, where the model asks, under both; FSDP2 stops behind the first round."""
    folder = tmp_path_factory.mktemp("sharding")
    commands = [fit("ddp_all", *DDP, *ALL), fit("fsdp2_all", *FSDP2, *ALL), fit("ddp_lora", *DDP, *LORA)]
    first = fit("fsdp2_lora", *FSDP2, *LORA)
    commands += [
        [*first, "--trainer.max_epochs", "1"],
        again("fit", "fsdp2_lora", "--trainer.max_epochs", "2"),
    ]
    run_on_two_ranks([*commands, again("predict", "fsdp2_lora")], folder)
    return folder / "runs"


@pytest.fixture
def command(tmp_path, monkeypatch):
    """Runs a command in this process, in a folder of its own, on one thread as ranks have."""
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
    mine, theirs = checkpoint(run), checkpoint(other)
    assert mine["global_step"] == theirs["global_step"] == 4
    assert mine["state_dict"].keys() == theirs["state_dict"].keys()
    for name, weight in theirs["state_dict"].items():
        assert (mine["state_dict"][name] - weight).norm() <= within * weight.norm(), name
    for name in ("train/loss", "train/confidence", "val/loss", "val/score"):
        assert curve(run, name) == pytest.approx(curve(other, name), abs=1e-4), name
    for round in ("000", "001"):
        place = f"version_0/rounds/{round}/selection.jsonl"
        for row, expected in zip(lines(run / place), lines(other / place), strict=True):
            assert (row["id"], row["drawn"]) == (expected["id"], expected["drawn"])
            assert row["confidence"] == pytest.approx(expected["confidence"], abs=1e-4)


def test_split_weights_train_as_whole_ones_on_two_ranks(runs):
    assert_same_training(runs / "fsdp2_all", runs / "ddp_all")


def test_split_weights_with_an_adapter_train_as_whole_ones_also_over_a_resume(runs):
    assert_same_training(runs / "fsdp2_lora", runs / "ddp_lora")
    names = checkpoint(runs / "fsdp2_lora")["state_dict"].keys()
    assert all("lora_" in name for name in names - {"weighted_loss.previous_mean"})


def test_the_base_without_video_is_scored_as_with_whole_weights(runs):
    mine, theirs = (
        checkpoint(runs / f"{name}_lora")["callbacks"]["ClosedLoop"]["ledger"] for name in ("fsdp2", "ddp")
    )
    assert mine["blind"] and mine["blind"].keys() == theirs["blind"].keys()
    for family, confidence in theirs["blind"].items():
        assert mine["blind"][family] == pytest.approx(confidence, abs=1e-4)


def test_split_weights_train_as_one_process_does(runs, tmp_path, command):
    command(*fit("alone", *ALL, devices=1))
    # DDP itself is 1.5e-5 away: a mean of two halves is rounded otherwise.
    assert_same_training(runs / "fsdp2_all", tmp_path / "runs" / "alone", within=5e-5)


def test_one_process_reads_the_checkpoint_and_replies_as_ranks_do_that_differ_in_their_work(
    runs, tmp_path, command
):
    last = str(runs / "fsdp2_lora" / "version_0" / "checkpoints" / "last.ckpt")
    command("predict", *fit("read", devices=1)[1:], "--model.lora.rank", "4", "--ckpt_path", last)
    mine, theirs = (
        lines(folder / "version_0/replies.jsonl") for folder in (tmp_path / "runs/read", runs / "fsdp2_lora")
    )
    assert len(mine) == 6 and sorted(mine, key=str) == sorted(theirs, key=str)


def trainer_with(strategy, batches=1, fn="fit"):
    state = SimpleNamespace(fn=fn)
    return SimpleNamespace(
        strategy=strategy, precision="32-true", accumulate_grad_batches=batches, state=state
    )


def deepspeed(stage, **settings):
    strategy = object.__new__(DeepSpeedStrategy)  # whose constructor wants DeepSpeed
    strategy.config = {"zero_optimization": {"stage": stage}, **settings}
    return strategy


ZERO_2 = deepspeed(2, train_micro_batch_size_per_gpu=1)


def test_strategies_that_do_not_work_are_refused_and_what_does_is_named():
    for strategy, batches, named in (
        (FSDPStrategy(), 1, r"trainer\.strategy=FSDPStrategy is not supported; .*fsdp2\.yaml"),
        (deepspeed(3), 1, r"ZeRO stage 3 is not supported; take stage 2, or .*fsdp2\.yaml"),
        (deepspeed(2), 1, r"DeepSpeed needs logging_batch_size_per_gpu; take .*deepspeed\.yaml"),
        (ZERO_2, 4, r"trainer\.accumulate_grad_batches=4: DeepSpeed takes 1"),
    ):
        with pytest.raises(InputError, match=named):
            check_trainer(trainer_with(strategy, batches))


@pytest.mark.parametrize("strategy", [ModelParallelStrategy(), SingleDeviceStrategy(), ZERO_2])
def test_other_strategies_are_not_refused(strategy):
    check_trainer(trainer_with(strategy))


def test_a_run_that_began_with_whole_weights_does_not_go_on_with_split_ones():
    with pytest.raises(InputError, match="ckpt_path: this run began with whole weights"):
        check_resume(trainer_with(ModelParallelStrategy()), was_sharded=False)
    check_resume(trainer_with(ModelParallelStrategy()), was_sharded=True)
    check_resume(trainer_with(ModelParallelStrategy(), fn="test"), was_sharded=False)
    check_resume(trainer_with(SingleDeviceStrategy()), was_sharded=True)


def test_weights_are_gathered_as_they_are_computed_with_and_gradients_summed_in_float32():
    assert mixed_precision("bf16-mixed").param_dtype == torch.bfloat16
    for precision in ("32-true", "bf16-true", "bf16-mixed"):
        assert mixed_precision(precision).reduce_dtype == torch.float32
        assert (mixed_precision(precision).param_dtype is None) == (precision != "bf16-mixed")
