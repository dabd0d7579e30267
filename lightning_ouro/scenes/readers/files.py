"""Reading untrusted files: any damage results in a one-line `BadSceneError` that begins with the path.

Sizes are checked before anything is decompressed, so a small file cannot fill the memory.
"""

from __future__ import annotations

import json
import re
import struct
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeGuard

import imageio.v3 as iio
import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from lightning_ouro.errors import BadSceneError

SCENE_ID = re.compile(r"\w[\w .+-]{0,99}")
# Limits chosen by hand, far above what the data sets contain.
MOST_METRES = 1000.0  # a larger coordinate means another unit or a broken file
_NOT_MEASURED = 2**16 - 1  # in a depth map
MOST_PIXELS = 50_000_000  # of one image: about the largest photo a phone takes
_SAMPLED = 9  # images whose headers are read to know the usual size
MOST_BYTES = 1 << 30  # of a file that is read as a whole
CENTER_DECIMALS = 6  # of a metre; boxes of one category whose rounded centres agree are one object
_ASPECT_TOLERANCE = 0.02  # of width over height; chosen by hand: ScanNet's colour and depth differ by 0.004
_ORTHONORMAL_TOLERANCE = (
    1e-3  # chosen by hand; the 3,197 boxes of VSI-Bench's meta_info deviate by 3e-15 at most
)
_WITH_EXIF = ("JPEG", "MPO", "TIFF", "WEBP")
# Everything Pillow raises on damaged files.
_PILLOW_ERRORS = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    LookupError,
    TypeError,
    ArithmeticError,
    MemoryError,
    struct.error,
)

Floats = NDArray[np.float64]


def path_exists(path: Path) -> bool:
    """Whether a file or folder exists.

    Raises:
        BadSceneError: permissions do not allow to check.
    """
    try:
        return path.exists()
    except OSError as problem:
        raise BadSceneError(f"{path}: cannot be read ({problem.strerror or problem})") from None


def read_bytes(path: Path, max_bytes: int = MOST_BYTES) -> bytes:
    """Reads a whole file.

    Raises:
        BadSceneError: the file is missing, unreadable, or larger than `max_bytes`.
    """
    try:
        size = path.stat().st_size
        if size > max_bytes:
            raise BadSceneError(f"{path}: has {size} bytes, expected at most {max_bytes}")
        return path.read_bytes()
    except OSError as problem:
        raise BadSceneError(f"{path}: cannot be read ({problem.strerror or problem})") from None
    except ValueError:
        raise BadSceneError(f"{str(path)!r}: cannot be read (not a valid file name)") from None


def read_text(path: Path, max_bytes: int = MOST_BYTES) -> str:
    """Reads a UTF-8 text file of at most `max_bytes`; a byte order mark is dropped.

    Raises:
        BadSceneError: the file cannot be read or is not UTF-8.
    """
    try:
        return read_bytes(path, max_bytes).decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise BadSceneError(f"{path}: is not UTF-8 text ({problem.reason} at byte {problem.start})") from None


def read_json(path: Path) -> Any:
    """Reads a JSON file.

    Raises:
        BadSceneError: the file cannot be read or is not JSON.
    """
    try:
        return json.loads(read_text(path))
    except (ValueError, RecursionError) as problem:
        raise BadSceneError(f"{path}: is not JSON ({problem})") from None


def image_size(path: Path) -> tuple[int, int]:
    """Height and width of an image as it is stored, read from its header.

    Raises:
        BadSceneError: the file cannot be read, is not an image, or has too many pixels.
    """
    return image_header(path)[0]


