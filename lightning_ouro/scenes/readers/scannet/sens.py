"""ScanNet's `.sens` files: colour and depth of a whole recording with poses, of which single frames are read.

Version 4, little endian (ScanNet's SensReader/python/SensorData.py; SCENES.md A1): u32 version; u64 length of the
sensor's name, the name; four 4 × 4 f32 matrices (intrinsics and extrinsics of colour, then of depth), row by row; i32
compression of colour (0 raw, 1 png, 2 jpeg), of depth (0 raw, 1 zlib; 2 is Occipital's own and not read); u32 width and
height of colour, of depth; f32 depth_shift, units a metre; u64 number of frames. Then each frame: 4 × 4 f32 camera to
world, u64 microseconds of colour, of depth, u64 bytes of colour, of depth, both payloads. What follows (the motion
sensor's readings) is not looked at.

Opening reads the frames' headers and seeks over the payloads: a recording of gigabytes costs 96 bytes a frame.
"""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from lightning_ouro.errors import BadSceneError
from lightning_ouro.scenes.readers.files import MOST_PIXELS

RATE = 30.0  # Hz: of frames without a time
_VERSION = 4
_START = struct.Struct("<IQ")
_LONGEST_NAME = 4096
_HEADER = struct.Struct("<64f2i4IfQ")
_FRAME = np.dtype([("pose", "<f4", (4, 4)), ("stamp", "<u8"), ("depth_stamp", "<u8"), ("bytes", "<u8", 2)])
_COLOR_CODES, _DEPTH_CODES = {0: "raw", 1: "png", 2: "jpeg"}, {0: "raw", 1: "zlib"}
_SLACK = 1 << 16  # bytes: what a compressed image may have more than twice its pixels
_DAY = 86_400.0  # seconds


