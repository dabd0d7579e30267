"""A start that failed leaves the disk as it was."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lightning_ouro.scenes.store import write_scene
from lightning_ouro.scenes.synthetic.procedural import procedural_scenes
from lightning_ouro.scenes.types import FrameBudget
from lightning_ouro.solver.module import SolverModule

from .small_run import SMALL, TINY

FAILURES = {
    "scenes that are not there": ("--data.scenes", "nowhere"),
    "weights that are not there": ("--model.checkpoint", "nowhere"),
    "an adapter of no rank": ("--model.lora.rank", "0"),
    "frames of the wrong size": ("--data.frames.height", "90"),
    "a pool too small for a step": ("--data.questions_per_step", "5000"),
}
LOGGERS = {
    "TensorBoard": (),
    "a table": ("--trainer.logger", "CSVLogger", "--trainer.logger.init_args.save_dir", "runs"),
    "no logger": ("--trainer.logger", "false"),
    "a folder of its own": ("--checkpoint.dirpath", "mine/deep/checkpoints"),
}


def everything(folder):
    return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def fails(run, *args, command="fit"):
    with pytest.raises(SystemExit) as stop:
        run(command, *args)
    assert stop.value.code == 2


@pytest.mark.parametrize("logger", LOGGERS)
@pytest.mark.parametrize("failure", ["weights that are not there"])
def test_no_folder_is_left_with_any_logger(run, tmp_path, logger, failure):
    fails(run, "--config", TINY, *SMALL, *FAILURES[failure], *LOGGERS[logger])
    assert everything(tmp_path) == {}


@pytest.mark.parametrize("failure", FAILURES)
def test_no_folder_is_left_whatever_fails(run, tmp_path, failure):
    fails(run, "--config", TINY, *SMALL, *FAILURES[failure])
    left = [path for path in everything(tmp_path) if path.name.startswith(("events", "config", "hparams"))]
    # A pool is too small only once it was filled: what was proposed stays, and so does its run.
    assert (left == []) == (failure != "a pool too small for a step")
    assert (tmp_path / "runs").exists() == bool(left)


@pytest.mark.parametrize("command", ["validate", "propose", "predict", "bootstrap"])
def test_other_commands_leave_no_folder_either(run, tmp_path, command):
    weights = ("--model.checkpoint", "nowhere", "--model.init", "pretrained")
    others = () if command == "bootstrap" else ("--config", TINY, *SMALL)
    fails(run, *others, *weights, command=command)
    assert everything(tmp_path) == {}


def test_runs_beside_it_are_not_touched(run, tmp_path):
    (tmp_path / "runs/tiny/version_0").mkdir(parents=True)
    (tmp_path / "runs/tiny/version_0/events.out.tfevents.1").write_text("another run's")
    before = everything(tmp_path)
    fails(run, "--config", TINY, *SMALL, *FAILURES["scenes that are not there"])
    assert everything(tmp_path) == before


@pytest.mark.parametrize("failure", ["weights that are not there", "an adapter of no rank"])
def test_no_record_of_a_split_is_left(run, tmp_path, failure):
    for scene in procedural_scenes(0, 4):
        write_scene(scene, scene.footage.load(scene, FrameBudget(8, 64, 96)), tmp_path / "rooms" / scene.id)
    before = everything(tmp_path)
    options = ("--data.scenes", "rooms", "--data.num_val_scenes", "1", "--data.num_test_scenes", "0")
    fails(run, "--config", TINY, *SMALL, *options, *FAILURES[failure])
    assert everything(tmp_path) == before


@pytest.mark.parametrize("command", ["fit", "validate"])
def test_a_run_that_exists_keeps_no_record_of_a_start_that_failed(run, own_fitted, tmp_path, command):
    before = everything(tmp_path)
    config = ("--config", str(own_fitted / "config.fit.yaml"), "--ckpt_path", "last")
    fails(run, *config, "--model.lora.rank", "2", command=command)
    assert everything(tmp_path) == before


def test_what_was_computed_stays(run, tmp_path, monkeypatch):
    def broken(self, *args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(SolverModule, "training_step", broken)
    fails(run, "--config", TINY, *SMALL)
    assert (tmp_path / "runs/tiny/version_0/rounds/000/questions.jsonl").is_file()
    assert (tmp_path / "runs/tiny/version_0/config.fit.yaml").is_file()


def test_an_evaluation_that_went_on_keeps_its_record_when_it_fails(run, own_fitted, monkeypatch):
    def broken(self, *args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(SolverModule, "_log_results", broken)
    config = ("--config", str(own_fitted / "config.fit.yaml"), "--ckpt_path", "last")
    fails(run, *config, command="validate")
    assert (own_fitted / "config.validate.yaml").is_file()


def test_a_folder_that_tensorboard_cannot_name_is_refused_at_once(run, tmp_path, monkeypatch, capsys):
    (tmp_path / "caf\udce9").mkdir()
    monkeypatch.chdir(tmp_path / "caf\udce9")
    fails(run, "--config", TINY, *SMALL)
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert "trainer.logger: TensorBoard cannot write to" in line and "caf\\udce9" in line
    assert list(everything(tmp_path)) == [tmp_path / "caf\udce9"]


def test_a_run_without_logger_works_in_a_folder_whose_name_is_no_utf8(tmp_path):
    # In a process of its own: tests that run in parallel cannot hand on such names in what they print or warn of.
    old, new = tmp_path / "caf\udce9", tmp_path / "695e0514\udce8"
    old.mkdir()
    options = ("--trainer.logger", "false", "--trainer.max_epochs", "1", "--loop.proposer", "GrammarProposer")
    command = (sys.executable, "-m", "lightning_ouro", "fit", "--config")
    process = {"env": {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}, "capture_output": True}
    subprocess.run([*command, TINY, *SMALL, *options, "--loop.blind", "none"], cwd=old, check=True, **process)
    old.rename(new)
    resumed = ("runs/version_0/config.fit.yaml", "--ckpt_path", "last", "--trainer.max_epochs", "2")
    subprocess.run([*command, *resumed], cwd=new, check=True, **process)
    assert (new / "runs/version_0/rounds/001/questions.jsonl").is_file() and not old.exists()
