"""The scenes of a run by id, and the footage of those used last.

A video of 8 frames of 96 × 128 takes 0.3 MB, one of 32 frames of 384 × 512 19 MB. Not safe to share between threads.
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
        cached_bytes: How many bytes of videos are kept besides the last one; the least recently used goes first.

    Raises:
        InputError: two scenes have the same id.
    """

    def __init__(self, scenes: Sequence[Scene], budget: FrameBudget, cached_bytes: int = 2 << 30) -> None:
        self.budget = budget
        self._cached_bytes = cached_bytes
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
            InputError: its footage cannot be used, or has fewer frames than the model is to be shown.
        """
        if scene_id in self._videos:
            self._videos.move_to_end(scene_id)
            return self._videos[scene_id]
        scene = self._scenes[scene_id]
        video, wanted = scene.footage.load(scene, self.budget), self.budget.num_frames
        if (number := len(video.frames)) < wanted:
            raise InputError(
                f"scene {scene_id}: its recording gives {number} usable frames of data.frames.num_frames={wanted}; "
                f"lower that to {number}"
            )
        self._videos[scene_id] = video
        while len(self._videos) > 1 and self._bytes() > self._cached_bytes:
            self._videos.popitem(last=False)
        return video

    def _bytes(self) -> int:
        return sum(video.frames.nbytes for video in self._videos.values())