class SensFile:
    """A recording in one file; nothing is held open.

    Args:
        path: The file.

    Attributes:
        intrinsics: `(4, 4)` of colour as the file has them: pixel centres are whole numbers.
        size: Height and width of colour.
        poses: `(F, 4, 4)` camera to world; not finite where tracking was lost.
        times: `(F,)` seconds from the first frame, never falling; by number at 30 Hz where the sensor wrote no times.
        has_image: `(F,)` whether a frame has colour.

    Raises:
        BadSceneError: it cannot be read, is another version, or is cut off.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with path.open("rb") as file:
                number = self._read_header(file, path.stat().st_size)
                frames = self._read_frames(file, number, path.stat().st_size)
        except OSError as problem:
            raise BadSceneError(f"{path}: cannot be read ({problem.strerror or problem})") from None
        self._payloads = frames["bytes"].astype(np.int64)
        self.has_image = self._payloads[:, 0] > 0
        self.poses = frames["pose"].astype(np.float64)
        self.times = self._seconds(frames["stamp"])

    def color(self, number: int) -> NDArray[np.uint8]:
        """A frame's colour, uint8 `(H, W, 3)` RGB.

        Raises:
            BadSceneError: it cannot be decoded, or has another size than the file says.
        """
        where, content = self._where(number), self._payload(number, 0)
        if self._color_code == "raw":
            _expect_bytes(f"{where}: colour", len(content), self.size[0] * self.size[1] * 3)
            return np.frombuffer(content, dtype=np.uint8).reshape(*self.size, 3)
        return decoded_image(f"{where}: colour", content, "RGB", self.size)

    def depth(self, number: int) -> NDArray[np.float32] | None:
        """A frame's depth, metres `(h, w)`, 0 where unknown; None if it has none.

        Raises:
            BadSceneError: it cannot be decoded, or has another size than the file says.
        """
        if not self._payloads[number, 1]:
            return None
        where, content = f"{self._where(number)}: depth", self._payload(number, 1)
        expected = self._depth_size[0] * self._depth_size[1] * 2
        if self._depth_code == "zlib":
            try:  # one byte more than expected tells that there is more, and no more is unpacked
                content = zlib.decompressobj().decompress(content, expected + 1)
            except zlib.error as problem:
                raise BadSceneError(f"{where} cannot be unpacked ({problem})") from None
        _expect_bytes(where, len(content), expected)
        depth = np.frombuffer(content, dtype="<u2").reshape(self._depth_size)
        return (depth / self._units).astype(np.float32)

    def _read_header(self, file: BinaryIO, size: int) -> int:
        """Keeps what all frames share; the number of frames."""
        version, name_length = _START.unpack(self._take(file, _START.size, "header"))
        if version != _VERSION:
            raise BadSceneError(f"{self.path}: version is {version}, expected {_VERSION}")
        if name_length > _LONGEST_NAME:
            raise BadSceneError(
                f"{self.path}: the sensor's name has {name_length} bytes; is this a .sens file?"
            )
        self._take(file, name_length, "header")
        values = _HEADER.unpack(self._take(file, _HEADER.size, "header"))
        self.intrinsics = np.array(values[:16], dtype=np.float64).reshape(4, 4)
        color_code, depth_code, width, height, depth_width, depth_height, units, number = values[64:]
        if color_code not in _COLOR_CODES:
            raise BadSceneError(
                f"{self.path}: compression of colour is {color_code}, expected one of {_COLOR_CODES}"
            )
        if depth_code not in _DEPTH_CODES:
            raise BadSceneError(
                f"{self.path}: compression of depth is {depth_code}, expected one of {_DEPTH_CODES}"
            )
        self._color_code, self._depth_code = _COLOR_CODES[color_code], _DEPTH_CODES[depth_code]
        self.size, self._depth_size = (height, width), (depth_height, depth_width)
        for pixels in (width * height, depth_width * depth_height):
            if not 0 < pixels <= MOST_PIXELS:
                raise BadSceneError(f"{self.path}: images have {pixels} pixels, expected 1 to {MOST_PIXELS}")
        if not 1 <= units <= 100_000:
            raise BadSceneError(
                f"{self.path}: depth_shift is {units:g}, expected units a metre, usually 1000"
            )
        if not 0 < number * _FRAME.itemsize <= size:
            raise BadSceneError(f"{self.path}: a file of {size} bytes cannot hold its {number} frames")
        self._units = units
        return int(number)

    def _read_frames(self, file: BinaryIO, number: int, size: int) -> NDArray[Any]:
        """The frames' headers; keeps where the payloads begin."""
        color, depth = self.size[0] * self.size[1] * 3, self._depth_size[0] * self._depth_size[1] * 2
        headers, self._starts = [], np.empty(number, dtype=np.int64)
        for place in range(number):
            headers.append(self._take(file, _FRAME.itemsize, f"frame {place} of {number}"))
            color_bytes, depth_bytes = struct.unpack_from("<2Q", headers[-1], _FRAME.fields["bytes"][1])  # type: ignore[index]
            if color_bytes > 2 * color + _SLACK or depth_bytes > 2 * depth + _SLACK:
                raise BadSceneError(
                    f"{self.path}: frame {place} says it has {color_bytes} bytes of colour and {depth_bytes} of depth, "
                    f"too many for {self.size[1]} × {self.size[0]} pixels"
                )
            self._starts[place] = file.tell()
            if self._starts[place] + color_bytes + depth_bytes > size:
                raise BadSceneError(f"{self.path}: is cut off in frame {place} of {number}")
            file.seek(color_bytes + depth_bytes, io.SEEK_CUR)
        return np.frombuffer(b"".join(headers), dtype=_FRAME)

    def _seconds(self, stamps: NDArray[np.uint64]) -> NDArray[np.float64]:
        if (stamps == stamps[0]).all():  # some sensors write 0
            return np.arange(len(stamps)) / RATE
        falls = stamps[1:] < stamps[:-1]
        if falls.any():
            place = int(falls.argmax()) + 1
            found = f"{stamps[place - 1]} and then {stamps[place]}"
            raise BadSceneError(
                f"{self.path}: frame {place}: timestamp_color is {found}, expected rising microseconds"
            )
        times = (stamps - stamps[0]).astype(np.float64) / 1e6
        if times[-1] > _DAY:
            raise BadSceneError(
                f"{self.path}: timestamp_color spans {times[-1]:.0f} seconds, expected microseconds"
            )
        return times

    def _payload(self, number: int, which: int) -> bytes:
        """The bytes of a frame's colour (0) or depth (1)."""
        start = self._starts[number] + self._payloads[number, :which].sum()
        try:
            with self.path.open("rb") as file:
                file.seek(int(start))
                return self._take(file, int(self._payloads[number, which]), f"frame {number}")
        except OSError as problem:
            raise BadSceneError(f"{self.path}: cannot be read ({problem.strerror or problem})") from None

    def _take(self, file: BinaryIO, length: int, what: str) -> bytes:
        content = file.read(length)
        if len(content) < length:
            raise BadSceneError(f"{self.path}: is cut off in its {what}")
        return content

    def _where(self, number: int) -> str:
        return f"{self.path}: frame {number}"


def decoded_image(
    where: str, content: bytes, mode: str | None, size: tuple[int, int] | None = None
) -> NDArray[Any]:
    """An image from a file's bytes.

    Args:
        where: File and frame, for the error.
        content: A png or jpeg.
        mode: Pillow's name of what it is converted to; None leaves it as it is.
        size: Height and width that it has to have.

    Raises:
        BadSceneError: it is no image, is too large, has another size, or is cut off.
    """
    try:
        with Image.open(io.BytesIO(content), formats=("PNG", "JPEG")) as image:
            height, width = image.height, image.width
            if height * width > MOST_PIXELS or (size is not None and size != (height, width)):
                expected = f"{size[1]} × {size[0]}" if size else f"at most {MOST_PIXELS}"
                raise BadSceneError(f"{where} has {width} × {height} pixels, expected {expected}")
            return np.asarray(image if mode is None else image.convert(mode))
    except (UnidentifiedImageError, Image.DecompressionBombError):
        raise BadSceneError(f"{where} is no png or jpeg of usual size") from None
    except (
        OSError,
        ValueError,
        SyntaxError,
        EOFError,
        MemoryError,
        struct.error,
        zlib.error,
        IndexError,
    ) as problem:
        raise BadSceneError(f"{where} cannot be decoded ({' '.join(str(problem).split())})") from None


def _expect_bytes(where: str, found: int, expected: int) -> None:
    if found != expected:
        more = " or more" if found > expected else ""
        raise BadSceneError(f"{where} has {found} bytes{more}, expected {expected}")
