"""What the vision tower gives for videos: computed once per video where the tower is frozen, else in every pass.

Features are kept under a key that hashes the tower's weights and settings and every pixel of the frames, so a changed
frame, budget or model cannot meet an old entry.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import final
from weakref import WeakKeyDictionary

import torch
from transformers import Qwen3VLForConditionalGeneration

from lightning_ouro.scenes.types import Video
from lightning_ouro.solver.feature_cache import FeatureCache, Features
from lightning_ouro.solver.patches import PatchSpec, frames_to_patches, video_grid


@final
class VisionTower:
    """Turns videos into features.

    Args:
        model: Whose tower it is.
        spec: How frames become patches.
        cache: Keeps what a frozen tower gave; a tower that is trained never looks at it.

    Attributes:
        calls: Videos that went through the tower.
    """

    def __init__(
        self, model: Qwen3VLForConditionalGeneration, spec: PatchSpec, cache: FeatureCache | None = None
    ) -> None:
        self._model, self._spec, self._cache = model, spec, cache
        self._weights = ""
        self._keys: WeakKeyDictionary[Video, str] = WeakKeyDictionary()
        self.calls = 0

    @property
    def is_frozen(self) -> bool:
        """Whether none of its weights is trained."""
        return not any(parameter.requires_grad for parameter in self._model.model.visual.parameters())

    def features(self, videos: Sequence[Video]) -> Features | None:
        """Features of the videos in their order, on the model's device; None where there is none."""
        if not videos:
            return None
        distinct = list(dict.fromkeys(videos))
        found = (
            self._cached(distinct) if self.is_frozen and self._cache is not None else self._encoded(distinct)
        )
        by_video = dict(zip(distinct, found, strict=True))
        ordered = [by_video[video] for video in videos]
        layers = zip(*(features.deepstack for features in ordered), strict=True)
        return Features(
            torch.cat([features.pooled for features in ordered]), [torch.cat(layer) for layer in layers]
        )

    def _cached(self, videos: Sequence[Video]) -> list[Features]:
        """From the cache, the missing ones together through the tower."""
        assert self._cache is not None, "only asked with a cache"
        device = self._model.model.visual.patch_embed.proj.weight.device
        keys = [self._key(video) for video in videos]
        found = {key: kept for key in keys if (kept := self._cache.get(key)) is not None}
        missing = {key: video for key, video in zip(keys, videos, strict=True) if key not in found}
        with torch.no_grad():  # not inference mode: its tensors could not enter a graph
            for key, features in zip(missing, self._encoded(list(missing.values())), strict=True):
                found[key] = features
                self._cache.put(key, features)
        return [found[key].to(device) for key in keys]

    def _encoded(self, videos: Sequence[Video]) -> list[Features]:
        """Through the tower, in the graph where its weights are trained."""
        if not videos:
            return []
        self.calls += len(videos)
        visual = self._model.model.visual
        weight = visual.patch_embed.proj.weight
        patches = torch.cat([frames_to_patches(video.frames, self._spec) for video in videos])
        grids = torch.tensor(
            [video_grid(video.frames.shape, self._spec) for video in videos], device=weight.device
        )
        # Not by `get_video_features`: whether that splits DeepStack's features by video depends on the version.
        output = visual(patches.to(weight.device, visual.dtype), grid_thw=grids, return_dict=True)
        sizes = (grids.prod(dim=-1) // self._spec.merge_size**2).tolist()
        layers = [layer.split(sizes) for layer in output.deepstack_features]
        pooled = output.pooler_output.split(sizes)
        return [Features(one, [layer[place] for layer in layers]) for place, one in enumerate(pooled)]

    def _key(self, video: Video) -> str:
        if video not in self._keys:
            self._weights = self._weights or _digest_of_weights(self._model)
            shape, spec = video.frames.shape, self._spec
            digest = hashlib.sha256(f"{self._weights} {shape} {spec}".encode())
            digest.update(video.frames.tobytes())
            self._keys[video] = digest.hexdigest()
        return self._keys[video]


def _digest_of_weights(model: Qwen3VLForConditionalGeneration) -> str:
    """Of the tower's settings and every bit of its weights, which must not change as long as it is in use."""
    visual = model.model.visual
    digest = hashlib.sha256(visual.config.to_json_string().encode())
    for name, value in visual.state_dict().items():
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
