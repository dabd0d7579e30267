"""Lessons to batches; a resumed run goes on with the lesson that it stopped at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any, cast

import lightning as L
from torch.utils.data import DataLoader, IterableDataset
from transformers import AutoTokenizer

from lightning_ouro.bootstrap.lessons import Curriculum, Lesson, lessons
from lightning_ouro.proposer.model import count_tokens
from lightning_ouro.proposer.prompt import PromptWriter
from lightning_ouro.scenes.types import FrameBudget
from lightning_ouro.solver.checkpoint import checkpoint_folder

MOST_OBJECTS, METADATA_TOKENS, FEEDBACK_TOKENS = 64, 900, 300  # of a prompt; more would make lessons slow
FIRST_TRAINING, FIRST_VALIDATION = 2_000_000, 1_000_000
PER_RANK = 10_000_000  # lessons; each rank has its own


class LessonData(L.LightningDataModule):
    """Batches of lessons without end, and a few held-out ones.

    Args:
        frames: Of a room's video.
        lessons_per_step: Lessons of one batch on each rank.
        seeing_only: So many batches at first have neither questions nor prompts: cells are learnt before words.
        short_prompts: Over so many batches behind these, prompts become long.
        questions_per_room: Questions about a room at most.
        replies_per_layout: Replies to a prompt.
        num_val_lessons: Held-out lessons.
        workers: Processes besides that make lessons; 0 makes them in between, which is faster where two ranks share two
            cores: a thread that waits for a taken core costs far more than it does.
        seed: Of all that is drawn; the command line takes it from --seed_everything.
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
        self.lessons_per_step, self.seeing_only, self.short_prompts = (
            lessons_per_step,
            seeing_only,
            short_prompts,
        )
        self.questions_per_room, self.replies_per_layout = questions_per_room, replies_per_layout
        self.num_val_lessons = num_val_lessons

    def train_dataloader(self) -> Any:
        """From the trainer's step on."""
        assert self.trainer is not None, "asked for within a trainer only"
        step, start = self.trainer.global_step, FIRST_TRAINING + self.trainer.global_rank * PER_RANK
        first = self._curriculum(start, 0, 0)
        then = self._curriculum(start, self.questions_per_room, self.replies_per_layout)
        stream = _Stream(first, then, self.seeing_only * self.lessons_per_step, step * self.lessons_per_step)
        return DataLoader(
            stream,
            batch_size=self.lessons_per_step,
            collate_fn=list,
            num_workers=self.workers,
            prefetch_factor=32 if self.workers else None,
        )

    def val_dataloader(self) -> Any:
        """The held-out lessons; each rank has its share."""
        plan = self._curriculum(FIRST_VALIDATION, self.questions_per_room, self.replies_per_layout)
        made = lessons(replace(plan, short=(0, 0)), 0, _writer)
        rank, ranks = (0, 1) if self.trainer is None else (self.trainer.global_rank, self.trainer.world_size)
        every = list(islice(made, rank, self.num_val_lessons, ranks))
        return DataLoader(cast(Any, every), batch_size=4, collate_fn=list)

    def transfer_batch_to_device(self, batch: Any, device: Any, dataloader_idx: int) -> Any:
        """Leaves lessons where they are."""
        return batch

    def _curriculum(self, first: int, questions: int, replies: int) -> Curriculum:
        switch = self.seeing_only * self.lessons_per_step
        short = (switch, switch + self.short_prompts * self.lessons_per_step)
        return Curriculum(self.frames, first, questions, replies, self.seed, short)


class _Stream(IterableDataset[Lesson]):
    """Lessons from a number on: those before `switch` by the first plan, others by the second."""

    def __init__(self, first: Curriculum, then: Curriculum, switch: int, start: int) -> None:
        self._first, self._then, self._switch, self._start = first, then, switch, start

    def __iter__(self) -> Iterator[Lesson]:
        place = self._start
        if place < self._switch:
            for lesson in lessons(self._first, place, _writer):
                yield lesson
                place += 1
                if place == self._switch:
                    break
        yield from lessons(self._then, place, _writer)


def _writer() -> PromptWriter:
    tokenizer = AutoTokenizer.from_pretrained(checkpoint_folder("tiny"))
    return PromptWriter(
        "compact", MOST_OBJECTS, METADATA_TOKENS, FEEDBACK_TOKENS, partial(count_tokens, tokenizer)
    )
