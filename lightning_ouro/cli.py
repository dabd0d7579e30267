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

from lightning_ouro.config_paths import resolve_configs
from lightning_ouro.errors import InputError, file_problem
from lightning_ouro.interrupts import INTERRUPTED, LINE, Interrupts
from lightning_ouro.streams import flush_output, open_streams, print_error
from lightning_ouro.usage import COMMANDS, HELP_ALL, TRAINER_COMMANDS, unknown_command, usage

HELP = ("-h", "--help", HELP_ALL)


def main(args: Sequence[str] | None = None) -> None:
    """Runs one command; invalid input, a disk that is full or read-only and Ctrl-C end it with one line on stderr.

    The exit status is then 2, and 130 after Ctrl-C.
    """
    open_streams()
    words = list(sys.argv[1:] if args is None else args)
    with Interrupts().noted() as interrupts:
        try:
            _run(words, interrupts)
            flush_output()
        except InputError as error:
            _stop(str(error), error)
        except OSError as error:
            if (problem := file_problem(error)) is None:
                raise
            _stop(problem, error)
        except (Exception, KeyboardInterrupt, SystemExit) as error:
            # Lightning turns Ctrl-C into status 1, and an import that it breaks off fails as it likes.
            if not interrupts.happened and not isinstance(error, KeyboardInterrupt):
                raise
            print_error(LINE)
            raise SystemExit(INTERRUPTED) from error


def _run(words: Sequence[str], interrupts: Interrupts) -> None:
    name, *rest = words or ["--help"]
    if name in HELP and rest and not rest[0].startswith("-"):  # `--help fit`
        name, *rest = rest[0], name
    if name in HELP:
        print(usage())
    elif name in ("-V", "--version"):
        print(f"lightning_ouro {version('lightning_ouro')}")
    elif name in TRAINER_COMMANDS or name in COMMANDS:
        of_trainer = name in TRAINER_COMMANDS
        with interrupts.starting():
            command = import_module("lightning_ouro." + ("solver_cli" if of_trainer else f"commands.{name}"))
        command.main(resolve_configs([name, *rest] if of_trainer else rest))
    else:
        raise InputError(unknown_command(name))


def _stop(problem: str, cause: BaseException) -> None:
    print_error(f"lightning_ouro: {' '.join(problem.split())}")
    raise SystemExit(2) from cause
