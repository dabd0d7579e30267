"""Batches of lessons; a resumed run continues with the lesson at which it stopped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any, cast

import lightning as L
from torch.utils.data import DataLoader, IterableDataset
from transformers import AutoTokenizer

from lightning_ouro.bootstrap.lessons import Lesson, LessonPlan, lessons
from lightning_ouro.proposer.model import count_tokens
from lightning_ouro.proposer.prompt import PromptWriter
from lightning_ouro.scenes.types import FrameBudget
from lightning_ouro.solver.checkpoint import checkpoint_folder

# Limits of a prompt, chosen by hand: longer prompts would make lessons slow.
MAX_OBJECTS, METADATA_TOKENS, FEEDBACK_TOKENS = 64, 900, 300
# Numbers of the first lessons; chosen by hand, far apart and far above the scenes that other commands use.
FIRST_TRAINING, FIRST_VALIDATION = 2_000_000, 1_000_000
LESSONS_PER_RANK = 10_000_000  # numbers reserved for each rank, so that no two ranks get the same lesson


class LessonData(L.LightningDataModule):
    """Endless batches of training lessons, and a few held-out lessons.

    Args:
        frames: Number and size of the frames of a room's video.
        lessons_per_step: Lessons in a batch, on each rank.
        seeing_only: Number of batches at the start that have neither questions nor prompts, so that the model
            learns what tokens show before it learns words.
        short_prompts: Number of batches after these over which the share of short prompts falls from 1 to
            0.2.
        questions_per_room: Maximum number of questions about a room.
        replies_per_layout: Maximum number of replies to a prompt.
        num_val_lessons: Number of held-out lessons.
        workers: Number of extra processes that make lessons; 0 makes them in the training process between two
            steps, which is faster if two ranks share two cores: a thread that waits for a busy core costs far
            more than making the lesson.
        seed: Seed of all random draws; the command line sets it to --seed_everything.
    """

    def __init__(
        self,
        frames: FrameBudget = FrameBudget(),  # noqa: B008  frozen, so one instance may serve all
        lessons_per_step: int = 2,
        seeing_only: int = 300,
        short_prompts: int = 600,
        questions_per_room: int = 24,
        replies_per_layout: int = 32,
        num_val_lessons: int = 32,
        workers: int = 0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.frames, self.seed, self.workers = frames, seed, workers
        self.lessons_per_step = lessons_per_step
        self.seeing_only, self.short_prompts = seeing_only, short_prompts
        self.questions_per_room, self.replies_per_layout = questions_per_room, replies_per_layout
        self.num_val_lessons = num_val_lessons

    def train_dataloader(self) -> Any:
        """Batches from the trainer's current step on."""
        assert self.trainer is not None, "only a trainer asks for batches"
        step, first = self.trainer.global_step, FIRST_TRAINING + self.trainer.global_rank * LESSONS_PER_RANK
        seeing = self._plan(first, 0, 0)
        complete = self._plan(first, self.questions_per_room, self.replies_per_layout)
        switch, start = self.seeing_only * self.lessons_per_step, step * self.lessons_per_step
        return DataLoader(
            LessonStream(seeing, complete, switch, start),
            batch_size=self.lessons_per_step,
            collate_fn=list,
            num_workers=self.workers,
            prefetch_factor=32 if self.workers else None,
        )

    def val_dataloader(self) -> Any:
        """This rank's share of the held-out lessons."""
        plan = self._plan(FIRST_VALIDATION, self.questions_per_room, self.replies_per_layout)
        stream = lessons(replace(plan, short=(0, 0)), 0, prompt_writer)
        rank, ranks = (0, 1) if self.trainer is None else (self.trainer.global_rank, self.trainer.world_size)
        held_out = list(islice(stream, rank, self.num_val_lessons, ranks))
        return DataLoader(cast(Any, held_out), batch_size=4, collate_fn=list)

    def transfer_batch_to_device(self, batch: Any, device: Any, dataloader_idx: int) -> Any:
        """Leaves lessons where they are; the module moves what it packs from them."""
        return batch

    def _plan(self, first: int, questions: int, replies: int) -> LessonPlan:
        switch = self.seeing_only * self.lessons_per_step
        short = (switch, switch + self.short_prompts * self.lessons_per_step)
        return LessonPlan(self.frames, first, questions, replies, self.seed, short)


class LessonStream(IterableDataset[Lesson]):
    """Lessons from index `start` on: those before `switch` by the first plan, the others by the second."""

    def __init__(self, before: LessonPlan, after: LessonPlan, switch: int, start: int) -> None:
        self._before, self._after, self._switch, self._start = before, after, switch, start

    def __iter__(self) -> Iterator[Lesson]:
        num_before = max(0, self._switch - self._start)
        yield from islice(lessons(self._before, self._start, prompt_writer), num_before)
        yield from lessons(self._after, max(self._start, self._switch), prompt_writer)


def prompt_writer() -> PromptWriter:
    """The writer of the tiny model's prompts."""
    tokenizer = AutoTokenizer.from_pretrained(checkpoint_folder("tiny"))
    return PromptWriter(
        "compact", MAX_OBJECTS, METADATA_TOKENS, FEEDBACK_TOKENS, partial(count_tokens, tokenizer)
    )
