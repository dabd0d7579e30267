"""`propose`: one round of questions without training, printed and written to a file, for tuning prompts.

It takes the options of `fit`, and runs as Lightning's `predict` of a module whose batches are rounds, so
devices, ranks and precision are the Trainer's. Trained weights are not needed: proposers write with the frozen
base.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.cli import LightningArgumentParser
from lightning.pytorch.utilities import rank_zero_info

from lightning_ouro import trainer_cli
from lightning_ouro.atomic_files import write_jsonl
from lightning_ouro.errors import InputError
from lightning_ouro.loop.callback import ClosedLoop
from lightning_ouro.loop.datamodule import SceneDataModule, rank_shard
from lightning_ouro.loop.files import RoundFiles
from lightning_ouro.loop.propose import propose_round
from lightning_ouro.loop.recorded_split import RecordedSplit
from lightning_ouro.loop.rounds import RoundResult
from lightning_ouro.loop.state import LoopState
from lightning_ouro.programs.questions import Question, Rejection
from lightning_ouro.run_folder import folder_of, run_folder
from lightning_ouro.solver.module import SolverModule
from lightning_ouro.solver.prompt_form import form_in_checkpoint


def main(args: Sequence[str]) -> None:
    """Runs the command."""
    trainer_cli.run(ProposeCLI, args, propose)


class ProposeCLI(trainer_cli.TrainerCLI):
    """The options of `fit`, but nothing is trained.

    With --ckpt_path, the round after that checkpoint is proposed, with its feedback.
    """

    def __init__(self, args: Sequence[str]) -> None:
        super().__init__(SolverModule, SceneDataModule, args, seeded=("model", "loop"), command="propose")

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Adds the loop, not as a callback."""
        parser.add_class_arguments(ClosedLoop, "loop")
        super().add_arguments_to_parser(parser)


class ProposeRound(L.LightningModule):
    """Proposes one round as Lightning's predict: a batch is a round, and each rank asks about its scenes.

    Args:
        solver: Its frozen base proposes, where the proposer is a model.
        loop: Proposer and settings.
        data: The scenes, already read.
        state: State of the run whose next round is proposed.
    """

    def __init__(
        self, solver: SolverModule, loop: ClosedLoop, data: SceneDataModule, state: LoopState
    ) -> None:
        super().__init__()
        self.solver, self.loop, self.data, self.state = solver, loop, data, state
        self.result: RoundResult | None = None

    def setup(self, stage: str) -> None:
        self.solver.setup(stage)
        self.loop.attach(self.solver)

    def configure_model(self) -> None:
        self.solver.configure_model()

    def resolved_options(self) -> dict[str, Any]:
        """Options as they turned out, for the record of the run."""
        return self.solver.resolved_options()

    def predict_step(self, round_index: int, batch_idx: int) -> int:
        assert self.data.splits is not None, "the scenes have been read"
        library, scenes, pool = self.data.library, self.data.splits.train, self.state.pool
        request, shard = self.state.request(), rank_shard(self.trainer)
        self.result = propose_round(self.loop.proposer, self.solver, library, scenes, pool, request, shard)
        return round_index  # Lightning warns of predictions that are None


def propose(cli: ProposeCLI) -> None:
    """Proposes, prints and writes `proposed.jsonl` in the run folder; a development run only prints."""
    trainer, loop, data = cli.trainer, cli.config_init.loop, cli.datamodule
    checkpoint = cli.find_checkpoint()
    if checkpoint is not None:
        data.recorded = RecordedSplit.read(folder_of(checkpoint.parent))
        if (form := form_in_checkpoint(checkpoint)) is not None:
            cli.model.ask_as(form)
    splits = data.read_scenes(rank_shard(trainer).show_progress, is_training=checkpoint is not None)
    data.check_training_scenes()
    state = restored(loop, checkpoint)
    module, coming = ProposeRound(cli.model, loop, data, state), state.round + 1
    trainer.predict(module, dataloaders=range(coming, coming + 1), return_predictions=False)
    folder, result = run_folder(trainer), module.result
    assert result is not None, "predict has proposed"
    if trainer.is_global_zero:
        where = "not kept: a development run keeps nothing"
        if folder is not None:
            where = str(folder / "proposed.jsonl")
            rows = [*map(_accepted_row, result.accepted), *map(_rejected_row, result.rejected)]
            write_jsonl(Path(where), rows)
        print(report(result.accepted, result.rejected))
        for scene in (*splits.skipped, *result.skipped):
            print(f"skipped scene {scene.id}: {scene.reason}")
        print(f"{len(result.accepted)} accepted, {len(result.rejected)} rejected: {where}")


def restored(loop: ClosedLoop, checkpoint: Path | None) -> LoopState:
    """A new state, or that of a checkpoint, with the rounds of its run.

    Raises:
        InputError: the checkpoint is not one of the loop's, or its rounds are missing.
    """
    if checkpoint is None:
        return LoopState(loop.settings)
    if not checkpoint.is_file():
        raise InputError(
            f"ckpt_path={checkpoint} is not a file; propose needs a checkpoint file (not DeepSpeed's folder)"
        )
    state = LoopState(loop.settings, RoundFiles(folder_of(checkpoint.parent) / "rounds", rank=None))
    saved = torch.load(checkpoint, weights_only=True, map_location="cpu").get("callbacks", {})
    if loop.state_key not in saved:
        raise InputError(f"ckpt_path={checkpoint} is not a checkpoint of the loop: it was not written by fit")
    state.load_state_dict(saved[loop.state_key])
    if (
        state.finished < state.round
    ):  # training would go on in this round; its feedback is what there is so far
        trained = sum(state.enter_confidences().values())
        rank_zero_info(
            f"ckpt_path={checkpoint}: round {state.round} was not finished; the feedback is that of the {trained} "
            "samples that it had trained"
        )
    return state


def report(accepted: Sequence[Question], rejected: Sequence[Rejection]) -> str:
    """Each proposal with its program and what became of it, for a person."""
    parts = []
    for question in accepted:
        options = "" if question.options is None else f"  of {', '.join(question.options)}"
        verdict = f"accepted: {question.answer}{options}  (margin {question.margin:.2f})"
        parts.append(
            f"{question.scene_id}  {question.family}\n{question.text}\n{question.program}{verdict}\n"
        )
    for rejection in rejected:
        proposal, verdict = rejection.proposal, f"rejected: {rejection.reason}: {rejection.detail}"
        parts.append(
            f"{proposal.scene_id}  {proposal.family}\n{proposal.text}\n{proposal.program}{verdict}\n"
        )
    return "\n".join(parts)


def _accepted_row(question: Question) -> dict[str, Any]:
    return {"accepted": True} | question.to_json()


def _rejected_row(rejection: Rejection) -> dict[str, Any]:
    return {"accepted": False, "reason": rejection.reason, "detail": rejection.detail} | asdict(
        rejection.proposal
    )
