"""Depth of an iPhone recording in ScanNet++: `depth.bin`, 256 × 192 pixels with the view of the image.

The file has one of three encodings (scannetpp/scannetpp @f3b4712 `iphone/prepare_iphone_data.py`; tried in
its order):

- one raw deflate stream of float32 metres `(N, 192, 256)` for the whole file;
- for each frame a little-endian u32, the number of bytes that follow, and an LZ4 block of uint16 millimetres;
- the same with a raw deflate stream of float32 metres.

Only requested frames are decompressed, and none to more than a frame's bytes. A single stream cannot be
entered at an arbitrary frame, so it is run through once and the decompressor's state is kept at every
hundredth frame. Values that are not a distance become 0.
"""

from __future__ import annotations

import zlib
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, BinaryIO, final

import lz4.block
import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from lightning_ouro.errors import BadSceneError
from lightning_ouro.scenes.readers.files import MOST_METRES

HEIGHT, WIDTH = 192, 256
_MILLIMETRE_BYTES, _METRE_BYTES = HEIGHT * WIDTH * 2, HEIGHT * WIDTH * 4  # of a frame
_MAX_PACKED_BYTES = _METRE_BYTES + _METRE_BYTES // 100  # of a frame; compressed noise hardly grows
_CHUNK_BYTES = 1 << 16  # to read from a file at once
_CHECKPOINT_INTERVAL = 100  # frames between checkpoints in a single stream; each takes 50 kB

_Checkpoint = tuple[Any, int]  # the decompressor's state, the position in the file


class IphoneDepth(ABC):
    """The depth frames of one recording.

    Attributes:
        num_frames: How many there are.
    """

    num_frames: int

    @abstractmethod
    def frame(self, index: int) -> NDArray[np.float32]:
        """Metres along the camera's axis `(192, 256)`, 0 where unknown.

        Raises:
            BadSceneError: the frame cannot be decompressed.
        """


def open_depth(path: Path, max_frames: int) -> IphoneDepth:
    """Opens the first `max_frames` frames of a `depth.bin`, or all if there are fewer.

    Raises:
        BadSceneError: the file cannot be read, has none of the three encodings, or is truncated within these
            frames.
    """
    try:
        return (
            _SingleStreamDepth(path, max_frames)
            if _is_single_stream(path)
            else _PerFrameDepth(path, max_frames)
        )
    except OSError as problem:
        raise BadSceneError(f"{path}: cannot be read ({problem.strerror or problem})") from None


def _is_single_stream(path: Path) -> bool:
    with path.open("rb") as file:
        try:
            return len(_DeflateStream(file).read(_METRE_BYTES)) == _METRE_BYTES
        except zlib.error:
            return False


class _DeflateStream:
    """A raw deflate stream in a file, read from its beginning or from a checkpoint."""

    def __init__(self, file: BinaryIO, checkpoint: _Checkpoint | None = None) -> None:
        self._file = file
        self._inflate = zlib.decompressobj(-zlib.MAX_WBITS) if checkpoint is None else checkpoint[0].copy()
        file.seek(0 if checkpoint is None else checkpoint[1])

    def checkpoint(self) -> _Checkpoint:
        return self._inflate.copy(), self._file.tell()

    @property
    def ended(self) -> bool:
        return bool(self._inflate.eof)

    def read(self, size: int) -> bytes:
        """The next `size` decompressed bytes; fewer at the end of stream or file. Raises `zlib.error`."""
        pieces: list[bytes] = []
        while size > 0 and not self.ended:
            packed = self._inflate.unconsumed_tail or self._file.read(_CHUNK_BYTES)
            piece = self._inflate.decompress(packed, size)
            if not packed and not piece:
                break
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces)


