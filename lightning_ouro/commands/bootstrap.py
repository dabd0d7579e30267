"""`bootstrap`: trains the tiny weights that ship with the package, from random ones.

`configs/bootstrap.yaml`.
"""

from __future__ import annotations

from collections.abc import Sequence

from lightning.pytorch.cli import LightningArgumentParser

from lightning_ouro import trainer_cli
from lightning_ouro.bootstrap.data import LessonData
from lightning_ouro.bootstrap.module import BootstrapModule


def main(args: Sequence[str]) -> None:
    """Runs the command."""
    trainer_cli.run(lambda words: bootstrap(BootstrapCLI(words)), args)


class BootstrapCLI(trainer_cli.TrainerCLI):
    """The options of `fit` for the lessons; there is no loop."""

    seeded = ("model", "data")
    command = "bootstrap"

    def __init__(self, args: Sequence[str]) -> None:
        super().__init__(BootstrapModule, LessonData, args, run=False)

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Adds the checkpoint to resume from."""
        parser.add_argument(
            "--ckpt_path",
            type=str | None,
            default=None,
            help="A checkpoint to resume from, or last: that of the run whose record is given by --config.",
        )
        super().add_arguments_to_parser(parser)


def bootstrap(cli: BootstrapCLI) -> None:
    """Trains, or resumes."""
    cli.check_last()
    cli.trainer.fit(cli.model, datamodule=cli.datamodule, ckpt_path=cli.settings.ckpt_path)
