"""The command line: `main(args)` is the only entry, for `python -m`, the console script and tests.

It is light to import: a command's module, and with it torch, is imported when that command runs. `fit`,
`validate`, `test` and `predict` are the Trainer's (`trainer_cli`); every other command is a file in
`commands` with a `main(args)` of its own.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version

from lightning_ouro.config_paths import resolve_configs
from lightning_ouro.errors import InputError, file_problem
from lightning_ouro.streams import flush_output, open_streams, print_error
from lightning_ouro.usage import COMMANDS, TRAINER_COMMANDS, unknown_command, usage

HELP = ("-h", "--help")
INTERRUPTED = 130  # exit status after Ctrl-C, as shells say it: 128 + SIGINT


def main(args: Sequence[str] | None = None) -> None:
    """Runs one command; invalid input, a disk that is full or read-only and Ctrl-C end it with one line on stderr.

    The exit status is then 2, and 130 after Ctrl-C.
    """
    open_streams()
    try:
        _run(list(sys.argv[1:] if args is None else args))
        flush_output()
    except InputError as error:
        _stop(str(error), 2, error)
    except KeyboardInterrupt as error:
        _stop("interrupted", INTERRUPTED, error)
    except OSError as error:
        problem = file_problem(error)
        if problem is None:
            raise
        _stop(problem, 2, error)
    except SystemExit as stop:
        if isinstance(stop.__context__, KeyboardInterrupt):  # Lightning turns one into status 1
            _stop("interrupted", INTERRUPTED, stop)
        raise


def _run(words: Sequence[str]) -> None:
    name, *rest = words or ["--help"]
    if name in HELP and rest and not rest[0].startswith("-"):  # `--help fit`
        name, *rest = rest[0], "--help"
    if name in HELP:
        print(usage())
    elif name in ("-V", "--version"):
        print(f"lightning_ouro {version('lightning_ouro')}")
    elif name in TRAINER_COMMANDS:
        import_module("lightning_ouro.trainer_cli").main(resolve_configs([name, *rest]))
    elif name in COMMANDS:
        import_module(f"lightning_ouro.commands.{name}").main(resolve_configs(rest))
    else:
        raise InputError(unknown_command(name))


def _stop(problem: str, status: int, cause: BaseException) -> None:
    print_error(f"lightning_ouro: {' '.join(problem.split())}")
    raise SystemExit(status) from cause
