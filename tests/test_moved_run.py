"""Runs that were copied or moved go on where they lie, and leave what they were copied from alone."""

import json
import shutil
from pathlib import Path

import pytest
import torch
import yaml
from jsonargparse import Namespace
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from lightning_ouro.moved_run import follow_record
from lightning_ouro.run_folder import RunCheckpoint


def settings(began, save_dir, name, version):
    init = Namespace(save_dir=str(save_dir), name=name, version=version)
    logger = Namespace(class_path="TensorBoardLogger", init_args=init)
    return Namespace(
        checkpoint=Namespace(dirpath=str(began / "checkpoints")), trainer=Namespace(logger=logger)
    )


@pytest.fixture
def recorded(tmp_path):
    """A copy of a run that began elsewhere: its record."""
    folder = tmp_path / "copies" / "mine"
    (folder / "rounds").mkdir(parents=True)
    record = folder / "config.fit.yaml"
    record.write_text(yaml.safe_dump({"checkpoint": {"dirpath": "/old/runs/tiny/version_3/checkpoints"}}))
    return record


@pytest.mark.parametrize("version", [3, "version_3"])
def test_checkpoints_and_logger_follow_the_record(recorded, version):
    options = settings(Path("/old/runs/tiny/version_3"), "/old/runs", "tiny", version)
    line = follow_record(options, [Path("/packaged/tiny.yaml"), recorded])
    assert line == f"the run of {recorded} began in /old/runs/tiny/version_3; it goes on in {recorded.parent}"
    assert options.checkpoint.dirpath == str(recorded.parent / "checkpoints")
    init = options.trainer.logger.init_args
    assert Path(init.save_dir, init.name, init.version) == recorded.parent


def test_a_logger_that_logs_elsewhere_goes_on_there(recorded):
    options = settings(Path("/old/runs/tiny/version_3"), "/boards", "tiny", 3)
    follow_record(options, [recorded])
    assert options.trainer.logger.init_args == Namespace(save_dir="/boards", name="tiny", version=3)


def test_a_folder_from_the_command_line_wins(recorded):
    options = settings(Path("/mine"), "/old/runs", "tiny", 3)
    assert follow_record(options, [recorded]) is None
    assert options.checkpoint.dirpath == "/mine/checkpoints"


def test_a_record_alone_elsewhere_is_no_run(recorded, tmp_path):
    alone = tmp_path / "elsewhere" / recorded.name
    alone.parent.mkdir()
    shutil.copy(recorded, alone)
    options = settings(Path("/old/runs/tiny/version_3"), "/old/runs", "tiny", 3)
    assert follow_record(options, [alone]) is None
    assert options.checkpoint.dirpath == "/old/runs/tiny/version_3/checkpoints"


def test_the_paths_in_a_checkpoint_follow_too(tmp_path):
    checkpoint = RunCheckpoint(dirpath=tmp_path / "now")
    state = checkpoint.state_dict()
    began = {
        "dirpath": "/old/run",
        "best_model_path": "/old/run/epoch=1.ckpt",
        "last_model_path": "/old/run/last.ckpt",
        "best_k_models": {"/old/run/epoch=1.ckpt": torch.tensor(0.5)},
        "kth_best_model_path": "/older/run/epoch=0.ckpt",
    }
    checkpoint.load_state_dict(state | began)
    assert checkpoint.best_model_path == str(tmp_path / "now" / "epoch=1.ckpt")
    assert list(checkpoint.best_k_models) == [checkpoint.best_model_path]
    assert checkpoint.kth_best_model_path == "/older/run/epoch=0.ckpt"


def content(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_copy_that_goes_on_leaves_the_original_as_it_was(run, fitted, tmp_path, monkeypatch):
    before, copy = content(fitted), tmp_path / "copy"
    shutil.copytree(fitted, copy)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    record = str(copy / "config.fit.yaml")
    run("fit", "--config", record, "--ckpt_path", "last", "--trainer.max_epochs", "3")
    assert content(fitted) == before and not list(elsewhere.iterdir())
    assert sorted(path.name for path in (copy / "rounds").iterdir()) == ["000", "001", "002"]
    steps = [event.step for event in EventAccumulator(str(copy)).Reload().Scalars("val/score")]
    assert steps == [0, 2, 5, 6, 8], "a run that goes on is validated first"
    assert {path.name for path in (copy / "checkpoints").iterdir()} == {"last.ckpt", "epoch=2-step=9.ckpt"}


def test_scores_and_replies_name_the_weights_that_made_them(run, own_fitted, capsys):
    record, last = str(own_fitted / "config.fit.yaml"), own_fitted / "checkpoints" / "last.ckpt"
    run("validate", "--config", record, "--ckpt_path", "last")
    report = json.loads((own_fitted / "scores.validate.json").read_text())
    assert report["weights"]["path"] == str(last) and report["weights"]["steps"] == 6
    assert 0 <= report["scores"]["val/score"] <= 1
    assert (
        f"scores of {last} after 6 steps, sha256 {report['weights']['sha256'][:16]}"
        in capsys.readouterr().out
    )
    run("predict", "--config", record, "--ckpt_path", "last")
    rows = [json.loads(line) for line in (own_fitted / "replies.jsonl").read_text().splitlines()]
    assert {row["weights"] for row in rows} == {
        f"{last} after 6 steps, sha256 {report['weights']['sha256'][:16]}"
    }


def test_the_base_is_scored_beside_the_runs_curves(run, own_fitted, capsys):
    run("validate", "--config", str(own_fitted / "config.fit.yaml"))
    assert "scores of base: " in capsys.readouterr().out
    steps = [event.step for event in EventAccumulator(str(own_fitted)).Reload().Scalars("val/score")]
    assert steps == [0, 2, 5]
    assert json.loads((own_fitted / "scores.validate.json").read_text())["weights"]["path"] is None
