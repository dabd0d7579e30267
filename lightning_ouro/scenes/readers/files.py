"""Files that nobody trusts: every way in which one can be broken ends in one line with its path.

Sizes are looked at before anything is unpacked, so that a small file cannot fill the memory.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any, TypeGuard

import imageio.v3 as iio
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lightning_ouro.errors import BadSceneError

LARGEST = 1000.0  # metres; more is another unit or a broken file
MOST_PIXELS = 50_000_000  # of one image: a phone's largest photo
MOST_BYTES = 1 << 30  # of a file that is read whole
_ORTHONORMAL = 1e-3
# What Pillow raises on files that are broken in one way or another.
_UNREADABLE = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    LookupError,
    TypeError,
    ArithmeticError,
    MemoryError,
)


def read_bytes(path: Path, most: int = MOST_BYTES) -> bytes:
    """A whole file.

    Raises:
        BadSceneError: it is missing, unreadable, or has more than `most` bytes.
    """
    try:
        size = path.stat().st_size
        if size > most:
            raise BadSceneError(f"{path}: has {size} bytes, expected at most {most}")
        return path.read_bytes()
    except OSError as problem:
        raise BadSceneError(f"{path}: cannot be read ({problem.strerror or problem})") from None
    except ValueError:
        raise BadSceneError(f"{str(path)!r}: cannot be read (no file can have this name)") from None


def read_text(path: Path, most: int = MOST_BYTES) -> str:
    """A text file of at most so many bytes.

    Raises:
        BadSceneError: it cannot be read, or is no UTF-8.
    """
    try:
        return read_bytes(path, most).decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise BadSceneError(f"{path}: is no text ({problem.reason} at byte {problem.start})") from None


def read_json(path: Path) -> Any:
    """A JSON file.

    Raises:
        BadSceneError: it cannot be read, or is no JSON.
    """
    try:
        return json.loads(read_text(path))
    except (ValueError, RecursionError) as problem:
        raise BadSceneError(f"{path}: is not JSON ({problem})") from None


def image_size(path: Path) -> tuple[int, int]:
    """Height and width of an image, from its header.

    Raises:
        BadSceneError: it cannot be read, is no image, or is too large.
    """
    try:
        # Pillow warns of large ones, which are refused below, and of broken metadata, which is not looked at.
        with warnings.catch_warnings(action="ignore"), Image.open(path) as image:
            width, height = image.size
    except Image.DecompressionBombError as problem:
        raise BadSceneError(f"{path}: {problem}") from None
    except _UNREADABLE as problem:
        raise _no_image(path, problem) from None
    if height * width > MOST_PIXELS:
        raise BadSceneError(f"{path}: has {width} × {height} pixels, expected at most {MOST_PIXELS}")
    return height, width


def read_image(path: Path, mode: str | None = "RGB") -> NDArray[Any]:
    """An image as it is stored: uint8 `(H, W, 3)` RGB, or with `mode=None` its own numbers, such as depth in uint16.

    It is the first where a file holds several.

    Raises:
        BadSceneError: it cannot be read, is no image, is too large, or is cut off.
    """
    image_size(path)
    try:
        with warnings.catch_warnings(action="ignore"):
            return np.asarray(iio.imread(path, index=0, plugin="pillow", mode=mode, rotate=False))
    except _UNREADABLE as problem:
        raise _no_image(path, problem) from None


def _no_image(path: Path, problem: BaseException) -> BadSceneError:
    reason = problem.strerror if isinstance(problem, OSError) else None
    return BadSceneError(f"{path}: cannot be read as an image ({' '.join(str(reason or problem).split())})")


def is_number(value: Any) -> TypeGuard[int | float]:
    """Whether a value of a JSON file is a finite number of usual size."""
    # Comparing before converting: an integer too large for a float would raise.
    return isinstance(value, int | float) and not isinstance(value, bool) and -LARGEST < value < LARGEST


def numbers(where: str, field: str, values: Any, length: int) -> NDArray[np.float64]:
    """`length` finite numbers, checked one by one.

    Raises:
        BadSceneError: they are no list of so many numbers.
    """
    if not isinstance(values, list) or len(values) != length or not all(map(is_number, values)):
        raise BadSceneError(
            f"{where}: {field} is {shown(values)}, expected {length} finite numbers below {LARGEST:g}"
        )
    return np.array(values, dtype=np.float64)


def box(
    where: str, record: Any, centre: str = "centroid", size: str = "axesLengths", axes: str = "normalizedAxes"
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Centre, full extents `(3,)` and rotation `(3, 3)` of a box, as VSI-Bench, ARKitScenes and ScanNet++ write it.

    The nine numbers of `axes` are three rows, each an axis of the box; the columns of the rotation are axes.

    Raises:
        BadSceneError: a field is missing or no box comes of it.
    """
    if not isinstance(record, dict):
        raise BadSceneError(f"{where} is {shown(record)}, expected a box with {centre}, {size}, {axes}")
    extents = numbers(where, size, record.get(size), 3)
    if min(record[size]) <= 0:
        raise BadSceneError(f"{where}: {size} is {shown(record[size])}, expected positive metres")
    rows = numbers(where, axes, record.get(axes), 9).reshape(3, 3)
    first, second, third = rows.tolist()
    # In plain Python: for nine numbers that is ten times faster, and a store has tens of thousands of boxes.
    lengths = (_dot(first, first) - 1, _dot(second, second) - 1, _dot(third, third) - 1)
    angles = (_dot(first, second), _dot(second, third), _dot(third, first))
    if max(map(abs, (*lengths, *angles))) > _ORTHONORMAL:
        raise BadSceneError(f"{where}: {axes} is {rows.ravel().tolist()}, expected three orthonormal rows")
    a, b, c = first, second, third
    handed = (
        a[0] * (b[1] * c[2] - b[2] * c[1])
        + a[1] * (b[2] * c[0] - b[0] * c[2])
        + a[2] * (b[0] * c[1] - b[1] * c[0])
    )
    # A box is its own mirror image, so a left-handed set of axes is made right-handed by turning one round.
    rotation = rows.T.copy() if handed > 0 else rows.T * [1.0, 1.0, -1.0]
    return numbers(where, centre, record.get(centre), 3), extents, rotation


def _dot(one: list[float], other: list[float]) -> float:
    return one[0] * other[0] + one[1] * other[1] + one[2] * other[2]


def shown(value: Any) -> str:
    """A value for an error message, short."""
    text = "missing" if value is None else repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
