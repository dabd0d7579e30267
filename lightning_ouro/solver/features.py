"""Vision features of videos: computed once per video where the vision tower is frozen, else in every pass.

Cached features are stored under a key that hashes the tower's weights and settings and every pixel of the frames, so a
changed frame, frame budget or model never meets an old entry.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import final
from weakref import WeakKeyDictionary

import torch
from transformers import Qwen3VLForConditionalGeneration

from lightning_ouro.scenes.types import Video
from lightning_ouro.solver.feature_cache import FeatureCache
from lightning_ouro.solver.feature_format import Features
from lightning_ouro.solver.patches import PatchSpec, grid_of, patches_of


@final
class VisionTower:
    """Turns videos into features.

    Args:
        model: The model whose vision tower is used.
        spec: How frames become patches.
        cache: Keeps the features of a frozen tower; a tower that is trained does not use it.

    Attributes:
        calls: Number of videos that went through the tower.
    """

    def __init__(
        self, model: Qwen3VLForConditionalGeneration, spec: PatchSpec, cache: FeatureCache | None = None
    ) -> None:
        self._model, self._spec, self._cache = model, spec, cache
        self._weights_digest = ""
        self._keys: WeakKeyDictionary[Video, str] = WeakKeyDictionary()
        self.calls = 0

    @property
    def is_frozen(self) -> bool:
        return not any(parameter.requires_grad for parameter in self._model.model.visual.parameters())

    def features(self, videos: Sequence[Video]) -> Features | None:
        """Features of the videos, concatenated in order, on the model's device; None for no videos."""
        if not videos:
            return None
        distinct = list(dict.fromkeys(videos))
        use_cache = self.is_frozen and self._cache is not None
        computed = self._cached(distinct) if use_cache else self._encoded(distinct)
        by_video = dict(zip(distinct, computed, strict=True))
        ordered = [by_video[video] for video in videos]
        layers = zip(*(features.deepstack for features in ordered), strict=True)
        return Features(
            torch.cat([features.pooled for features in ordered]), [torch.cat(layer) for layer in layers]
        )

    def _cached(self, videos: Sequence[Video]) -> list[Features]:
        """From the cache; those that are missing go through the tower together."""
        assert self._cache is not None, "only called with a cache"
        device = self._model.model.visual.patch_embed.proj.weight.device
        keys = [self._key(video) for video in videos]
        by_key = {key: features for key in keys if (features := self._cache.get(key)) is not None}
        missing = {key: video for key, video in zip(keys, videos, strict=True) if key not in by_key}
        with torch.no_grad():  # not inference mode, whose tensors could not enter a graph
            for key, features in zip(missing, self._encoded(list(missing.values())), strict=True):
                by_key[key] = features
                self._cache.put(key, features)
        return [by_key[key].to(device) for key in keys]

    def _encoded(self, videos: Sequence[Video]) -> list[Features]:
        """Through the tower, in the graph where its weights are trained."""
        if not videos:
            return []
        self.calls += len(videos)
        visual = self._model.model.visual
        weight = visual.patch_embed.proj.weight
        patches = patches_of(videos, self._spec)
        grids = torch.tensor([grid_of(video, self._spec) for video in videos], device=weight.device)
        # Not `get_video_features`: whether that splits DeepStack's features by video depends on transformers' version.
        output = visual(patches.to(weight.device, visual.dtype), grid_thw=grids, return_dict=True)
        sizes = (grids.prod(dim=-1) // self._spec.merge_size**2).tolist()
        layers = [layer.split(sizes) for layer in output.deepstack_features]
        pooled = output.pooler_output.split(sizes)
        return [Features(vectors, [layer[index] for layer in layers]) for index, vectors in enumerate(pooled)]

    def _key(self, video: Video) -> str:
        if video not in self._keys:
            self._weights_digest = self._weights_digest or _digest_of_weights(self._model)
            grid, shape, spec = grid_of(video, self._spec), video.frames.shape, self._spec
            digest = hashlib.sha256(f"{self._weights_digest} {grid} {shape} {spec}".encode())
            digest.update(video.frames.tobytes())
            self._keys[video] = digest.hexdigest()
        return self._keys[video]


def _digest_of_weights(model: Qwen3VLForConditionalGeneration) -> str:
    """Hash of the tower's settings and every bit of its weights, which must not change while the tower is in use."""
    visual = model.model.visual
    digest = hashlib.sha256(visual.config.to_json_string().encode())
    for name, value in visual.state_dict().items():
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
