"""The closed loop as a Lightning callback: one round is one epoch.

`advance_to(round)` is called from `train_dataloader()`, so a round begins exactly when an epoch needs its
batches: the proposer is called with last round's feedback, programs are executed and verified, questions are
admitted to the pool, and the round's plan goes to the datamodule. Training reports each sample's confidence;
at the end of the epoch they are recorded in the ledger. This file holds Lightning's hooks and nothing else;
the loop itself is `state`, `propose` and `admit`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightning as L
from jsonargparse import lazy_instance
from rich.console import Console

from lightning_ouro.curriculum.mixture import MixtureKind
from lightning_ouro.curriculum.sampling import SamplingKind
from lightning_ouro.curriculum.skill import SkillKind
from lightning_ouro.errors import InputError, check_least
from lightning_ouro.loop import curves
from lightning_ouro.loop.chance import measure_chance
from lightning_ouro.loop.datamodule import HeldOut, SceneDataModule, rank_shard
from lightning_ouro.loop.files import RoundFiles
from lightning_ouro.loop.fixed_questions import fixed_sets
from lightning_ouro.loop.propose import propose_round
from lightning_ouro.loop.recorded_split import RecordedSplit
from lightning_ouro.loop.rounds import RankShard
from lightning_ouro.loop.state import LoopSettings, LoopState
from lightning_ouro.loop.table import round_table
from lightning_ouro.programs.families import FAMILIES
from lightning_ouro.programs.margins import FamilyMargins, MarginsOption
from lightning_ouro.proposer.all_proposers import ModelProposer  # registers all short class names
from lightning_ouro.proposer.blind import BlindKind
from lightning_ouro.proposer.protocol import Proposer
from lightning_ouro.run_folder import run_folder
from lightning_ouro.solver.memory_estimate import gigabytes, peak_memory, reset_peak_memory
from lightning_ouro.solver.module import SolverModule


class ClosedLoop(L.Callback):
    """Proposes, verifies and plans a round at every epoch, and adapts to how training went.

    Args:
        proposer: Class that writes the questions: ModelProposer, FrozenCopyProposer, EndpointProposer,
            GrammarProposer, or the import path of your own.
        proposals_per_scene: Proposals requested per training scene and round, at least 1.
        sampling: How questions are drawn from the pool: uniform, or frontier (favours medium skill and skills
            that are rare in the pool).
        mixture: How often each family is requested: equal, or frontier (by its share of questions that are
            neither easy nor hard).
        skill: chance_corrected (confidence corrected for what guessing gives), or paper (confidence itself, as in
            arXiv 2606.11719).
        feedback_per_band: Maximum number of last round's questions that the proposer is shown per scene and band,
            at least 0.
        blind: Filter for questions that can be answered without the video: confidence (the frozen base's
            confidence in the answer, without the video), judge (the base is asked for a verdict, as in arXiv
            2606.11719), or none.
        margins: How clear an answer has to be: vsi_bench (the limits of VSI-Bench's re-creation), strict (those of
            ReVSI), mixed (strict for the families that find enough to ask under it), or a dictionary with vsi_bench
            or strict for some families, where the others are mixed.
        seed: Seed of proposals and plans; the command line sets it from --seed_everything.
    """

    def __init__(
        self,
        proposer: Proposer = lazy_instance(ModelProposer),  # noqa: B008  created anew for each command line
        proposals_per_scene: int = 24,
        sampling: SamplingKind = "frontier",
        mixture: MixtureKind = "frontier",
        skill: SkillKind = "chance_corrected",
        feedback_per_band: int = 2,
        blind: BlindKind = "confidence",
        margins: MarginsOption = "mixed",
        seed: int = 0,
    ) -> None:
        least = {"proposals_per_scene": (proposals_per_scene, 1), "feedback_per_band": (feedback_per_band, 0)}
        check_least("loop", least)
        self.proposer = proposer
        limits = FamilyMargins.named(margins, FAMILIES)
        self.settings = LoopSettings(
            proposals_per_scene, sampling, mixture, skill, feedback_per_band, blind, seed, limits
        )
        self.state = LoopState(self.settings)
        self.shard = RankShard()
        self.scores: dict[str, float] = {}
        self._first_step: int | None = None
        self.console = Console()

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Hands fixed questions and `advance_to` to the datamodule, and opens the run's folder of rounds."""
        data = _data(trainer)
        self.shard = rank_shard(trainer)
        folder = run_folder(trainer)
        if stage == "fit":
            every = trainer.reload_dataloaders_every_n_epochs  # type: ignore[attr-defined]  # set like this
            if every != 1:
                raise InputError(
                    f"trainer.reload_dataloaders_every_n_epochs={every} must be 1: every epoch is a round with "
                    "batches of its own"
                )
            self.attach(_solver(trainer))
            files = RoundFiles(folder / "rounds", trainer.global_rank) if folder else None
            self.state = LoopState(self.settings, files, frozenset(data.library))
            if folder is not None and trainer.is_global_zero and data.scenes:
                assert data.splits is not None, "the scenes have been read"
                RecordedSplit.of(data.splits, data.scenes).write(folder)
            data.advance_to = lambda round_index: self.advance_to(trainer, round_index)
        self._set_fixed_questions(data, "test" if stage == "test" else "val")
        if stage == "fit":
            self._say_what_begins(trainer, folder)

    def advance_to(self, trainer: L.Trainer, round_index: int) -> None:
        """Runs rounds until `round_index` is in progress; does nothing when it is."""
        if self.state.round >= 0 and _data(trainer).plan is None:
            _restart_by_epochs(trainer)
            self._plan_round(trainer)  # resumed: a checkpoint holds the round and the position, but no plan
        while self.state.round < round_index:
            if self.state.finished < self.state.round:  # resumed after the last batch: PL skips the hook
                self._finish_round(trainer)
            self._propose_round(trainer)
            self._plan_round(trainer)
            curves.write_scalars(trainer.loggers, self.state.metrics(), trainer.global_step)

    def on_load_checkpoint(
        self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Drops from the curves what a killed run wrote after its checkpoint; it is about to be written again."""
        if self.state.pool.files is not None and trainer.is_global_zero:
            curves.forget_after(trainer.loggers, checkpoint["global_step"])

    def on_sanity_check_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Writes the validation before the first round, which Lightning itself does not log."""
        metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
        scores = {name: value for name, value in metrics.items() if name.startswith(("val/", "val_"))}
        curves.write_scalars(trainer.loggers, scores, trainer.global_step)

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Notes where training starts, so that its first step is measured."""
        self._first_step = trainer.global_step
        reset_peak_memory(pl_module.device)

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Records each sample's confidence and advances the datamodule's position."""
        data = _data(trainer)
        batch_index = data.position * trainer.world_size + trainer.global_rank
        self.state.observe(batch_index, outputs["question_ids"], outputs["confidences"])
        data.batch_done()
        if self._first_step is not None and trainer.global_step > self._first_step:
            self._first_step = None
            device = pl_module.device
            scope = "tensors on the device" if device.type == "cuda" else "the whole process so far"
            peak = gigabytes(peak_memory(device))
            self._say(f"peak memory up to the end of the first step: {peak} ({scope})")

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Remembers the scores for the round's table; those of the sanity check precede all rounds."""
        if trainer.sanity_checking:
            return
        scores = {family: trainer.callback_metrics.get(f"val/score/{family}") for family in FAMILIES}
        self.scores = {family: float(score) for family, score in scores.items() if score is not None}

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Finishes the round, unless training stops within it: a resumed run goes on there."""
        if trainer.is_last_batch:
            self._finish_round(trainer)
            return
        self._say(f"round {self.state.round}: training stops within it; --ckpt_path last goes on there")
        epochs = trainer.fit_loop.epoch_progress
        for counts in (epochs.total, epochs.current):  # which have this epoch as done
            counts.processed = self.state.finished + 1  # type: ignore[attr-defined]

    def state_dict(self) -> dict[str, Any]:
        """The loop's state; a collective."""
        return self.state.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restores the loop's state for `fit`; other commands do not advance the loop.

        Raises:
            InputError: the state does not fit, or a round's file is missing or has changed.
        """
        if self.state.pool.files is not None:
            self.state.load_state_dict(state_dict, is_first_rank=self.shard.rank == 0)

    def attach(self, solver: SolverModule) -> None:
        """Hands the solver to the proposer.

        Raises:
            InputError: the proposer cannot work with it, or there is no frozen base for the blind filter to ask.
        """
        self.proposer.attach(solver)
        if self.settings.blind != "none" and self.proposer.base(solver) is None:
            raise InputError(
                f"loop.blind={self.settings.blind} needs a frozen base, but model.lora=null trains all "
                "weights; set loop.blind=none, model.lora.rank, or loop.proposer=FrozenCopyProposer"
            )

    def _set_fixed_questions(self, data: SceneDataModule, split: HeldOut) -> None:
        scenes = data.held_out_scenes(split)
        per_scene, show_progress = data.eval_questions_per_scene, self.shard.show_progress
        fixed = fixed_sets(data.library, scenes, per_scene, show_progress)
        assert data.splits is not None, "the scenes have been read"
        skipped = (*data.splits.skipped, *fixed.skipped)
        self._say(*(f"skipped scene {scene.id}: {scene.reason}" for scene in skipped), *data.changes)
        self._say(*(f"fixed questions {line}" for line in fixed.empty))
        data.set_fixed_questions(split, fixed.by_set)

    def _say_what_begins(self, trainer: L.Trainer, folder: Path | None) -> None:
        data, size = _data(trainer), _data(trainer).round_size()
        assert data.splits is not None, "the scenes have been read"
        questions = size.questions_per_step // size.batches_per_step
        memory = _solver(trainer).memory_needed(
            data.frames, questions, size.questions_per_row, str(trainer.precision)
        )
        numbers = f"{len(data.splits.train)} training and {len(data.splits.val)} validation scenes"
        self._say(f"{numbers}; run folder {folder}", memory)
        if self.shard.rank == 0 and not trainer.global_step:
            curves.explain(trainer.loggers)

    def _propose_round(self, trainer: L.Trainer) -> None:
        data, solver, state = _data(trainer), _solver(trainer), self.state
        assert data.splits is not None, "setup reads the scenes first"
        request, scenes = state.request(), data.splits.train
        result = propose_round(self.proposer, solver, data.library, scenes, state.pool, request, self.shard)
        name = f"round {request.round_index}"
        self._say(*(f"{name}: skipped scene {scene.id}: {scene.reason}" for scene in result.skipped))
        if result.is_read_back:
            self._say(f"{name}: proposed before it was interrupted; its questions are read back")
        state.add_round(request, result, len(scenes))
        if not result.accepted:
            in_pool = f"the {len(state.pool)} questions already in the pool"
            self._say(f"{name}: no new questions; training continues on {in_pool}")
        base = self.proposer.base(solver) or solver  # the frozen base, where there is one
        measure_chance(base, state.ledger, result.accepted, request.round_index, self.shard)

    def _plan_round(self, trainer: L.Trainer) -> None:
        data, state = _data(trainer), self.state
        plan = state.plan_round(data.round_size())
        questions = state.pool.questions
        chances = {question.id: state.ledger.chance(question) for question in questions}
        data.begin_round(state.round, plan, questions, chances)
        if plan.steps < data.steps_per_round and not data.position:
            self._say(
                f"round {state.round}: the pool has questions for only {plan.steps} of data.steps_per_round="
                f"{data.steps_per_round} steps"
            )

    def _finish_round(self, trainer: L.Trainer) -> None:
        solver = _solver(trainer)
        finished = self.state.finish_round(solver.weighted_loss.kind, self.shard, solver.device)
        curves.write_finished(trainer.loggers, finished, trainer.global_step)
        if trainer.is_global_zero:
            self.console.print(round_table(finished, self.scores))
        self.scores = {}

    def _say(self, *lines: str) -> None:
        for line in lines if self.shard.rank == 0 else ():
            self.console.print(line, highlight=False, markup=False, emoji=False, soft_wrap=True)


def _restart_by_epochs(trainer: L.Trainer) -> None:
    """Lets Lightning go on as without max_steps: with it, a finished epoch is taken for one to end once more."""
    epoch_loop = trainer.fit_loop.epoch_loop
    max_steps, epoch_loop.max_steps = epoch_loop.max_steps, -1
    trainer.fit_loop.restarting = True  # of which Lightning makes False where the epoch is finished
    epoch_loop.max_steps = max_steps


def _data(trainer: L.Trainer) -> SceneDataModule:
    data = trainer.datamodule  # type: ignore[attr-defined]
    assert isinstance(data, SceneDataModule), "the loop feeds a SceneDataModule"
    return data


def _solver(trainer: L.Trainer) -> SolverModule:
    assert isinstance(trainer.lightning_module, SolverModule), "the loop trains a SolverModule"
    return trainer.lightning_module
