"""Meshes and labelled points of reconstructed rooms: read from PLY files, cut into objects by segments."""

from __future__ import annotations

import io
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from plyfile import PlyData, PlyElementParseError, PlyParseError

from lightning_ouro.errors import BadSceneError
from lightning_ouro.scenes.readers.files import MOST_BYTES

_HEADER = 4096  # bytes; a longer one is not a scanned room's
_LARGEST = 10_000.0  # metres from the origin
_TRIANGLES = {
    "face": {"vertex_indices": 3, "vertex_index": 3}
}  # both names are in use; known, they are read at once


@dataclass(frozen=True, eq=False)
class Mesh:
    """The corners of a mesh.

    Attributes:
        path: The file that they came from.
        points: `(V, 3)` metres.
    """

    path: Path
    points: NDArray[np.float64]


def read_ply(path: Path) -> Mesh:
    """The vertices of a PLY file, binary or text.

    Raises:
        BadSceneError: it cannot be read, is no PLY, is cut off, or its points are not finite.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # numpy warns where a text file ends too early
            start = file.read(_HEADER)
            _check_header(start, size)
            file.seek(0)
            # plyfile would wrap a text file itself, and leave it to be closed by chance.
            stream = (
                io.TextIOWrapper(file, "ascii") if re.search(rb"^format ascii", start, re.MULTILINE) else file
            )
            vertices = _elements(stream)["vertex"]
            points = np.stack([np.asarray(vertices[axis], dtype=np.float64) for axis in "xyz"], axis=1)
    except OSError as problem:
        raise BadSceneError(f"{path}: cannot be read ({problem.strerror or problem})") from None
    except (PlyParseError, ValueError, KeyError, MemoryError, OverflowError, UserWarning) as problem:
        raise BadSceneError(
            f"{path}: is no PLY mesh, or is cut off ({' '.join(str(problem).split())})"
        ) from None
    if not (np.abs(points) < _LARGEST).all():
        raise BadSceneError(f"{path}: has vertices that are not finite, or more than {_LARGEST:g} m away")
    return Mesh(path, points)


def _elements(stream: Any) -> Any:
    try:
        return PlyData.read(stream, known_list_len=_TRIANGLES)
    except PlyElementParseError as problem:
        if "list length" not in str(problem):
            raise
    stream.seek(0)  # there are other polygons than triangles: those are read one by one
    return PlyData.read(stream)


def _check_header(start: bytes, size: int) -> None:
    """Looks at how many vertices and faces a file says it has, before room is made for them."""
    if not start.startswith(b"ply") or size > MOST_BYTES:
        raise ValueError("it does not begin with `ply`" if size <= MOST_BYTES else f"{size} bytes")
    header = start.partition(b"end_header")[0]
    counts = {
        name: int(count) for name, count in re.findall(rb"^element\s+(\w+)\s+(\d+)\s*$", header, re.MULTILINE)
    }
    if not 0 < counts.get(b"vertex", 0) * 6 <= size or max(counts.values()) * 4 > size:
        listed = ", ".join(f"{name.decode()} {count}" for name, count in counts.items())
        raise ValueError(f"a file of {size} bytes cannot hold its elements: {listed or 'none'}")
