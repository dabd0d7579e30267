"""Meshes and labelled points of reconstructed rooms: read from PLY files, cut into objects by segments."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from plyfile import PlyData, PlyParseError

from lightning_ouro.scenes.readers.files import MOST_BYTES, BadSceneError

_HEADER = 4096  # bytes; a longer one is not a scanned room's
_LARGEST = 10_000.0  # metres from the origin


@dataclass(frozen=True, eq=False)
class Mesh:
    """The corners of a mesh.

    Attributes:
        points: `(V, 3)` metres.
    """

    points: NDArray[np.float64]


def read_ply(path: Path) -> Mesh:
    """The vertices of a PLY file, binary or text.

    Raises:
        BadSceneError: it cannot be read, is no PLY, is cut off, or its points are not finite.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(_HEADER)
            _check_header(path, start, size)
            file.seek(0)
            # plyfile would wrap a text file itself, and leave it to be closed by chance.
            stream = io.TextIOWrapper(file, "ascii") if re.search(rb"^format ascii", start, re.MULTILINE) else file
            vertices: Any = PlyData.read(stream, known_list_len={"face": {"vertex_indices": 3}})["vertex"]
            points = np.stack([np.asarray(vertices[axis], dtype=np.float64) for axis in "xyz"], axis=1)
    except OSError as problem:
        raise BadSceneError(f"{path}: cannot be read ({problem.strerror or problem})") from None
    except (PlyParseError, ValueError, KeyError, MemoryError, OverflowError) as problem:
        raise BadSceneError(f"{path}: is no PLY mesh, or is cut off ({' '.join(str(problem).split())})") from None
    if not (np.abs(points) < _LARGEST).all():
        raise BadSceneError(f"{path}: has vertices that are not finite, or more than {_LARGEST:g} m away")
    return Mesh(points)


def _check_header(path: Path, start: bytes, size: int) -> None:
    """Looks at how many vertices a file says it has, before room is made for them."""
    if not start.startswith(b"ply") or size > MOST_BYTES:
        raise ValueError("it does not begin with `ply`" if size <= MOST_BYTES else f"{size} bytes")
    found = re.search(rb"element\s+vertex\s+(\d+)", start)
    if found is None or not 0 < int(found[1]) * 6 <= size:
        raise ValueError(f"a file of {size} bytes cannot hold its {found[1].decode() if found else 'missing'} vertices")
