"""The three ways of `training.py`: how K questions about one video become losses. Used by `training.py`."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from lightning_ouro.programs.questions import Question
from lightning_ouro.scenes.furniture import FURNITURE
from lightning_ouro.scenes.types import Video, Views
from lightning_ouro.solver.attention import use_shared_prefix
from lightning_ouro.solver.encoding import Row, RowEncoder
from lightning_ouro.solver.features import Features, VisionTower
from lightning_ouro.solver.loading import Loaded, Lora, load
from lightning_ouro.solver.packing import pack
from lightning_ouro.solver.patches import frames_to_patches, video_grid
from lightning_ouro.solver.shared_prefix import score

GROUPS = 16  # of two frames each: 32 frames
ROWS = 8  # tokens down a frame


@dataclass(eq=False)
class Case:
    """A model, a video and its questions.

    Attributes:
        loaded: The model with its tokenizer.
        video: The scene's.
        row: Its questions behind it.
        with_tower: Whether each pass encodes the video.
        device: Where all of it is.
    """

    loaded: Loaded
    video: Video
    row: Row
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
                self._features = Features(found.pooled.detach(), [layer.detach() for layer in found.deepstack])
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

    def gradients(self, way: Way) -> list[Tensor]:
        """Of all trained weights."""
        self.clear()
        way(self).backward()
        found = [p.grad.clone() for p in self.loaded.net.parameters() if p.grad is not None]
        self.clear()
        return found

    def gradient_difference(self, compare: Callable[[list[Tensor], list[Tensor]], float]) -> float:
        """Between ours and the plain way."""
        return compare(self.gradients(WAYS["ours"]), self.gradients(WAYS["plain"]))

    def flops(self, way: str) -> float:
        """Of the language model, forward and backward, as computed; the tower is left out everywhere."""
        if way == "ours":
            return self.floor_flops()
        lengths = [self.prefix + len(suffix.ids) for suffix in self.row.suffixes]
        return self._token_flops() * sum(lengths) + sum(self._attention_flops(n, n * (n + 1) / 2) for n in lengths)

    def floor_flops(self) -> float:
        """Prefix once, and suffixes."""
        own = [len(suffix.ids) for suffix in self.row.suffixes]
        pairs = self.prefix * (self.prefix + 1) / 2 + sum(n * self.prefix + n * (n + 1) / 2 for n in own)
        return self._token_flops() * self.packed_tokens + self._attention_flops(self.packed_tokens, pairs)

    def _token_flops(self) -> float:
        """2N a token forward; 2N backward under LoRA, whose base needs no gradients of weights, 4N where all train."""
        layers = self.loaded.qwen.model.language_model.layers
        weights = sum(p.numel() for name, p in layers.named_parameters() if p.ndim == 2 and "lora_" not in name)
        return (4.0 if hasattr(self.loaded.net, "peft_config") else 6.0) * weights

    def _attention_flops(self, tokens: int, pairs: float) -> float:
        """Two products of queries and keys a pair forward, four backward."""
        config = self.loaded.qwen.config.text_config
        return 3 * 4 * pairs * config.num_attention_heads * config.head_dim * config.num_hidden_layers


Way = Callable[[Case], Tensor]


def plain(case: Case) -> Tensor:
    """Transformers' forward with labels, as a first script would call it: logits of every token of every row."""
    given, qwen = case.padded, case.loaded.qwen
    with _own_attention(case):
        if case.with_tower:
            patches = frames_to_patches(case.video.frames, case.loaded.spec).to(case.device)
            grid = torch.tensor([video_grid(case.video.frames.shape, case.loaded.spec)] * case.number).to(case.device)
            visual = {"pixel_values_videos": patches.repeat(case.number, 1), "video_grid_thw": grid}
            output = qwen(
                input_ids=given["ids"],
                attention_mask=given["mask"],
                position_ids=given["positions"],
                mm_token_type_ids=2 * (given["ids"] == qwen.config.video_token_id).int(),
                use_cache=False,
                **visual,
            )
            logits = output.logits
        else:
            logits = qwen.lm_head(_hidden(case))
    return _mean_of_questions(logits[:, :-1].float(), given["labels"][:, 1:])


def peer(case: Case) -> Tensor:
    """The same rows, the video encoded once for each, logits at answer tokens only."""
    with _own_attention(case):
        hidden = _hidden(case)
    labels = case.padded["labels"][:, 1:]
    rows, columns = (labels != -100).nonzero(as_tuple=True)
    logits = case.loaded.qwen.lm_head(hidden[rows, columns]).float()
    losses = cross_entropy(logits, labels[rows, columns], reduction="none")
    counts = (labels != -100).sum(dim=1)
    return (losses / counts[rows]).sum()


