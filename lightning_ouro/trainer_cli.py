"""The commands that are the Trainer's: `fit`, `validate`, `test`, `predict`, by LightningCLI.

What a class takes is what YAML sets and what `--group.name value` overrides; `--help` and `--print_config`
show all of it. `TrainerCLI` holds what every command with a Trainer needs (`propose` and `bootstrap` too):
defaults, a checkpoint that no list of callbacks can drop, one seed for all parts, checks of input on which
Lightning would fail without a clear message, and a record of each run.
"""

from __future__ import annotations

import argparse
import atexit
import logging
import warnings
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from zipfile import is_zipfile

import lightning as L
import yaml
from jsonargparse import Namespace
from lightning.pytorch.cli import ArgsType, LightningArgumentParser, LightningCLI
from lightning.pytorch.utilities.exceptions import MisconfigurationException

from lightning_ouro.atomic_files import write_jsonl
from lightning_ouro.config_paths import CONFIG_OPTIONS
from lightning_ouro.distributed import all_gather_list, shutdown
from lightning_ouro.errors import InputError
from lightning_ouro.loop.callback import ClosedLoop
from lightning_ouro.loop.datamodule import SceneDataModule
from lightning_ouro.run_folder import RunCheckpoint, checkpoints_of, run_folder
from lightning_ouro.run_record import SaveRunConfig, logger_settings
from lightning_ouro.solver.module import SolverModule

LIST_OPTIONS = ("--data.scenes",)
PARSER = {"parser_mode": "omegaconf", "exit_on_error": False}
TRAINER_DEFAULTS = {
    "max_epochs": 3,
    "devices": 1,  # the defaults are the tiny run, which gains nothing from a second device
    "use_distributed_sampler": False,  # Lightning's sampler would shuffle the curriculum (PL#21131)
    "reload_dataloaders_every_n_epochs": 1,  # every epoch is a round with batches of its own
    "num_sanity_val_steps": -1,  # the whole validation before the first round is the curve's first point
    "inference_mode": False,  # tensors made in inference mode cannot enter a graph later
    "gradient_clip_val": 1.0,
    "log_every_n_steps": 1,
    "logger": {
        "class_path": "lightning.pytorch.loggers.TensorBoardLogger",
        "init_args": {"save_dir": "runs", "name": "tiny", "default_hp_metric": False},
    },
}


def main(args: Sequence[str]) -> None:
    """Runs `fit`, `validate`, `test` or `predict`."""
    run(lambda words: SolverCLI(args=words), args)


def run(command: Callable[[list[str]], object], args: Sequence[str]) -> None:
    """Runs a command with a Trainer.

    Raises:
        InputError: options do not parse, do not fit each other, or the command refuses its input.
    """
    silence_libraries()
    words = join_lists(args)
    try:
        command(words)
    except MisconfigurationException as error:
        raise InputError(f"trainer: {error}") from error
    except argparse.ArgumentError as error:
        configs = [value for option, value in pairwise(words) if option in CONFIG_OPTIONS]
        where = f" (read: {', '.join(configs)} and the command line)" if configs else ""
        raise InputError(f"{error}{where}; `--help` after the command lists every option") from error
    atexit.register(shutdown)  # not after an error: other ranks may be waiting for this one


def silence_libraries() -> None:
    """Hides what libraries say about themselves at every start, so that a warning about the run is seen."""
    logging.getLogger("lightning.pytorch.utilities.rank_zero").addFilter(_is_not_advertisement)
    warnings.filterwarnings("ignore", "`isinstance.treespec, LeafSpec.` is deprecated")  # PL#21326
    warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated")  # peft 0.21


def _is_not_advertisement(record: logging.LogRecord) -> bool:
    return "litlogger" not in record.getMessage() and "litmodels" not in record.getMessage()


