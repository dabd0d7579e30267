"""The model that learns the lessons: the solver's network with all weights trained, and a head that is thrown away.

A step's loss is the mean cross-entropy of answer tokens, that of proposals' tokens, and that of what each video token
shows: categories and depth, by a linear head on the language model's last layer. Without that dense signal the tower
learns nothing from answers of two tokens (measured: counting stays at its prior).
"""

from __future__ import annotations

import copy
import math
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, smooth_l1_loss

from lightning_ouro.bootstrap.lessons import CATEGORIES, Lesson
from lightning_ouro.solver.attention import use_shared_prefix
from lightning_ouro.solver.encoding import Row, RowEncoder
from lightning_ouro.solver.features import VisionTower
from lightning_ouro.solver.loading import Init, load
from lightning_ouro.solver.packing import Packed, pack
from lightning_ouro.solver.shared_prefix import hidden_states


class BootstrapModule(L.LightningModule):
    """A tiny Qwen3-VL that learns to see and to propose.

    Args:
        checkpoint: Whose configuration and tokenizer; `tiny`, or a folder with weights to go on from.
        init: Draw weights, or read them.
        lr: AdamW's at its highest.
        warmup_steps: Until it is reached; it then falls like a cosine until the trainer's max_steps.
        weight_decay: Of matrices.
        seeing: Weight of what the video tokens show.
        seed: Of drawn weights; the command line takes it from --seed_everything.
    """

    def __init__(
        self,
        checkpoint: str = "tiny",
        init: Init = "random",
        lr: float = 2e-3,
        warmup_steps: int = 200,
        weight_decay: float = 0.05,
        seeing: float = 2.0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.lr, self.warmup_steps, self.weight_decay, self.seeing = lr, warmup_steps, weight_decay, seeing
        self.loaded = load(checkpoint, init, None, seed)
        use_shared_prefix(self.loaded.qwen)
        self.net = self.loaded.net
        config = self.loaded.qwen.config
        self.encoder = RowEncoder(self.loaded.tokenizer, config, self.loaded.spec)
        self.tower = VisionTower(self.loaded.qwen, self.loaded.spec)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.cells = nn.Linear(config.text_config.hidden_size, len(CATEGORIES) + 1)

    def configure_optimizers(self) -> Any:
        """AdamW, warmed up, then a cosine down to a hundredth."""
        matrices = [weight for weight in self.parameters() if weight.ndim > 1]
        others = [weight for weight in self.parameters() if weight.ndim <= 1]
        groups = [{"params": matrices, "weight_decay": self.weight_decay}, {"params": others, "weight_decay": 0.0}]
        optimizer = torch.optim.AdamW(groups, lr=self.lr, betas=(0.9, 0.98))
        last = self.trainer.max_steps

        def factor(step: int) -> float:
            warm = min(1.0, (step + 1) / self.warmup_steps)
            return warm * (0.01 + 0.99 * (1 + math.cos(math.pi * min(1.0, step / last))) / 2)

        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def training_step(self, batch: list[Lesson], batch_idx: int) -> Tensor:
        """Answers, proposals and cells in one pass."""
        losses = self.losses(batch)
        self.log_dict({f"train/{name}": loss.detach() for name, loss in losses.items()}, prog_bar=True, batch_size=1)
        return sum(losses.values(), torch.zeros((), device=self.device))

    def validation_step(self, batch: list[Lesson], batch_idx: int) -> None:
        """The same on held-out lessons, and how often a category that is there is found."""
        losses = self.losses(batch)
        self.log_dict({f"val/{name}": loss for name, loss in losses.items()}, prog_bar=True, batch_size=len(batch))

    def on_validation_end(self) -> None:
        """Writes the weights beside the run's checkpoints, as any other command loads them."""
        folder = self.trainer.log_dir
        if folder is not None and self.trainer.is_global_zero and not self.trainer.sanity_checking:
            self.save(Path(folder) / "weights")

    def save(self, folder: Path) -> None:
        """A checkpoint with half the bits, without the head."""
        qwen = copy.deepcopy(self.loaded.qwen).to("cpu", torch.bfloat16)
        qwen.save_pretrained(folder)
        self.loaded.tokenizer.save_pretrained(folder)

    def losses(self, batch: list[Lesson]) -> dict[str, Tensor]:
        """Mean losses by what they teach."""
        asked = [self._asked(lesson) for lesson in batch]
        told = [self._told(lesson) for lesson in batch if lesson.replies]
        packed = pack([*asked, *told]).to(self.device)
        features = self.tower.features([row.video for row in (*asked, *told) if row.video is not None])
        hidden = hidden_states(self.loaded.qwen, packed, features)
        found = {"cells": self.seeing * self._cells_loss(hidden, packed, batch)}
        if len(packed.target_ids):
            questions = sum(len(row.suffixes) for row in asked)
            loss = cross_entropy(
                self.loaded.qwen.lm_head(hidden[packed.target_place]), packed.target_ids, reduction="none"
            )
            is_answer = packed.target_question < questions
            if is_answer.any():
                found["answers"] = loss[is_answer].mean()
            if not is_answer.all():
                found["proposals"] = loss[~is_answer].mean()
        return found

    def _asked(self, lesson: Lesson) -> Row:
        prompts, answers = [q.prompt for q in lesson.questions], [q.answer for q in lesson.questions]
        return self.encoder.row(lesson.video, prompts, answers)

    def _told(self, lesson: Lesson) -> Row:
        return self.encoder.replies(lesson.video, lesson.prompt, lesson.replies)

    def _cells_loss(self, hidden: Tensor, packed: Packed, batch: list[Lesson]) -> Tensor:
        is_shown = (packed.ids == self.loaded.qwen.config.video_token_id) & (packed.rows < len(batch))
        said = self.cells(hidden[is_shown])
        there = torch.from_numpy(np.concatenate([lesson.cells.categories for lesson in batch])).to(said)
        depth = torch.from_numpy(np.concatenate([lesson.cells.depth for lesson in batch])).to(said)
        categories = binary_cross_entropy_with_logits(said[:, :-1], there, reduction="none").sum(dim=1).mean()
        return categories + smooth_l1_loss(said[:, -1], depth, beta=0.1)
