"""The solver as a LightningModule: batch, forward, loss, log.

What validation and test measure is in `held_out`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, final

import lightning as L
import torch
from torch import Tensor

from lightning_ouro.curriculum.loss_weights import LossKind
from lightning_ouro.errors import InputError, check_least
from lightning_ouro.evaluation import metrics
from lightning_ouro.scenes.types import FrameBudget, Video
from lightning_ouro.solver import answering, run_checkpoint, sharding, shared_prefix
from lightning_ouro.solver.attention import use_shared_prefix
from lightning_ouro.solver.base_identity import fingerprint_as_read
from lightning_ouro.solver.batches import EvalBatch, SceneRow, TrainBatch, questions_of
from lightning_ouro.solver.checkpoint import read_config
from lightning_ouro.solver.divergence import StopWhenDiverged
from lightning_ouro.solver.encoding import Row, RowEncoder
from lightning_ouro.solver.feature_cache import FeatureCache, FeatureSettings
from lightning_ouro.solver.feature_format import Features
from lightning_ouro.solver.features import VisionTower
from lightning_ouro.solver.held_out import HeldOutMeans
from lightning_ouro.solver.loading import (
    Init,
    LoadedModel,
    Lora,
    Precision,
    Trained,
    as_base,
    enable_gradient_checkpointing,
    load,
)
from lightning_ouro.solver.loss import ConfidenceWeightedLoss
from lightning_ouro.solver.memory_estimate import MicroBatch, range_of_estimates
from lightning_ouro.solver.out_of_memory import explain_out_of_memory
from lightning_ouro.solver.packing import pack
from lightning_ouro.solver.prompt_form import PromptChoice, PromptForm, VideoForm, form_of_run


@final
class SolverModule(L.LightningModule):
    """Qwen3-VL, trained on questions weighted by the confidence in their answers.

    Args:
        checkpoint: `tiny`, which ships with the package; a local folder; or a hub name such as
            Qwen/Qwen3-VL-4B-Instruct.
        init: Whether to read the checkpoint's weights (pretrained) or to initialize them randomly from `seed` (random).
        lora: Low-rank adapter on the language model, with all other weights frozen; null trains the weights themselves.
        lr: Learning rate of AdamW, constant, above 0. 1e-3 suits the tiny model, 1e-4 an adapter on Qwen3-VL, 1e-6 full
            fine-tuning of Qwen3-VL.
        weight_decay: Weight decay of AdamW, at least 0.
        train: Weights that are trained without an adapter: all, or language_model, which freezes vision tower and
            merger.
        dtype: Type of the weights; auto keeps the checkpoint's.
        gradient_checkpointing: Whether to recompute layers in the backward pass instead of keeping their activations:
            about a third more time, a fraction of the memory.
        features: Cache of a frozen vision tower's features.
        loss: Weight of a sample by its skill s: uniform (1), frontier max(0.1, 4s(1-s)) or focal max(0.1, (1-s)^2).
        max_new_tokens: Length at which replies are cut off, in tokens, at least 1; VSI-Bench allows 16.
        video_form: Marks around a video in the prompt: wrapped (as transformers writes since 5.10), plain (before), or
            auto: as the weights were trained if this package made them, else as the installed transformers writes.
        system_prompt: What the system's turn says, before the user's; null: as the weights were trained, or no such
            turn.
        seed: Seed of random weights and of the adapter; the command line sets it by --seed_everything.
    """

    def __init__(
        self,
        checkpoint: str = "tiny",
        init: Init = "pretrained",
        lora: Lora | None = Lora(),  # noqa: B008  frozen, so all calls may share one instance
        lr: float = 1e-3,
        weight_decay: float = 0.0,
        train: Trained = "all",
        dtype: Precision = "auto",
        gradient_checkpointing: bool = False,
        features: FeatureSettings = FeatureSettings(),  # noqa: B008  likewise frozen
        loss: LossKind = "focal",
        max_new_tokens: int = 16,
        video_form: VideoForm = "auto",
        system_prompt: str | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if not lr > 0:
            raise InputError(f"model.lr={lr} must be above 0")
        check_least("model", {"weight_decay": (weight_decay, 0), "max_new_tokens": (max_new_tokens, 1)})
        self.checkpoint, self.lora, self.seed = checkpoint, lora, seed
        self.init: Init = init
        self.lr, self.weight_decay = lr, weight_decay
        self.train_weights: Trained = train
        self.dtype_of_weights: Precision = dtype
        self.gradient_checkpointing = gradient_checkpointing
        self.feature_settings = features
        self.max_new_tokens = max_new_tokens
        self.prompts = PromptChoice(checkpoint, init, video_form, system_prompt)
        self.weighted_loss = ConfidenceWeightedLoss(loss)
        self.loaded: LoadedModel | None = None
        self.sharding: sharding.Sharding | None = None
        self.held_out: HeldOutMeans | None = None
        self.last_step: int | None = None  # the optimizer step at which loaded weights were saved
        # Of the micro-batch in progress; what is said of a failure names them.
        self.training_rows, self.training_losses = tuple[SceneRow, ...](), torch.zeros(0)
        # Checkpoints lack frozen weights; on_load_checkpoint checks the trained ones.
        self.strict_loading = False

    def setup(self, stage: str) -> None:
        """Refuses an unsupported strategy before the model is built."""
        sharding.check_trainer(self.trainer)
        self.sharding = sharding.sharding_of(self.trainer, stage)

    def configure_model(self) -> None:
        """Builds the model once; Lightning calls this again for every fit, validate, test and predict."""
        if self.loaded is not None:
            return
        self.loaded = load(
            self.checkpoint, self.init, self.lora, self.seed, self.train_weights, self.dtype_of_weights
        )
        qwen = self.loaded.qwen
        use_shared_prefix(qwen)
        if self.gradient_checkpointing:
            enable_gradient_checkpointing(qwen)
        self.net = self.loaded.net
        self.base_fingerprint = fingerprint_as_read(self.checkpoint, self.init, self.seed, self.loaded)
        self.encoder = RowEncoder(self.loaded.tokenizer, qwen.config, self.loaded.spec, self.prompts.form)
        self.prompts.form.write(qwen.config)  # so that weights that are saved from here say it
        self.tower = VisionTower(qwen, self.loaded.spec, FeatureCache(self.feature_settings))
        if self.sharding is not None:
            sharding.shard(self, qwen, self.sharding, forward_methods=("score_rows", "_reply"))

    def configure_callbacks(self) -> list[L.Callback]:
        return [sharding.UnshardDuringEval(), StopWhenDiverged()]

    def memory_needed(
        self, frames: FrameBudget, questions: int, questions_per_row: int, precision: str
    ) -> str:
        """One line that estimates the memory of training, with the fewest and the most videos per micro-batch.

        Args:
            frames: Number and size of a scene's frames.
            questions: Questions per micro-batch.
            questions_per_row: Largest number of questions that share a video.
            precision: The trainer's precision.
        """
        fewest = MicroBatch.of(frames, questions, questions_per_row, self.gradient_checkpointing, precision)
        model = (read_config(self.checkpoint), self.lora, self.train_weights, self.dtype_of_weights)
        devices = self.trainer.world_size if sharding.is_sharded(self.trainer.strategy) else 1
        return range_of_estimates(*model, fewest, questions, devices)

    def resolved_options(self) -> dict[str, Any]:
        """Options as they turned out, for the record of the run."""
        return asdict(self.prompts.form)

    def ask_as(self, saved: PromptForm, owner: str = "ckpt_path: the checkpoint") -> None:
        """Asks from now on as weights were trained that are about to be loaded; refuses other options."""
        self.prompts.follow(saved, owner)
        if self.loaded is not None:
            self.encoder = self.encoder.written_as(saved)
            saved.write(self.loaded.qwen.config)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        trained = [parameter for parameter in self.parameters() if parameter.requires_grad]
        return torch.optim.AdamW(trained, lr=self.lr, weight_decay=self.weight_decay)

    def on_train_start(self) -> None:
        """Lets a changed `lr` take precedence over the optimizer state of a resumed checkpoint."""
        for optimizer in self.trainer.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = self.lr

    def training_step(self, batch: TrainBatch, batch_idx: int) -> dict[str, Any]:
        """Loss and confidence from one pass over the rows; ClosedLoop reads question_ids and confidences."""
        self.training_rows = batch.rows
        questions = questions_of(batch.rows)
        with explain_out_of_memory(batch.rows):
            scored = self.score_rows([self.encode(row, row.video) for row in batch.rows])
        self.training_losses = scored.loss.detach()
        chances = [chance for row in batch.rows for chance in row.chances]
        loss = self.weighted_loss(scored.loss, scored.confidence, chances)
        means = {
            "train/loss": loss.detach(),
            "train/loss_unweighted": scored.loss.mean().detach(),
            "train/confidence": scored.confidence.mean(),
        }
        self.log_dict(means, batch_size=len(questions), sync_dist=True)
        return {
            "loss": loss,
            "question_ids": [question.id for question in questions],
            "confidences": scored.confidence.tolist(),
        }

    def backward(self, loss: Tensor) -> None:
        """Lightning's backward pass, with an out-of-memory error that names the batch."""
        with explain_out_of_memory(self.training_rows):
            super().backward(loss)

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """All micro-batches of the step are done: the step's mean weight normalises the next step."""
        self.weighted_loss.end_step()

    def validation_step(self, batch: EvalBatch, batch_idx: int) -> None:
        """Adds what the batch measures to the means of its sets and families."""
        if self.held_out is None or self.held_out.families != batch.families:
            self.held_out = HeldOutMeans(batch.families, self.device)
        with explain_out_of_memory(batch.rows):
            self.held_out.measure(self, batch)

    test_step = validation_step

    def on_validation_epoch_end(self) -> None:
        self._log_results("val")

    def on_test_epoch_end(self) -> None:
        self._log_results("test")

    def predict_step(self, batch: EvalBatch, batch_idx: int) -> list[dict[str, Any]]:
        """One record per question: its set, prompt, answer, reply and score."""
        with explain_out_of_memory(batch.rows):
            replies = self.replies(batch.rows)
        return [
            metrics.reply_record(question, name, reply)
            for (name, question), reply in zip(batch.questions(), replies, strict=True)
        ]

    def encode(self, row: SceneRow, video: Video | None, with_answers: bool = True) -> Row:
        """Tokens of a scene's questions after a video, or without one."""
        answers = [question.answer if with_answers else None for question in row.questions]
        return self.encoder.row(video, [question.prompt for question in row.questions], answers)

    def score_rows(self, rows: Sequence[Row]) -> shared_prefix.Scored:
        """Loss and confidence of every question of the rows."""
        assert self.loaded is not None, "configure_model comes first"
        return shared_prefix.score(self.loaded.qwen, pack(rows).to(self.device), self.features_of(rows))

    def features_of(self, rows: Sequence[Row]) -> Features | None:
        """Vision features of the rows' videos."""
        return self.tower.features([row.video for row in rows if row.video is not None])

    def base_confidences(self, rows: Sequence[Row]) -> list[float]:
        """Confidence of the base in each answer of the rows; without an adapter, the base is the solver itself."""
        assert self.loaded is not None, "configure_model comes first"
        with as_base(self.loaded.net):
            return self.score_rows(rows).confidence.tolist()

    def replies(self, rows: Sequence[SceneRow]) -> list[str]:
        """Greedy replies to all questions of the rows."""
        encoded = [self.encode(row, row.video, with_answers=False) for row in rows]
        return self._reply(encoded, answering.greedily, self.max_new_tokens)

    def generate_from_base(
        self, rows: Sequence[Row], choose: answering.Choose, max_new_tokens: int
    ) -> list[str]:
        """The base's replies to rows, with tokens chosen by `choose`: this is how the model proposes."""
        assert self.loaded is not None, "configure_model comes first"
        with as_base(self.loaded.net):
            return self._reply(rows, choose, max_new_tokens)

    def _reply(self, rows: Sequence[Row], choose: answering.Choose, max_new_tokens: int) -> list[str]:
        assert self.loaded is not None, "configure_model comes first"
        packed = pack(rows).to(self.device)
        return answering.reply_texts(self.loaded, packed, self.features_of(rows), max_new_tokens, choose)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keeps trained weights only, with a record of the base that they belong to."""
        sharded = sharding.is_sharded(self.trainer.strategy)
        buffers = {"weighted_loss.previous_mean"}
        run_checkpoint.keep_trained(checkpoint, self._trained_names(), buffers, self._base_record(), sharded)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuses a checkpoint that does not fit this run or its strategy."""
        self.last_step = checkpoint.get("global_step", 1) - 1
        self.ask_as(form_of_run(checkpoint))
        run_checkpoint.check_loadable(checkpoint, self._trained_names(), self._base_record())
        sharding.check_resume(self.sharding, was_sharded=checkpoint.get("sharded", False))

    def _trained_names(self) -> set[str]:
        return {name for name, parameter in self.named_parameters() if parameter.requires_grad}

    def _base_record(self) -> dict[str, Any]:
        base = (self.checkpoint, self.init, self.lora, self.base_fingerprint)
        return run_checkpoint.base_record(*base, self.prompts.form)

    def _log_results(self, stage: str) -> None:
        assert self.held_out is not None, "at least one batch was evaluated"
        is_fit = self.trainer.state.fn == "fit"
        # The base, evaluated alone, has no place on a run's curve.
        where = None if is_fit or self.last_step is not None else False
        self.log_dict(self.held_out.curves(stage), logger=where)
        if not is_fit and self.last_step is not None:  # else they would stand at step 0
            self.log("step", float(self.last_step))
        self.held_out.reset()
