"""The solver as a LightningModule: batch, forward, loss, log.

Validation asks the fixed questions three ways: teacher-forced behind their own video (`loss`), behind another scene's
video (`sight` is how much that loses: above 0 the solver sees, at 0 it guesses), and greedily (`score`, VSI-Bench's
accuracy or mean relative accuracy).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Literal

import lightning as L
import torch
from torch import Tensor

from lightning_ouro.curriculum.loss_weights import LossKind
from lightning_ouro.errors import InputError
from lightning_ouro.evaluation import metrics
from lightning_ouro.scenes.types import FrameBudget, Video
from lightning_ouro.solver import answering, shared_prefix
from lightning_ouro.solver.attention import use_shared_prefix
from lightning_ouro.solver.batches import EvalBatch, SceneRow, TrainBatch
from lightning_ouro.solver.checkpoint import read_config
from lightning_ouro.solver.encoding import Row, RowEncoder
from lightning_ouro.solver.feature_cache import FeatureCache, Features, FeatureSettings
from lightning_ouro.solver.features import VisionTower
from lightning_ouro.solver.loading import (
    LoadedModel,
    Lora,
    Precision,
    Trained,
    as_base,
    enable_gradient_checkpointing,
    load,
)
from lightning_ouro.solver.loss import ConfidenceWeightedLoss
from lightning_ouro.solver.memory_estimate import MicroBatch, estimate
from lightning_ouro.solver.out_of_memory import explain_out_of_memory
from lightning_ouro.solver.packing import pack
from lightning_ouro.solver.per_family_mean import PerFamilyMean
from lightning_ouro.solver.sharding import UnshardDuringEval, check_resume, check_trainer, is_sharded, shard

QUANTITIES = ("loss", "sight", "score")


class SolverModule(L.LightningModule):
    """Qwen3-VL that learns from confidence-weighted questions.

    Args:
        checkpoint: `tiny` (ships with the package), a local folder, or a hub name such as Qwen/Qwen3-VL-4B-Instruct.
        init: Read the checkpoint's weights, or draw them from `seed`.
        lora: Train a low-rank adapter on the language model; null trains all weights.
        lr: Learning rate of AdamW, constant; 1e-4 suits LoRA, 1e-6 full fine-tuning of a pretrained model.
        weight_decay: Of AdamW.
        train: Without an adapter: all weights, or language_model, which freezes vision tower and merger.
        dtype: Of the weights; auto: as the checkpoint has them.
        gradient_checkpointing: Compute layers again in the backward pass instead of keeping what they gave: a third
            more time, a fraction of the memory.
        features: How much of what a frozen vision tower gave for a video is kept.
        loss: How a sample's loss is weighted by its skill: uniform, frontier (4s(1-s)) or focal ((1-s)^2). On the tiny
            model frontier forgets what is still hard: validation loss 1.61 after three rounds against 1.07.
        max_new_tokens: Replies are cut there; VSI-Bench allows 16.
        seed: Of drawn weights; the command line takes it from --seed_everything.
    """

    def __init__(
        self,
        checkpoint: str = "tiny",
        init: Literal["pretrained", "random"] = "pretrained",
        lora: Lora | None = None,
        lr: float = 1e-4,
        weight_decay: float = 0.0,
        train: Trained = "all",
        dtype: Precision = "auto",
        gradient_checkpointing: bool = False,
        features: FeatureSettings = FeatureSettings(),  # noqa: B008  frozen, so one instance may serve all
        loss: LossKind = "focal",
        max_new_tokens: int = 16,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if not lr > 0:
            raise InputError(f"model.lr={lr} must be above 0")
        self.checkpoint, self.init, self.lora, self.seed = checkpoint, init, lora, seed
        self.lr, self.weight_decay = lr, weight_decay
        self.train_weights: Trained = train
        self.dtype_of_weights: Precision = dtype
        self.gradient_checkpointing = gradient_checkpointing
        self.feature_settings = features
        self.max_new_tokens = max_new_tokens
        self.weighted_loss = ConfidenceWeightedLoss(loss)
        self.loaded: LoadedModel | None = None
        self.results: PerFamilyMean | None = None
        self._rows: Sequence[SceneRow] = ()  # of the batch that is being trained
        self.strict_loading = (
            False  # a LoRA checkpoint lacks the base; on_load_checkpoint checks what must be there
        )

    def setup(self, stage: str) -> None:
        """Refuses a strategy that does not work before the model is built."""
        check_trainer(self.trainer)

    def configure_model(self) -> None:
        """Builds the model once; Lightning calls this again for every fit, validate, test and predict."""
        if self.loaded is None:
            self.loaded = load(
                self.checkpoint, self.init, self.lora, self.seed, self.train_weights, self.dtype_of_weights
            )
            qwen, spec = self.loaded.qwen, self.loaded.spec
            use_shared_prefix(qwen)
            if self.gradient_checkpointing:
                enable_gradient_checkpointing(qwen)
            self.net = self.loaded.net
            self.encoder = RowEncoder(self.loaded.tokenizer, qwen.config, spec)
            self.tower = VisionTower(qwen, spec, FeatureCache(self.feature_settings))
            if self._trainer is not None and is_sharded(self._trainer.strategy):
                device, precision = self._trainer.strategy.root_device, str(self._trainer.precision)
                shard(self, qwen, device, precision, passes=("score_rows", "_replies"))

    def configure_callbacks(self) -> list[L.Callback]:
        """Keeps ranks from waiting for each other while they evaluate."""
        return [UnshardDuringEval()]

    def memory_needed(
        self, frames: FrameBudget, questions: int, questions_per_row: int, precision: str
    ) -> str:
        """What training takes on one device, estimated, in one line; no weight is read.

        It is for as few videos as the questions can share, and says what it comes to if each has one of its own.

        Args:
            frames: What the model is shown of a scene.
            questions: Of one micro-batch.
            questions_per_row: Of these, as many as share a video at most.
            precision: The trainer's.
        """
        row = min(questions, questions_per_row)
        batch = MicroBatch(frames, row, math.ceil(questions / row), self.gradient_checkpointing, precision)
        devices = self.trainer.world_size if is_sharded(self.trainer.strategy) else 1
        config = read_config(self.checkpoint)
        return estimate(config, self.lora, self.train_weights, self.dtype_of_weights, batch, devices)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW on the weights that are trained."""
        trained = [parameter for parameter in self.parameters() if parameter.requires_grad]
        return torch.optim.AdamW(trained, lr=self.lr, weight_decay=self.weight_decay)

    def on_train_start(self) -> None:
        """Lets a changed `lr` win over the optimizer state of a resumed checkpoint."""
        for optimizer in self.trainer.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = self.lr

    def training_step(self, batch: TrainBatch, batch_idx: int) -> dict[str, Any]:
        """One pass over the rows gives loss, confidence and gradient."""
        self._rows = batch.rows
        questions = [question for row in batch.rows for question in row.questions]
        with explain_out_of_memory(batch.rows):
            scored = self.score_rows([self.encode(row, row.video) for row in batch.rows])
        chances = [chance for row in batch.rows for chance in row.chances]
        loss = self.weighted_loss(scored.loss, scored.confidence, chances)
        means = {
            "train/loss": loss,
            "train/loss_unweighted": scored.loss.mean(),
            "train/confidence": scored.confidence.mean(),
        }
        self.log_dict(
            {name: value.detach() for name, value in means.items()}, batch_size=len(questions), sync_dist=True
        )
        return {
            "loss": loss,
            "question_ids": [question.id for question in questions],
            "confidences": scored.confidence.tolist(),
        }

    def backward(self, loss: Tensor) -> None:
        """Lightning's, with an error that names the batch where memory ends."""
        with explain_out_of_memory(self._rows):
            super().backward(loss)

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """The step is whole: its mean weight normalises the next one."""
        self.weighted_loss.end_step()

    def validation_step(self, batch: EvalBatch, batch_idx: int) -> None:
        """Adds the batch's losses and scores to the family means."""
        if self.results is None or self.results.families != batch.families:
            self.results = PerFamilyMean(batch.families, QUANTITIES).to(self.device)
        with explain_out_of_memory(batch.rows):
            own = self.score_rows([self.encode(row, row.video) for row in batch.rows]).loss.tolist()
            swapped = zip(batch.rows, batch.other_videos, strict=True)
            other = self.score_rows(
                [self.encode(row, video or row.video) for row, video in swapped]
            ).loss.tolist()
            replies = self.replies(batch.rows)
        lonely = [
            video is None
            for row, video in zip(batch.rows, batch.other_videos, strict=True)
            for _ in row.questions
        ]
        questions = [question for row in batch.rows for question in row.questions]
        for place, (question, reply) in enumerate(zip(questions, replies, strict=True)):
            sight = math.nan if lonely[place] else other[place] - own[place]
            score = metrics.score(reply, question.answer, question.unit)
            self.results.update(question.family, (own[place], sight, score))

    def test_step(self, batch: EvalBatch, batch_idx: int) -> None:
        """The same on the test scenes."""
        self.validation_step(batch, batch_idx)

    def on_validation_epoch_end(self) -> None:
        """Logs means per family and over all questions."""
        self._log_results("val")

    def on_test_epoch_end(self) -> None:
        """Logs means per family and over all questions."""
        self._log_results("test")

    def predict_step(self, batch: EvalBatch, batch_idx: int) -> list[dict[str, Any]]:
        """One record a question: its reply, its answer and its score."""
        questions = [question for row in batch.rows for question in row.questions]
        with explain_out_of_memory(batch.rows):
            replies = self.replies(batch.rows)
        return [
            question.to_json()
            | {
                "prompt": question.prompt,
                "reply": reply,
                "score": metrics.score(reply, question.answer, question.unit),
            }
            for question, reply in zip(questions, replies, strict=True)
        ]

    def encode(self, row: SceneRow, video: Video | None, with_answers: bool = True) -> Row:
        """A scene's questions as tokens behind a video, or behind none."""
        answers = [question.answer if with_answers else None for question in row.questions]
        return self.encoder.row(video, [question.prompt for question in row.questions], answers)

    def score_rows(self, rows: Sequence[Row]) -> shared_prefix.Scored:
        """Loss and confidence of every question of the rows."""
        assert self.loaded is not None, "configure_model comes first"
        return shared_prefix.score(self.loaded.qwen, pack(rows).to(self.device), self.features_of(rows))

    def features_of(self, rows: Sequence[Row]) -> Features | None:
        """What the vision tower gives for the rows' videos."""
        return self.tower.features([row.video for row in rows if row.video is not None])

    def base_confidences(self, rows: Sequence[Row]) -> list[float]:
        """Confidence in each answer of the rows under the base (the solver itself where all is trained)."""
        assert self.loaded is not None, "configure_model comes first"
        with as_base(self.loaded.net):
            return self.score_rows(rows).confidence.tolist()

    def replies(self, rows: Sequence[SceneRow]) -> list[str]:
        """Greedy replies to all questions of the rows."""
        encoded = [self.encode(row, row.video, with_answers=False) for row in rows]
        return self._replies(encoded, answering.greedily, self.max_new_tokens)

    def write(self, rows: Sequence[Row], choose: answering.Choose, max_new_tokens: int) -> list[str]:
        """The base's replies to rows, drawn by `choose`: how the model proposes."""
        assert self.loaded is not None, "configure_model comes first"
        with as_base(self.loaded.net):
            return self._replies(rows, choose, max_new_tokens)

    def _replies(self, rows: Sequence[Row], choose: answering.Choose, max_new_tokens: int) -> list[str]:
        assert self.loaded is not None, "configure_model comes first"
        qwen, tokenizer = self.loaded.qwen, self.loaded.tokenizer
        packed, features = pack(rows).to(self.device), self.features_of(rows)
        end = tokenizer.convert_tokens_to_ids("<|im_end|>")
        written = answering.replies(qwen, packed, features, end, max_new_tokens, choose)
        return [tokenizer.decode(reply, skip_special_tokens=True) for reply in written]

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keeps trained weights and buffers only, and says on which base they sit."""
        trained = {name for name, parameter in self.named_parameters() if parameter.requires_grad}
        kept = trained | {"weighted_loss.previous_mean"}
        checkpoint["state_dict"] = {
            name: value for name, value in checkpoint["state_dict"].items() if name in kept
        }
        checkpoint["trained"], checkpoint["sharded"] = sorted(trained), is_sharded(self.trainer.strategy)
        checkpoint["base"] = {
            "checkpoint": self.checkpoint,
            "init": self.init,
            "lora": _lora_record(self.lora),
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuses a checkpoint of another base, or one that lacks trained weights: loading itself isn't strict.

        Raises:
            InputError: the base differs, weights are missing, or the optimizer's state would be lost; each is named.
        """
        mine = {"checkpoint": self.checkpoint, "init": self.init, "lora": _lora_record(self.lora)}
        if checkpoint.get("base") != mine:
            raise InputError(
                f"the checkpoint was trained on {checkpoint.get('base')}, this run has {mine}; set it as it was"
            )
        trained = {name for name, parameter in self.named_parameters() if parameter.requires_grad}
        names = checkpoint.get(
            "trained", ()
        )  # for strategies that take the weights out before this is called
        if missing := sorted(trained - set(checkpoint.get("state_dict", names))):
            raise InputError(
                f"the checkpoint lacks {len(missing)} trained weights, the first is {missing[0]}"
            )
        if self._trainer is not None:
            check_resume(self._trainer, checkpoint.get("sharded", False))

    def _log_results(self, stage: str) -> None:
        assert self.results is not None, "at least one batch was evaluated"
        means = {f"{stage}/{name}": value for name, value in self.results.compute().items()}
        self.log_dict({name: torch.tensor(value) for name, value in means.items()})
        self.results.reset()


def _lora_record(lora: Lora | None) -> dict[str, Any] | None:
    return None if lora is None else asdict(lora) | {"targets": list(lora.targets)}
