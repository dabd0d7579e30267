"""`fit`, `validate`, `test` and `predict` of the solver, with the loop as a group of its own."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from lightning.pytorch.cli import ArgsType, LightningArgumentParser

from lightning_ouro.atomic_files import write_atomic, write_jsonl
from lightning_ouro.distributed import all_gather_list
from lightning_ouro.errors import InputError
from lightning_ouro.evaluation.score_table import print_scores
from lightning_ouro.evaluation.weights import EvaluatedWeights
from lightning_ouro.loop.callback import ClosedLoop
from lightning_ouro.loop.datamodule import SceneDataModule
from lightning_ouro.loop.recorded_split import RecordedSplit
from lightning_ouro.programs.families import FAMILIES, OPEN
from lightning_ouro.run_folder import checkpoints_of, folder_of, newest_checkpoint, run_folder
from lightning_ouro.solver.module import SolverModule
from lightning_ouro.solver.prompt_form import form_in_checkpoint
from lightning_ouro.trainer_cli import TrainerCLI, run


def main(args: Sequence[str]) -> None:
    """Runs `fit`, `validate`, `test` or `predict`."""
    run(SolverCLI, args)


class SolverCLI(TrainerCLI):
    """The Trainer's commands; what they score or write names the weights that did it."""

    _weights = EvaluatedWeights()
    _prints_scores = False

    def __init__(self, args: Sequence[str]) -> None:
        super().__init__(SolverModule, SceneDataModule, args, seeded=("model", "loop"))

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Adds the loop, which no list of callbacks can drop."""
        parser.add_lightning_class_args(ClosedLoop, "loop")
        super().add_arguments_to_parser(parser)

    def parse_arguments(self, parser: LightningArgumentParser, args: ArgsType) -> None:
        """Also refuses to evaluate randomly initialized weights.

        Raises:
            InputError: neither weights nor a checkpoint are given.
        """
        super().parse_arguments(parser, args)
        needs_weights = self.command != "fit" and self.settings.get("ckpt_path") is None
        if needs_weights and self.settings.model.init == "random":
            raise InputError(
                f"running {self.command} on randomly initialized weights is meaningless; pass --ckpt_path"
            )

    def before_fit(self) -> None:
        """Refuses to start a new run where the user asked to resume one, or where another one lies.

        Raises:
            InputError: there is no checkpoint, or one that the user did not ask for.
        """
        checkpoint = self._found_checkpoint()
        self._follow_recorded_split(checkpoint)
        is_new = checkpoint is None and not self.settings.trainer.fast_dev_run
        if is_new and newest_checkpoint(folder := checkpoints_of(self.trainer)) is not None:
            raise InputError(
                f"{folder} holds the checkpoints of a run: add --ckpt_path last to resume it, or choose another "
                "folder (checkpoint.dirpath, trainer.logger) to start a new one"
            )

    def before_validate(self) -> None:
        """Refuses to score the base where the user asked for a checkpoint's weights, and to print Lightning's table."""
        checkpoint = self._found_checkpoint()
        if self.trainer.is_global_zero:  # which names them; hashing takes a while
            self._weights = EvaluatedWeights.of(checkpoint)
        self._follow_recorded_split(checkpoint)
        if checkpoint is not None:  # Lightning looks for `last` by other rules
            self.config_init[self.command]["ckpt_path"] = str(checkpoint)

        options = self.config_init[self.command]
        self._prints_scores, options["verbose"] = options.get("verbose", False), False
        if self.command == "predict":
            del options["verbose"]

    before_test = before_predict = before_validate

    def _found_checkpoint(self) -> Path | None:
        """The checkpoint to go on from, if any; the solver then asks as it was trained.

        Before anything is recorded, since the record says how.
        """
        checkpoint = self.find_checkpoint()
        form = None if checkpoint is None else form_in_checkpoint(checkpoint)
        if form is not None:
            self.model.ask_as(form)
        return checkpoint

    def _follow_recorded_split(self, checkpoint: Path | None) -> None:
        """Hands the split of the run that goes on, or is evaluated, to the datamodule."""
        folder = checkpoints_of(self.trainer) if checkpoint is None else checkpoint.parent
        self.datamodule.recorded = None if folder is None else RecordedSplit.read(folder_of(folder))

    def after_validate(self) -> None:
        """Writes the scores, with the weights that made them, and how these were asked."""
        folder = run_folder(self.trainer)
        if not self.trainer.is_global_zero:
            return
        weights = self._weights.record(self._steps)
        scores = {name: float(value) for name, value in self.trainer.callback_metrics.items()}
        scores.pop("step", None)
        if self._prints_scores:
            print_scores(
                scores, [family for family in FAMILIES if family != OPEN.name]
            )  # fixed sets have none
        where = "not kept: a development run keeps nothing"
        if folder is not None:
            where = str(folder / f"scores.{self.command}.json")
            written = {name: None if math.isnan(value) else value for name, value in scores.items()}
            by = {"weights": asdict(self._weights) | {"steps": self._steps}}
            report = by | self.model.resolved_options() | {"scores": written}
            write_atomic(Path(where), json.dumps(report, indent=1).encode() + b"\n")
        print(f"scores of {weights}: {where}")

    after_test = after_validate

    @property
    def _steps(self) -> int | None:
        """Optimizer steps that the evaluated weights were trained for."""
        last = self.model.last_step
        return None if last is None else last + 1

    def after_predict(self) -> None:
        """Writes one line per question with its reply."""
        batches = self.trainer.predict_loop.predictions
        rows = all_gather_list([row for batch in batches for row in batch])
        folder = run_folder(self.trainer)
        if not self.trainer.is_global_zero:
            return
        weights = self._weights.record(self._steps)
        if folder is None:
            print(f"{len(rows)} replies, not kept: a development run keeps nothing")
        else:
            by = {"weights": weights} | self.model.resolved_options()
            write_jsonl(folder / "replies.jsonl", (by | row for row in rows))
            print(f"wrote {len(rows)} replies of {weights} to {folder / 'replies.jsonl'}")
