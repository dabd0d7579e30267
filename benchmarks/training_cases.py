"""What `training.py` measures on: a model with drawn weights, a video, and K questions behind it."""

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
ROWS = 8  # tokens down a frame


@dataclass(eq=False)
class Case:
    """A model, a video and its questions.

    Attributes:
        loaded: The model with its tokenizer.
        video: The scene's.
        row: Its questions behind it.
        blind: The same without the video.
        with_tower: Whether each pass encodes the video.
        device: Where all of it is.
    """

    loaded: LoadedModel
    video: Video
    row: Row
    blind: Row
    with_tower: bool
    device: torch.device
    _features: Features | None = field(default=None)

    @property
    def prefix(self) -> int:
        """Tokens of the prefix."""
        return len(self.row.prefix.ids)

    @property
    def suffix_tokens(self) -> int:
        """Tokens of all suffixes."""
        return sum(len(suffix.ids) for suffix in self.row.suffixes)

    @property
    def packed_tokens(self) -> int:
        """Tokens of our one row."""
        return self.prefix + self.suffix_tokens

    @property
    def number(self) -> int:
        """Questions."""
        return len(self.row.suffixes)

    @cached_property
    def tower(self) -> VisionTower:
        """Without a cache: "tower" measures it in every pass."""
        return VisionTower(self.loaded.qwen, self.loaded.spec)

    def features(self) -> Features:
        """Of the video, through the tower or given."""
        if self.with_tower or self._features is None:
            found = self.tower.features([self.video])
            assert found is not None, "there is a video"
            if not self.with_tower:
                self._features = Features(
                    found.pooled.detach(), [layer.detach() for layer in found.deepstack]
                )
                return self._features
            return found
        return self._features

    @cached_property
    def padded(self) -> dict[str, Tensor]:
        """One row a question, as a framework would pad them on the right."""
        longest = self.prefix + max(len(suffix.ids) for suffix in self.row.suffixes)
        ids = torch.zeros(self.number, longest, dtype=torch.long)
        labels = torch.full_like(ids, -100)
        positions = torch.zeros(3, self.number, longest, dtype=torch.long)
        mask = torch.zeros_like(ids)
        for place, suffix in enumerate(self.row.suffixes):
            end = self.prefix + len(suffix.ids)
            ids[place, :end] = torch.cat([self.row.prefix.ids, suffix.ids])
            labels[place, self.prefix + suffix.answer_start : end] = suffix.ids[suffix.answer_start :]
            positions[:, place, : self.prefix] = self.row.prefix.positions
            start = self.row.prefix.next_position
            positions[:, place, self.prefix : end] = torch.arange(start, start + len(suffix.ids))
            mask[place, :end] = 1
        given = {"ids": ids, "labels": labels, "positions": positions, "mask": mask}
        return {name: tensor.to(self.device) for name, tensor in given.items()}

    def clear(self) -> None:
        """Forgets gradients."""
        self.loaded.net.zero_grad(set_to_none=True)

    def gradients(self) -> list[Tensor]:
        """A copy of all that there are."""
        return [p.grad.clone() for p in self.loaded.net.parameters() if p.grad is not None]

    def tokens(self, way: str) -> int:
        """What goes through the language model, padding not counted."""
        return self.packed_tokens if way == "ours" else self.number * self.prefix + self.suffix_tokens

    def flops(self, way: str) -> float:
        """Of the language model, forward and backward, as computed; the tower is left out everywhere."""
        if way == "ours":
            return self.floor_flops()
        lengths = [self.prefix + len(suffix.ids) for suffix in self.row.suffixes]
        return self.token_flops() * sum(lengths) + sum(self.attention_flops(n * (n + 1) / 2) for n in lengths)

    def floor_flops(self) -> float:
        """Prefix once, and suffixes."""
        own = [len(suffix.ids) for suffix in self.row.suffixes]
        pairs = self.prefix * (self.prefix + 1) / 2 + sum(n * self.prefix + n * (n + 1) / 2 for n in own)
        return self.token_flops() * self.packed_tokens + self.attention_flops(pairs)

    def token_flops(self) -> float:
        """2N a token forward; 2N backward under LoRA, whose base needs no gradients of weights, 4N where all train."""
        layers = self.loaded.qwen.model.language_model.layers
        weights = sum(
            p.numel() for name, p in layers.named_parameters() if p.ndim == 2 and "lora_" not in name
        )
        return (4.0 if hasattr(self.loaded.net, "peft_config") else 6.0) * weights

    def attention_flops(self, pairs: float) -> float:
        """Two products a pair forward, four backward."""
        config = self.loaded.qwen.config.text_config
        return 3 * 4 * pairs * config.num_attention_heads * config.head_dim * config.num_hidden_layers


def make_case(
    checkpoint: str, lora: Lora | None, device: torch.device, prefix: int, number: int, with_tower: bool
) -> Case:
    """The model with drawn weights, noise for a video of about so many tokens, and questions of a family."""
    loaded = load(checkpoint, "random", lora, seed=0)
    loaded.net.to(device)
    use_shared_prefix(loaded.qwen)
    encoder = RowEncoder(loaded.tokenizer, loaded.qwen.config, loaded.spec)
    empty = len(encoder.prefix(_video(1)).ids) - GROUPS * ROWS
    video = _video(max(1, round((prefix - empty) / (GROUPS * ROWS))))
    asked = _questions(number)
    prompts, answers = [question.prompt for question in asked], [question.answer for question in asked]
    row, blind = (encoder.row(shown, prompts, answers) for shown in (video, None))
    return Case(loaded, video, row, blind, with_tower, device)


def _video(columns: int) -> Video:
    frames = np.random.default_rng(0).integers(
        0, 256, (2 * GROUPS, 32 * ROWS, 32 * columns, 3), dtype=np.uint8
    )
    poses, cameras = np.tile(np.eye(4), (len(frames), 1, 1)), np.tile(np.eye(3), (len(frames), 1, 1))
    return Video(
        frames, Views(np.arange(len(frames)) * 1.3, cameras, poses, np.zeros((len(frames), 0), np.float32))
    )


def _questions(number: int) -> list[Question]:
    names, rng = sorted(FURNITURE), np.random.default_rng(1)
    found: list[Question] = []
    for place in range(number):
        one, other = rng.choice(names, 2, replace=False)
        text = "Measuring from the closest point of each object, what is the distance between "
        text += f"the {one} and the {other}"
        answer = f"{rng.uniform(0.2, 9):.1f}"
        given: dict[str, Any] = {
            "options": None,
            "unit": "m",
            "program": "",
            "margin": 1.0,
            "objects": {},
            "round": 0,
        }
        found.append(
            Question(str(place), "s", "object_abs_distance", f"{text} (in meters)?", answer=answer, **given)
        )
    return found
