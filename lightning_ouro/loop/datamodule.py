"""Turns scenes and a round's plan into batches: splits, rows by scene, sharding by rank, position.

Plan and position are the sampler's state. `train_dataloader()` first advances the loop to the trainer's
epoch through the callable that `ClosedLoop.setup` hands over, so that no round can be skipped on resume (a step-based
checkpoint on an epoch's last batch skips both epoch hooks). The loaders know their rank: Lightning's distributed
sampler would shuffle the curriculum's order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Literal

import lightning as L
import torch

from lightning_ouro.errors import InputError, check_fields, check_least, check_same
from lightning_ouro.loop.held_out_batches import held_out_batches, scenes_asked_about
from lightning_ouro.loop.loaders import FixedBatches, RoundBatches
from lightning_ouro.loop.plan import Plan, PlannedRow, RoundSize
from lightning_ouro.loop.recorded_split import RecordedSplit
from lightning_ouro.loop.round_shape import RoundShape
from lightning_ouro.loop.rounds import RankShard
from lightning_ouro.programs.questions import Question
from lightning_ouro.scenes.fitted_boxes import BoxKind
from lightning_ouro.scenes.library import SceneLibrary
from lightning_ouro.scenes.splits import (
    BenchmarkScenes,
    Splits,
    procedural_splits,
    read_splits,
    refuse_benchmarks,
)
from lightning_ouro.scenes.types import FrameBudget, Scene
from lightning_ouro.solver.batches import SceneRow, TrainBatch

HeldOut = Literal["val", "test"]


def rank_shard(trainer: L.Trainer) -> RankShard:
    """The share of this rank, which shows progress bars if it is the first and the trainer does."""
    show_progress = trainer.is_global_zero and trainer.progress_bar_callback is not None
    return RankShard(trainer.global_rank, trainer.world_size, show_progress)


class SceneDataModule(L.LightningDataModule):
    """Scenes, their videos, and the batches of each round.

    Args:
        scenes: Files or folders with scenes, in any supported layout (lightning_ouro/scenes/README.md); null:
            procedural scenes.
        num_train_scenes: Maximum number of training scenes, at least 1; null: all that are not held out.
        num_val_scenes: Number of scenes held out for validation, at least 0.
        num_test_scenes: Number of scenes held out for testing, at least 0.
        benchmark_scenes: What to do with training scenes that a benchmark tests on or a data set holds out:
            refuse (do not start), leave_out (train on the others) or allow (train on all; then no score on
            those benchmarks may be reported).
        revsi_annotation: A local copy of ReVSI's metadata/3d_annotation.json, whose scenes then count as that
            benchmark's; null: they are not known.
        boxes: How boxes are fitted to the points of objects where a data set has none (ScanNet): upright, or
            minimal as in VSI-Bench.
        frames: Number and size of the frames that the model is shown.
        questions_per_scene: Maximum number of questions packed after one copy of a scene's video, at least 1;
            does not limit how many are asked (loop.proposals_per_scene).
        questions_per_step: Questions per optimizer step, over all ranks and accumulated batches; a multiple of
            ranks x accumulated batches.
        steps_per_round: Optimizer steps per round, at least 1; fewer where the pool cannot fill them.
        eval_questions_per_scene: Maximum number of fixed questions of each set (vsi_bench, strict) about each
            held-out scene, at least 1.
        query_drops_per_scene: Maximum number of fixed counting questions of each set and held-out scene that are
            asked again on a video without what they count, at least 0.
    """

    STATE_VERSION = 1

    def __init__(
        self,
        scenes: str | list[str] | None = None,
        num_train_scenes: int | None = 96,
        num_val_scenes: int = 24,
        num_test_scenes: int = 24,
        benchmark_scenes: BenchmarkScenes = "refuse",
        revsi_annotation: str | None = None,
        boxes: BoxKind = "upright",
        frames: FrameBudget = FrameBudget(),  # noqa: B008  frozen, so one instance may serve all
        questions_per_scene: int = 16,
        questions_per_step: int = 64,
        steps_per_round: int = 40,
        eval_questions_per_scene: int = 12,
        query_drops_per_scene: int = 1,
    ) -> None:
        super().__init__()
        self.scenes = [scenes] if isinstance(scenes, str) else list(scenes or [])
        self.num_scenes = (num_train_scenes, num_val_scenes, num_test_scenes)
        self.benchmark_scenes: BenchmarkScenes = benchmark_scenes
        self.revsi_annotation = revsi_annotation
        self.boxes: BoxKind = boxes
        self.frames = frames
        self.questions_per_scene = questions_per_scene
        self.questions_per_step = questions_per_step
        self.steps_per_round = steps_per_round
        self.eval_questions_per_scene = eval_questions_per_scene
        self.query_drops_per_scene = query_drops_per_scene
        self._check_options()
        self.advance_to: Callable[[int], None] | None = None
        self.splits: Splits | None = None
        self.recorded: RecordedSplit | None = None  # of the run that goes on or is evaluated
        self.changes: list[str] = []  # of the scenes on disk since then
        self.plan: Plan | None = None
        self.round = -1
        self.position = 0
        self.shape: RoundShape | None = None
        self._fixed: dict[HeldOut, Mapping[str, Sequence[Question]]] = {}
        self._questions: dict[str, Question] = {}
        self._chances: dict[str, float] = {}

    def _check_options(self) -> None:
        sizes = ("questions_per_scene", "questions_per_step", "steps_per_round")
        limits: dict[str, tuple[float | None, float]] = {name: (getattr(self, name), 1) for name in sizes}
        limits["eval_questions_per_scene"] = (self.eval_questions_per_scene, 1)
        limits["query_drops_per_scene"] = (self.query_drops_per_scene, 0)
        numbers = zip(("train", "val", "test"), self.num_scenes, (1, 0, 0), strict=True)
        limits |= {f"num_{name}_scenes": (number, least) for name, number, least in numbers}
        check_least("data", limits)

    def setup(self, stage: str) -> None:
        """Reads the scenes; footage is opened when it is first needed.

        Raises:
            InputError: scenes cannot be read, none is usable, or training would touch a benchmark's scenes.
        """
        assert self.trainer is not None, "Lightning sets it first"
        self.read_scenes(rank_shard(self.trainer).show_progress, is_training=stage == "fit")
        if stage == "fit":
            self.check_training_scenes()

    def read_scenes(self, show_progress: bool, is_training: bool = False) -> Splits:
        """Reads the scenes once; needs no trainer."""
        if self.splits is None:
            self.splits = self._read(show_progress, is_training)
            self.library = SceneLibrary(self.splits.all_scenes(), self.frames)
        return self.splits

    def _read(self, show_progress: bool, is_training: bool) -> Splits:
        if self.scenes:
            how = (self.boxes, show_progress, self.revsi_annotation)
            if self.recorded is None:
                return read_splits(self.scenes, *self.num_scenes, self.benchmark_scenes, *how)
            found = read_splits(self.scenes, None, 0, 0, "allow", *how)
            splits, self.changes = self.recorded.applied(found, self.num_scenes, is_training)
            return splits
        if self.benchmark_scenes != "refuse" or self.revsi_annotation is not None:
            raise InputError(
                "data.scenes is missing: pass --data.scenes PATH, or set data.benchmark_scenes=refuse and "
                "data.revsi_annotation=null for procedural scenes"
            )
        return procedural_splits(*self.num_scenes)

    def check_training_scenes(self) -> None:
        """Refuses training scenes of benchmarks, unless they are left out or allowed.

        Raises:
            InputError: there are such scenes; some are named, with their benchmarks.
        """
        assert self.splits is not None, "the scenes have been read"
        if self.benchmark_scenes == "refuse":
            refuse_benchmarks(self.splits.train)

    def held_out_scenes(self, split: HeldOut) -> Sequence[Scene]:
        """The scenes of validation or test.

        Raises:
            InputError: some of the ranks would have none to evaluate.
        """
        assert self.splits is not None and self.trainer is not None, "setup comes first, within a trainer"
        scenes = self.splits.val if split == "val" else self.splits.test
        is_needed = bool(scenes) or self.trainer.state.fn != "fit"
        if is_needed and len(scenes) < self.trainer.world_size:
            raise InputError(
                f"data.num_{split}_scenes={len(scenes)} leaves nothing to evaluate for some of "
                f"{self.trainer.world_size} device(s); hold out more scenes"
            )
        return scenes

    def set_fixed_questions(self, split: HeldOut, by_set: Mapping[str, Sequence[Question]]) -> None:
        """Takes the questions that validation or test ask, by the name of their set.

        Raises:
            InputError: some of the ranks would have none to ask, because scenes had to be skipped.
        """
        self._fixed[split] = by_set
        held_out, usable = len(self.held_out_scenes(split)), len(scenes_asked_about(by_set))
        assert self.trainer is not None, "held_out_scenes has asked it"
        if held_out and usable < self.trainer.world_size:
            raise InputError(
                f"data.num_{split}_scenes={held_out}: only {usable} of these scenes can be asked about, which leaves "
                f"nothing to evaluate for some of {self.trainer.world_size} device(s); hold out more scenes"
            )

    def round_size(self) -> RoundSize:
        """How much one round trains on.

        Raises:
            InputError: micro-batches would not hold equally many questions.
        """
        assert self.trainer is not None, "asked for within a trainer only"
        accumulate, ranks = self.trainer.accumulate_grad_batches, self.trainer.world_size
        if self.questions_per_step % (accumulate * ranks):
            raise InputError(
                f"data.questions_per_step={self.questions_per_step} is not a multiple of "
                f"trainer.accumulate_grad_batches={accumulate} times {ranks} device(s); micro-batches must hold "
                "equally many questions"
            )
        return RoundSize(
            self.steps_per_round, self.questions_per_step, accumulate * ranks, self.questions_per_scene
        )

    def begin_round(
        self, round_index: int, plan: Plan, questions: Sequence[Question], chances: Mapping[str, float]
    ) -> None:
        """Takes a round's plan; a restored position is kept when it belongs to this round.

        Args:
            round_index: From 0.
            plan: What to train on.
            questions: The pool.
            chances: Confidence that guessing gives, by question id.

        Raises:
            InputError: a restored position lies within the round, and is one of another plan.
        """
        shape = RoundShape.of(self.round_size(), self.trainer, len(plan.batches))
        if round_index != self.round:
            self.round, self.position = round_index, 0
        elif self.shape is not None:
            self.shape.check_goes_on(round_index, self.position, shape)
        self.plan, self.shape = plan, shape
        self._questions = {question.id: question for question in questions}
        self._chances = dict(chances)

    def batch_done(self) -> None:
        """Records that this rank's next batch has been trained on."""
        self.position += 1

    def train_dataloader(self) -> RoundBatches:
        """The batches of the round that the trainer's epoch asks for, from the current position on."""
        assert self.trainer is not None and self.advance_to is not None, "ClosedLoop.setup hands it over"
        self.advance_to(self.trainer.current_epoch)
        assert self.plan is not None, "advancing to a round begins it"
        share = self.plan.batches[self.trainer.global_rank :: self.trainer.world_size]
        return RoundBatches(share, lambda: self.position, self.batch)

    def val_dataloader(self) -> FixedBatches:
        return self._fixed_batches("val")

    def test_dataloader(self) -> FixedBatches:
        return self._fixed_batches("test")

    def predict_dataloader(self) -> FixedBatches:
        return self._fixed_batches("val")

    def batch(self, rows: Sequence[PlannedRow]) -> TrainBatch:
        """The questions and videos of planned rows."""
        return TrainBatch(
            tuple(self._row(row.scene_id, [self._questions[key] for key in row.question_ids]) for row in rows)
        )

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        """Leaves batches alone: they hold questions and frames, and become tensors when they are packed."""
        return batch

    def state_dict(self) -> dict[str, Any]:
        """The round in progress, its shape, how many of this rank's batches have been trained on, and its frames."""
        frames = {"num_frames": self.frames.num_frames, "frames_per_time": self.frames.frames_per_time}
        done = {"round": self.round, "position": self.position}
        return {"version": self.STATE_VERSION, **done, "shape": self.shape and asdict(self.shape), **frames}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restores a saved position.

        Raises:
            InputError: fields are unexpected or missing, or of another version, or questions name other frames' times.
        """
        mine = self.state_dict()
        frames = {name: mine[name] for name in ("num_frames", "frames_per_time")}
        state_dict = {"shape": None, **frames} | state_dict  # not recorded by earlier versions
        check_fields("datamodule", state_dict, mine)
        check_same("datamodule", state_dict, {"version": self.STATE_VERSION, **frames})
        self.round, self.position = state_dict["round"], state_dict["position"]
        self.shape = state_dict["shape"] and RoundShape(**state_dict["shape"])

    def _row(self, scene_id: str, questions: Sequence[Question]) -> SceneRow:
        chances = tuple(self._chances.get(question.id, 0.0) for question in questions)
        return SceneRow(self.library.video(scene_id), tuple(questions), chances)

    def _fixed_batches(self, split: HeldOut) -> FixedBatches:
        assert self.trainer is not None, "asked for within a trainer only"
        shard = rank_shard(self.trainer)
        return held_out_batches(self.library, self._fixed[split], self.query_drops_per_scene, shard)
