"""Reads the vertices of reconstructed rooms from PLY files."""

from __future__ import annotations

import io
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from plyfile import PlyData, PlyElementParseError, PlyParseError

from lightning_ouro.errors import BadSceneError
from lightning_ouro.scenes.readers.files import MOST_BYTES

_HEADER = 4096  # maximum length in bytes of a scan's header
_LARGEST = 10_000.0  # maximum coordinate in metres
# Faces of known length are read at once; both names of the property are in use.
_TRIANGLES = {"face": {"vertex_indices": 3, "vertex_index": 3}}


@dataclass(frozen=True, eq=False)
class Mesh:
    """The vertices of a mesh.

    Attributes:
        path: The file that they were read from.
        points: `(V, 3)` metres.
    """

    path: Path
    points: NDArray[np.float64]


def read_ply(path: Path) -> Mesh:
    """Reads the vertices of a PLY file, binary or text.

    Raises:
        BadSceneError: the file is unreadable, not a PLY mesh or truncated, or has vertices that are not
            finite.
    """
    try:
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # numpy's, if a text file ends too early
            points = _read_points(file, path.stat().st_size)
    except OSError as error:
        raise BadSceneError(f"{path}: cannot be read ({error.strerror or error})") from None
    except (PlyParseError, ValueError, KeyError, MemoryError, OverflowError, UserWarning) as error:
        reason = " ".join(str(error).split())
        raise BadSceneError(f"{path}: is not a PLY mesh, or is cut off ({reason})") from None
    if not (np.abs(points) < _LARGEST).all():
        raise BadSceneError(
            f"{path}: has vertices that are not finite, or more than {_LARGEST:g} m from the origin"
        )
    return Mesh(path, points)


def _read_points(file: BinaryIO, size: int) -> NDArray[np.float64]:
    header = file.read(_HEADER)
    _check_header(header, size)
    file.seek(0)
    is_text = re.search(rb"^format ascii", header, re.MULTILINE)
    # plyfile would wrap a text file itself, and leave closing it to the garbage collector.
    with io.TextIOWrapper(file, "ascii") if is_text else file as stream:
        vertices = _read_elements(stream)["vertex"]
        return np.stack([np.asarray(vertices[axis], dtype=np.float64) for axis in "xyz"], axis=1)


def _read_elements(stream: Any) -> Any:
    try:
        return PlyData.read(stream, known_list_len=_TRIANGLES)
    except PlyElementParseError as error:
        if "list length" not in str(error):
            raise
    stream.seek(0)  # not all faces are triangles: read them one by one
    return PlyData.read(stream)


def _check_header(header: bytes, size: int) -> None:
    """Checks the number of elements that a file announces before memory is allocated for them."""
    if size > MOST_BYTES:
        raise ValueError(f"{size} bytes")
    if not header.startswith(b"ply"):
        raise ValueError("it does not begin with `ply`")
    header = header.partition(b"end_header")[0]
    listed = re.findall(rb"^element\s+(\w+)\s+(\d+)\s*$", header, re.MULTILINE)
    counts = {name: int(count) for name, count in listed}
    if not 0 < counts.get(b"vertex", 0) * 6 <= size or max(counts.values()) * 4 > size:
        elements = ", ".join(f"{name.decode()} {count}" for name, count in counts.items())
        raise ValueError(f"a file of {size} bytes cannot hold its elements: {elements or 'none'}")
