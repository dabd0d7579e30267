"""`--help` of the commands with a Trainer: what people set, on two screens; `--help.all` shows the rest.

What an option's text says after its first words is left to `--help.all`, too. jsonargparse lists all of a command's
options with their types, 700 lines, most of them Lightning's.
"""

from __future__ import annotations

import argparse
import re
import shutil
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from lightning.pytorch.cli import LightningArgumentParser

from lightning_ouro.usage import HELP_ALL

GROUPS = ("data", "model", "loop")  # whose options are all shown
OF_THE_SEED = tuple(f"{group}.seed" for group in GROUPS)  # which --seed_everything sets
# What people set of Lightning's options, in fewer words than it has for them, and of those for all groups.
BASICS = {
    "config": "YAML file, or the name of one of the package's configs; of several, later ones win",
    "ckpt_path": "Checkpoint to go on from or to evaluate: a file, or last, with the config of its run",
    "print_config": "Print all options as they turned out, as YAML",
    "seed_everything": "Seed of everything that is drawn",
    "model.lora": "Low-rank adapter, with all other weights frozen (--model.lora.rank 8); null trains the weights",
    "trainer.max_epochs": "Rounds to train, counted from the run's beginning",
    "trainer.max_time": "Stop after DD:HH:MM:SS; --ckpt_path last goes on there",
    "trainer.accelerator": "cpu, gpu or auto",
    "trainer.devices": "Devices of this machine: a number, -1 for all, a list, or auto",
    "trainer.num_nodes": "Number of machines",
    "trainer.strategy": "How devices share the work; see --config strategy/ddp.yaml, fsdp2.yaml, deepspeed.yaml",
    "trainer.precision": "bf16-mixed (on a GPU), bf16-true, or 32-true",
    "trainer.accumulate_grad_batches": "Micro-batches per optimizer step; more of them need less memory",
    "trainer.gradient_clip_val": "Largest norm of a step's gradient",
    "trainer.check_val_every_n_epoch": "Validate after every so many rounds",
    "trainer.logger": "Where curves go, and the run's folder with them",
    "trainer.enable_progress_bar": "Whether to show progress",
    "checkpoint.dirpath": "Folder of the checkpoints; null: checkpoints in the run's folder",
    "checkpoint.save_top_k": "1 keeps the last round's checkpoint, -1 that of every round",
    "checkpoint.every_n_train_steps": "Save after every so many steps instead of after each round",
    "checkpoint.monitor": "Curve that tells the best checkpoints, such as val/score; null: the last are kept",
    "checkpoint.mode": "Whether the best have the min or the max of it",
}
TITLES = {"trainer": "Lightning's Trainer", "checkpoint": "Checkpoints; last.ckpt is always kept"}
WITHOUT_DEFAULT = ("config", "print_config", "ckpt_path")
_COLUMN = 34  # where the texts begin; chosen by hand, as wide as most options with their defaults
_LONGEST_DEFAULT = 24  # characters; chosen by hand
_TYPE = re.compile(r"\s*\((?:required, )?type: .*\Z", re.DOTALL)


def without_help_all(args: Sequence[str]) -> tuple[list[str], bool]:
    """The arguments with `--help.all` as `--help`, and whether it was there."""
    return ["--help" if word == HELP_ALL else word for word in args], HELP_ALL in args


class ShortHelpParser(LightningArgumentParser):
    """A parser whose help is short.

    Args:
        shows_all: Whether it is not.
        arguments: What jsonargparse's parser takes.
    """

    def __init__(self, *, shows_all: bool = False, **arguments: Any) -> None:
        self._shows_all = shows_all
        super().__init__(**arguments)

    def format_help(self, *arguments: Any) -> str:
        """The text of `--help`."""
        whole = str(super().format_help(*arguments))  # which also makes the texts of all options
        if self._shows_all or not any(action.dest.startswith("trainer.") for action in self._actions):
            return whole
        options = {action.dest: action for action in self._actions if _is_option(action)}
        width = max(40, min(shutil.get_terminal_size().columns, 120))
        parts = [
            f"usage: {self.prog.replace(' [options]', '')} [--config CONFIG] [OPTIONS]\n",
            self.description or "",
        ]
        for group in ("", *GROUPS, "trainer", "checkpoint"):
            rows = [(name, action) for name, action in options.items() if _group(name) == group]
            shown = [row for row in rows if row[0] in BASICS or group in GROUPS]
            if shown:
                parts += ["", *self._title(group)]
                parts += [line for name, action in shown for line in _lines(name, action, width)]
        return "\n".join([*parts, "", *_further(width)]) + "\n"

    def _title(self, group: str) -> Iterator[str]:
        """A group's heading: that of its class."""
        of_class = next((each.title for each in self._action_groups if _holds(each, group)), "")
        if group:
            yield f"{TITLES.get(group) or (of_class or group).rstrip(':')}:"


def _is_option(action: argparse.Action) -> bool:
    """Whether it takes a value of its own: it is not the config of a group, the help of a class, or a linked option."""
    if action.dest in BASICS:
        return True
    if action.dest in OF_THE_SEED:
        return False
    return bool(action.option_strings) and action.metavar != "CONFIG" and not action.dest.endswith(".help")


def _group(name: str) -> str:
    return name.partition(".")[0] if "." in name else ""


def _holds(group: Any, name: str) -> bool:
    return any(action.dest.startswith(f"{name}.") for action in group._group_actions)


def _lines(name: str, action: argparse.Action, width: int) -> list[str]:
    """An option with its default, and beside it, or below if it is long, what it means."""
    option = f"  --{name}{'' if name in WITHOUT_DEFAULT else _default(action)}"
    indent = " " * min(_COLUMN, width // 2)
    wrapped = textwrap.wrap(
        BASICS.get(name) or _meaning(action),
        width,
        initial_indent=indent,
        subsequent_indent=indent,
    )
    if len(option) + 2 > len(indent) or not wrapped:
        return [option, *wrapped]
    return [option.ljust(len(indent)) + wrapped[0].strip(), *wrapped[1:]]


def _meaning(action: argparse.Action) -> str:
    """What an option means, in its text's first words, with what it may be if they do not say so."""
    words = " ".join(_TYPE.sub("", action.help or "").split()).rstrip(".")
    meaning, end, _ = re.split(r"([;:]|\.(?= [A-Z0-9]|$))", f"{words}.", maxsplit=1)
    choices = str(action.metavar).strip("{}").split(",") if str(action.metavar).startswith("{") else []
    meaning = re.sub(r", at least \d+$", "", meaning)
    is_open = end == ":" and choices not in ([], ["true", "false"])
    return f"{meaning}: {', '.join(choices)}" if is_open else meaning


def _default(action: argparse.Action) -> str:
    """The default as an option's value, if it is one that can be read."""
    value = action.default
    if name := getattr(value, "class_path", None):
        return f" {str(name).rpartition('.')[2]}"
    if isinstance(value, dict) and "class_path" in value:
        return f" {str(value['class_path']).rpartition('.')[2]}"
    if isinstance(value, bool):
        return f" {str(value).lower()}"
    shown = f" {value}" if isinstance(value, str | int | float) and value != argparse.SUPPRESS else ""
    return shown if len(shown) <= _LONGEST_DEFAULT else ""


def _further(width: int) -> list[str]:
    text = (
        f"An option is shown with its default. {HELP_ALL} tells all options, types and texts, "
        "--loop.proposer.help EndpointProposer those of a class, --print_config all values."
    )
    return textwrap.wrap(text, width)