class TrainerCLI(LightningCLI):
    """LightningCLI with a checkpoint group, one seed for all parts, and a record of each run.

    Args:
        model_class: The LightningModule.
        datamodule_class: The LightningDataModule.
        args: The command line.
        seeded: Groups whose `seed` is --seed_everything.
        command: The command, if it is not one of the Trainer's; else `args` begin with one, which is run.
    """

    def __init__(
        self,
        model_class: type[L.LightningModule],
        datamodule_class: type[L.LightningDataModule],
        args: Sequence[str],
        seeded: Sequence[str],
        command: str | None = None,
    ) -> None:
        self._seeded, self._command = seeded, command
        super().__init__(
            model_class,
            datamodule_class,
            save_config_callback=SaveRunConfig,
            save_config_kwargs={"save_to_log_dir": False},
            trainer_defaults=TRAINER_DEFAULTS,
            seed_everything_default=0,
            auto_configure_optimizers=False,
            parser_kwargs=PARSER | {"prog": "lightning_ouro"} | dict.fromkeys(self.subcommands(), PARSER),
            args=list(args),
            run=command is None,
        )

    @property
    def settings(self) -> Namespace:
        """The parsed options, of the subcommand where there is one."""
        name = self.config.get("subcommand")
        return self.config[name] if name else self.config

    @property
    def command(self) -> str:
        """The name under which the config is recorded."""
        return self._command or str(self.config.subcommand)

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Adds checkpoints, and hands the seed to all parts."""
        parser.add_lightning_class_args(RunCheckpoint, "checkpoint")
        parser.set_defaults({"checkpoint.save_last": True, "checkpoint.save_on_train_epoch_end": True})
        for group in self._seeded:
            parser.link_arguments("seed_everything", f"{group}.seed", compute_fn=int)
        if self._command is not None:  # the Trainer's commands have it
            text = (
                "Checkpoint to continue from: a path, or `last` for the newest checkpoint of the run whose "
                "recorded config is passed with --config."
            )
            parser.add_argument("--ckpt_path", type=str | None, default=None, help=text)

    def parse_arguments(self, parser: LightningArgumentParser, args: ArgsType) -> None:
        """Parses, and checks input on which Lightning would fail without a clear message.

        Raises:
            InputError: the seed is negative, or the checkpoint is not one.
        """
        self.config = parser.parse_args(args)
        if self.settings.seed_everything < 0:
            raise InputError(f"seed_everything={self.settings.seed_everything} must be at least 0")
        if (path := self.settings.get("ckpt_path")) is not None:
            _check_checkpoint(path, self.settings.trainer.default_root_dir or "")

    def before_instantiate_classes(self) -> None:
        """Names the record after the command, so that `validate` never replaces that of `fit`.

        Raises:
            InputError: the strategy is DeepSpeed's, which is not installed.
        """
        self.save_config_kwargs["config_filename"] = f"config.{self.command}.yaml"
        trainer = self.settings.trainer
        if "DeepSpeed" in getattr(trainer.strategy, "class_path", "") and find_spec("deepspeed") is None:
            raise InputError("trainer.strategy=DeepSpeedStrategy needs DeepSpeed: pip install deepspeed")
        for logger in logger_settings(trainer.logger):
            if (init := logger.get("init_args")) and init.get("save_dir"):
                init.save_dir = str(Path(init.save_dir).resolve())  # so that the record works from anywhere
        if trainer.fast_dev_run:
            self.settings.checkpoint.save_last = None  # PL 2.6 writes last.ckpt even of a development run

    def find_checkpoint(self) -> Path | None:
        """The checkpoint that `--ckpt_path` names, the newest for `last`; None without one.

        Raises:
            InputError: `last` finds no checkpoint; starting a new run instead would not be what the
                user asked for.
        """
        path = self.settings.ckpt_path
        if path != "last":
            return None if path is None else Path(path)
        folder = checkpoints_of(self.trainer)
        found = [] if folder is None else list(folder.glob("last*.ckpt"))
        if not found:
            raise InputError(
                f"ckpt_path=last: {folder or 'the run folder'} holds no last.ckpt; to resume a run, pass its "
                "config.fit.yaml; to start a new one, omit --ckpt_path"
            )
        return max(found, key=lambda file: file.stat().st_mtime)


class SolverCLI(TrainerCLI):
    """`fit`, `validate`, `test` and `predict` of the solver, with the loop as a group of its own."""

    def __init__(self, args: Sequence[str]) -> None:
        super().__init__(SolverModule, SceneDataModule, args, seeded=("model", "loop"))

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Adds the loop, which no list of callbacks can drop."""
        parser.add_lightning_class_args(ClosedLoop, "loop")
        super().add_arguments_to_parser(parser)

    def parse_arguments(self, parser: LightningArgumentParser, args: ArgsType) -> None:
        """Also refuses to evaluate randomly initialized weights.

        Raises:
            InputError: neither weights nor a checkpoint are given.
        """
        super().parse_arguments(parser, args)
        needs_weights = self.command != "fit" and self.settings.get("ckpt_path") is None
        if needs_weights and self.settings.model.init == "random":
            raise InputError(
                f"running {self.command} on randomly initialized weights is meaningless; pass --ckpt_path"
            )

    def before_fit(self) -> None:
        """Refuses to start a new run where the user asked to resume one."""
        self.find_checkpoint()

    before_validate = before_test = before_predict = before_fit

    def after_predict(self) -> None:
        """Writes one line per question with its reply."""
        batches = self.trainer.predict_loop.predictions
        rows = all_gather_list([row for batch in batches for row in batch])
        path = (run_folder(self.trainer) or Path()) / "replies.jsonl"
        if self.trainer.is_global_zero:
            write_jsonl(path, rows)
            print(f"wrote {len(rows)} replies to {path}")


