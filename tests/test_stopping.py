"""A cluster's signals: what was trained is kept, the exit status tells, and the same command goes on."""

import signal
from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from lightning_ouro.loop import callback, held_out_batches
from lightning_ouro.solver.held_out import HeldOutMeans
from lightning_ouro.solver.module import SolverModule

from .small_run import SMALL, TINY
from .test_trainer_cli import assert_same_run

FIT = ("fit", "--config", TINY, *SMALL)
# Where a signal may arrive in the run of two rounds of three steps: what is called there, how often before, and the
# step of the checkpoint that is left.
PLACES = {
    "within a round": (SolverModule, "training_step", 4, 5),
    "at a round's last step": (SolverModule, "training_step", 2, 3),
    "in a round's validation": (HeldOutMeans, "measure", 1, 3),
    "while a round is proposed": (callback, "propose_round", 1, 3),
}


@pytest.fixture(autouse=True)
def handled_as_ever():
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGUSR1)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def signalled(monkeypatch):
    """Has a signal arrive when something has been called so often."""

    def at(owner, name, calls, number=signal.SIGTERM):
        called, function = [], getattr(owner, name)

        def call(*args, **kwargs):
            called.append(name)
            if len(called) == calls + 1:
                signal.raise_signal(number)
            return function(*args, **kwargs)

        monkeypatch.setattr(owner, name, call)

    return at


def stop_of(run, *words):
    with pytest.raises(SystemExit) as stop:
        run(*words)
    return stop.value.code


@pytest.mark.parametrize("place", PLACES)
def test_sigterm_keeps_what_was_trained_and_the_run_goes_on(run, fitted, signalled, tmp_path, capsys, place):
    *where, step = PLACES[place]
    signalled(*where)
    assert stop_of(run, *FIT) == 128 + signal.SIGTERM
    folder = tmp_path / "runs/tiny/version_0"
    told = capsys.readouterr().err.strip().splitlines()[-1]
    saved = folder / "checkpoints" / "last.ckpt"
    assert told.startswith("lightning_ouro: stopped by SIGTERM")
    assert (f"; {saved} goes on from step {step}" in told) == (place != "while a round is proposed")
    assert torch.load(saved, weights_only=True)["global_step"] == step
    run("fit", "--config", str(folder / "config.fit.yaml"), "--ckpt_path", "last")
    assert_same_run(folder, fitted)
    assert [path.name for path in (folder / "checkpoints").glob("last*")] == ["last.ckpt"]


def test_later_validations_ask_everything_after_one_that_was_broken_off(
    run, signalled, tmp_path, monkeypatch
):
    monkeypatch.setattr(held_out_batches, "EVAL_ROWS", 1)  # a batch for each of the two scenes
    run(*FIT)
    whole, part = (tmp_path / f"runs/tiny/version_{number}" for number in (0, 1))
    signalled(HeldOutMeans, "measure", 2)  # the first of two batches after round 0
    assert stop_of(run, *FIT) == 128 + signal.SIGTERM
    run("fit", "--config", str(part / "config.fit.yaml"), "--ckpt_path", "last")
    expected = scalars(whole, "val/loss")
    assert expected.keys() == {0, 2, 5}
    validated = scalars(part, "val/loss")
    assert validated == {step: expected[step] for step in validated} and {0, 5} <= validated.keys()


def scalars(folder, name):
    return {event.step: event.value for event in EventAccumulator(str(folder)).Reload().Scalars(name)}


def test_sigterm_before_anything_was_trained_leaves_no_run(run, signalled, tmp_path, capsys):
    signalled(HeldOutMeans, "measure", 0)
    assert stop_of(run, *FIT) == 128 + signal.SIGTERM
    assert capsys.readouterr().err.strip().splitlines()[-1] == "lightning_ouro: stopped by SIGTERM"
    assert not (tmp_path / "runs/tiny").exists()


def test_an_evaluation_that_is_ended_does_not_pass_for_one(run, own_fitted, signalled):
    signalled(HeldOutMeans, "measure", 0)
    words = ("validate", "--config", str(own_fitted / "config.fit.yaml"), "--ckpt_path", "last")
    assert stop_of(run, *words) == 128 + signal.SIGTERM
    assert not (own_fitted / "scores.validate.json").exists()


def test_steps_of_several_batches_are_not_broken_off(run, signalled, tmp_path):
    signalled(SolverModule, "training_step", 2)  # the second step's first batch of two
    assert stop_of(run, *FIT, "--trainer.accumulate_grad_batches", "2") == 128 + signal.SIGTERM
    state = torch.load(tmp_path / "runs/tiny/version_0/checkpoints/last.ckpt", weights_only=True)
    assert (state["global_step"], state["SceneDataModule"]["position"]) == (2, 4)


@pytest.fixture
def job(monkeypatch, tmp_path):
    """A job of SLURM, whose scontrol notes what it is called with."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "scontrol").write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/requeued\n')
    (tmp_path / "bin" / "scontrol").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    monkeypatch.setenv("SLURM_JOB_ID", "4711")
    return tmp_path / "requeued"


def test_a_requeued_job_goes_on_by_the_same_command(run, fitted, signalled, tmp_path, job, monkeypatch):
    signalled(SolverModule, "training_step", 4, signal.SIGUSR1)
    assert stop_of(run, *FIT) == 128 + signal.SIGUSR1
    assert job.read_text() == "requeue 4711\n"
    assert not list(Path.cwd().glob("hpc_ckpt*"))
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    run(*FIT)
    assert [entry.name for entry in (tmp_path / "runs/tiny").iterdir()] == ["version_0"]
    assert_same_run(tmp_path / "runs/tiny/version_0", fitted)


def test_a_job_that_was_stopped_before_a_checkpoint_goes_on_as_well(
    run, fitted, signalled, tmp_path, job, monkeypatch
):
    signalled(callback, "measure_chance", 0)  # when the first round has been proposed
    assert stop_of(run, *FIT) == 128 + signal.SIGTERM
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    run(*FIT)
    assert [entry.name for entry in (tmp_path / "runs/tiny").iterdir()] == ["version_0"]
    assert_same_run(tmp_path / "runs/tiny/version_0", fitted)


def test_another_command_or_job_is_not_taken_for_a_restart(run, tmp_path, job, monkeypatch):
    short = (*FIT, "--trainer.max_epochs", "1")
    run(*short)
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    run(*short, "--seed_everything", "1")
    monkeypatch.setenv("SLURM_JOB_ID", "4712")
    run(*short)
    names = sorted(entry.name for entry in (tmp_path / "runs/tiny").iterdir())
    assert names == ["version_0", "version_1", "version_2"]


@pytest.mark.parametrize("command", ["fit", "validate", "predict"])
def test_a_checkpoint_that_lightning_would_load_unasked_is_refused(run, tmp_path, job, capsys, command):
    (tmp_path / "hpc_ckpt_1.ckpt").write_bytes(b"of another run")
    assert stop_of(run, command, "--config", TINY, *SMALL) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert "hpc_ckpt_1.ckpt: in a job of SLURM" in error and "--ckpt_path" in error
