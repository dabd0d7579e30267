"""Options with several values on the command line: `--data.scenes a b`, as a shell writes `--data.scenes *.json`.

Names of files are taken as they are, whatever YAML would make of `695e0514`, `#1`, `true` or `a, b`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import yaml

from lightning_ouro.config_yaml import as_json_list
from lightning_ouro.errors import InputError

LIST_OPTIONS = ("--data.scenes",)
NONE = "null"


def join_lists(args: Sequence[str]) -> list[str]:
    """The arguments with `--data.scenes a b` as `--data.scenes=["a", "b"]`, so that a shell's `*.json` works.

    A single `null` stays what it is, unless a file or folder of that name is there. After `=`, a list may be written
    as YAML writes it, `--data.scenes=[a, b]`.

    Raises:
        InputError: a list option has no value.
    """
    joined: list[str] = []
    rest = list(args)
    while rest:
        word = rest.pop(0)
        option, equals, value = word.partition("=")
        if option.removesuffix("+") not in LIST_OPTIONS:
            joined.append(word)
            continue
        values = _listed(value) if equals else []
        while not equals and rest and not rest[0].startswith("-"):
            values.append(rest.pop(0))
        if not values or values == [""]:
            raise InputError(
                f"{option} needs at least one path: name files or folders, or leave the option out"
            )
        is_none = values == [NONE] and not os.path.lexists(NONE)
        joined.append(f"{option}={NONE if is_none else as_json_list(values)}")
    return joined


def _listed(value: str) -> list[str]:
    """The paths after an equals sign: one as it stands, or those of a YAML list."""
    if value.startswith("[") and not os.path.lexists(value):
        try:
            listed = yaml.load(value, Loader=yaml.BaseLoader)  # which makes texts of everything
        except yaml.YAMLError:
            return [value]
        if isinstance(listed, list) and all(isinstance(item, str) for item in listed):
            return listed
    return [value]
