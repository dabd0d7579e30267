"""How a run asks is recorded in its config and its checkpoint, wins for both, and stands beside every score."""

import json
import shutil

import pytest
import torch
import yaml

from lightning_ouro.solver.checkpoint import checkpoint_folder
from lightning_ouro.solver.prompt_form import KEY

from .small_run import SMALL, TINY, lines

ASKED = {"video_form": "wrapped", "system_prompt": "Look closely."}
SHIPPED = {"video_form": "plain", "system_prompt": None}


def recorded(run_folder, command):
    """What a command's record, its checkpoint, and what it wrote say."""
    config = yaml.safe_load((run_folder / f"config.{command}.yaml").read_text("utf8"))["model"]
    return {name: config[name] for name in SHIPPED}


def of_checkpoint(run_folder):
    saved = torch.load(run_folder / "checkpoints" / "last.ckpt", weights_only=True)
    return saved["base"]["prompt"]


def test_a_run_of_the_shipped_weights_records_their_form_everywhere(run, own_fitted):
    assert recorded(own_fitted, "fit") == of_checkpoint(own_fitted) == SHIPPED
    config = str(own_fitted / "config.fit.yaml")
    run("validate", "--config", config, "--ckpt_path", "last")
    scores = json.loads((own_fitted / "scores.validate.json").read_text("utf8"))
    assert {name: scores[name] for name in SHIPPED} == recorded(own_fitted, "validate") == SHIPPED
    run("predict", "--config", config, "--ckpt_path", "last")
    replies = lines(own_fitted / "replies.jsonl")
    assert replies and all({name: row[name] for name in SHIPPED} == SHIPPED for row in replies)


def test_a_form_that_was_trained_with_wins_over_what_a_command_would_choose(
    run, tmp_path, monkeypatch, capsys
):
    base = shutil.copytree(checkpoint_folder("tiny"), tmp_path / "base")
    config = json.loads((base / "config.json").read_text())
    del config[KEY]
    (base / "config.json").write_text(json.dumps(config))
    options = ("--config", TINY, *SMALL, "--model.checkpoint", str(base), "--trainer.max_epochs", "1")
    run("fit", *options, "--model.system_prompt", ASKED["system_prompt"])
    first = tmp_path / "runs" / "tiny" / "version_0"
    assert recorded(first, "fit") == of_checkpoint(first) == ASKED

    module = "lightning_ouro.solver.prompt_form.installed_video_form"
    monkeypatch.setattr(module, lambda: "plain")  # another transformers, and a config without a system turn
    last = ("--ckpt_path", str(first / "checkpoints" / "last.ckpt"))
    run("validate", *options, *last)
    second = tmp_path / "runs" / "tiny" / "version_1"
    scores = json.loads((second / "scores.validate.json").read_text("utf8"))
    assert {name: scores[name] for name in ASKED} == recorded(second, "validate") == ASKED
    capsys.readouterr()
    with pytest.raises(SystemExit) as stop:
        run("validate", *options, *last, "--model.video_form", "plain")
    assert stop.value.code == 2
    (line,) = capsys.readouterr().err.strip().splitlines()[-1:]
    assert "was trained with model.video_form='wrapped', but this run has 'plain'" in line
