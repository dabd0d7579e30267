"""The model that learns the lessons: the solver's network with all weights trained, and a head that is thrown away.

A step's loss is the mean cross-entropy of answer tokens, that of proposals' tokens, once more that of their first, the
family, and that of what each video token shows: categories, depth and places, by a linear head on the language model's
last layer. Without that dense signal the tower learns nothing from answers of two tokens (measured: counting stays at
its prior). Places are those of the cameras and of what they see, from where the first camera stands: to tell them is to
know how the camera moves.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, smooth_l1_loss

from lightning_ouro.bootstrap.lessons import CATEGORIES, Lesson
from lightning_ouro.bootstrap.optimizer import MuonAndAdamW
from lightning_ouro.solver.attention import use_shared_prefix
from lightning_ouro.solver.encoding import Row, RowEncoder
from lightning_ouro.solver.features import VisionTower
from lightning_ouro.solver.loading import Init, load
from lightning_ouro.solver.packing import Packed, pack
from lightning_ouro.solver.shared_prefix import hidden_states

LET_DOWN = 1 / 3  # of the steps, at the end
PLACES = 18  # numbers that a token is asked for, `Cells.places`


class BootstrapModule(L.LightningModule):
    """A tiny Qwen3-VL that learns to see and to propose.

    Args:
        checkpoint: Whose configuration and tokenizer; `tiny`, or a folder with weights to go on from.
        init: Draw weights, or read them.
        lr: AdamW's, of embeddings, biases and gains.
        muon_lr: Muon's, of all other matrices.
        warmup_steps: Until the rates are reached; they fall in the last third of the trainer's max_steps.
        weight_decay: Of matrices and embeddings.
        seeing: Weight of what the video tokens show.
        answering: Weight of answers.
        proposing: Weight of proposals.
        obeying: Additional weight of a proposal's first token, its family: it has to follow the prompt's weights.
        seed: Of drawn weights; the command line takes it from --seed_everything.
    """

    def __init__(
        self,
        checkpoint: str = "tiny",
        init: Init = "random",
        lr: float = 3e-3,
        muon_lr: float = 5e-3,
        warmup_steps: int = 100,
        weight_decay: float = 0.05,
        seeing: float = 1.0,
        answering: float = 3.0,
        proposing: float = 2.0,
        obeying: float = 2.0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.lr, self.muon_lr = lr, muon_lr
        self.warmup_steps, self.weight_decay = warmup_steps, weight_decay
        self.weights = dict.fromkeys(("cells", "depth", "places"), seeing)
        self.weights |= {"answers": answering, "proposals": proposing, "families": obeying}
        self.loaded = load(checkpoint, init, None, seed)
        use_shared_prefix(self.loaded.qwen)
        self.net = self.loaded.net
        config = self.loaded.qwen.config
        self.encoder = RowEncoder(self.loaded.tokenizer, config, self.loaded.spec)
        self.tower = VisionTower(self.loaded.qwen, self.loaded.spec)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.cells = nn.Linear(config.text_config.hidden_size, len(CATEGORIES) + 1 + PLACES)

    def configure_optimizers(self) -> Any:
        """Muon and AdamW, warmed up, held, and let down to a hundredth in the last third of max_steps.

        Rates that are held let a run be prolonged: only its end depends on where it ends.
        """
        embeds = self.loaded.qwen.get_input_embeddings().weight
        inside = [
            weight
            for name, weight in self.net.named_parameters()
            if weight.ndim == 2 and weight is not embeds
        ]
        others = [weight for weight in self.parameters() if weight.ndim == 1]
        taken = {id(weight) for weight in (*inside, *others)}
        rest = [weight for weight in self.parameters() if id(weight) not in taken]
        optimizer = MuonAndAdamW(inside, rest, others, self.lr, self.muon_lr, self.weight_decay)
        last = self.trainer.max_steps

        def factor(step: int) -> float:
            left = (last - step) / (LET_DOWN * last) if last > 0 else 1.0
            return min(1.0, (step + 1) / self.warmup_steps, max(0.01, left))

        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def training_step(self, batch: list[Lesson], batch_idx: int) -> Tensor:
        """Answers, proposals and cells in one pass."""
        losses = self.losses(batch)
        self.log_dict(
            {f"train/{name}": loss.detach() for name, loss in losses.items()}, prog_bar=True, batch_size=1
        )
        weighted = [self.weights[name] * loss for name, loss in losses.items()]
        return sum(weighted, torch.zeros((), device=self.device))

    def validation_step(self, batch: list[Lesson], batch_idx: int) -> None:
        """The same on held-out lessons."""
        losses = self.losses(batch)
        found = {f"val/{name}": loss for name, loss in losses.items()}
        self.log_dict(found, prog_bar=True, batch_size=len(batch), sync_dist=True)

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
        found = self._seen(hidden, packed, batch)
        if len(packed.target_ids):
            questions = sum(len(row.suffixes) for row in asked)
            loss = cross_entropy(
                self.loaded.qwen.lm_head(hidden[packed.target_index]), packed.target_ids, reduction="none"
            )
            is_answer = packed.target_question < questions
            if is_answer.any():
                found["answers"] = loss[is_answer].mean()
            if not is_answer.all():
                found["proposals"] = loss[~is_answer].mean()
                is_first = packed.target_question.diff(prepend=packed.target_question[:1] - 1) > 0
                found["families"] = loss[~is_answer & is_first].mean()
        return found

    def _asked(self, lesson: Lesson) -> Row:
        prompts, answers = [q.prompt for q in lesson.questions], [q.answer for q in lesson.questions]
        return self.encoder.row(lesson.video, prompts, answers)

    def _told(self, lesson: Lesson) -> Row:
        return self.encoder.replies(None if lesson.is_short else lesson.video, lesson.prompt, lesson.replies)

    def _seen(self, hidden: Tensor, packed: Packed, batch: list[Lesson]) -> dict[str, Tensor]:
        """What the head says of the video's tokens against what they show."""
        is_shown = (packed.ids == self.loaded.qwen.config.video_token_id) & (packed.rows < len(batch))
        said = self.cells(hidden[is_shown])
        there = torch.from_numpy(np.concatenate([lesson.cells.categories for lesson in batch])).to(said)
        depth = torch.from_numpy(np.concatenate([lesson.cells.depth for lesson in batch])).to(said)
        places = torch.from_numpy(np.concatenate([lesson.cells.places for lesson in batch])).to(said)
        names = len(CATEGORIES)
        return {
            "cells": binary_cross_entropy_with_logits(said[:, :names], there, reduction="none")
            .sum(dim=1)
            .mean(),
            "depth": smooth_l1_loss(said[:, names], depth, beta=0.1),
            "places": smooth_l1_loss(said[:, names + 1 :], places, beta=0.5),
        }
