"""Every command with what it does, and the text of `--help`."""

from __future__ import annotations

from difflib import get_close_matches
from itertools import chain

HELP_ALL = "--help.all"
TRAINER_COMMANDS = {
    "fit": "train in the closed loop; by default the tiny run, about 2 minutes on 2 CPU cores",
    "validate": "score the held-out validation scenes by family",
    "test": "score the held-out test scenes by family",
    "predict": "write the replies to the validation questions",
}
COMMANDS = {
    "propose": "write and print one round of questions without training",
    "verify": "check questions with programs from a file, as a round does",
    "prepare": "read a data set once into a compact store",
    "show": "draw a scene with its boxes",
    "bootstrap": "train the tiny weights that ship with the package",
}


def unknown_command(name: str) -> str:
    """What to say of a command that does not exist, with the one that was probably meant."""
    known = [*TRAINER_COMMANDS, *COMMANDS]
    meant = get_close_matches(
        name.lower().lstrip("-"), known, n=1, cutoff=0.5
    )  # chosen by hand: `fti`, `prepair`
    guess = f"did you mean {meant[0]}? " if meant else ""
    return f"there is no command {name!r}; {guess}the commands are {', '.join(known)}"


def usage() -> str:
    """The text of `--help`."""
    rows = [f"  {name:<10} {text}" for name, text in chain(TRAINER_COMMANDS.items(), COMMANDS.items())]
    return "\n".join(
        [
            "usage: lightning_ouro [--help | --version] COMMAND [OPTIONS]",
            "",
            "Trains Qwen3-VL to reason about space in a closed loop of proposing, executing, solving and adapting.",
            "",
            "commands:",
            *rows,
            "",
            "`lightning_ouro COMMAND --help` (or `--help COMMAND`) says what a command's options mean;",
            f"of a command that trains or scores, {HELP_ALL} lists every option with its type.",
        ]
    )
