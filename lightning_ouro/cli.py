"""The command line: `main(args)` is the only entry, for `python -m lightning_ouro`, the console script and the tests.

`fit` trains in the closed loop, `propose` asks for one round of questions without training, `validate` and `test`
score held-out scenes, `predict` writes the validation scenes' replies. What a class takes is what YAML sets and what
`--group.name value` overrides; `--help` and `--print_config` show all of it. `prepare` and `show` are functions that
need no model: what they take is what the command takes.
"""

from __future__ import annotations

import argparse
import atexit
import logging
import sys
import warnings
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any, NoReturn
from zipfile import is_zipfile

import lightning as L
import yaml
from jsonargparse import ArgumentParser, Namespace, auto_cli
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.cli import ArgsType, LightningArgumentParser, LightningCLI, SaveConfigCallback
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from lightning.pytorch.utilities.exceptions import MisconfigurationException

from lightning_ouro.atomic_files import write_jsonl
from lightning_ouro.commands.propose import OuroTrainer
from lightning_ouro.distributed import all_gather_list, shutdown
from lightning_ouro.errors import InputError
from lightning_ouro.loop.callback import ClosedLoop
from lightning_ouro.loop.datamodule import SceneDataModule
from lightning_ouro.solver.module import SolverModule

RECORDED_VERSIONS = (
    "lightning_ouro",
    "lightning",
    "torch",
    "transformers",
    "peft",
    "pydantic-monty",
    "numpy",
)
LIST_OPTIONS = ("--data.scenes",)

PARSER = {"parser_mode": "omegaconf", "exit_on_error": False}
ABOUT = {
    "prog": "lightning_ouro",
    "description": "Trains Qwen3-VL to reason about space in a closed loop. Two more commands need no model: `prepare` "
    "reads a data set into a compact store, `show` draws a scene; `--help` behind them lists their options.",
}
TRAINER_DEFAULTS = {
    "max_epochs": 3,
    "use_distributed_sampler": False,  # Lightning's sampler would shuffle the curriculum (PL#21131)
    "reload_dataloaders_every_n_epochs": 1,  # every epoch is a round with batches of its own
    "num_sanity_val_steps": -1,  # the whole validation before the first round is the curve's first point
    "inference_mode": False,  # tensors made in inference mode cannot enter a graph later
    "gradient_clip_val": 1.0,
    "log_every_n_steps": 1,
    "logger": {
        "class_path": "lightning.pytorch.loggers.TensorBoardLogger",
        "init_args": {"save_dir": "runs", "name": "ouro", "default_hp_metric": False},
    },
}


TOOLS = {  # commands without a model, by the function that runs them; imported when asked for
    "prepare": "lightning_ouro.commands.prepare",
    "show": "lightning_ouro.commands.show",
}


def main(args: Sequence[str] | None = None) -> None:
    """Runs one command; bad input ends it with one line and exit status 2."""
    silence_libraries()
    joined: list[str] | None = None
    try:
        given = sys.argv[1:] if args is None else args
        if given and given[0] in TOOLS:
            run_tool(given[0], list(given[1:]))
            return
        if args is None:
            sys.argv[1:] = join_lists(
                sys.argv[1:]
            )  # Lightning warns when it is given arguments besides sys.argv
        else:
            joined = join_lists(args)
        by_class = names_classes(given)
        OuroCLI(
            L.LightningModule if by_class else SolverModule,
            L.LightningDataModule if by_class else SceneDataModule,
            subclass_mode_model=by_class,
            subclass_mode_data=by_class,
            save_config_callback=SaveRunConfig,
            trainer_class=OuroTrainer,
            save_config_kwargs={"save_to_log_dir": False},
            trainer_defaults=TRAINER_DEFAULTS,
            seed_everything_default=0,
            auto_configure_optimizers=False,
            parser_kwargs=PARSER
            | ABOUT
            | dict.fromkeys(("fit", "validate", "test", "predict", "propose"), PARSER),
            args=joined,
        )
        atexit.register(shutdown)  # not behind an error: others may wait for this rank for ever
    except InputError as error:
        _stop(str(error), error)
    except MisconfigurationException as error:
        _stop(f"trainer: {error}", error)
    except argparse.ArgumentError as error:
        given = sys.argv[1:] if joined is None else joined
        configs = [value for option, value in pairwise(given) if option == "--config"]
        where = f" (read: {', '.join(configs)} and the command line)" if configs else ""
        _stop(f"{error}{where}; `--help` behind the command lists every option", error)