def _check_checkpoint(path: str, root: str) -> None:
    """Refuses a --ckpt_path on which Lightning would fail without a clear message.

    Where `last` lies is known later.

    Raises:
        InputError: there is no such checkpoint, or it is none.
    """
    if path == "best":
        raise InputError(
            "ckpt_path=best: a command knows only what it saved itself; give last, or a file in <run>/checkpoints"
        )
    if path == "hpc" and not any(Path(root).glob("hpc_ckpt_*.ckpt")):
        raise InputError(
            f"ckpt_path=hpc: {Path(root).resolve()} holds no hpc_ckpt_*.ckpt; give last, or a file"
        )
    if path in ("last", "hpc") or "://" in path:
        return
    try:
        is_folder, is_file = Path(path).is_dir(), Path(path).is_file()
    except OSError:  # such as a name that is too long
        is_folder = is_file = False
    if not is_folder and not is_file:
        raise InputError(
            f"ckpt_path={path}: there is no such file; a run's checkpoints are in <run>/checkpoints"
        )
    if is_folder and not ((Path(path) / "meta.pt").is_file() or (Path(path) / "checkpoint").is_dir()):
        raise InputError(f"ckpt_path={path} is a folder, and not one of FSDP's or DeepSpeed's; give a file")
    if is_file and not is_zipfile(path):  # which every checkpoint of torch is
        raise InputError(f"ckpt_path={path} is not a checkpoint, or is truncated; use another one")


def join_lists(args: Sequence[str]) -> list[str]:
    """The arguments with `--data.scenes a b` as `--data.scenes=[a, b]`, so that a shell's `*.json` works.

    A single `null` stays what it is; a file of that name is `./null`.

    Raises:
        InputError: a list option has no value.
    """
    joined: list[str] = []
    rest = list(args)
    while rest:
        word = rest.pop(0)
        if word not in LIST_OPTIONS:
            joined.append(word)
            continue
        values = []
        while rest and not rest[0].startswith("-"):
            values.append(rest.pop(0))
        if not values:
            raise InputError(
                f"{word} needs at least one path: name files or folders, or leave the option out"
            )
        listed = yaml.safe_dump(values, default_flow_style=True, width=10**9).strip()
        joined.append(f"{word}={'null' if values == ['null'] else listed}")
    return joined
