"""Depth of a phone's recording in ScanNet++: `depth.bin`, 256 × 192 pixels a frame, over the view of the image.

One of three compressions (scannetpp/scannetpp @f3b4712 `iphone/prepare_iphone_data.py`, tried in its order):

- the whole file is one raw deflate stream of float32 `(N, 192, 256)`, metres;
- per frame a little-endian u32, the number of bytes that follow, and an LZ4 block of uint16 millimetres;
- the same with a raw deflate stream of float32 metres.

Only frames that are asked for are unpacked, none to more than a frame's bytes; a single stream, which has no
beginnings of frames, is run through once and remembered at every hundredth. Numbers that are no distance become 0.
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
from lightning_ouro.scenes.readers.files import LARGEST

HEIGHT, WIDTH = 192, 256
_MILLIMETRES, _METRES = HEIGHT * WIDTH * 2, HEIGHT * WIDTH * 4  # bytes of a frame
_LONGEST = _METRES + _METRES // 100  # bytes of a packed frame: noise is not packed smaller, but hardly larger
_READ = 1 << 16  # bytes of a file at once
_EVERY = 100  # frames between places in a single stream from which one can go on; each keeps 50 kB


class IphoneDepth(ABC):
    """The depth frames of one recording.

    Attributes:
        number: How many there are.
    """

    number: int

    @abstractmethod
    def frame(self, place: int) -> NDArray[np.float32]:
        """Metres along the camera's axis `(192, 256)`, 0 where unknown.

        Raises:
            BadSceneError: it cannot be unpacked.
        """


def open_depth(path: Path, most: int) -> IphoneDepth:
    """The first `most` frames of a `depth.bin`, or all where there are fewer.

    Raises:
        BadSceneError: it cannot be read, is packed in none of the three ways, or is cut off before so many.
    """
    try:
        return _OneStream(path, most) if _is_one_stream(path) else _FrameByFrame(path, most)
    except OSError as problem:
        raise BadSceneError(f"{path}: cannot be read ({problem.strerror or problem})") from None


def _is_one_stream(path: Path) -> bool:
    with path.open("rb") as file:
        try:
            return len(_Unpacking(file).read(_METRES)) == _METRES
        except zlib.error:
            return False


class _Unpacking:
    """A raw deflate stream in a file, from its beginning or from where `mark` was asked."""

    def __init__(self, file: BinaryIO, mark: tuple[Any, int] | None = None) -> None:
        self._file = file
        self._inflate = zlib.decompressobj(-zlib.MAX_WBITS) if mark is None else mark[0].copy()
        file.seek(0 if mark is None else mark[1])

    def mark(self) -> tuple[Any, int]:
        return self._inflate.copy(), self._file.tell()

    @property
    def ended(self) -> bool:
        return bool(self._inflate.eof)

    def read(self, size: int) -> bytes:
        """So many unpacked bytes; fewer where stream or file end; raises `zlib.error`."""
        pieces: list[bytes] = []
        while size > 0 and not self.ended:
            packed = self._inflate.unconsumed_tail or self._file.read(_READ)
            piece = self._inflate.decompress(packed, size)
            if not packed and not piece:
                break
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces)


@final
class _OneStream(IphoneDepth):
    def __init__(self, path: Path, most: int) -> None:
        self._path = path
        self._marks: list[tuple[Any, int]] = []
        self.number = 0
        with path.open("rb") as file:
            stream = _Unpacking(file)
            while self.number < most:
                if self.number % _EVERY == 0:
                    self._marks.append(stream.mark())
                if not self._next(stream, self.number):
                    break
                self.number += 1

    @override
    def frame(self, place: int) -> NDArray[np.float32]:
        try:
            with self._path.open("rb") as file:
                stream = _Unpacking(file, self._marks[place // _EVERY])
                for before in range(place - place % _EVERY, place):
                    self._next(stream, before)
                return _known(np.frombuffer(self._next(stream, place), dtype="<f4"))
        except (OSError, ValueError) as problem:  # it was whole when it was opened
            raise BadSceneError(f"{self._path}: frame {place} cannot be read any more ({problem})") from None

    def _next(self, stream: _Unpacking, place: int) -> bytes:
        """A whole frame, or nothing where the stream ends."""
        try:
            unpacked = stream.read(_METRES)
        except zlib.error as problem:
            raise BadSceneError(f"{self._path}: frame {place} cannot be unpacked ({problem})") from None
        if len(unpacked) < _METRES and not (stream.ended and not unpacked):
            raise BadSceneError(
                f"{self._path}: is cut off: frame {place} has {len(unpacked)} of {_METRES} bytes"
            )
        return unpacked


@final
class _FrameByFrame(IphoneDepth):
    def __init__(self, path: Path, most: int) -> None:
        self._path = path
        self._places: list[tuple[int, int]] = []  # byte at which a packed frame begins, its length
        size, at = path.stat().st_size, 0
        with path.open("rb", buffering=0) as file:
            while at < size and len(self._places) < most:
                length = int.from_bytes(file.read(4), "little")
                if not 0 < length <= min(_LONGEST, size - at - 4):
                    raise BadSceneError(self._unlikely(at, length, size))
                self._places.append((at + 4, length))
                at = file.seek(length, 1)
        self.number = len(self._places)
        if self.number == 0:
            raise BadSceneError(f"{path}: is empty, expected depth frames")

    def _unlikely(self, at: int, length: int, size: int) -> str:
        """What a person is told of a frame that cannot be as long as it says."""
        return (
            f"{self._path}: frame {len(self._places)} says at byte {at} of {size} that it has {length} bytes, expected "
            f"1 to {_LONGEST} within the file; is it cut off?"
        )

    @override
    def frame(self, place: int) -> NDArray[np.float32]:
        start, length = self._places[place]
        try:
            with self._path.open("rb") as file:
                file.seek(start)
                packed = file.read(length)
        except OSError as problem:
            raise BadSceneError(f"{self._path}: cannot be read ({problem.strerror or problem})") from None
        millimetres = _unpacked_lz4(packed)
        if millimetres is not None:
            return _known(np.frombuffer(millimetres, dtype="<u2") / 1000)
        metres = _unpacked_deflate(packed)
        if metres is None:
            raise BadSceneError(
                f"{self._path}: frame {place} is neither an LZ4 block of {_MILLIMETRES} bytes nor a raw zlib stream of "
                f"{_METRES}"
            )
        return _known(np.frombuffer(metres, dtype="<f4"))


def _unpacked_lz4(packed: bytes) -> bytes | None:
    """One frame of millimetres, if that is what it is."""
    try:
        unpacked: bytes = lz4.block.decompress(packed, uncompressed_size=_MILLIMETRES)
    except (lz4.block.LZ4BlockError, ValueError, MemoryError):
        return None
    return unpacked if len(unpacked) == _MILLIMETRES else None


def _unpacked_deflate(packed: bytes) -> bytes | None:
    """One frame of metres, if that is what it is; a longer one is not unpacked to its end."""
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        unpacked = inflate.decompress(packed, _METRES + 1)
    except zlib.error:
        return None
    return unpacked if inflate.eof and len(unpacked) == _METRES else None


def _known(metres: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    usual = (metres > 0) & (metres < LARGEST)  # also false where they are not finite
    return np.where(usual, metres, 0).astype(np.float32).reshape(HEIGHT, WIDTH)
