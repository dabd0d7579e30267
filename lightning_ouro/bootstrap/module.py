"""The module that learns the lessons: the solver's network, all weights trained, and a temporary head.

A step's loss is a weighted sum of mean losses: the cross-entropy of answers, of proposals, and once more of
the first token of each proposal, its family; and the loss of a linear head on the language model's last layer
that says what each video token shows: categories, depth and places. Without this dense signal the vision
tower learns nothing from answers of two tokens (measured: counting stays at its prior). Places are the
positions of the cameras and of what they see, in the coordinates of the first camera; a model that can tell
them knows how the camera moves.
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

from lightning_ouro.bootstrap.cells import CATEGORIES, NUM_PLACES
from lightning_ouro.bootstrap.lessons import Lesson
from lightning_ouro.bootstrap.optimizer import MuonAndAdamW
from lightning_ouro.solver.attention import use_shared_prefix
from lightning_ouro.solver.encoding import Row, RowEncoder
from lightning_ouro.solver.features import VisionTower
from lightning_ouro.solver.loading import Init, load
from lightning_ouro.solver.packing import Packed, pack
from lightning_ouro.solver.prompt_form import PromptChoice, VideoForm
from lightning_ouro.solver.shared_prefix import hidden_states

# Chosen by hand, like the defaults below.
DECAY_SHARE = 1 / 3  # of all steps, at the end, in which the learning rates fall
FINAL_FACTOR = 0.01  # of the learning rates, at the end
# Errors below which the smooth L1 losses are quadratic, in log metres and metres.
DEPTH_BETA, PLACES_BETA = 0.1, 0.5


class BootstrapModule(L.LightningModule):
    """A tiny Qwen3-VL that learns to see and to propose.

    Args:
        checkpoint: Where configuration and tokenizer come from: tiny, or a folder with a checkpoint.
        init: random initializes the weights randomly from `seed`; pretrained reads those of the checkpoint.
        lr: Learning rate of AdamW, for embeddings, biases and gains.
        muon_lr: Learning rate of Muon, for all other matrices.
        warmup_steps: Number of steps, at least 1, over which both rates rise from 0; they fall again in the
            last third of trainer.max_steps.
        weight_decay: Weight decay of matrices and embeddings.
        seeing: Loss weight of what the video tokens show.
        answering: Loss weight of answers.
        proposing: Loss weight of proposals.
        obeying: Additional loss weight of a proposal's first token, its family, which has to follow the
            weights in the prompt.
        video_form: Marks around a video in the prompt, which the weights then remember: as model.video_form of fit.
        seed: Seed of the initial weights; the command line sets it to --seed_everything.
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
        video_form: VideoForm = "auto",
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
        self.prompts = PromptChoice(checkpoint, init, video_form)
        self.encoder = RowEncoder(self.loaded.tokenizer, config, self.loaded.spec, self.prompts.form)
        self.tower = VisionTower(self.loaded.qwen, self.loaded.spec)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.cells = nn.Linear(config.text_config.hidden_size, len(CATEGORIES) + 1 + NUM_PLACES)

    def resolved_options(self) -> dict[str, Any]:
        """Options as they turned out, for the record of the run."""
        return {"video_form": self.prompts.form.video_form}

    def configure_optimizers(self) -> Any:
        """Muon and AdamW with a warm-up, a plateau, and a linear decay to a hundredth in the last third.

        The plateau allows a run to be prolonged: only its last third depends on where it ends.
        """
        embeddings = self.loaded.qwen.get_input_embeddings().weight
        matrices = [
            weight
            for name, weight in self.net.named_parameters()
            if weight.ndim == 2 and weight is not embeddings
        ]
        vectors = [weight for weight in self.parameters() if weight.ndim == 1]
        taken = {id(weight) for weight in (*matrices, *vectors)}
        rest = [weight for weight in self.parameters() if id(weight) not in taken]
        optimizer = MuonAndAdamW(matrices, rest, vectors, self.lr, self.muon_lr, self.weight_decay)
        last = self.trainer.max_steps

        def factor(step: int) -> float:
            decay = (last - step) / (DECAY_SHARE * last) if last > 0 else 1.0
            return min(1.0, (step + 1) / self.warmup_steps, max(FINAL_FACTOR, decay))

        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def training_step(self, batch: list[Lesson], batch_idx: int) -> Tensor:
        """All losses in one forward pass."""
        losses = self.losses(batch)
        logged = {f"train/{name}": loss.detach() for name, loss in losses.items()}
        self.log_dict(logged, prog_bar=True, batch_size=1)
        weighted = [self.weights[name] * loss for name, loss in losses.items()]
        return sum(weighted, torch.zeros((), device=self.device))

    def validation_step(self, batch: list[Lesson], batch_idx: int) -> None:
        logged = {f"val/{name}": loss for name, loss in self.losses(batch).items()}
        self.log_dict(logged, prog_bar=True, batch_size=len(batch), sync_dist=True)

    def on_validation_end(self) -> None:
        """Writes the weights to the run's folder, where any other command can load them."""
        folder = self.trainer.log_dir
        if folder is not None and self.trainer.is_global_zero and not self.trainer.sanity_checking:
            self.save(Path(folder) / "weights")

    def save(self, folder: Path) -> None:
        """Writes a bfloat16 checkpoint without the head, which says how it was asked."""
        qwen = copy.deepcopy(self.loaded.qwen).to("cpu", torch.bfloat16)
        self.prompts.form.write(qwen.config)
        qwen.save_pretrained(folder)
        self.loaded.tokenizer.save_pretrained(folder)

    def losses(self, batch: list[Lesson]) -> dict[str, Tensor]:
        """The mean losses by name; those of answers and proposals are missing if the lessons have none."""
        question_rows = [self._question_row(lesson) for lesson in batch]
        proposal_rows = [self._proposal_row(lesson) for lesson in batch if lesson.replies]
        rows = (*question_rows, *proposal_rows)
        packed = pack(rows).to(self.device)
        features = self.tower.features([row.video for row in rows if row.video is not None])
        hidden = hidden_states(self.loaded.qwen, packed, features)
        losses = self._seeing_losses(hidden, packed, batch)
        if len(packed.target_ids):
            logits = self.loaded.qwen.lm_head(hidden[packed.target_index])
            token_losses = cross_entropy(logits, packed.target_ids, reduction="none")
            is_answer = packed.target_question < sum(len(row.suffixes) for row in question_rows)
            if is_answer.any():
                losses["answers"] = token_losses[is_answer].mean()
            if not is_answer.all():
                losses["proposals"] = token_losses[~is_answer].mean()
                is_first = packed.target_question.diff(prepend=packed.target_question[:1] - 1) > 0
                losses["families"] = token_losses[~is_answer & is_first].mean()
        return losses

    def _question_row(self, lesson: Lesson) -> Row:
        prompts, answers = [q.prompt for q in lesson.questions], [q.answer for q in lesson.questions]
        return self.encoder.row(lesson.video, prompts, answers)

    def _proposal_row(self, lesson: Lesson) -> Row:
        return self.encoder.row_of_replies(
            None if lesson.is_short else lesson.video, lesson.prompt, lesson.replies
        )

    def _seeing_losses(self, hidden: Tensor, packed: Packed, batch: list[Lesson]) -> dict[str, Tensor]:
        """The head's losses at the video tokens of the question rows, which come first in the batch."""
        is_video = (packed.ids == self.loaded.qwen.config.video_token_id) & (packed.rows < len(batch))
        predicted = self.cells(hidden[is_video])
        categories, depth, places = (
            torch.from_numpy(np.concatenate([getattr(lesson.cells, name) for lesson in batch])).to(predicted)
            for name in ("categories", "depth", "places")
        )
        n = len(CATEGORIES)
        per_category = binary_cross_entropy_with_logits(predicted[:, :n], categories, reduction="none")
        return {
            "cells": per_category.sum(dim=1).mean(),
            "depth": smooth_l1_loss(predicted[:, n], depth, beta=DEPTH_BETA),
            "places": smooth_l1_loss(predicted[:, n + 1 :], places, beta=PLACES_BETA),
        }
