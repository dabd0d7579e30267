"""Frames of a video file by number, exact whatever its frame rate.

The times of all frames are read from the packets, which decodes nothing; a frame is found by seeking to the key frame
before its time and decoding up to it. (Seeking by number over rate, as imageio does, is a frame off where the rate is
not constant, and phones' never is.) One thread and one frame at a time: a minute of 1920 × 1440 needs no more memory
than a second of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from lightning_ouro.scenes.readers.files import MOST_PIXELS, BadSceneError

_NEAR = 4  # seconds: what lies so close ahead is reached by decoding on, farther by a seek


class VideoFile:
    """A video on disk; its rotation tag is not applied.

    Args:
        path: In any format that FFmpeg reads.

    Attributes:
        times: `(F,)` seconds from the first frame, in the order in which they are shown.
        size: Height and width in pixels.

    Raises:
        BadSceneError: it cannot be opened, or holds no frames.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with av.open(str(path)) as container:
                stream = _stream(container, path)
                self._stamps = sorted(packet.pts for packet in container.demux(stream) if packet.pts is not None)
                self._tick = float(stream.time_base or 0)
                self.size = (stream.height, stream.width)
        except (av.FFmpegError, OSError, ValueError) as problem:
            raise BadSceneError(f"{path}: cannot be read as a video ({_reason(problem)})") from None
        if not self._stamps:
            raise BadSceneError(f"{path}: holds no frames")
        if self.size[0] * self.size[1] > MOST_PIXELS:
            raise BadSceneError(
                f"{path}: has frames of {self.size[1]} × {self.size[0]} pixels, too large to be a video"
            )
        self.times = (np.array(self._stamps, dtype=np.float64) - self._stamps[0]) * self._tick

    def frames(self, places: Sequence[int]) -> Iterator[NDArray[np.uint8]]:
        """The frames at these places, which rise; each uint8 `(H, W, 3)` RGB.

        Raises:
            BadSceneError: the file is cut off or damaged before one of them.
        """
        try:
            with av.open(str(self.path)) as container:
                stream = _stream(container, self.path)
                stream.thread_type = "NONE"
                stream.codec_context.thread_count = 1
                yield from self._decode(container, stream, places)
        except (av.FFmpegError, OSError, ValueError) as problem:
            raise BadSceneError(f"{self.path}: cannot be decoded ({_reason(problem)})") from None

    def _decode(self, container: Any, stream: Any, places: Sequence[int]) -> Iterator[NDArray[np.uint8]]:
        decoder: Iterator[Any] = iter(())
        reached = -np.inf
        for place in places:
            stamp = self._stamps[place]
            if stamp <= reached or (stamp - reached) * self._tick > _NEAR:
                container.seek(stamp, stream=stream)
                decoder = container.decode(stream)
            frame = next((frame for frame in decoder if frame.pts is not None and frame.pts >= stamp), None)
            if frame is None or frame.pts != stamp:
                raise BadSceneError(
                    f"{self.path}: frame {place} of {len(self._stamps)} cannot be decoded; is it cut off?"
                )
            reached = stamp
            yield frame.to_ndarray(format="rgb24")


def _stream(container: Any, path: Path) -> Any:
    if not container.streams.video:
        raise BadSceneError(f"{path}: holds no video")
    return container.streams.video[0]


def _reason(problem: Exception) -> str:
    return " ".join(str(getattr(problem, "strerror", None) or problem).split())
