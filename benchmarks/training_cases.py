"""What `training.py` measures on: a model with randomly initialized weights, a video, and K questions about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lightning_ouro.programs.questions import Question
from lightning_ouro.scenes.synthetic.furniture import FURNITURE
from lightning_ouro.scenes.types import Video, Views
from lightning_ouro.solver.attention import use_shared_prefix
from lightning_ouro.solver.encoding import Row, RowEncoder
from lightning_ouro.solver.feature_format import Features
from lightning_ouro.solver.features import VisionTower
from lightning_ouro.solver.loading import LoadedModel, Lora, load

GROUPS = 16  # of two frames each: 32 frames
ROWS = 8  # video tokens down a frame
SECONDS_PER_FRAME = 1.3
IGNORED = -100  # the label of tokens that are not trained


@dataclass(eq=False)
class Case:
    """A model, a video and its questions.

    Attributes:
        loaded: The model with its tokenizer.
        video: The video.
        row: The questions after the video.
        blind_row: The same questions without the video.
        with_tower: Whether each pass encodes the video.
        device: Where the model is.
    """

    loaded: LoadedModel
    video: Video
    row: Row
    blind_row: Row
    with_tower: bool
    device: torch.device
    _features: Features | None = field(default=None)

    @property
    def prefix(self) -> int:
        """Number of tokens of the prefix."""
        return len(self.row.prefix.ids)

    @property
    def suffix_tokens(self) -> int:
        """Number of tokens of all suffixes."""
        return sum(len(suffix.ids) for suffix in self.row.suffixes)

    @property
    def packed_tokens(self) -> int:
        """Number of tokens of our one row."""
        return self.prefix + self.suffix_tokens

    @property
    def number(self) -> int:
        """Number of questions, K."""
        return len(self.row.suffixes)

    @cached_property
    def tower(self) -> VisionTower:
        """The vision tower, without a cache, so that it runs in every pass that asks for features."""
        return VisionTower(self.loaded.qwen, self.loaded.spec)

    def features(self) -> Features:
        """The video's features: computed in every call if `with_tower`, else once and without a graph."""
        if not self.with_tower and self._features is not None:
            return self._features
        features = self.tower.features([self.video])
        assert features is not None, "there is a video"
        if self.with_tower:
            return features
        self._features = Features(features.pooled.detach(), [layer.detach() for layer in features.deepstack])
        return self._features

    @cached_property
    def padded(self) -> dict[str, Tensor]:
        """One row per question, padded on the right as a framework would: ids, labels, positions and mask."""
        longest = self.prefix + max(len(suffix.ids) for suffix in self.row.suffixes)
        ids = torch.zeros(self.number, longest, dtype=torch.long)
        labels = torch.full_like(ids, IGNORED)
        positions = torch.zeros(3, self.number, longest, dtype=torch.long)
        mask = torch.zeros_like(ids)
        for index, suffix in enumerate(self.row.suffixes):
            end = self.prefix + len(suffix.ids)
            ids[index, :end] = torch.cat([self.row.prefix.ids, suffix.ids])
            labels[index, self.prefix + suffix.answer_start : end] = suffix.ids[suffix.answer_start :]
            positions[:, index, : self.prefix] = self.row.prefix.positions
            start = self.row.prefix.next_position
            positions[:, index, self.prefix : end] = torch.arange(start, start + len(suffix.ids))
            mask[index, :end] = 1
        batch = {"ids": ids, "labels": labels, "positions": positions, "mask": mask}
        return {name: tensor.to(self.device) for name, tensor in batch.items()}

    def clear_gradients(self) -> None:
        """Frees all gradients."""
        self.loaded.net.zero_grad(set_to_none=True)

    def gradients(self) -> list[Tensor]:
        """Copies of all gradients."""
        return [p.grad.clone() for p in self.loaded.net.parameters() if p.grad is not None]

    def tokens(self, method: str) -> int:
        """How many tokens go through the language model, padding not counted."""
        return self.packed_tokens if method == "ours" else self.number * self.prefix + self.suffix_tokens

    def flops(self, method: str) -> float:
        """Operations of the language model, forward and backward, as computed; without the vision tower."""
        if method == "ours":
            return self.floor_flops()
        lengths = [self.prefix + len(suffix.ids) for suffix in self.row.suffixes]
        return self.token_flops() * sum(lengths) + sum(self.attention_flops(n * (n + 1) / 2) for n in lengths)

    def floor_flops(self) -> float:
        """Operations that no method can avoid: the prefix once, and the suffixes."""
        suffixes = [len(suffix.ids) for suffix in self.row.suffixes]
        pairs = self.prefix * (self.prefix + 1) / 2 + sum(n * self.prefix + n * (n + 1) / 2 for n in suffixes)
        return self.token_flops() * self.packed_tokens + self.attention_flops(pairs)

    def token_flops(self) -> float:
        """2N per token forward; backward 2N under LoRA, where the base needs no weight gradients, else 4N."""
        layers = self.loaded.qwen.model.language_model.layers
        weights = sum(
            p.numel() for name, p in layers.named_parameters() if p.ndim == 2 and "lora_" not in name
        )
        return (4.0 if hasattr(self.loaded.net, "peft_config") else 6.0) * weights

    def attention_flops(self, pairs: float) -> float:
        """Two products per pair of tokens forward, four backward."""
        config = self.loaded.qwen.config.text_config
        return 3 * 4 * pairs * config.num_attention_heads * config.head_dim * config.num_hidden_layers


