"""Frames of a video file by number, exact whatever its frame rate.

The times of all frames are read from the packets, which decodes nothing; a frame is found by seeking to the last key
frame that is shown no later and decoding up to it. (Seeking by number over rate, as imageio does, is a frame off where
the rate is not constant, and phones' never is. Seeking to the frame's own time, as FFmpeg offers, ends too late where
frames are shown before a key frame that is stored before them, which phones' HEVC has.) One thread and one frame at a
time: a minute of 1920 × 1440 needs no more memory than a second of it.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.stream import Disposition
from numpy.typing import NDArray

from lightning_ouro.errors import BadSceneError
from lightning_ouro.scenes.readers.files import MOST_PIXELS

_WORTH = 8  # frames: a key frame that lies no farther ahead is reached by decoding on, not by a seek
_SEEKS = 4  # key frames that are tried: FFmpeg may miss one where they are few frames apart
_MISSING = 1.0  # seconds that may lack at the end of a video that is whole
# A playlist opens other files, and in streams without an index seeking finds wrong frames.
_FORMATS = {"format_whitelist": "mov,matroska,webm", "protocol_whitelist": "file"}


class VideoFile:
    """A video on disk; its rotation tag is not applied, and what an edit list leaves out is not there.

    Args:
        path: An mp4, mov, mkv or webm.

    Attributes:
        times: `(F,)` seconds from the first frame, in the order in which they are shown.
        size: Height and width in pixels.

    Raises:
        BadSceneError: it cannot be opened, is cut off, or holds no frames.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with _opened(path) as container:
                stream = _stream(container, path)
                self._read_packets(container, stream)
                self._tick = float(stream.time_base or 0)
                self.size = (stream.height, stream.width)
                ending = _ending(stream)
        except (av.FFmpegError, OSError, ValueError) as problem:
            raise BadSceneError(
                f"{path}: cannot be read as an mp4, mov or mkv video ({_reason(problem)})"
            ) from None
        if not self._stamps or not min(self.size) or not self._tick:
            raise BadSceneError(f"{path}: holds no frames")
        if self.size[0] * self.size[1] > MOST_PIXELS:
            raise BadSceneError(
                f"{path}: has frames of {self.size[1]} × {self.size[0]} pixels, too large to be a video"
            )
        stamps = np.array(self._stamps, dtype=np.float64) * self._tick
        longest = np.diff(stamps).max(initial=0)
        if ending - stamps[-1] > _MISSING + 2 * longest:
            raise BadSceneError(
                f"{path}: is cut off: its last frame is at {stamps[-1]:.1f} s of {ending:.1f} s"
            )
        self.times = stamps - stamps[0]

    def frames(self, places: Sequence[int]) -> Iterator[NDArray[np.uint8]]:
        """The frames at these places, which rise; each uint8 `(H, W, 3)` RGB.

        Raises:
            BadSceneError: the file is damaged before one of them.
        """
        try:
            with _opened(self.path) as container:
                stream = _stream(container, self.path)
                stream.thread_type = "NONE"
                stream.codec_context.thread_count = 1
                yield from self._decode(container, stream, places)
        except (av.FFmpegError, OSError, ValueError) as problem:
            raise BadSceneError(f"{self.path}: cannot be decoded ({_reason(problem)})") from None

    def _read_packets(self, container: Any, stream: Any) -> None:
        """Notes when each frame is shown, and where key frames are; those that are cut away are needed to decode."""
        shown: list[int] = []
        keys: list[int] = []
        for packet in container.demux(stream):
            if packet.size == 0 or packet.pts is None:
                continue
            if packet.is_corrupt:
                raise BadSceneError(f"{self.path}: is cut off or damaged after {len(shown)} frames")
            if packet.is_keyframe:
                keys.append(packet.pts)
            if not packet.is_discard:
                shown.append(packet.pts)
        self._stamps, self._keys = sorted(shown), sorted(keys)

    def _decode(self, container: Any, stream: Any, places: Sequence[int]) -> Iterator[NDArray[np.uint8]]:
        decoder: Iterator[Any] = iter(())
        reached = -1
        for place in places:
            keys = self._keys[: bisect_right(self._keys, self._stamps[place])]
            first = bisect_left(self._stamps, keys[-1]) if keys else 0
            if reached < 0 or place <= reached or first > reached + _WORTH:
                decoder = self._from_key(container, stream, keys or self._stamps[:1], self._stamps[place])
            yield self._image(decoder, place)
            reached = place

    def _image(self, decoder: Iterator[Any], place: int) -> NDArray[np.uint8]:
        """The frame at a place, which is ahead; a function of its own, so that nothing large is held between two."""
        stamp = self._stamps[place]
        frame = next((frame for frame in decoder if frame.pts is not None and frame.pts >= stamp), None)
        if frame is None or frame.pts != stamp:
            raise BadSceneError(f"{self.path}: frame {place} of {len(self._stamps)} cannot be decoded")
        return np.asarray(frame.to_ndarray(format="rgb24"))

    def _from_key(self, container: Any, stream: Any, keys: list[int], stamp: int) -> Iterator[Any]:
        """Frames in their order from the last key frame on, or from one before it where the seek ends too late."""
        for key in (*keys[: -_SEEKS - 1 : -1], keys[0]):
            container.seek(key, stream=stream)
            decoder = container.decode(stream)
            frame = next((frame for frame in decoder if frame.pts is not None), None)
            if frame is not None and frame.pts <= stamp:
                yield frame
                frame = None  # it is large
                yield from decoder
                return


def _opened(path: Path) -> Any:
    return av.open(str(path.absolute()), options=_FORMATS)  # absolute: `a:b.mp4` would be a protocol


def _stream(container: Any, path: Path) -> Any:
    """The first video that is no picture of an album."""
    found = [
        stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic
    ]
    if not found:
        raise BadSceneError(f"{path}: holds no video")
    if found[0].codec_context is None:
        raise BadSceneError(f"{path}: holds a video of an unknown codec")
    return found[0]


def _ending(stream: Any) -> float:
    """Seconds at which a stream says that it ends; 0 where it does not."""
    if stream.duration is not None:
        return float(((stream.start_time or 0) + stream.duration) * stream.time_base)
    written = re.fullmatch(r"(\d+):(\d\d):(\d\d\.\d+)", stream.metadata.get("DURATION", ""))  # as mkv has it
    return (
        sum(float(part) * unit for part, unit in zip(written.groups(), (3600, 60, 1), strict=True))
        if written
        else 0
    )


def _reason(problem: Exception) -> str:
    return " ".join(str(getattr(problem, "strerror", None) or problem).split())
