"""The three ways of `training.py`: how K questions about one video become losses."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from training_cases import Case

from lightning_ouro.solver.encoding import Row
from lightning_ouro.solver.packing import pack
from lightning_ouro.solver.patches import frames_to_patches, video_grid
from lightning_ouro.solver.shared_prefix import score

Way = Callable[[Case], Tensor]


def plain(case: Case) -> Tensor:
    """Transformers' forward with labels, as a first script would call it: logits of every token of every row."""
    given, qwen = case.padded, case.loaded.qwen
    with _own_attention(case):
        if case.with_tower:
            patches = frames_to_patches(case.video.frames, case.loaded.spec).to(case.device)
            grid = torch.tensor([video_grid(case.video.frames.shape, case.loaded.spec)] * case.number).to(
                case.device
            )
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


def blind(case: Case, place: int) -> Tensor:
    """One question in a pass of its own, without the video."""
    row = Row(case.blind.prefix, (case.blind.suffixes[place],), None)
    return score(case.loaded.qwen, pack([row]).to(case.device), None).loss.sum()


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