def make_case(
    checkpoint: str, lora: Lora | None, device: torch.device, prefix: int, number: int, with_tower: bool
) -> Case:
    """Random weights, a video of noise for a prefix of about this many tokens, and questions."""
    loaded = load(checkpoint, "random", lora, seed=0)
    loaded.net.to(device)
    use_shared_prefix(loaded.qwen)
    encoder = RowEncoder(loaded.tokenizer, loaded.qwen.config, loaded.spec)
    text_tokens = len(encoder.prefix(_noise(1)).ids) - GROUPS * ROWS
    video = _noise(max(1, round((prefix - text_tokens) / (GROUPS * ROWS))))
    questions = _questions(number)
    prompts = [question.prompt for question in questions]
    answers = [question.answer for question in questions]
    row, blind_row = (encoder.row(shown, prompts, answers) for shown in (video, None))
    return Case(loaded, video, row, blind_row, with_tower, device)


def _noise(columns: int) -> Video:
    """A video of noise with this many video tokens across a frame."""
    frames = np.random.default_rng(0).integers(
        0, 256, (2 * GROUPS, 32 * ROWS, 32 * columns, 3), dtype=np.uint8
    )
    poses, cameras = np.tile(np.eye(4), (len(frames), 1, 1)), np.tile(np.eye(3), (len(frames), 1, 1))
    visibility = np.zeros((len(frames), 0), np.float32)
    return Video(
        frames,
        Views(np.arange(len(frames), dtype=np.float64) * SECONDS_PER_FRAME, cameras, poses, visibility),
    )


def _questions(number: int) -> list[Question]:
    """Questions about distances, with random names and answers."""
    names, rng = sorted(FURNITURE), np.random.default_rng(1)
    shared: dict[str, Any] = {
        "options": None,
        "unit": "m",
        "program": "",
        "margin": 1.0,
        "objects": {},
        "round": 0,
    }
    questions: list[Question] = []
    for index in range(number):
        first, second = rng.choice(names, 2, replace=False)
        text = (
            "Measuring from the closest point of each object, what is the distance between "
            f"the {first} and the {second} (in meters)?"
        )
        answer = f"{rng.uniform(0.2, 9):.1f}"
        questions.append(Question(str(index), "s", "object_abs_distance", text, answer=answer, **shared))
    return questions
