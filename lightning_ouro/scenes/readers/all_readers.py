"""Every reader of data sets on disk: the one place where a new one is entered."""

from __future__ import annotations

from lightning_ouro.scenes.fitted_boxes import BoxKind
from lightning_ouro.scenes.readers.arkitscenes.reader import ARKitScenesReader
from lightning_ouro.scenes.readers.base import Reader
from lightning_ouro.scenes.readers.plain_folder import PlainFolderReader
from lightning_ouro.scenes.readers.scannet.reader import ScanNetReader
from lightning_ouro.scenes.readers.scannetpp.reader import ScanNetppReader


def all_readers(boxes: BoxKind = "upright") -> tuple[Reader, ...]:
    """Every reader; no layout looks like another, so their order does not matter.

    Args:
        boxes: How boxes are fitted to the points of objects, where a data set gives no boxes.
    """
    return (PlainFolderReader(), ScanNetReader(boxes), ScanNetppReader(), ARKitScenesReader())
