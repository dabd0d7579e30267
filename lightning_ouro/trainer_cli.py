"""What every command with a Trainer needs, by LightningCLI.

What a class takes is what YAML sets and what `--group.name value` overrides; `--help` and `--print_config`
show all of it. `TrainerCLI` holds what the commands have in common: defaults, a checkpoint that no list of
callbacks can drop, one seed for all parts, checks of input on which Lightning would fail without a clear message,
and a record of each run.
"""

from __future__ import annotations

import argparse
import atexit
import gc
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import lightning as L
from jsonargparse import Namespace
from lightning.pytorch.cli import ArgsType, LightningArgumentParser, LightningCLI
from lightning.pytorch.utilities.exceptions import MisconfigurationException
from lightning.pytorch.utilities.rank_zero import rank_zero_info
from omegaconf.errors import OmegaConfBaseException

from lightning_ouro import config_yaml
from lightning_ouro.atomic_files import naming
from lightning_ouro.checkpoint_files import use_atomic_checkpoints
from lightning_ouro.config_paths import CONFIG_OPTIONS
from lightning_ouro.distributed import shutdown
from lightning_ouro.errors import InputError
from lightning_ouro.failed_start import Start
from lightning_ouro.home_paths import expanded_options
from lightning_ouro.libraries import check_events_were_written, silence_libraries
from lightning_ouro.list_options import join_lists
from lightning_ouro.moved_run import follow_record
from lightning_ouro.option_errors import readable
from lightning_ouro.run_folder import (
    RunCheckpoint,
    check_checkpoint,
    check_loggers,
    checkpoints_of,
    newest_checkpoint,
)
from lightning_ouro.run_record import SaveRunConfig, logger_settings
from lightning_ouro.short_help import ShortHelpParser, without_help_all
from lightning_ouro.slurm import follow_job, refuse_other_checkpoints
from lightning_ouro.stopping import StopOnSignal
from lightning_ouro.usage import COMMANDS, TRAINER_COMMANDS

PARSER = {"parser_mode": config_yaml.MODE, "exit_on_error": False}
TRAINING_COMMANDS = ("fit", "bootstrap")
CLI = TypeVar("CLI", bound="TrainerCLI")
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


def run(
    parse: Callable[[list[str]], CLI], args: Sequence[str], act: Callable[[CLI], None] | None = None
) -> None:
    """Runs a command with a Trainer.

    Args:
        parse: Makes the command line; the Trainer's own commands are run by it.
        args: The arguments.
        act: What the command does with it; None for the Trainer's own.

    Raises:
        InputError: options do not parse, do not fit each other, or the command refuses its input.
    """
    silence_libraries()
    config_yaml.install()
    # Python would look for cycles among all that torch and Lightning made before it ends, 2 s after Ctrl-C.
    atexit.register(gc.freeze)
    words = join_lists(args)
    try:
        cli = parse(words)
        if act is not None:
            with cli.no_failed_start():
                act(cli)
        check_events_were_written()
    except MisconfigurationException as error:
        raise InputError(f"trainer: {error}") from error
    except argparse.ArgumentError as error:
        configs = [value for option, value in pairwise(words) if option in CONFIG_OPTIONS]
        where = f" (read: {', '.join(configs)} and the command line)" if configs else ""
        raise InputError(
            f"{readable(error)}{where}; `--help` after the command lists every option"
        ) from error
    except (UnicodeDecodeError, OmegaConfBaseException) as error:
        raise InputError(f"--config: {error}") from error
    atexit.register(shutdown)  # not after an error: other ranks may be waiting for this one


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
        words, shows_all = without_help_all(args)
        self._start: Start | None = None
        self._words = words
        with self.no_failed_start():
            super().__init__(
                model_class,
                datamodule_class,
                save_config_callback=SaveRunConfig,
                save_config_kwargs={"save_to_log_dir": False},
                trainer_defaults=TRAINER_DEFAULTS,
                seed_everything_default=0,
                auto_configure_optimizers=False,
                parser_class=ShortHelpParser,
                parser_kwargs=_parser_settings(
                    self.subcommands(), command, PARSER | {"shows_all": shows_all}
                ),
                args=words,
                run=command is None,
            )

    @contextmanager
    def no_failed_start(self) -> Iterator[None]:
        """Within it, a command that fails before it has made anything leaves nothing behind."""
        try:
            yield
        except BaseException as error:
            if self._start is None:
                raise
            self._start.discard()
            with naming(self._start.folder):
                raise error

    def instantiate_trainer(self, **kwargs: Any) -> L.Trainer:
        """Makes the Trainer, whose complaints about its options are in part plain ValueErrors and TypeErrors.

        Raises:
            InputError: its options do not fit each other, or this machine.
        """
        try:
            return super().instantiate_trainer(**kwargs)
        except InputError:
            raise
        except (ValueError, TypeError) as error:
            raise InputError(f"trainer: {error}") from error

    def instantiate_classes(self) -> None:
        """Also notes what lies in the run folder before anything is written there."""
        super().instantiate_classes()
        check_loggers(self.trainer)
        use_atomic_checkpoints(self.trainer)
        self._start = Start(self.trainer)
        self.trainer.callbacks.append(StopOnSignal(self.command, self._words))  # type: ignore[attr-defined]

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
        self.config = expanded_options(parser.parse_args(args))
        configs = [Path(str(path)) for path in self.settings.get("config") or ()]
        if (moved := follow_record(self.settings, configs)) is not None:
            rank_zero_info(moved)
        trains = self.command in TRAINING_COMMANDS
        if trains and (restarted := follow_job(self.settings, self.command, self._words)) is not None:
            rank_zero_info(restarted)
        if not 0 <= self.settings.seed_everything < 2**32:
            seed = self.settings.seed_everything
            raise InputError(f"seed_everything={seed} must be at least 0 and at most {2**32 - 1}")
        if (path := self.settings.get("ckpt_path")) is not None:
            check_checkpoint(path, self.settings.trainer.default_root_dir or "")

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
            InputError: `last` finds no checkpoint, and starting a new run instead would not be what the user asked
                for; or Lightning would load one that nobody named.
        """
        path = self.settings.ckpt_path
        if path is None:
            refuse_other_checkpoints(Path(self.trainer.default_root_dir))
        if path != "last":
            return None if path is None else Path(path)
        folder = checkpoints_of(self.trainer)
        found = newest_checkpoint(folder)
        if found is None:
            raise InputError(
                f"ckpt_path=last: {folder or 'the run folder'} holds no last.ckpt; to resume a run, pass its "
                "config.fit.yaml; to start a new one, or one that was stopped before its first checkpoint, omit "
                "--ckpt_path"
            )
        check_checkpoint(str(found), "")
        return found


def _parser_settings(
    subcommands: Iterable[str], command: str | None, common: dict[str, Any]
) -> dict[str, Any]:
    """Arguments of the parser and of each subcommand's, which say what the command does here."""
    texts = {name: f"{text[0].upper()}{text[1:]}." for name, text in (TRAINER_COMMANDS | COMMANDS).items()}
    described = {name: common | {"description": texts.get(name)} for name in subcommands}
    prog = " ".join(filter(None, ("lightning_ouro", command)))
    return common | {"prog": prog, "description": texts.get(command or "")} | described
