"""The loop: propose, execute, verify, solve, adapt; one turn is one Lightning epoch.

`ClosedLoop.turn_to(round)` is called from `train_dataloader()`, so the loop turns exactly when an epoch needs its
batches: it asks the proposer with last round's feedback, verifies, admits to the pool, sets the sampling weights and
hands the round's plan to the datamodule. Training reports each sample's confidence; the end of the epoch enters them
in the ledger. Every rank computes the same pool and plan: proposing and scoring are split by scene and gathered.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
from jsonargparse import lazy_instance
from numpy.typing import NDArray
from rich.console import Console

from lightning_ouro.curriculum.feedback import feedback
from lightning_ouro.curriculum.histogram import skill_histograms
from lightning_ouro.curriculum.ledger import Ledger
from lightning_ouro.curriculum.mixture import family_weights
from lightning_ouro.curriculum.report import Proposed, selection_rows, summarise_proposed, summarise_selected
from lightning_ouro.curriculum.skill import SkillKind
from lightning_ouro.curriculum.weights import SamplingKind, sampling_weights
from lightning_ouro.distributed import all_gather_list
from lightning_ouro.errors import InputError, check_fields, check_same
from lightning_ouro.loop import curves
from lightning_ouro.loop.datamodule import SceneDataModule
from lightning_ouro.loop.files import RoundFiles
from lightning_ouro.loop.plan import make_plan
from lightning_ouro.loop.propose import RankShard, RoundRequest, ask, measure_chance
from lightning_ouro.programs.families import FAMILIES
from lightning_ouro.programs.pool import Pool
from lightning_ouro.programs.questions import Question, Rejection
from lightning_ouro.proposer.all_proposers import ModelProposer  # registers all short class names
from lightning_ouro.proposer.blind import BlindKind
from lightning_ouro.proposer.protocol import Proposer
from lightning_ouro.solver.module import SolverModule


class RoundProposed(Exception):  # noqa: N818  it is no error
    """Ends a run that was only to propose, and carries what came of it."""

    def __init__(self, accepted: Sequence[Question], rejected: Sequence[Rejection]) -> None:
        super().__init__()
        self.accepted, self.rejected = accepted, rejected


class ClosedLoop(L.Callback):
    """Turns the loop at every epoch.

    Args:
        proposer: Who writes the questions.
        proposals_per_scene: Proposals asked for in each training scene and round.
        sampling: How the pool's questions are drawn: uniform, or frontier (weights follow the histogram of skill).
        skill: chance_corrected, or paper (confidence itself, as in arXiv 2606.11719).
        feedback_per_band: At most so many of last round's questions of each band are shown to the proposer per scene.
        blind: How questions that can be answered without looking are told, to be turned down: by the base's confidence
            without the video, by the base as a judge (arXiv 2606.11719), or none is.
        seed: Of proposing and of plans; the command line takes it from --seed_everything.
    """

    STATE_VERSION = 1

    def __init__(
        self,
        proposer: Proposer = lazy_instance(ModelProposer),  # noqa: B008  made anew for each command line
        proposals_per_scene: int = 24,
        sampling: SamplingKind = "frontier",
        skill: SkillKind = "chance_corrected",
        feedback_per_band: int = 2,
        blind: BlindKind = "confidence",
        seed: int = 0,
    ) -> None:
        if proposals_per_scene < 1:
            raise InputError(f"loop.proposals_per_scene={proposals_per_scene} must be at least 1")
        self.proposer = proposer
        self.proposals_per_scene = proposals_per_scene
        self.sampling: SamplingKind = sampling
        self.feedback_per_band = feedback_per_band
        self.blind: BlindKind = blind
        self.seed = seed
        self.round = -1
        self.ledger = Ledger(skill)
        self.pool = Pool()
        self.hashes: list[str] = []
        self.proposed = Proposed(0, 0, 0, {}, dict.fromkeys(FAMILIES, 1 / len(FAMILIES)))
        self.observed: list[tuple[int, str, float]] = []
        self.closed = -1
        self.scores: dict[str, float] = {}
        self.files: RoundFiles | None = None
        self.is_first_rank = True
        self.only_proposes = False
        self.console = Console()

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Hands `turn_to` to the datamodule and names the run's folder of rounds."""
        data, self.is_first_rank = _data(trainer), trainer.is_global_zero
        assert data.splits is not None, "the datamodule is set up before callbacks"
        self._say(*(f"skipped scene {scene.id}: {scene.reason}" for scene in data.splits.skipped))
        if stage != "fit":
            return
        if (every := trainer.reload_dataloaders_every_n_epochs) != 1:  # type: ignore[attr-defined]  # set likewise
            raise InputError(
                f"trainer.reload_dataloaders_every_n_epochs={every}: the loop needs 1, a round an epoch"
            )
        self.proposer.attach(_solver(trainer))
        if self.blind != "none" and self.proposer.base(_solver(trainer)) is None:
            raise InputError(
                f"loop.blind={self.blind} asks a frozen base, and model.lora=null trains all weights: set "
                "loop.blind=none, model.lora.rank, or loop.proposer=FrozenCopyProposer"
            )
        data.turn_to = lambda round: self.turn_to(trainer, round)
        folder = trainer.log_dir  # broadcasts, so every rank asks
        development = trainer.fast_dev_run  # type: ignore[attr-defined]  # set while the trainer is made
        self.files = None if development or folder is None else RoundFiles(Path(folder) / "rounds")
        numbers = f"{data.num_train_scenes()} training and {len(data.splits.val)} validation scenes"
        self._say(f"{numbers}; run folder {folder}", data.memory_needed(_solver(trainer)))

    def turn_to(self, trainer: L.Trainer, round: int) -> None:
        """Turns until the round is there; does nothing when it is."""
        if self.only_proposes:
            self._turn(trainer, self.round + 1)
        if (
            self.round >= 0 and _data(trainer).plan is None
        ):  # resumed: the plan is a function of what was restored
            self._begin(trainer)
        while self.round < round:
            if (
                self.closed < self.round
            ):  # resumed from a round's last batch, where Lightning skips the epoch's end
                self._close(trainer)
            self._turn(trainer, self.round + 1)

    def on_sanity_check_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Writes the validation before the first round, which Lightning itself doesn't log."""
        scores = {
            name: float(value) for name, value in trainer.callback_metrics.items() if name.startswith("val/")
        }
        curves.write_scalars(trainer.loggers, scores, trainer.global_step)

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Keeps each sample's confidence with its place in the plan, and moves the datamodule on."""
        data = _data(trainer)
        place = data.position * trainer.world_size + trainer.global_rank
        self.observed += [
            (place, *pair) for pair in zip(outputs["question_ids"], outputs["confidences"], strict=True)
        ]
        data.batch_done()

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Remembers the round's scores for its table."""
        found = {family: trainer.callback_metrics.get(f"val/score/{family}") for family in FAMILIES}
        self.scores = {family: float(score) for family, score in found.items() if score is not None}

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Closes the round."""
        self._close(trainer)

    def state_dict(self) -> dict[str, Any]:
        """Round, pool by reference to the rounds' files, ledger, and all ranks' confidences of the open round."""
        return {
            "version": self.STATE_VERSION,
            "seed": self.seed,
            "round": self.round,
            "rounds": list(self.hashes),
            "ledger": self.ledger.state_dict(),
            "proposed": asdict(self.proposed),
            "closed": self.closed,
            "observed": [list(observed) for observed in all_gather_list(self.observed)],
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes over a saved loop and reads its pool back from the rounds' files.

        Raises:
            InputError: fields are foreign or missing, version or seed differ, or a round's file is missing or changed.
        """
        if self.files is None:  # validate, test and predict turn no loop
            return
        check_fields("loop", state_dict, self.state_dict())
        check_same("loop", state_dict, {"version": self.STATE_VERSION, "seed": self.seed})
        self.round, self.hashes = state_dict["round"], list(state_dict["rounds"])
        self.ledger.load_state_dict(state_dict["ledger"])
        self.proposed = Proposed(**state_dict["proposed"])
        self.closed = state_dict["closed"]
        self.observed = (
            [(place, id, p) for place, id, p in state_dict["observed"]] if self.is_first_rank else []
        )
        read = [self.files.read_questions(round, digest) for round, digest in enumerate(self.hashes)]
        self.pool = Pool.restore([question for questions in read for question in questions])

    def _turn(self, trainer: L.Trainer, round: int) -> None:
        """Propose, execute, verify, admit; then begin the round."""
        weights = family_weights(list(FAMILIES), self.pool.questions, self.ledger)
        told = feedback(
            round, weights, self.pool.questions, self.ledger, self.proposed.rejected, self.feedback_per_band
        )
        data, solver, share = _data(trainer), _solver(trainer), _share(trainer)
        assert data.splits is not None, "setup reads the scenes first"
        order = RoundRequest(told, self.proposals_per_scene, round, self.seed, self.blind)
        asked = ask(self.proposer, solver, data.library, data.splits.train, self.pool, order, share)
        accepted, rejected = asked.accepted, asked.rejected
        self._say(*(f"round {round}: skipped scene {scene.id}: {scene.reason}" for scene in asked.skipped))
        if self.only_proposes:
            raise RoundProposed(accepted, rejected)
        wanted = self.proposals_per_scene * data.num_train_scenes()
        self.proposed = summarise_proposed(wanted, accepted, rejected, weights)
        self._check(round, accepted)
        if self.files is not None:
            self.hashes.append(self._write(trainer, round, accepted, rejected))
        measure_chance(solver, self.ledger, accepted, round, share)
        self.round = round
        self._begin(trainer)
        curves.write_proposed(trainer.loggers, self.proposed, len(self.pool), trainer.global_step)

    def _close(self, trainer: L.Trainer) -> None:
        """Ends the round: confidences to the ledger, the selection to its file, curves and the table."""
        solver, plan, questions = _solver(trainer), _data(trainer).plan, self.pool.questions
        assert plan is not None, "a round that ends has begun"
        weights = self._weights(self.round)
        seen = sorted(all_gather_list(self.observed), key=lambda observed: observed[0])
        trained = Counter(id for _, id, _ in seen)
        self.ledger.observe(self.round, {id: p for _, id, p in seen}, trained)
        self.observed, self.closed = [], self.round
        if self.files is not None and trainer.is_global_zero:
            self.files.write_selection(
                self.round, selection_rows(questions, self.ledger, weights, plan.drawn, trained)
            )
        coming, kind = self._weights(self.round + 1), solver.weighted_loss.kind
        selected = summarise_selected(questions, coming, self.ledger, list(FAMILIES), kind)
        rank, ranks = trainer.global_rank, trainer.world_size
        histograms = skill_histograms(questions, self.ledger, list(FAMILIES), rank, ranks, solver.device)
        curves.write_selected(trainer.loggers, selected, histograms, trainer.global_step)
        if trainer.is_global_zero:
            curves.print_round(self.console, self.round, self.proposed, selected, self.scores)
        self.scores = {}

    def _check(self, round: int, accepted: Sequence[Question]) -> None:
        if not len(self.pool):
            reasons = {reason: count for reason, count in self.proposed.rejected.items() if count}
            raise InputError(
                f"round {round}: none of {self.proposed.proposed} proposals was accepted "
                f"({reasons or 'nothing was proposed'}); give more or richer scenes (data.scenes, "
                "data.num_train_scenes), frames that show them (data.frames), or more loop.proposals_per_scene"
            )
        if not accepted:
            self._say(f"round {round}: no new question; training goes on with the pool of {len(self.pool)}")

    def _write(
        self, trainer: L.Trainer, round: int, accepted: Sequence[Question], rejected: Sequence[Rejection]
    ) -> str:
        """The first rank writes the round's files; all learn the hash of the questions."""
        assert self.files is not None, "only called with a run's folder"
        digest = self.files.write_proposed(round, accepted, rejected) if trainer.is_global_zero else ""
        return str(trainer.strategy.broadcast(digest))

    def _begin(self, trainer: L.Trainer) -> None:
        """Plans the current round and hands it to the datamodule."""
        data, questions = _data(trainer), self.pool.questions
        plan = make_plan(
            [(question.scene_id, question.id) for question in questions],
            self._weights(self.round),
            data.steps_per_round,
            data.questions_per_step,
            data.batches_per_step(),
            data.questions_per_scene,
            (self.seed, self.round),
        )
        if plan.steps == 0:
            raise InputError(
                f"round {self.round}: a pool of {len(questions)} questions cannot fill one step of "
                f"data.questions_per_step={data.questions_per_step}; lower it, or give more scenes or more "
                "loop.proposals_per_scene"
            )
        if plan.steps < data.steps_per_round:
            self._say(
                f"round {self.round}: the pool fills {plan.steps} of data.steps_per_round={data.steps_per_round} steps"
            )
        data.begin_round(
            self.round, plan, questions, {question.id: self.ledger.chance(question) for question in questions}
        )

    def _weights(self, round: int) -> NDArray[np.float64]:
        return sampling_weights(self.pool.questions, self.ledger, round, self.sampling)

    def _say(self, *lines: str) -> None:
        for line in lines if self.is_first_rank else ():
            self.console.print(line, highlight=False, markup=False, soft_wrap=True)


def _data(trainer: L.Trainer) -> SceneDataModule:
    data = trainer.datamodule  # type: ignore[attr-defined]
    assert isinstance(data, SceneDataModule), "the loop feeds a SceneDataModule"
    return data


def _solver(trainer: L.Trainer) -> SolverModule:
    assert isinstance(trainer.lightning_module, SolverModule), "the loop trains a SolverModule"
    return trainer.lightning_module


def _share(trainer: L.Trainer) -> RankShard:
    show_progress = trainer.is_global_zero and trainer.progress_bar_callback is not None
    return RankShard(trainer.global_rank, trainer.world_size, show_progress)
