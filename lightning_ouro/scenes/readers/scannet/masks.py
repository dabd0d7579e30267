"""Instance masks of a ScanNet scan: `<id>_2d-instance-filt.zip`, else `<id>_2d-instance.zip`.

The archive holds `instance-filt/<frame>.png` for frames of the recording by number, without padding: 8 bits a pixel, 0
for nothing, else objectId + 1 (SCENES.md A1). Single frames are unpacked, when they
are asked for.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lightning_ouro.errors import BadSceneError
from lightning_ouro.scenes.readers.files import shown
from lightning_ouro.scenes.readers.scannet.sens import decoded_image

_ENDINGS = ("_2d-instance-filt.zip", "_2d-instance.zip")
_FRAME = re.compile(r"(?:.*/)?([0-9]{1,9})\.png")
_MOST_BYTES = 1 << 24  # of one mask; 1296 × 968 pixels of 8 bits have 1.3 million before they are packed
_PACKING = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class InstanceMasks:
    """The scan's masks, if it has any; to be closed.

    Args:
        folder: The scan's, named as the scan.
        places: The place in `Scene.objects` by objectId.

    Raises:
        BadSceneError: there is an archive that cannot be read.
    """

    def __init__(self, folder: Path, places: Mapping[int, int]) -> None:
        self._places = np.full(256, -1, dtype=np.int32)  # by value
        for object_id, place in places.items():
            if object_id < 255:
                self._places[object_id + 1] = place
        self._archive: zipfile.ZipFile | None = None
        self._members: dict[int, zipfile.ZipInfo] = {}
        paths = [folder / f"{folder.name}{ending}" for ending in _ENDINGS]
        self._path = next((path for path in paths if path.exists()), None)
        if self._path is not None:
            self._archive = _archive(self._path)
            for member in self._archive.infolist():
                if named := _FRAME.fullmatch(member.filename):
                    self._members[int(named[1])] = member

    def mask(self, number: int) -> NDArray[np.int32] | None:
        """The object of each pixel in a frame of the recording, -1 for none; None if there is no mask of it.

        Raises:
            BadSceneError: it cannot be unpacked, or is no image of 8 bits.
        """
        member = self._members.get(number)
        if member is None or self._archive is None:
            return None
        where = f"{self._path}: {shown(member.filename)}"
        if member.file_size > _MOST_BYTES:
            raise BadSceneError(f"{where} has {member.file_size} bytes, expected at most {_MOST_BYTES}")
        if member.compress_type not in _PACKING:
            raise BadSceneError(
                f"{where} is packed by method {member.compress_type}, expected one of {_PACKING}"
            )
        try:
            with self._archive.open(member) as file:
                content = file.read(_MOST_BYTES)
        except (OSError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError) as problem:
            raise BadSceneError(f"{where} cannot be unpacked ({' '.join(str(problem).split())})") from None
        values = decoded_image(where, content, None)
        if values.ndim != 2 or values.dtype != np.uint8:
            raise BadSceneError(
                f"{where} holds {values.dtype} of the shape {values.shape}, expected 8 bits a pixel"
            )
        return np.asarray(self._places[values])

    def close(self) -> None:
        """Closes the archive."""
        if self._archive is not None:
            self._archive.close()


def _archive(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else None
        raise BadSceneError(f"{path}: cannot be read as a zip archive ({reason or problem})") from None
