"""A loss, a gradient or weights that are no numbers end a run in one line, with the last good checkpoint kept."""

import math
import re

import pytest
import torch

from lightning_ouro.solver.module import SolverModule

from ..small_run import SMALL, TINY

FIT = ("fit", "--config", TINY, *SMALL)
REMEDY = r"the last checkpoint is from before: .*--ckpt_path last.* lower model\.lr \(now 0\.001\)"


@pytest.fixture
def failing(run, tmp_path, monkeypatch, capsys):
    """The last line of a run of two rounds in which something changes a step, and the step of the checkpoint."""

    def fail(change, *words):
        steps, training_step = [], SolverModule.training_step

        def changed(self, batch, batch_idx):
            steps.append(batch)
            outputs = training_step(self, batch, batch_idx)
            change(len(steps), self, outputs)
            return outputs

        monkeypatch.setattr(SolverModule, "training_step", changed)
        with pytest.raises(SystemExit) as stop:
            run(*FIT, *words)
        assert stop.value.code == 2
        saved = tmp_path / "runs/tiny/version_0/checkpoints/last.ckpt"
        state = torch.load(saved, weights_only=True) if saved.exists() else None
        return capsys.readouterr().err.strip().splitlines()[-1], state

    return fail


def assert_good(state, step):
    assert state["global_step"] == step
    assert all(value.isfinite().all() for value in state["state_dict"].values())


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_no_number_names_step_questions_and_remedy(failing, value):
    def change(step, module, outputs):
        if step == 5:
            module.training_losses[3] = value
            outputs["loss"] = outputs["loss"] * value

    line, state = failing(change)
    told = rf"step 4 \(round 1\): the loss is {value}, of 1 of 12 questions: \S+ \(\w+, scene procedural-\d+\): .+"
    assert re.search(f"{told}; {REMEDY}", line)
    assert_good(state, 3)


def test_a_gradient_that_is_no_number_never_reaches_the_weights(failing):
    def change(step, module, outputs):
        if step == 3:  # sqrt has no slope at 0, though its value is a number
            trained = next(each for each in module.parameters() if each.requires_grad)
            outputs["loss"] = outputs["loss"] + (trained - trained.detach()).square().sum().sqrt()

    line, state = failing(change)
    assert re.search(
        rf"step 2 \(round 0\): the loss is a number, but its gradient is not, .*; {REMEDY}", line
    )
    assert state is None


@pytest.mark.parametrize("validates", [True, False])
def test_weights_that_are_no_numbers_are_not_saved(failing, validates):
    def change(step, module, outputs):
        if step == 6:  # so that the optimizer's last step of the run makes them so
            module.trainer.optimizers[0].param_groups[0]["lr"] = math.nan

    line, state = failing(change, *(() if validates else ("--trainer.limit_val_batches", "0")))
    what = "val/loss is no number" if validates else "the weights are no numbers any more, and are not saved"
    assert re.search(rf"step 6 \(round 1\): {what}; ", line)
    assert_good(state, 3)


def test_a_base_without_numbers_is_not_trained(run, tmp_path, monkeypatch, capsys):
    configure = SolverModule.configure_model

    def broken(self):
        configure(self)
        next(self.net.parameters()).data.fill_(math.nan)

    monkeypatch.setattr(SolverModule, "configure_model", broken)
    with pytest.raises(SystemExit) as stop:
        run(*FIT)
    assert stop.value.code == 2
    assert "before the first step: the base itself gives no number" in capsys.readouterr().err
    assert not (tmp_path / "runs/tiny").exists()
