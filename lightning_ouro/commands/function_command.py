"""A command that is a function: its signature is the command's options, and no model or Trainer is involved."""

from __future__ import annotations

import argparse
import inspect
from collections.abc import Callable, Sequence
from typing import Any

from jsonargparse import ArgumentParser, auto_cli
from typing_extensions import override

from lightning_ouro import config_yaml
from lightning_ouro.errors import InputError
from lightning_ouro.home_paths import with_expanded_options
from lightning_ouro.option_errors import readable
from lightning_ouro.usage import HELP_ALL


def run(function: Callable[..., None], args: Sequence[str]) -> None:
    """Runs a function with arguments from the command line.

    Raises:
        InputError: the arguments do not fit its signature, or the function refuses them.
    """
    config_yaml.install_for_functions()
    name = function.__name__
    try:
        auto_cli(
            with_expanded_options(function),
            args=_with_flags(function, args),
            parser_class=_Parser,
            prog=f"lightning_ouro {name}",
        )
    except argparse.ArgumentError as error:
        raise InputError(f"{readable(error)}; `{name} --help` lists every option") from error


def _with_flags(function: Callable[..., None], args: Sequence[str]) -> list[str]:
    """The arguments with an option that is true or false, given alone, as `--option=true`; all help is one."""
    signature = inspect.signature(function, eval_str=True)
    flags = [f"--{name}" for name, parameter in signature.parameters.items() if parameter.annotation is bool]
    followed = zip(args, [*args[1:], ""], strict=True)
    return [
        "--help"
        if word == HELP_ALL
        else f"{word}=true"
        if word in flags and after not in ("true", "false")
        else word
        for word, after in followed
    ]


class _Parser(ArgumentParser):
    """Raises on invalid arguments instead of printing usage and exiting; says "paths ..." of a list of paths."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "exit_on_error": False})

    @override
    def format_help(self) -> str:
        for action in self._actions:
            if not action.option_strings and "LIST_OF_PATHS_FILE" in str(action.metavar):
                action.metavar = f"{action.dest} ..."
        return str(super().format_help())
