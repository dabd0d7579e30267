"""The three methods of `training.py` for turning K questions about one video into losses."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from training_cases import IGNORED, Case

from lightning_ouro.solver.encoding import Row
from lightning_ouro.solver.packing import pack
from lightning_ouro.solver.patches import frames_to_patches, grid_of, joined_frames
from lightning_ouro.solver.shared_prefix import score

Method = Callable[[Case], Tensor]
"""From a case to the sum of its questions' losses."""


def plain(case: Case) -> Tensor:
    """The forward pass of transformers with labels, as a first script calls it: logits of every token."""
    batch, qwen = case.padded, case.loaded.qwen
    with _stock_attention(case):
        if case.with_tower:
            patches = frames_to_patches(joined_frames(case.video, case.loaded.spec), case.loaded.spec).to(
                case.device
            )
            grid = torch.tensor([grid_of(case.video, case.loaded.spec)] * case.number).to(case.device)
            output = qwen(
                input_ids=batch["ids"],
                attention_mask=batch["mask"],
                position_ids=batch["positions"],
                mm_token_type_ids=2 * (batch["ids"] == qwen.config.video_token_id).int(),
                use_cache=False,
                pixel_values_videos=patches.repeat(case.number, 1),
                video_grid_thw=grid,
            )
            logits = output.logits
        else:
            logits = qwen.lm_head(_hidden_states(case))
    return _sum_of_means(logits[:, :-1].float(), batch["labels"][:, 1:])


def peer(case: Case) -> Tensor:
    """The same rows, the video encoded once for each of them, logits at answer tokens only."""
    with _stock_attention(case):
        hidden = _hidden_states(case)
    labels = case.padded["labels"][:, 1:]
    rows, columns = (labels != IGNORED).nonzero(as_tuple=True)
    logits = case.loaded.qwen.lm_head(hidden[rows, columns]).float()
    losses = cross_entropy(logits, labels[rows, columns], reduction="none")
    counts = (labels != IGNORED).sum(dim=1)
    return (losses / counts[rows]).sum()


def ours(case: Case) -> Tensor:
    """One row whose questions share the video."""
    packed = pack([case.row]).to(case.device)
    return score(case.loaded.qwen, packed, case.features()).loss.sum()


def without_video(case: Case, index: int) -> Tensor:
    """One question in a pass of its own, without the video."""
    row = Row(case.blind_row.prefix, (case.blind_row.suffixes[index],), None)
    return score(case.loaded.qwen, pack([row]).to(case.device), None).loss.sum()


METHODS: dict[str, Method] = {"plain": plain, "peer": peer, "ours": ours}


def _hidden_states(case: Case) -> Tensor:
    """Last hidden states of the padded rows `(K, L, hidden)`."""
    batch, qwen = case.padded, case.loaded.qwen
    embeds = qwen.get_input_embeddings()(batch["ids"])
    is_video = batch["ids"] == qwen.config.video_token_id
    if case.with_tower:
        per_row = [case.features() for _ in range(case.number)]  # a framework encodes each sample's video
        pooled = torch.cat([features.pooled for features in per_row])
        layers = zip(*(features.deepstack for features in per_row), strict=True)
        deepstack = [torch.cat(layer) for layer in layers]
    else:
        features = case.features()
        pooled = features.pooled.repeat(case.number, 1)
        deepstack = [layer.repeat(case.number, 1) for layer in features.deepstack]
    output = qwen.model.language_model(
        inputs_embeds=embeds.masked_scatter(is_video[..., None], pooled.to(embeds.dtype)),
        attention_mask=batch["mask"],
        position_ids=batch["positions"],
        visual_pos_masks=is_video,
        deepstack_visual_embeds=deepstack,
        use_cache=False,
    )
    return output.last_hidden_state


def _sum_of_means(logits: Tensor, labels: Tensor) -> Tensor:
    """The questions' mean losses over their answer tokens, summed."""
    losses = cross_entropy(logits.transpose(1, 2), labels, ignore_index=IGNORED, reduction="none")
    return (losses.sum(dim=1) / (labels != IGNORED).sum(dim=1)).sum()


@contextmanager
def _stock_attention(case: Case) -> Iterator[None]:
    """Has the language model use SDPA as transformers ships it, in place of our attention."""
    config = case.loaded.qwen.model.language_model.config
    kept, config._attn_implementation = config._attn_implementation, "sdpa"
    try:
        yield
    finally:
        config._attn_implementation = kept


class LiveBytes(TorchDispatchMode):
    """Counts the bytes of live tensors beyond a model's weights; memory that kernels allocate is not seen.

    Attributes:
        live: Bytes now.
        peak: The largest number of bytes so far.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.live = self.peak = 0
        weights = (*model.parameters(), *model.buffers())
        self._known = {weight.untyped_storage()._cdata for weight in weights}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Runs an operation and counts the storages that it allocates."""
        output = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(output):
            if isinstance(leaf, Tensor):
                self._count(leaf.untyped_storage())
        return output

    def _count(self, storage: torch.UntypedStorage) -> None:
        if storage._cdata in self._known:
            return
        self._known.add(storage._cdata)
        self.live += storage.nbytes()
        self.peak = max(self.peak, self.live)
        weakref.finalize(storage, self._forget, storage._cdata, storage.nbytes())

    def _forget(self, pointer: int, size: int) -> None:
        self._known.discard(pointer)
        self.live -= size


def relative_difference(gradients: Sequence[Tensor], reference: Sequence[Tensor]) -> float:
    """Norm of the difference over the norm of the reference, of all gradients together."""
    difference = sum(float((a - b).double().pow(2).sum()) for a, b in zip(gradients, reference, strict=True))
    return (difference / sum(float(b.double().pow(2).sum()) for b in reference)) ** 0.5
