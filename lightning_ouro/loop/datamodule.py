"""Scenes and the round's plan to batches: splitting, sampling, rows by scene, sharding by rank, position.

`train_dataloader()` first turns the loop to the trainer's epoch through the callable that `ClosedLoop.setup` hands
over, so no boundary can be skipped on resume (a step-based checkpoint on an epoch's last batch skips both epoch
hooks). Plan and position are the sampler's whole state. The loaders are plain iterables that know their rank: frames
come from memory, so workers would only copy them, and Lightning's distributed sampler, which would shuffle the
curriculum's order, has nothing to wrap.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import lightning as L
import torch

from lightning_ouro.errors import InputError, check_fields, check_same
from lightning_ouro.loop.asking import fixed_questions
from lightning_ouro.loop.plan import Plan, PlannedRow
from lightning_ouro.programs.questions import Question
from lightning_ouro.scenes.fitted_boxes import BoxKind
from lightning_ouro.scenes.library import SceneLibrary
from lightning_ouro.scenes.splits import (
    BenchmarkScenes,
    Splits,
    procedural_splits,
    read_splits,
    refuse_benchmarks,
    room_id,
)
from lightning_ouro.scenes.types import FrameBudget, Video
from lightning_ouro.solver.batches import EvalBatch, SceneRow, TrainBatch
from lightning_ouro.solver.module import SolverModule

EVAL_ROWS = 8


class SceneDataModule(L.LightningDataModule):
    """Scenes, their videos, and the batches of each round.

    Args:
        scenes: Files or folders with scenes, in the layouts that the readers know; empty: procedural scenes.
        num_train_scenes: At most so many scenes are trained on; null: all that are not held out.
        num_val_scenes: Scenes held out for validation.
        num_test_scenes: Scenes held out for test.
        benchmark_scenes: What becomes of training scenes that a benchmark tests on, or that a data set holds out:
            refuse to start, leave_out of training, or allow; no score on those benchmarks may then be reported.
        boxes: How boxes are fitted to the points of objects where a data set gives none (ScanNet): upright, or minimal
            as VSI-Bench's are.
        frames: How many frames the model is shown, and how large.
        questions_per_scene: At most so many questions share one video in a row.
        questions_per_step: Questions of one optimizer step, over ranks and accumulated batches.
        steps_per_round: Optimizer steps of one round; fewer where the pool cannot fill them.
        eval_questions_per_scene: Fixed questions for each held-out scene.
    """

    STATE_VERSION = 1

    def __init__(
        self,
        scenes: str | list[str] | None = None,
        num_train_scenes: int | None = 96,
        num_val_scenes: int = 24,
        num_test_scenes: int = 24,
        benchmark_scenes: BenchmarkScenes = "refuse",
        boxes: BoxKind = "upright",
        frames: FrameBudget = FrameBudget(),  # noqa: B008  frozen, so one instance may serve all
        questions_per_scene: int = 16,
        questions_per_step: int = 64,
        steps_per_round: int = 40,
        eval_questions_per_scene: int = 12,
    ) -> None:
        super().__init__()
        self.scenes = [scenes] if isinstance(scenes, str) else list(scenes or [])
        self.num_scenes = (num_train_scenes, num_val_scenes, num_test_scenes)
        self.benchmark_scenes: BenchmarkScenes = benchmark_scenes
        self.boxes: BoxKind = boxes
        self.frames = frames
        self.questions_per_scene = questions_per_scene
        self.questions_per_step = questions_per_step
        self.steps_per_round = steps_per_round
        self.eval_questions_per_scene = eval_questions_per_scene
        self.turn_to: Callable[[int], None] | None = None
        self.splits: Splits | None = None
        self.plan: Plan | None = None
        self.round = -1
        self.position = 0
        self._fixed: dict[str, dict[str, list[Question]]] = {}
        self._questions: dict[str, Question] = {}
        self._chances: dict[str, float] = {}
        for name in (
            "questions_per_scene",
            "questions_per_step",
            "steps_per_round",
            "eval_questions_per_scene",
        ):
            if getattr(self, name) < 1:
                raise InputError(f"data.{name}={getattr(self, name)} must be at least 1")
        names = ("num_train_scenes", "num_val_scenes", "num_test_scenes")
        for name, number, least in zip(names, self.num_scenes, (1, 0, 0), strict=True):
            if number is not None and number < least:
                raise InputError(f"data.{name}={number} must be at least {least}")

    def setup(self, stage: str) -> None:
        """Reads the scenes and writes the fixed questions of the held-out ones; frames are opened when first needed.

        Raises:
            InputError: scenes cannot be read, none is usable, or training would touch a benchmark's scenes.
        """
        if self.splits is None:
            self.splits = self._read()
            self.library = SceneLibrary(self.splits.all_scenes(), self.frames)
        if stage == "fit" and self.benchmark_scenes == "refuse":
            refuse_benchmarks(self.splits.train)
        self._ask_fixed("test" if stage == "test" else "val", needed=stage != "fit")

    def num_train_scenes(self) -> int:
        """Scenes that are trained on."""
        assert self.splits is not None, "setup reads the scenes first"
        return len(self.splits.train)

    def memory_needed(self, solver: SolverModule) -> str:
        """What training this solver on a micro-batch takes, in one line."""
        assert self.trainer is not None, "asked for within a trainer only"
        questions = self.questions_per_step // self.batches_per_step()
        return solver.memory_needed(
            self.frames, questions, self.questions_per_scene, str(self.trainer.precision)
        )

    def batches_per_step(self) -> int:
        """Micro-batches of one optimizer step, over ranks.

        Raises:
            InputError: they would not hold equally many questions.
        """
        assert self.trainer is not None, "asked for within a trainer only"
        accumulate, ranks = self.trainer.accumulate_grad_batches, self.trainer.world_size
        if self.questions_per_step % (accumulate * ranks):
            raise InputError(
                f"data.questions_per_step={self.questions_per_step} is no multiple of trainer.accumulate_grad_batches="
                f"{accumulate} times {ranks} device(s); micro-batches must hold equally many questions"
            )
        return accumulate * ranks

    def begin_round(
        self, round: int, plan: Plan, questions: Sequence[Question], chances: Mapping[str, float]
    ) -> None:
        """Takes a round's plan; a restored position is kept when it belongs to this round."""
        if round != self.round:
            self.round, self.position = round, 0
        self.plan = plan
        self._questions = {question.id: question for question in questions}
        self._chances = dict(chances)

    def batch_done(self) -> None:
        """The loop says that this rank's next batch has been trained."""
        self.position += 1

    def train_dataloader(self) -> RoundBatches:
        """The rest of the round that the trainer's epoch asks for."""
        assert self.trainer is not None and self.turn_to is not None, "ClosedLoop.setup hands over turn_to"
        self.turn_to(self.trainer.current_epoch)
        assert self.plan is not None, "turning to a round begins it"
        mine = self.plan.batches[self.trainer.global_rank :: self.trainer.world_size]
        return RoundBatches(mine, self)

    def val_dataloader(self) -> FixedBatches:
        """Fixed questions on the validation scenes."""
        return self._eval_loader("val")

    def test_dataloader(self) -> FixedBatches:
        """Fixed questions on the test scenes."""
        return self._eval_loader("test")

    def predict_dataloader(self) -> FixedBatches:
        """The validation questions again, to be answered."""
        return self._eval_loader("val")

    def batch(self, rows: Sequence[PlannedRow]) -> TrainBatch:
        """The questions and videos of planned rows."""
        return TrainBatch(
            tuple(self._row(row.scene_id, [self._questions[id] for id in row.question_ids]) for row in rows)
        )

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        """Leaves batches where they are: they hold questions and frames, and become tensors when they are packed."""
        return batch

    def state_dict(self) -> dict[str, Any]:
        """Which round is in progress and how many of this rank's batches have been trained."""
        return {"version": self.STATE_VERSION, "round": self.round, "position": self.position}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes over a saved position.

        Raises:
            InputError: fields are foreign or missing, or of another version.
        """
        check_fields("datamodule", state_dict, self.state_dict())
        check_same("datamodule", state_dict, {"version": self.STATE_VERSION})
        self.round, self.position = state_dict["round"], state_dict["position"]

    def _read(self) -> Splits:
        if not self.scenes and self.benchmark_scenes != "refuse":
            given = f"data.benchmark_scenes={self.benchmark_scenes}"
            raise InputError(f"data.scenes is missing: {given} is meant for scenes that are read")
        if not self.scenes:
            return procedural_splits(*self.num_scenes)
        return read_splits(
            self.scenes, *self.num_scenes, self.benchmark_scenes, self.boxes, self._shows_progress()
        )

    def _shows_progress(self) -> bool:
        return (
            self.trainer is not None
            and self.trainer.is_global_zero
            and self.trainer.progress_bar_callback is not None
        )

    def _ask_fixed(self, split: str, needed: bool) -> None:
        assert self.splits is not None and self.trainer is not None, (
            "setup reads the scenes first, within a trainer"
        )
        scenes = self.splits.val if split == "val" else self.splits.test
        if len(scenes) < (self.trainer.world_size if needed or scenes else 0):
            raise InputError(
                f"data.num_{split}_scenes={len(scenes)} gives nothing to evaluate to some of "
                f"{self.trainer.world_size} device(s); hold out more scenes"
            )
        if split not in self._fixed:
            shown = self._shows_progress()
            questions, skipped = fixed_questions(self.library, scenes, self.eval_questions_per_scene, shown)
            self.splits = replace(self.splits, skipped=(*self.splits.skipped, *skipped))
            self._fixed[split] = defaultdict(list)
            for question in questions:
                self._fixed[split][question.scene_id].append(question)

    def _row(self, scene_id: str, questions: Sequence[Question]) -> SceneRow:
        chances = tuple(self._chances.get(question.id, 0.0) for question in questions)
        return SceneRow(self.library.video(scene_id), tuple(questions), chances)

    def _eval_loader(self, split: str) -> FixedBatches:
        assert self.trainer is not None, "asked for within a trainer only"
        by_scene = self._fixed[split]
        families = tuple(
            sorted({question.family for questions in by_scene.values() for question in questions})
        )
        scene_ids = list(by_scene)
        mine = scene_ids[self.trainer.global_rank :: self.trainer.world_size]
        batches = [
            EvalBatch(
                tuple(self._row(scene_id, by_scene[scene_id]) for scene_id in part),
                tuple(self._other_video(scene_id, scene_ids) for scene_id in part),
                families,
            )
            for part in (mine[start : start + EVAL_ROWS] for start in range(0, len(mine), EVAL_ROWS))
        ]
        return FixedBatches(batches)

    def _other_video(self, scene_id: str, scene_ids: Sequence[str]) -> Video | None:
        """The video of the next scene that is another place, None if there is none."""
        start, here = scene_ids.index(scene_id), room_id(self.library[scene_id])
        others = (
            other
            for other in (*scene_ids[start:], *scene_ids[:start])
            if room_id(self.library[other]) != here
        )
        other = next(others, None)
        return None if other is None else self.library.video(other)


class FixedBatches:
    """This rank's evaluation batches."""

    def __init__(self, batches: Sequence[EvalBatch]) -> None:
        self.batches = batches

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[EvalBatch]:
        return iter(self.batches)


class RoundBatches:
    """This rank's batches from the current position on; its length is the whole round's, as Lightning counts."""

    def __init__(self, batches: Sequence[Sequence[PlannedRow]], data: SceneDataModule) -> None:
        self.batches = batches
        self.data = data

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[TrainBatch]:
        for rows in self.batches[self.data.position :]:
            yield self.data.batch(rows)

    def state_dict(self) -> dict[str, Any]:
        """Tells Lightning that a resumed round goes on where it stopped; the state itself is the datamodule's."""
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Nothing to do: the datamodule has restored the position, whether Lightning keeps this state or not."""