def names_classes(args: Sequence[str]) -> bool:
    """Whether one of the config files names a model class of its own, as `configs/bootstrap.yaml` does."""
    given = [value for option, value in pairwise(args) if option == "--config"]
    given += [word.removeprefix("--config=") for word in args if word.startswith("--config=")]
    for value in given:
        if Path(value).is_file():
            with suppress(yaml.YAMLError, UnicodeDecodeError):  # which parsing names
                config = yaml.safe_load(Path(value).read_text("utf8"))
                model = config.get("model") if isinstance(config, dict) else None
                if isinstance(model, dict) and "class_path" in model:
                    return True
    return False


def run_tool(name: str, args: list[str]) -> None:
    """Runs a command that is a function."""
    command = getattr(import_module(TOOLS[name]), name)
    auto_cli(command, args=args, parser_class=_ToolParser, prog=f"lightning_ouro {name}")


class _ToolParser(ArgumentParser):
    """Ends bad arguments as `main` ends them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "exit_on_error": False})


def silence_libraries() -> None:
    """Hides what libraries say about themselves at every start, so that a warning about the run is seen."""
    logging.getLogger("lightning.pytorch.utilities.rank_zero").addFilter(_is_no_advertisement)
    warnings.filterwarnings("ignore", "`isinstance.treespec, LeafSpec.` is deprecated")  # PL#21326
    warnings.filterwarnings(
        "ignore", "`is_gradient_checkpointing` is deprecated"
    )  # peft 0.21 on transformers 5.23


def _is_no_advertisement(record: logging.LogRecord) -> bool:
    return "litlogger" not in record.getMessage() and "litmodels" not in record.getMessage()


def _stop(message: str, error: Exception) -> NoReturn:
    print(f"lightning_ouro: {' '.join(message.split())}", file=sys.stderr)
    raise SystemExit(2) from error


class OuroCLI(LightningCLI):
    """LightningCLI with the loop as a group of its own, one seed for all parts, and a record of each run."""

    def parse_arguments(self, parser: LightningArgumentParser, args: ArgsType) -> None:
        """Checks what Lightning itself would only trip over.

        Raises:
            InputError: the seed is negative, the checkpoint is not one, or drawn weights would be evaluated.
        """
        super().parse_arguments(parser, args)
        config = self.config[self.config.subcommand]
        if config.seed_everything < 0:
            raise InputError(f"seed_everything={config.seed_everything} must be at least 0")
        path = config.get("ckpt_path")
        if (
            path is None
            and self.config.subcommand not in ("fit", "propose")
            and config.model.get("init") == "random"
        ):
            raise InputError(
                f"{self.config.subcommand} of freshly drawn weights says nothing: give --ckpt_path"
            )
        if path is None or path in ("best", "last", "hpc") or "://" in path or Path(path).is_dir():
            return
        if not Path(path).is_file():
            raise InputError(
                f"ckpt_path={path}: there is no such file; a run keeps its own in <run>/checkpoints"
            )
        if not is_zipfile(path):  # which every checkpoint of torch is
            raise InputError(f"ckpt_path={path}: is no checkpoint, or was cut off; take another one")

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Adds loop and checkpoint, which no list of callbacks can drop, and hands the seed to all parts.

        Where the config names classes of its own, these bring what they do each step, and there is no loop.
        """
        parser.add_lightning_class_args(ModelCheckpoint, "checkpoint")
        parser.set_defaults({"checkpoint.save_last": True, "checkpoint.save_on_train_epoch_end": True})
        seeded = ("model.init_args", "data.init_args") if self.subclass_mode_model else ("model", "loop")
        if not self.subclass_mode_model:
            parser.add_lightning_class_args(ClosedLoop, "loop")
        for part in seeded:
            parser.link_arguments("seed_everything", f"{part}.seed", compute_fn=int)

    def before_instantiate_classes(self) -> None:
        """Names the record after the subcommand, so that `validate` never replaces that of `fit`; fixes the folder.

        Raises:
            InputError: the strategy is DeepSpeed's, which is not installed.
        """
        self.save_config_kwargs["config_filename"] = f"config.{self.subcommand}.yaml"
        config = self.config[self.subcommand]
        strategy = config.trainer.strategy
        if "DeepSpeed" in getattr(strategy, "class_path", "") and find_spec("deepspeed") is None:
            raise InputError("trainer.strategy=DeepSpeedStrategy needs DeepSpeed: pip install deepspeed")
        logger = config.trainer.logger
        settings = (
            logger.get("init_args") if isinstance(logger, Namespace) else None
        )  # not `true`, nor a list
        if settings and settings.get("save_dir"):
            settings.save_dir = str(Path(settings.save_dir).resolve())
        if config.trainer.fast_dev_run:
            config.checkpoint.save_last = (
                None  # Lightning 2.6 writes last.ckpt at the end even of a development run
            )

    @staticmethod
    def subcommands() -> dict[str, set[str]]:
        """Lightning's, and `propose`."""
        return LightningCLI.subcommands() | {"propose": {"model", "datamodule"}}

    def before_propose(self) -> None:
        """As before fit."""
        self.before_fit()

    def before_fit(self) -> None:
        """Refuses to start anew where a person asked to go on.

        Raises:
            InputError: `--ckpt_path last` finds no checkpoint.
        """
        if self.config[self.config.subcommand].ckpt_path != "last":
            return
        folder = Path(self.trainer.log_dir or ".") / "checkpoints"
        if not any(folder.glob("last*.ckpt")):
            raise InputError(
                f"ckpt_path=last: {folder} holds no last.ckpt; to go on with a run give its config.fit.yaml, to start "
                "one leave --ckpt_path out"
            )

    def after_predict(self) -> None:
        """Writes one line a question with its reply."""
        batches = self.trainer.predict_loop.predictions
        rows = all_gather_list([row for batch in batches for row in batch])
        folder = self.trainer.log_dir
        if self.trainer.is_global_zero:
            path = Path(folder or ".") / "replies.jsonl"
            write_jsonl(path, rows)
            print(f"{len(rows)} replies in {path}")