def image_header(path: Path) -> tuple[tuple[int, int], int]:
    """Height and width of an image as it is stored, and EXIF's number for how it is to be turned, 1 for not at all.

    Raises:
        BadSceneError: the file cannot be read, is not an image, or has too many pixels.
    """
    try:
        # Pillow warns of large images, which are refused below, and of damaged metadata, which is not used.
        with warnings.catch_warnings(action="ignore"), Image.open(path) as image:
            width, height = image.size
            # Of other formats, Pillow would decode the whole image to know.
            turn = image.getexif().get(ExifTags.Base.Orientation, 1) if image.format in _WITH_EXIF else 1
    except Image.DecompressionBombError as problem:
        raise BadSceneError(f"{path}: {problem}") from None
    except _PILLOW_ERRORS as problem:
        raise _not_an_image(path, problem) from None
    if height * width > MOST_PIXELS:
        raise BadSceneError(f"{path}: has {width} × {height} pixels, expected at most {MOST_PIXELS}")
    return (height, width), turn if turn in range(2, 9) else 1


def usual_header(paths: Sequence[Path]) -> tuple[tuple[int, int], int]:
    """What `image_header` says of most of some images; a few of them are looked at.

    Raises:
        BadSceneError: none of these can be read.
    """
    headers: list[tuple[tuple[int, int], int]] = []
    problems: list[BadSceneError] = []
    step = max(1, len(paths) // _SAMPLED)
    for path in paths[::step]:
        try:
            headers.append(image_header(path))
        except BadSceneError as problem:
            problems.append(problem)
    if not headers:
        raise problems[0]
    return Counter(headers).most_common(1)[0][0]


def read_image(path: Path, mode: str | None = "RGB", is_turned: bool = False) -> NDArray[Any]:
    """Reads an image; the first one if the file holds several.

    Args:
        path: The image file.
        mode: Pillow's name of the mode to convert to: "RGB" gives uint8 `(H, W, 3)`. None keeps the stored
            values, such as depth in uint16.
        is_turned: Whether to turn it as its EXIF orientation says.

    Raises:
        BadSceneError: the file cannot be read, is not an image, has too many pixels, or is truncated.
    """
    image_size(path)
    try:
        with warnings.catch_warnings(action="ignore"):
            return np.asarray(iio.imread(path, index=0, plugin="pillow", mode=mode, rotate=is_turned))
    except _PILLOW_ERRORS as problem:
        raise _not_an_image(path, problem) from None


def read_frame(path: Path, size: tuple[int, int], is_turned: bool = False) -> NDArray[np.uint8]:
    """A frame of a recording, uint8 `(H, W, 3)`, turned as its EXIF orientation says if that is asked for.

    Raises:
        BadSceneError: it cannot be read, or has another height and width than the recording's first image.
    """
    image = read_image(path, is_turned=is_turned)
    if image.shape[:2] != size:
        raise BadSceneError(f"{path}: has {image.shape[:2]} pixels, expected {size} as in other images")
    return image


def read_depth(path: Path, size: tuple[int, int]) -> NDArray[np.integer[Any]]:
    """A depth map `(h, w)` in whole units, 0 where unknown, of the same view as an image of this height and width.

    Sensors also mark what they could not measure by the largest number of 16 bits, which would be 65 m.

    Raises:
        BadSceneError: it cannot be read, has fewer than 16 bits or no whole numbers, or another aspect ratio.
    """
    depth = read_image(path, mode=None)
    if depth.ndim != 2 or not np.issubdtype(depth.dtype, np.integer) or depth.dtype.itemsize < 2:
        raise BadSceneError(
            f"{path}: holds {depth.dtype} of the shape {depth.shape}, expected depth in uint16, one number per pixel"
        )
    if not same_aspect_ratio(depth.shape, size):
        raise BadSceneError(
            f"{path}: has {depth.shape[1]} × {depth.shape[0]} pixels, which is another view than that of its "
            f"image of {size[1]} × {size[0]}"
        )
    return np.where(depth == _NOT_MEASURED, 0, depth)


def same_aspect_ratio(a: Sequence[float], b: Sequence[float]) -> bool:
    """Whether images of these heights and widths can show the same view."""
    return abs(a[1] * b[0] / (a[0] * b[1]) - 1) <= _ASPECT_TOLERANCE


def _not_an_image(path: Path, problem: BaseException) -> BadSceneError:
    reason = problem.strerror if isinstance(problem, OSError) else None
    return BadSceneError(f"{path}: cannot be read as an image ({' '.join(str(reason or problem).split())})")


def is_number(value: Any) -> TypeGuard[int | float]:
    """Whether a value from a JSON file is a finite number below `MOST_METRES` in magnitude."""
    # Compared without a conversion: an integer too large for a float would raise.
    return (
        isinstance(value, int | float) and not isinstance(value, bool) and -MOST_METRES < value < MOST_METRES
    )


def finite_numbers(where: str, field: str, values: Any, length: int) -> Floats:
    """Converts a list from a JSON file to `length` finite numbers, checking each.

    Raises:
        BadSceneError: it is not a list of `length` finite numbers; the message begins with `where` and
            `field`.
    """
    if not isinstance(values, list) or len(values) != length or not all(map(is_number, values)):
        raise BadSceneError(
            f"{where}: {field} is {short_repr(values)}, expected {length} finite numbers below {MOST_METRES:g}"
        )
    return np.array(values, dtype=np.float64)


def parse_box(
    where: str,
    record: Any,
    center: str = "centroid",
    size: str = "axesLengths",
    axes: str = "normalizedAxes",
) -> tuple[Floats, Floats, Floats]:
    """Centre `(3,)`, full extents `(3,)` and rotation `(3, 3)` of a box from a JSON file.

    VSI-Bench, ARKitScenes and ScanNet++ all write the nine numbers of `axes` as three rows, one per axis of
    the box: for all 1,807 of VSI-Bench's 3,197 boxes that tell rows from columns, only rows reproduce their
    `min` and `max`. The columns of the returned rotation are the axes.

    Args:
        where: File and object, for error messages.
        record: The JSON object.
        center: Name of the field with the centre, metres.
        size: Name of the field with the full extents, metres.
        axes: Name of the field with the axes.

    Raises:
        BadSceneError: a field is missing, or the values do not describe a box.
    """
    if not isinstance(record, dict):
        raise BadSceneError(f"{where} is {short_repr(record)}, expected a box with {center}, {size}, {axes}")
    extents = finite_numbers(where, size, record.get(size), 3)
    if min(record[size]) <= 0:
        raise BadSceneError(f"{where}: {size} is {short_repr(record[size])}, expected positive metres")
    rows = finite_numbers(where, axes, record.get(axes), 9).reshape(3, 3)
    first, second, third = rows.tolist()
    # In plain Python: for nine numbers this is ten times faster than numpy, and a store has tens of thousands
    # of boxes.
    lengths = (_dot(first, first) - 1, _dot(second, second) - 1, _dot(third, third) - 1)
    cosines = (_dot(first, second), _dot(second, third), _dot(third, first))
    if max(map(abs, (*lengths, *cosines))) > _ORTHONORMAL_TOLERANCE:
        raise BadSceneError(f"{where}: {axes} is {rows.ravel().tolist()}, expected three orthonormal rows")
    # A box is symmetric, so flipping one axis makes a left-handed set right-handed.
    rotation = rows.T.copy() if _determinant(first, second, third) > 0 else rows.T * [1.0, 1.0, -1.0]
    return finite_numbers(where, center, record.get(center), 3), extents, rotation


def _dot(a: list[float], b: list[float]) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _determinant(a: list[float], b: list[float], c: list[float]) -> float:
    return (
        a[0] * (b[1] * c[2] - b[2] * c[1])
        + a[1] * (b[2] * c[0] - b[0] * c[2])
        + a[2] * (b[0] * c[1] - b[1] * c[0])
    )


def short_repr(value: Any) -> str:
    """A value for an error message, in at most 80 characters; None reads "missing"."""
    text = "missing" if value is None else repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
