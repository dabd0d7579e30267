"""The scenes of a run by id, with a cache of the videos used last.

A video of 8 frames of 96 × 128 pixels takes 0.3 MB, one of 32 frames of 384 × 512 takes 19 MB. Not
thread-safe.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import final

from lightning_ouro.errors import InputError
from lightning_ouro.scenes.types import FrameBudget, Scene, Video


@final
class SceneLibrary(Mapping[str, Scene]):
    """Looks up scenes by id, and loads their videos on demand.

    Args:
        scenes: In the order in which the library lists them.
        budget: How many frames the model is shown, and their size.
        cached_bytes: Maximum size of the cached videos in bytes, the last one not counted; the least recently
            used are dropped first.

    Raises:
        InputError: two scenes have the same id.
    """

    def __init__(self, scenes: Sequence[Scene], budget: FrameBudget, cached_bytes: int = 2 << 30) -> None:
        self.budget = budget
        self._cached_bytes = cached_bytes
        # By scene and the objects that are not shown.
        self._videos: OrderedDict[tuple[str, frozenset[int]], Video] = OrderedDict()
        self._scenes: dict[str, Scene] = {}
        for scene in scenes:
            if scene.id in self._scenes:
                sources = f"{self._scenes[scene.id].source} and {scene.source}"
                raise InputError(f"scene {scene.id} occurs twice (in {sources}); leave one of them out")
            self._scenes[scene.id] = scene

    @property
    def ids(self) -> tuple[str, ...]:
        """All scene ids in the library's order."""
        return tuple(self._scenes)

    def __getitem__(self, scene_id: str) -> Scene:
        return self._scenes[scene_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._scenes)

    def __len__(self) -> int:
        return len(self._scenes)

    def video(self, scene_id: str) -> Video:
        """The scene's video; the same object as long as it stays in the cache.

        Raises:
            KeyError: no scene has this id.
            InputError: the footage cannot be used, or has fewer frames than the budget.
        """
        return self._kept(scene_id, frozenset(), lambda: self._loaded(scene_id))

    def video_without(self, scene_id: str, dropped: frozenset[int]) -> Video:
        """The scene's video without some objects, by id: rendered again, or masked where it was recorded.

        It stays in the same cache, so what validation asks for each time is made once where memory allows.

        Raises:
            KeyError: no scene has this id.
            InputError: as for `video`.
        """
        scene = self._scenes[scene_id]
        return self._kept(
            scene_id, dropped, lambda: scene.footage.without(scene, self.video(scene_id), dropped)
        )

    def _loaded(self, scene_id: str) -> Video:
        scene, wanted = self._scenes[scene_id], self.budget.num_frames
        video = scene.footage.load(scene, self.budget)
        if (usable := len(video.frames)) < wanted:
            raise InputError(
                f"scene {scene_id}: the recording has only {usable} usable frames for "
                f"data.frames.num_frames={wanted}; lower that to {usable}"
            )
        return video

    def _kept(self, scene_id: str, dropped: frozenset[int], make: Callable[[], Video]) -> Video:
        """The video from the cache, or made and kept there."""
        key = (scene_id, dropped)
        if key in self._videos:
            self._videos.move_to_end(key)
            return self._videos[key]
        video = self._videos[key] = make()
        while len(self._videos) > 1 and self._num_bytes() > self._cached_bytes:
            self._videos.popitem(last=False)
        return video

    def _num_bytes(self) -> int:
        return sum(video.frames.nbytes for video in self._videos.values())