class SaveRunConfig(SaveConfigCallback):
    """Keeps each command's config beside its run, with the versions that ran it; an earlier record is never replaced.

    The logger's folder and version are written as they came out, so `fit --config <run>/config.fit.yaml --ckpt_path
    last` goes on in the same folder from anywhere. Loggers without a folder of their own leave no record here.
    """

    def save_config(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Called by Lightning on the first rank, once a run."""
        if not isinstance(trainer.logger, TensorBoardLogger | CSVLogger):  # a development run's is neither
            return
        folder = Path(trainer.logger.log_dir)
        folder.mkdir(parents=True, exist_ok=True)
        config = yaml.safe_load(self.parser.dump(self.config, skip_none=False))
        if isinstance(config["trainer"]["logger"], dict):  # not `true`, nor a list of several
            config["trainer"]["logger"].setdefault("init_args", {})["version"] = trainer.logger.version
        text = yaml.safe_dump(config, sort_keys=False)
        versions = "".join(f"# {name} {version(name)}\n" for name in RECORDED_VERSIONS)
        path = folder / self.config_filename
        number = 1
        while path.exists() and path.read_text("utf8") != versions + text:
            path = folder / f"{Path(self.config_filename).stem}.{number}.yaml"
            number += 1
        path.write_text(versions + text, "utf8")


def join_lists(args: Sequence[str]) -> list[str]:
    """Arguments in which `--data.scenes a b` stands as `--data.scenes=["a", "b"]`, so that a shell's `*.json` works."""
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
            raise InputError(f"{word} has no path behind it; name files or folders, or leave the option out")
        joined.append(f"{word}={yaml.safe_dump(values, default_flow_style=True, width=10**9).strip()}")
    return joined
