"""`bootstrap`: trains the tiny weights that ship with the package, from random ones (`configs/bootstrap.yaml`)."""

from __future__ import annotations

from collections.abc import Sequence

from lightning_ouro import trainer_cli
from lightning_ouro.bootstrap.data import LessonData
from lightning_ouro.bootstrap.module import BootstrapModule


def main(args: Sequence[str]) -> None:
    """Runs the command."""
    trainer_cli.run(BootstrapCLI, args, bootstrap)


class BootstrapCLI(trainer_cli.TrainerCLI):
    """The options of `fit` for the lessons; there is no loop."""

    def __init__(self, args: Sequence[str]) -> None:
        super().__init__(BootstrapModule, LessonData, args, seeded=("model", "data"), command="bootstrap")


def bootstrap(cli: BootstrapCLI) -> None:
    """Trains, or resumes."""
    cli.find_checkpoint()  # refuses to start anew where a person asked to resume
    cli.trainer.fit(cli.model, datamodule=cli.datamodule, ckpt_path=cli.settings.ckpt_path)
