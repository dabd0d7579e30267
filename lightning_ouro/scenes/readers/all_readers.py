"""The list of all data set readers. Add a new reader here."""

from __future__ import annotations

from lightning_ouro.scenes.fitted_boxes import BoxKind
from lightning_ouro.scenes.readers.arkitscenes.reader import ARKitScenesReader
from lightning_ouro.scenes.readers.base import Reader
from lightning_ouro.scenes.readers.plain_folder import PlainFolderReader
from lightning_ouro.scenes.readers.scannet.reader import ScanNetReader
from lightning_ouro.scenes.readers.scannetpp.reader import ScanNetppReader


def all_readers(boxes: BoxKind = "upright") -> tuple[Reader, ...]:
    """Every reader. Of a folder that has several layouts, the first one counts.

    Args:
        boxes: Kind of box to fit to an object's points where the data set provides no boxes.
    """
    return (PlainFolderReader(), ScanNetReader(boxes), ScanNetppReader(), ARKitScenesReader())
