"""Options with several values on the command line: `--data.scenes a b`, as a shell writes `--data.scenes *.json`."""

from __future__ import annotations

from collections.abc import Sequence

import yaml

from lightning_ouro.errors import InputError

LIST_OPTIONS = ("--data.scenes",)


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
