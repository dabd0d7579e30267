"""Runs that trainer.max_steps stops, and what goes on from their checkpoints."""

import torch

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
