"""The command line: `main(args)` is the only entry, for `python -m`, the console script and tests.

It is light to import: a command's module, and with it torch, is imported when that command runs. `fit`,
`validate`, `test` and `predict` are the Trainer's (`solver_cli`); every other command is a file in
`commands` with a `main(args)` of its own.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from itertools import chain

from lightning_ouro.config_paths import resolve_configs
from lightning_ouro.errors import InputError
from lightning_ouro.usage import COMMANDS, TRAINER_COMMANDS, usage


def main(args: Sequence[str] | None = None) -> None:
    """Runs one command; invalid input ends it with one line on stderr and exit status 2."""
    words = list(sys.argv[1:] if args is None else args)
    name = words[0] if words else "--help"
    try:
        if name in ("-h", "--help"):
            print(usage())
        elif name in ("-V", "--version"):
            print(f"lightning_ouro {version('lightning_ouro')}")
        elif name in TRAINER_COMMANDS:
            import_module("lightning_ouro.solver_cli").main(resolve_configs(words))
        elif name in COMMANDS:
            import_module(f"lightning_ouro.commands.{name}").main(resolve_configs(words[1:]))
        else:
            known = ", ".join(chain(TRAINER_COMMANDS, COMMANDS))
            raise InputError(f"there is no command {name!r}; the commands are {known}")
    except InputError as error:
        print(f"lightning_ouro: {' '.join(str(error).split())}", file=sys.stderr)
        raise SystemExit(2) from error
