"""Instance masks of a ScanNet scan: `<id>_2d-instance-filt.zip`, else `<id>_2d-instance.zip`.

The archive holds `instance-filt/<frame>.png` for frames of the recording, with unpadded frame numbers and 8
bits a pixel (ScanNet/ScanNet @3830fce `README.md`): 0 for no object, otherwise objectId + 1
(VITA-Group/VLM-3R @6dd1264 `vlm_3r_data_process/src/metadata_generation/ScanNet/scannet_frame_metadata.py`).
Single frames are decompressed on demand.
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
from lightning_ouro.scenes.footage.recording import UNKNOWN
from lightning_ouro.scenes.readers.files import short_repr
from lightning_ouro.scenes.readers.scannet.sens import decode_image

_ENDINGS = ("_2d-instance-filt.zip", "_2d-instance.zip")
_FRAME = re.compile(r"(?:.*/)?([0-9]{1,9})\.png")
_MAX_BYTES = 1 << 24  # of one mask; 1296 × 968 pixels of 8 bits are 1.3 million bytes before compression
_COMPRESSION = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class InstanceMasks:
    """The scan's masks, if it has any. Call `close` after use.

    Args:
        folder: The scan's folder, named as the scan.
        object_indices: Index into `Scene.objects` by objectId.

    Raises:
        BadSceneError: there is an archive that cannot be read.
    """

    def __init__(self, folder: Path, object_indices: Mapping[int, int]) -> None:
        self._index_by_value = np.full(256, -1, dtype=np.int32)
        self._index_by_value[0] = UNKNOWN  # not annotated, or a hole of the mesh that the labels come from
        for object_id, index in object_indices.items():
            if object_id < 255:
                self._index_by_value[object_id + 1] = index
        self._archive: zipfile.ZipFile | None = None
        self._members: dict[int, zipfile.ZipInfo] = {}
        paths = [folder / f"{folder.name}{ending}" for ending in _ENDINGS]
        self._path = next((path for path in paths if path.exists()), None)
        if self._path is not None:
            self._archive = _open_archive(self._path)
            for member in self._archive.infolist():
                if match := _FRAME.fullmatch(member.filename):
                    self._members[int(match[1])] = member

    def mask(self, frame: int) -> NDArray[np.int32] | None:
        """The object index of each pixel in a frame, -1 for none, `UNKNOWN`; None if it has no mask.

        Raises:
            BadSceneError: the mask cannot be decompressed, or is not an image of 8 bits a pixel.
        """
        member = self._members.get(frame)
        if member is None or self._archive is None:
            return None
        where = f"{self._path}: {short_repr(member.filename)}"
        if member.file_size > _MAX_BYTES:
            raise BadSceneError(f"{where} has {member.file_size} bytes, expected at most {_MAX_BYTES}")
        if member.compress_type not in _COMPRESSION:
            raise BadSceneError(
                f"{where} uses compression method {member.compress_type}, expected one of {_COMPRESSION}"
            )
        try:
            with self._archive.open(member) as file:
                content = file.read(_MAX_BYTES)
        except (OSError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError) as problem:
            reason = " ".join(str(problem).split())
            raise BadSceneError(f"{where} cannot be decompressed ({reason})") from None
        values = decode_image(where, content, None)
        if values.ndim != 2 or values.dtype != np.uint8:
            raise BadSceneError(
                f"{where} holds {values.dtype} of the shape {values.shape}, expected 8 bits a pixel"
            )
        return np.asarray(self._index_by_value[values])

    def close(self) -> None:
        if self._archive is not None:
            self._archive.close()


def _open_archive(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else None
        raise BadSceneError(f"{path}: cannot be read as a zip archive ({reason or problem})") from None
