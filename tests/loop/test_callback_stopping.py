"""Runs that trainer.max_steps stops, and what goes on from their checkpoints."""

import pytest
import torch

from lightning_ouro.cli import main

from ..small_run import SMALL, TINY
from ..test_trainer_cli import assert_same_run


def test_a_run_stopped_by_max_steps_is_resumed_as_if_never_stopped(run, fitted, tmp_path, capsys):
    """First within round 0, then at its end."""
    run("fit", "--config", TINY, *SMALL, "--trainer.max_steps", "2")
    folder = tmp_path / "runs" / "tiny" / "version_0"
    assert "round 0: training stops within it; --ckpt_path last goes on there" in capsys.readouterr().out
    assert not (folder / "rounds/000/selection.jsonl").exists(), "the round is not finished"
    for max_steps in ("3", "100"):
        record = str(folder / "config.fit.yaml")
        run("fit", "--config", record, "--ckpt_path", "last", "--trainer.max_steps", max_steps)
        assert (folder / "rounds/000/selection.jsonl").exists()
    assert_same_run(folder, fitted)
    mine, theirs = (torch.load(f / "checkpoints/last.ckpt", weights_only=True) for f in (folder, fitted))
    assert mine["loops"]["fit_loop"] == theirs["loops"]["fit_loop"]


SHAPES = {
    "trainer.accumulate_grad_batches": ("2", "trainer.accumulate_grad_batches=1 (now 2)"),
    "data.questions_per_step": ("6", "data.questions_per_step=12 (now 6)"),
    "data.questions_per_scene": ("5", "data.questions_per_scene=16 (now 5)"),
    "data.steps_per_round": ("4", "data.steps_per_round=3 (now 4)"),
}


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A run that was stopped within round 0."""
    folder = tmp_path_factory.mktemp("stopped")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        main(["fit", "--config", TINY, *SMALL, "--trainer.max_steps", "2"])
    return folder / "runs" / "tiny" / "version_0"


@pytest.mark.parametrize("option", SHAPES)
def test_a_round_is_not_gone_on_with_in_other_batches(run, stopped, option, capsys):
    value, named = SHAPES[option]
    last = (stopped / "checkpoints" / "last.ckpt").read_bytes()
    record = str(stopped / "config.fit.yaml")
    with pytest.raises(SystemExit) as stop:
        run(
            "fit",
            "--config",
            record,
            "--ckpt_path",
            "last",
            "--trainer.max_steps",
            "-1",
            f"--{option}",
            value,
        )
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert stop.value.code == 2 and error.startswith(
        "lightning_ouro: the checkpoint was saved within round 0"
    )
    assert named in error and "after 2 of its 3 batches" in error
    assert (stopped / "checkpoints" / "last.ckpt").read_bytes() == last


def test_after_a_rounds_end_batches_may_be_other_ones(run, own_fitted):
    record, other = str(own_fitted / "config.fit.yaml"), ("--trainer.accumulate_grad_batches", "3")
    run("fit", "--config", record, "--ckpt_path", "last", "--trainer.max_epochs", "3", *other)
    state = torch.load(own_fitted / "checkpoints" / "last.ckpt", weights_only=True)
    assert state["global_step"] == 9 and state["SceneDataModule"]["shape"]["accumulated"] == 3
