"""ScanNet's `.sens` files: colour, depth and poses of a whole recording, of which single frames are read.

Version 4, little endian (ScanNet/ScanNet @3830fce `SensReader/python/SensorData.py`):

- Header: u32 version; u64 length of the sensor's name, the name; four 4 × 4 f32 matrices in row-major order
  (intrinsics and extrinsics of colour, then of depth); i32 compression of colour (0 raw, 1 png, 2 jpeg) and
  of depth (0 raw, 1 zlib; 2 is Occipital's own and not supported); u32 width and height of colour, then of
  depth; f32 depth_shift, the depth units per metre (usually 1000); u64 number of frames.
- Each frame: 4 × 4 f32 camera to world; u64 microseconds of colour, of depth; u64 bytes of colour, of depth;
  both payloads. The motion sensor's readings after the last frame are ignored.

Opening a file reads the frames' headers and seeks over the payloads, so a recording of gigabytes costs 96
bytes a frame.
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
from lightning_ouro.scenes.readers.clock import frame_times
from lightning_ouro.scenes.readers.files import MOST_PIXELS

FRAME_RATE = 30.0  # Hz, ScanNet's capture rate; used for frames without times
_VERSION = 4
_START = struct.Struct("<IQ")
_MAX_NAME_BYTES = 4096
_HEADER = struct.Struct("<64f2i4IfQ")
_FRAME = np.dtype([("pose", "<f4", (4, 4)), ("stamp", "<u8"), ("depth_stamp", "<u8"), ("bytes", "<u8", 2)])
_COLOR_CODES, _DEPTH_CODES = {0: "raw", 1: "png", 2: "jpeg"}, {0: "raw", 1: "zlib"}
_MAX_OVERHEAD = 1 << 16  # bytes; a compressed image is at most this much larger than twice its pixels
_MICROSECOND = 1e-6  # seconds


class SensFile:
    """A recording in one file, which is not kept open.

    Args:
        path: The file.

    Attributes:
        intrinsics: `(4, 4)` of colour as the file has them: pixel centres are whole numbers.
        size: Height and width of colour.
        poses: `(F, 4, 4)` camera to world; not finite where tracking was lost.
        times: `(F,)` seconds from the first frame, never falling; frame number / 30 Hz if the sensor's are none.
        remark: What there is to say of these times, if anything.
        has_color: `(F,)` whether a frame has colour.

    Raises:
        BadSceneError: the file cannot be read, has another version, or is truncated.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with path.open("rb") as file:
                num_frames = self._read_header(file, path.stat().st_size)
                frames = self._read_frames(file, num_frames, path.stat().st_size)
        except OSError as problem:
            raise BadSceneError(f"{path}: cannot be read ({problem.strerror or problem})") from None
        self._payload_bytes = frames["bytes"].astype(np.int64)
        self.has_color = self._payload_bytes[:, 0] > 0
        self.poses = frames["pose"].astype(np.float64)
        by_rate, source = np.arange(len(frames)) / FRAME_RATE, f"those of frames at {FRAME_RATE:g} Hz"
        self.times, self.remark = frame_times(frames["stamp"].tolist(), by_rate, _MICROSECOND, source)

    def color(self, frame: int) -> NDArray[np.uint8]:
        """A frame's colour, uint8 `(H, W, 3)` RGB.

        Raises:
            BadSceneError: it cannot be decoded, or its size differs from the header's.
        """
        where, content = f"{self._where(frame)}: colour", self._payload(frame, 0)
        if self._color_code == "raw":
            _expect_bytes(where, len(content), self.size[0] * self.size[1] * 3)
            return np.frombuffer(content, dtype=np.uint8).reshape(*self.size, 3)
        return decode_image(where, content, "RGB", self.size)

    def depth(self, frame: int) -> NDArray[np.float32] | None:
        """A frame's depth, metres `(h, w)`, 0 where unknown; None if it has none.

        Raises:
            BadSceneError: it cannot be decoded, or its size differs from the header's.
        """
        if not self._payload_bytes[frame, 1]:
            return None
        where, content = f"{self._where(frame)}: depth", self._payload(frame, 1)
        expected = self._depth_size[0] * self._depth_size[1] * 2
        if self._depth_code == "zlib":
            try:  # one byte more than expected reveals a payload that is too long; the rest stays compressed
                content = zlib.decompressobj().decompress(content, expected + 1)
            except zlib.error as problem:
                raise BadSceneError(f"{where} cannot be decompressed ({problem})") from None
        _expect_bytes(where, len(content), expected)
        depth = np.frombuffer(content, dtype="<u2").reshape(self._depth_size)
        return (depth / self._units_per_metre).astype(np.float32)

    def _read_header(self, file: BinaryIO, file_bytes: int) -> int:
        """Stores what all frames share and returns the number of frames."""
        version, name_length = _START.unpack(self._take(file, _START.size, "header"))
        if version != _VERSION:
            raise BadSceneError(f"{self.path}: version is {version}, expected {_VERSION}")
        if name_length > _MAX_NAME_BYTES:
            raise BadSceneError(
                f"{self.path}: the sensor's name has {name_length} bytes; is this a .sens file?"
            )
        self._take(file, name_length, "header")
        values = _HEADER.unpack(self._take(file, _HEADER.size, "header"))
        self.intrinsics = np.array(values[:16], dtype=np.float64).reshape(4, 4)
        color_code, depth_code, width, height, depth_width, depth_height, units, num_frames = values[64:]
        self._color_code = self._compression("colour", color_code, _COLOR_CODES)
        self._depth_code = self._compression("depth", depth_code, _DEPTH_CODES)
        self.size, self._depth_size = (height, width), (depth_height, depth_width)
        for pixels in (width * height, depth_width * depth_height):
            if not 0 < pixels <= MOST_PIXELS:
                raise BadSceneError(f"{self.path}: images have {pixels} pixels, expected 1 to {MOST_PIXELS}")
        if not 1 <= units <= 100_000:
            raise BadSceneError(
                f"{self.path}: depth_shift is {units:g}, expected units per metre, usually 1000"
            )
        if not 0 < num_frames * _FRAME.itemsize <= file_bytes:
            raise BadSceneError(
                f"{self.path}: a file of {file_bytes} bytes cannot hold its {num_frames} frames"
            )
        self._units_per_metre = units
        return int(num_frames)

    def _compression(self, kind: str, code: int, known: dict[int, str]) -> str:
        if code not in known:
            raise BadSceneError(f"{self.path}: compression of {kind} is {code}, expected one of {known}")
        return known[code]

    def _read_frames(self, file: BinaryIO, num_frames: int, file_bytes: int) -> NDArray[Any]:
        """Returns the frames' headers and stores where their payloads begin."""
        color, depth = self.size[0] * self.size[1] * 3, self._depth_size[0] * self._depth_size[1] * 2
        headers, self._starts = [], np.empty(num_frames, dtype=np.int64)
        for frame in range(num_frames):
            headers.append(self._take(file, _FRAME.itemsize, f"frame {frame} of {num_frames}"))
            color_bytes, depth_bytes = struct.unpack_from("<2Q", headers[-1], _FRAME.fields["bytes"][1])  # type: ignore[index]
            if color_bytes > 2 * color + _MAX_OVERHEAD or depth_bytes > 2 * depth + _MAX_OVERHEAD:
                raise BadSceneError(
                    f"{self.path}: frame {frame} claims {color_bytes} bytes of colour and {depth_bytes} of "
                    f"depth, too many for {self.size[1]} × {self.size[0]} pixels"
                )
            self._starts[frame] = file.tell()
            if self._starts[frame] + color_bytes + depth_bytes > file_bytes:
                raise BadSceneError(f"{self.path}: is truncated in frame {frame} of {num_frames}")
            file.seek(color_bytes + depth_bytes, io.SEEK_CUR)
        return np.frombuffer(b"".join(headers), dtype=_FRAME)

    def _payload(self, frame: int, kind: int) -> bytes:
        """The bytes of a frame's colour (kind 0) or depth (kind 1)."""
        start = self._starts[frame] + self._payload_bytes[frame, :kind].sum()
        try:
            with self.path.open("rb") as file:
                file.seek(int(start))
                return self._take(file, int(self._payload_bytes[frame, kind]), f"frame {frame}")
        except OSError as problem:
            raise BadSceneError(f"{self.path}: cannot be read ({problem.strerror or problem})") from None

    def _take(self, file: BinaryIO, length: int, part: str) -> bytes:
        content = file.read(length)
        if len(content) < length:
            raise BadSceneError(f"{self.path}: is truncated in its {part}")
        return content

    def _where(self, frame: int) -> str:
        return f"{self.path}: frame {frame}"