def ours(case: Case) -> Tensor:
    """One row."""
    packed = pack([case.row]).to(case.device)
    return score(case.loaded.qwen, packed, case.features()).loss.sum()


WAYS: dict[str, Way] = {"plain": plain, "peer": peer, "ours": ours}


def _hidden(case: Case) -> Tensor:
    """Last hidden states of the padded rows `(K, L, hidden)`."""
    given, qwen = case.padded, case.loaded.qwen
    embeds = qwen.get_input_embeddings()(given["ids"])
    is_video = given["ids"] == qwen.config.video_token_id
    if case.with_tower:
        every = [case.features() for _ in range(case.number)]  # a framework encodes each sample's video
        pooled = torch.cat([one.pooled for one in every])
        deepstack = [torch.cat(layer) for layer in zip(*(one.deepstack for one in every), strict=True)]
    else:
        one = case.features()
        pooled = one.pooled.repeat(case.number, 1)
        deepstack = [layer.repeat(case.number, 1) for layer in one.deepstack]
    output = qwen.model.language_model(
        inputs_embeds=embeds.masked_scatter(is_video[..., None], pooled.to(embeds.dtype)),
        attention_mask=given["mask"],
        position_ids=given["positions"],
        visual_pos_masks=is_video,
        deepstack_visual_embeds=deepstack,
        use_cache=False,
    )
    return output.last_hidden_state


def _mean_of_questions(logits: Tensor, labels: Tensor) -> Tensor:
    losses = cross_entropy(logits.transpose(1, 2), labels, ignore_index=-100, reduction="none")
    return (losses.sum(dim=1) / (labels != -100).sum(dim=1)).sum()


@contextmanager
def _own_attention(case: Case) -> Iterator[None]:
    """Transformers' SDPA in the language model, as it is without us."""
    config = case.loaded.qwen.model.language_model.config
    kept, config._attn_implementation = config._attn_implementation, "sdpa"
    try:
        yield
    finally:
        config._attn_implementation = kept


class LiveBytes(TorchDispatchMode):
    """Counts the bytes of tensors that are alive, those of a model's weights left out; what kernels need is not seen.

    Attributes:
        live: Bytes now.
        peak: Bytes at most.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.live = self.peak = 0
        self._known = {one.untyped_storage()._cdata for one in (*model.parameters(), *model.buffers())}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Runs an operation and looks at what it made."""
        made = func(*args, **(kwargs or {}))
        for one in tree_leaves(made):
            if isinstance(one, Tensor):
                self._see(one.untyped_storage())
        return made

    def _see(self, storage: torch.UntypedStorage) -> None:
        if storage._cdata in self._known:
            return
        self._known.add(storage._cdata)
        self.live += storage.nbytes()
        self.peak = max(self.peak, self.live)
        weakref.finalize(storage, self._gone, storage._cdata, storage.nbytes())

    def _gone(self, place: int, size: int) -> None:
        self._known.discard(place)
        self.live -= size


def relative_difference(one: list[Tensor], other: list[Tensor]) -> float:
    """Of all gradients together: norm of the difference over norm."""
    apart = sum(float((a - b).double().pow(2).sum()) for a, b in zip(one, other, strict=True))
    whole = sum(float(b.double().pow(2).sum()) for b in other)
    return (apart / whole) ** 0.5


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
    row = encoder.row(video, [question.prompt for question in asked], [question.answer for question in asked])
    return Case(loaded, video, row, with_tower, device)


def _video(columns: int) -> Video:
    frames = np.random.default_rng(0).integers(0, 256, (2 * GROUPS, 32 * ROWS, 32 * columns, 3), dtype=np.uint8)
    poses, cameras = np.tile(np.eye(4), (len(frames), 1, 1)), np.tile(np.eye(3), (len(frames), 1, 1))
    return Video(frames, Views(np.arange(len(frames)) * 1.3, cameras, poses, np.zeros((len(frames), 0), np.float32)))


def _questions(number: int) -> list[Question]:
    names, rng = sorted(FURNITURE), np.random.default_rng(1)
    found: list[Question] = []
    for place in range(number):
        one, other = rng.choice(names, 2, replace=False)
        text = (
            f"Measuring from the closest point of each object, what is the distance between the {one} and the {other}"
        )
        answer = f"{rng.uniform(0.2, 9):.1f}"
        given: dict[str, Any] = {"options": None, "unit": "m", "program": "", "margin": 1.0, "objects": {}, "round": 0}
        found.append(Question(str(place), "s", "object_abs_distance", f"{text} (in meters)?", answer=answer, **given))
    return found
