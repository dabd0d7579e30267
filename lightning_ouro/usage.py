"""Every command with what it does, and the text of `--help`."""

from __future__ import annotations

from itertools import chain

TRAINER_COMMANDS = {
    "fit": "train in the closed loop; by default the tiny run, about 2 minutes on 2 CPU cores",
    "validate": "score the held-out validation scenes by family",
    "test": "score the held-out test scenes by family",
    "predict": "write the replies to the validation questions",
}
COMMANDS = {
    "propose": "write and print one round of questions without training",
    "prepare": "read a data set once into a compact store",
    "show": "draw a scene with its boxes",
    "bootstrap": "train the tiny weights that ship with the package",
}


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
            "`lightning_ouro COMMAND --help` lists a command's options, with units and ranges.",
        ]
    )
