"""Runs are recorded, and resumed from their records, with every kind of logger, several, and none."""

import sys
from pathlib import Path

import pytest
import torch
import yaml

from .small_run import SMALL, TINY, lines

TENSORBOARD = {"class_path": "TensorBoardLogger", "init_args": {"save_dir": "runs", "name": "both"}}
CSV = {"class_path": "CSVLogger", "init_args": {"save_dir": "tables"}}
WANDB = {"class_path": "WandbLogger", "init_args": {"save_dir": "wb", "project": "ouro", "offline": True}}
LOGGERS = {
    "CSV alone": CSV,
    "no logger": False,
    "W&B offline alone": WANDB,
    "W&B first of several": [WANDB, CSV],
}


def finish_wandb():
    """Ends the process's W&B run, as the end of a command does."""
    if "wandb" in sys.modules:
        sys.modules["wandb"].finish()


@pytest.fixture
def quick(run, tmp_path):
    """A run of one round, of the grammar, with other loggers; gives its folder."""

    def fit(logger, *args):
        finish_wandb()
        (tmp_path / "logger.yaml").write_text(yaml.safe_dump({"trainer": {"logger": logger}}))
        before = set(tmp_path.rglob("config.fit*.yaml"))
        options = ("--loop.proposer", "GrammarProposer", "--trainer.max_epochs", "1")
        run("fit", "--config", TINY, "--config", "logger.yaml", *SMALL, *options, *args)
        (record,) = set(tmp_path.rglob("config.fit*.yaml")) - before
        return record.parent

    return fit


@pytest.mark.parametrize("kind", LOGGERS)
def test_a_run_is_resumed_in_its_folder_whatever_logs_it(run, quick, tmp_path, monkeypatch, kind):
    if "W&B" in kind:
        pytest.importorskip("wandb", reason="Weights & Biases is not installed")
    first = quick(LOGGERS[kind])
    assert [path.name for path in (first / "rounds").iterdir()] == ["000"]
    other = quick(LOGGERS[kind])
    assert other != first, "rounds of two runs never meet in one folder"
    finish_wandb()
    tables = {path: path.read_text() for path in tmp_path.rglob("metrics.csv")}
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    record = first / "config.fit.yaml"
    run("fit", "--config", str(record), "--trainer.max_epochs", "2", "--ckpt_path", "last")
    assert sorted(path.name for path in (first / "rounds").iterdir()) == ["000", "001"]
    assert torch.load(first / "checkpoints" / "last.ckpt", weights_only=True)["epoch"] == 1
    assert not list((tmp_path / "elsewhere").rglob("*.ckpt"))
    assert all(path.read_text() == text for path, text in tables.items()), "tables of earlier rounds are kept"


def test_each_logger_goes_on_with_its_own_run(quick):
    record = yaml.safe_load((quick([TENSORBOARD, CSV]) / "config.fit.yaml").read_text())
    versions = [logger["init_args"]["version"] for logger in record["trainer"]["logger"]]
    assert versions == [0, None], "a CSVLogger would delete the table of its earlier run"


def test_histograms_reach_weights_and_biases(quick, monkeypatch):
    wandb = pytest.importorskip("wandb", reason="Weights & Biases is not installed")
    logged = {}
    log = wandb.sdk.wandb_run.Run.log
    monkeypatch.setattr(
        wandb.sdk.wandb_run.Run,
        "log",
        lambda self, data, *a, **k: logged.update(data) or log(self, data, *a, **k),
    )
    quick(WANDB)
    histogram = logged["curriculum/skill"]
    assert isinstance(histogram, wandb.Histogram) and sum(histogram.histogram) > 0
    assert logged["loop/pool"] > 0


def test_the_record_has_versions_and_the_run_folder(fitted):
    text = (fitted / "config.fit.yaml").read_text()
    assert "# torch " in text and "# lightning_ouro " in text
    record = yaml.safe_load(text)
    assert Path(record["checkpoint"]["dirpath"]) == fitted / "checkpoints"
    assert record["trainer"]["logger"]["init_args"]["version"] == 0
    assert record["data"]["questions_per_step"] == 12


def test_a_second_command_does_not_replace_the_record_of_the_first(run, own_fitted):
    record = own_fitted / "config.fit.yaml"
    before = record.read_bytes()
    for score in (4, 3):
        options = ("--data.eval_questions_per_scene", str(score), "--ckpt_path", "last")
        run("validate", "--config", str(record), *options)
    assert record.read_bytes() == before
    assert {path.name for path in own_fitted.glob("config.*")} == {
        "config.fit.yaml",
        "config.validate.yaml",
        "config.validate.1.yaml",
    }


def test_a_checkpoint_folder_of_ones_own_is_the_runs_folder(run, quick, tmp_path):
    first, second = (quick(False, "--checkpoint.dirpath", name) for name in ("mine/a", "mine/b"))
    assert (first, second) == (tmp_path / "mine" / "a", tmp_path / "mine" / "b")
    for folder in (first, second):
        assert {"config.fit.yaml", "last.ckpt", "rounds"} <= {path.name for path in folder.iterdir()}
    record = str(first / "config.fit.yaml")
    run("fit", "--config", record, "--trainer.max_epochs", "2", "--ckpt_path", "last")
    run("propose", "--config", record, "--ckpt_path", "last")
    assert {row["round"] for row in lines(first / "proposed.jsonl")} == {2}


@pytest.mark.filterwarnings("ignore:`.fit.ckpt_path=None.` was called without a model")
@pytest.mark.filterwarnings("ignore:.fit.ckpt_path=.last.. is set, but there is no last checkpoint")
@pytest.mark.parametrize("kind", ["OnExceptionCheckpoint", "ModelCheckpoint"])
def test_checkpoints_among_the_callbacks_leave_the_run_folder_alone(run, quick, tmp_path, kind):
    mine = ("--trainer.callbacks", kind, "--trainer.callbacks.dirpath", "mine")
    folder = quick(TENSORBOARD, *mine)
    assert folder == tmp_path / "runs" / "both" / "version_0"
    assert {path.name for path in folder.glob("*/*")} >= {"last.ckpt", "000"}
    assert not list((tmp_path / "mine").glob("[!e]*")), "nothing of the run"
    run(
        "fit", "--config", str(folder / "config.fit.yaml"), "--trainer.max_epochs", "2", "--ckpt_path", "last"
    )
    assert sorted(path.name for path in (folder / "rounds").iterdir()) == ["000", "001"]


def test_checkpoints_written_under_lightnings_own_name_are_found(run, quick):
    folder = quick(TENSORBOARD)
    last = folder / "checkpoints" / "last.ckpt"
    saved = torch.load(last, weights_only=True)
    (key,) = (key for key in saved["callbacks"] if key.startswith("RunCheckpoint{"))
    best = Path(saved["callbacks"][key]["best_model_path"])
    saved["callbacks"][key.replace("Run", "Model")] = saved["callbacks"].pop(key)
    torch.save(saved, last)
    with pytest.warns(UserWarning, match="add the following callbacks"):
        run(
            "fit",
            "--config",
            str(folder / "config.fit.yaml"),
            "--trainer.max_epochs",
            "2",
            "--ckpt_path",
            "last",
        )
    assert not best.exists(), "only the newest is kept besides last.ckpt"
