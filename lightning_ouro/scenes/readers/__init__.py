"""Readers of data sets on disk: one file each, and the one place where a new one is entered."""

from __future__ import annotations

from lightning_ouro.scenes.fitted_boxes import BoxKind
from lightning_ouro.scenes.readers.base import Reader
from lightning_ouro.scenes.readers.plain_folder import PlainFolderReader


def all_readers(boxes: BoxKind = "upright") -> tuple[Reader, ...]:
    """Every reader, in the order in which they are tried.

    Args:
        boxes: How boxes are fitted to the points of objects, where a data set gives no boxes.
    """
    return (PlainFolderReader(),)
