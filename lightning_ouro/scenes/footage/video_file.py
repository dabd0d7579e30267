"""Reads frames of a video file by index, exactly, whatever its frame rate.

The timestamps of all frames are read from the packets, without decoding. A frame is reached by seeking to the
last key frame that is shown no later, and decoding from there. (Computing the time from index and rate, like
imageio, is a frame off where the rate is not constant, and that of phones never is. Seeking to the frame's
own timestamp, which FFmpeg offers, lands too late where frames that are shown before a key frame are stored
after it, as in phones' HEVC.) Only one thread decodes and only one frame is held, so that a minute of 1920 ×
1440 needs no more memory than a second of it.
"""

from __future__ import annotations

import re
import struct
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lightning_ouro.errors import BadSceneError
from lightning_ouro.scenes.readers.files import MOST_PIXELS

try:
    import av
    from av.stream import Disposition
except ImportError:  # images can be read without it
    _HAS_PYAV = False
else:
    _HAS_PYAV = True

_DECODE_AHEAD = 8  # frames: a key frame that is no farther ahead is reached by decoding on instead of seeking
_SEEKS = 4  # key frames to try: FFmpeg may miss one where they are only a few frames apart
_MISSING = 1.0  # seconds by which the last frame of a complete video may precede its end
_TURNED = [[1, 0, 0, 1], [0, 1, -1, 0], [-1, 0, 0, -1], [0, -1, 1, 0]]  # display matrices by quarter turns
# Playlists would open other files, and in streams without an index seeking finds wrong frames.
_FORMATS = {"format_whitelist": "mov,matroska,webm", "protocol_whitelist": "file"}


class VideoFile:
    """A video on disk. Its rotation tag is told (`turns`), not applied; frames that an edit list removes do not count.

    Args:
        path: An mp4, mov, mkv or webm file.

    Attributes:
        times: `(F,)` seconds from the first frame, in display order.
        size: Height and width in pixels.

    Raises:
        BadSceneError: the file cannot be opened, is truncated, or has no frames, or PyAV is missing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not _HAS_PYAV:
            raise BadSceneError(
                f'{path}: videos are read by PyAV, which is not there: pip install "av>=14.1"'
            )
        try:
            with _open(path) as container:
                stream = _video_stream(container, path)
                self._stamps, self._keys = _read_timestamps(container, stream, path)
                self._tick = float(stream.time_base or 0)
                self.size = (stream.height, stream.width)
                end = _announced_end(stream)
        except (av.FFmpegError, OSError, ValueError) as error:
            raise BadSceneError(
                f"{path}: cannot be read as an mp4, mov or mkv video ({_reason(error)})"
            ) from None
        self._check_size()
        seconds = np.array(self._stamps, dtype=np.float64) * self._tick
        if end - seconds[-1] > _MISSING + 2 * np.diff(seconds).max(initial=0):
            raise BadSceneError(
                f"{path}: is truncated: its last frame is at {seconds[-1]:.1f} s of {end:.1f} s"
            )
        self.times = seconds - seconds[0]

    def turns(self) -> int:
        """Clockwise quarter turns with which players show the frames, by the rotation tag; decodes the first frame.

        Raises:
            BadSceneError: the first frame cannot be decoded, or is to be mirrored or turned by another angle.
        """
        try:
            with _open(self.path) as container:
                frame = next(container.decode(_video_stream(container, self.path)), None)
                tag = None if frame is None else frame.side_data.get("DISPLAYMATRIX")
                return 0 if tag is None else _quarter_turns(self.path, bytes(tag))
        except (av.FFmpegError, OSError, ValueError) as error:
            raise BadSceneError(f"{self.path}: cannot be decoded ({_reason(error)})") from None

    def _check_size(self) -> None:
        if not self._stamps or not min(self.size) or not self._tick:
            raise BadSceneError(f"{self.path}: has no frames")
        height, width = self.size
        if height * width > MOST_PIXELS:
            raise BadSceneError(
                f"{self.path}: has frames of {width} × {height} pixels, expected at most {MOST_PIXELS}"
            )

    def frames(self, frame_indices: Sequence[int]) -> Iterator[NDArray[np.uint8]]:
        """Decodes the frames with these indices, which increase; each is uint8 `(H, W, 3)` RGB.

        Raises:
            BadSceneError: the file is damaged before one of them.
        """
        try:
            with _open(self.path) as container:
                stream = _video_stream(container, self.path)
                stream.thread_type = "NONE"
                stream.codec_context.thread_count = 1
                yield from self._decode(container, stream, frame_indices)
        except (av.FFmpegError, OSError, ValueError) as error:
            raise BadSceneError(f"{self.path}: cannot be decoded ({_reason(error)})") from None

    def _decode(
        self, container: Any, stream: Any, frame_indices: Sequence[int]
    ) -> Iterator[NDArray[np.uint8]]:
        decoder: Iterator[Any] = iter(())
        reached = -1
        for index in frame_indices:
            keys = self._keys[: bisect_right(self._keys, self._stamps[index])]
            key_index = bisect_left(self._stamps, keys[-1]) if keys else 0
            if reached < 0 or index <= reached or key_index > reached + _DECODE_AHEAD:
                decoder = _decode_from_key(container, stream, keys or self._stamps[:1], self._stamps[index])
            yield self._image(decoder, index)
            reached = index

    def _image(self, decoder: Iterator[Any], index: int) -> NDArray[np.uint8]:
        """The frame at an index ahead of the decoder; a method, so that no local variable keeps the frame alive."""
        stamp = self._stamps[index]
        frame = next((frame for frame in decoder if frame.pts is not None and frame.pts >= stamp), None)
        if frame is None or frame.pts != stamp:
            raise BadSceneError(f"{self.path}: frame {index} of {len(self._stamps)} cannot be decoded")
        return np.asarray(frame.to_ndarray(format="rgb24"))


def _open(path: Path) -> Any:
    # An absolute path, because `a:b.mp4` would be read as protocol `a`.
    return av.open(str(path.absolute()), options=_FORMATS)


def _video_stream(container: Any, path: Path) -> Any:
    """The first video stream that is not an album's cover picture."""
    streams = [
        stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic
    ]
    if not streams:
        raise BadSceneError(f"{path}: contains no video")
    if streams[0].codec_context is None:
        raise BadSceneError(f"{path}: contains a video in an unknown codec")
    return streams[0]