@final
class _SingleStreamDepth(IphoneDepth):
    def __init__(self, path: Path, max_frames: int) -> None:
        self._path = path
        self._checkpoints: list[_Checkpoint] = []
        self.num_frames = 0
        with path.open("rb") as file:
            stream = _DeflateStream(file)
            while self.num_frames < max_frames:
                if self.num_frames % _CHECKPOINT_INTERVAL == 0:
                    self._checkpoints.append(stream.checkpoint())
                if not self._next(stream, self.num_frames):
                    break
                self.num_frames += 1

    @override
    def frame(self, index: int) -> NDArray[np.float32]:
        try:
            with self._path.open("rb") as file:
                stream = _DeflateStream(file, self._checkpoints[index // _CHECKPOINT_INTERVAL])
                for skipped in range(index - index % _CHECKPOINT_INTERVAL, index):
                    self._next(stream, skipped)
                return _depth_map(np.frombuffer(self._next(stream, index), dtype="<f4"))
        except (OSError, ValueError) as problem:
            raise BadSceneError(
                f"{self._path}: frame {index} cannot be read; did the file change? ({problem})"
            ) from None

    def _next(self, stream: _DeflateStream, index: int) -> bytes:
        """The bytes of a whole frame; empty at the end of the stream."""
        try:
            content = stream.read(_METRE_BYTES)
        except zlib.error as problem:
            raise BadSceneError(f"{self._path}: frame {index} cannot be decompressed ({problem})") from None
        if len(content) < _METRE_BYTES and not (stream.ended and not content):
            raise BadSceneError(
                f"{self._path}: is truncated: frame {index} has {len(content)} of {_METRE_BYTES} bytes"
            )
        return content


@final
class _PerFrameDepth(IphoneDepth):
    def __init__(self, path: Path, max_frames: int) -> None:
        self._path = path
        self._spans: list[tuple[int, int]] = []  # offset and length in bytes of each packed frame
        size, offset = path.stat().st_size, 0
        with path.open("rb", buffering=0) as file:
            while offset < size and len(self._spans) < max_frames:
                length = int.from_bytes(file.read(4), "little")
                if not 0 < length <= min(_MAX_PACKED_BYTES, size - offset - 4):
                    raise self._implausible_length(offset, length, size)
                self._spans.append((offset + 4, length))
                offset = file.seek(length, 1)
        self.num_frames = len(self._spans)
        if self.num_frames == 0:
            raise BadSceneError(f"{path}: is empty, expected depth frames")

    def _implausible_length(self, offset: int, length: int, size: int) -> BadSceneError:
        return BadSceneError(
            f"{self._path}: frame {len(self._spans)} at byte {offset} of {size} claims {length} bytes, "
            f"expected 1 to {_MAX_PACKED_BYTES} within the file; is it truncated?"
        )

    @override
    def frame(self, index: int) -> NDArray[np.float32]:
        start, length = self._spans[index]
        try:
            with self._path.open("rb") as file:
                file.seek(start)
                packed = file.read(length)
        except OSError as problem:
            raise BadSceneError(f"{self._path}: cannot be read ({problem.strerror or problem})") from None
        millimetres = _unpack_lz4(packed)
        if millimetres is not None:
            return _depth_map(np.frombuffer(millimetres, dtype="<u2") / 1000)
        metres = _unpack_deflate(packed)
        if metres is None:
            raise BadSceneError(
                f"{self._path}: frame {index} is neither an LZ4 block of {_MILLIMETRE_BYTES} bytes nor a raw "
                f"deflate stream of {_METRE_BYTES}"
            )
        return _depth_map(np.frombuffer(metres, dtype="<f4"))


def _unpack_lz4(packed: bytes) -> bytes | None:
    """One frame of millimetres; None if it is not an LZ4 block of that size."""
    try:
        content: bytes = lz4.block.decompress(packed, uncompressed_size=_MILLIMETRE_BYTES)
    except (lz4.block.LZ4BlockError, ValueError, MemoryError):
        return None
    return content if len(content) == _MILLIMETRE_BYTES else None


def _unpack_deflate(packed: bytes) -> bytes | None:
    """One frame of metres; None if it is not a stream of that size. A longer one is not read to its end."""
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        content = inflate.decompress(packed, _METRE_BYTES + 1)
    except zlib.error:
        return None
    return content if inflate.eof and len(content) == _METRE_BYTES else None


def _depth_map(metres: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    plausible = (metres > 0) & (metres < MOST_METRES)  # false where not finite
    return np.where(plausible, metres, 0).astype(np.float32).reshape(HEIGHT, WIDTH)
