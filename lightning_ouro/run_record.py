"""The record that each command leaves in its run folder: `config.<command>.yaml`, with versions."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import lightning as L
import yaml
from lightning.pytorch.cli import SaveConfigCallback
from lightning.pytorch.loggers import CSVLogger

from lightning_ouro import config_yaml
from lightning_ouro.atomic_files import write_atomic
from lightning_ouro.run_folder import run_checkpoint, run_folder

RECORDED_VERSIONS = (
    "lightning_ouro",
    "lightning",
    "torch",
    "transformers",
    "peft",
    "pydantic-monty",
    "numpy",
)
# The argument by which a logger continues the run that its `version` identifies: TensorBoard and W&B, MLflow,
# Comet.
IDENTITIES = ("version", "run_id", "experiment_key")


@runtime_checkable
class Resolves(Protocol):
    """A module some of whose options mean what is only known once files have been read."""

    def resolved_options(self) -> dict[str, Any]:
        """These options as they turned out."""


class SaveRunConfig(SaveConfigCallback):
    """Keeps each command's config in the run folder, and never replaces an earlier record.

    Folder and identity of each logger's run are recorded as they turned out, so
    `fit --config <run>/config.fit.yaml --ckpt_path last` resumes the run in its folder, from anywhere.
    """

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        run_folder(trainer)  # a collective, and `save_config` runs on the first rank only
        super().setup(trainer, pl_module, stage)

    def save_config(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Called by Lightning on the first rank, once a run."""
        folder = run_folder(trainer)
        if folder is None:
            return
        config = yaml.safe_load(self.parser.dump(self.config, skip_none=False))
        if (
            config.get("weights_only") is None
        ):  # an argument of fit, which not every command that reads this has
            config.pop("weights_only", None)
        if isinstance(pl_module, Resolves):
            config["model"] |= pl_module.resolved_options()
        _make_absolute(config)
        config["checkpoint"]["dirpath"] = run_checkpoint(trainer).dirpath  # type: ignore[union-attr]
        recorded = logger_settings(config["trainer"]["logger"])
        for settings, logger in zip(recorded, trainer.loggers if recorded else (), strict=True):
            settings.setdefault("init_args", {}).update(_identity(settings, logger))
        text = "".join(f"# {name} {version(name)}\n" for name in RECORDED_VERSIONS)
        text += config_yaml.dump(config)
        path, number = folder / self.config_filename, 1
        while path.exists() and path.read_text("utf8") != text:
            path = folder / f"{Path(self.config_filename).stem}.{number}.yaml"
            number += 1
        write_atomic(path, text.encode("utf8"))


def _make_absolute(config: dict[str, Any]) -> None:
    """Paths to what lies outside of the run, so that the record works from any folder."""
    for group, name in (("data", "scenes"), ("data", "revsi_annotation"), ("model", "checkpoint")):
        value = config.get(group, {}).get(name)
        if isinstance(value, list):
            config[group][name] = [_absolute(item) for item in value]
        elif isinstance(value, str):
            config[group][name] = _absolute(value)


def _absolute(value: str) -> str:
    """The path's absolute form if there is such a file or folder; a hub name, or `tiny`, stays as it is."""
    try:
        path = Path(value).expanduser()
        return str(path.resolve()) if path.exists() and value != "tiny" else value
    except (OSError, RuntimeError):  # too long for a path; no such user
        return value


def logger_settings(loggers: Any) -> list[Any]:
    """The settings of each logger; none where the Trainer chooses (`true`) or there is none."""
    settings = loggers if isinstance(loggers, list) else [loggers]
    return [item for item in settings if item is not None and not isinstance(item, bool)]


def _identity(settings: dict[str, Any], logger: Any) -> dict[str, Any]:
    """The arguments with which a logger continues the run that it is logging now.

    Empty for a CSVLogger, which would delete the existing table; a resumed run gets a new one.
    """
    if isinstance(logger, CSVLogger):
        return {}
    names = [name for name in IDENTITIES if name in settings.get("init_args", {})]
    return {} if logger.version is None else dict.fromkeys(names, logger.version)