def _quarter_turns(path: Path, tag: bytes) -> int:
    """Clockwise quarter turns of a display matrix: the rows (a, b, u), (c, d, v), … of `tkhd` in ISO 14496-12.

    A pixel at (x, y), y pointing down, is shown at (ax + cy, bx + dy).
    """
    a, b, _, c, d = struct.unpack("=9i", tag)[:5]
    unit = max(abs(a), abs(b), 1)
    sides = [round(side / unit) for side in (a, b, c, d)]
    if sides not in _TURNED:
        raise BadSceneError(f"{path}: is played mirrored or askew; write it anew as it is to be seen")
    return _TURNED.index(sides)


def _read_timestamps(container: Any, stream: Any, path: Path) -> tuple[list[int], list[int]]:
    """Sorted timestamps of the frames that are shown, and of all key frames, even hidden ones, to decode from."""
    shown: list[int] = []
    keys: list[int] = []
    for packet in container.demux(stream):
        if packet.size == 0 or packet.pts is None:
            continue
        if packet.is_corrupt:
            raise BadSceneError(f"{path}: is truncated or damaged after {len(shown)} frames")
        if packet.is_keyframe:
            keys.append(packet.pts)
        if not packet.is_discard:
            shown.append(packet.pts)
    return sorted(shown), sorted(keys)


def _decode_from_key(container: Any, stream: Any, keys: list[int], stamp: int) -> Iterator[Any]:
    """Frames in display order from the last key frame, or from an earlier one if seeking lands after `stamp`."""
    for key in (*keys[: -_SEEKS - 1 : -1], keys[0]):
        container.seek(key, stream=stream)
        decoder = container.decode(stream)
        frame = next((frame for frame in decoder if frame.pts is not None), None)
        if frame is not None and frame.pts <= stamp:
            yield frame
            frame = None  # frees its memory
            yield from decoder
            return


def _announced_end(stream: Any) -> float:
    """Seconds at which the stream's header says that it ends; 0 if it does not say."""
    if stream.duration is not None:
        return float(((stream.start_time or 0) + stream.duration) * stream.time_base)
    duration = re.fullmatch(r"(\d+):(\d\d):(\d\d\.\d+)", stream.metadata.get("DURATION", ""))  # of mkv files
    if duration is None:
        return 0.0
    hours, minutes, seconds = map(float, duration.groups())
    return 3600 * hours + 60 * minutes + seconds


def _reason(error: Exception) -> str:
    return " ".join(str(getattr(error, "strerror", None) or error).split())