def decode_image(
    where: str, content: bytes, mode: str | None, size: tuple[int, int] | None = None
) -> NDArray[Any]:
    """Decodes a png or jpeg.

    Args:
        where: File and frame, for error messages.
        content: The encoded image.
        mode: Pillow's name of the mode to convert to; None keeps the stored values.
        size: The height and width that the image must have; None accepts any.

    Raises:
        BadSceneError: it is not a png or jpeg, has too many pixels or another size, or is truncated.
    """
    try:
        with Image.open(io.BytesIO(content), formats=("PNG", "JPEG")) as image:
            height, width = image.height, image.width
            if height * width > MOST_PIXELS or (size is not None and size != (height, width)):
                expected = f"{size[1]} × {size[0]}" if size else f"at most {MOST_PIXELS}"
                raise BadSceneError(f"{where} has {width} × {height} pixels, expected {expected}")
            return np.asarray(image if mode is None else image.convert(mode))
    except (UnidentifiedImageError, Image.DecompressionBombError):
        raise BadSceneError(f"{where} is not a png or jpeg of plausible size") from None
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


def _expect_bytes(where: str, length: int, expected: int) -> None:
    if length != expected:
        or_more = " or more" if length > expected else ""
        raise BadSceneError(f"{where} has {length} bytes{or_more}, expected {expected}")
