"""The scenes of a run by id, and the footage of those used last.

A video of 8 frames of 96 × 128 takes 0.3 MB, so 512 of them take about 150 MB. Not safe to share between threads.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from typing import final

from lightning_ouro.errors import InputError
from lightning_ouro.scenes.types import FrameBudget, Scene, Video


@final
class SceneLibrary(Mapping[str, Scene]):
    """Looks up scenes by id and loads their videos when asked for.

    Args:
        scenes: In the order in which the library lists them.
        budget: How many frames the model is shown, and how large.
        cached_videos: How many videos are kept, at least 1; the least recently used goes first.

    Raises:
        InputError: two scenes have the same id, or `cached_videos` is below 1.
    """

    def __init__(self, scenes: Sequence[Scene], budget: FrameBudget, cached_videos: int = 512) -> None:
        if cached_videos < 1:
            raise InputError(f"cached_videos is {cached_videos}; it must be at least 1")
        self.budget = budget
        self._cached_videos = cached_videos
        self._videos: OrderedDict[str, Video] = OrderedDict()
        self._scenes: dict[str, Scene] = {}
        for scene in scenes:
            if scene.id in self._scenes:
                sources = f"{self._scenes[scene.id].source} and {scene.source}"
                raise InputError(f"scene {scene.id} is given twice (from {sources}); leave one of them out")
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
        """The scene's frames; the same object as long as it is cached.

        Raises:
            KeyError: no scene has this id.
        """
        if scene_id in self._videos:
            self._videos.move_to_end(scene_id)
            return self._videos[scene_id]
        scene = self._scenes[scene_id]
        video = scene.footage.load(scene, self.budget)
        self._videos[scene_id] = video
        if len(self._videos) > self._cached_videos:
            self._videos.popitem(last=False)
        return video
