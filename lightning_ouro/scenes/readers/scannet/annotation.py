"""The annotation of a ScanNet scan: segments of the mesh, objects as groups of segments, their categories.

Formats are those of ScanNet/ScanNet @3830fce `README.md`: `segIndices` gives the segment of each vertex, and
`segGroups` lists objects by `objectId`, `label` (a raw label) and `segments`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from lightning_ouro.errors import BadSceneError
from lightning_ouro.scenes.fitted_boxes import FEWEST
from lightning_ouro.scenes.readers.files import read_json, read_text, short_repr
from lightning_ouro.scenes.readers.left_out import LeftOut
from lightning_ouro.scenes.readers.names import Names
from lightning_ouro.scenes.vocabulary import category_of

SEGMENTS = "_vh_clean_2.0.010000.segs.json"  # ending of the file names
LABELS = "scannetv2-labels.combined.tsv"
# The nyu40 classes of VSI-Bench (`scannetv2_utils.py` in VITA-Group/VLM-3R @6dd1264) in our vocabulary: its
# "desk" is a table, nyu40's "refridgerator" a refrigerator.
NYU40 = frozenset({"bed", "chair", "sofa", "table", "window", "bookshelf", "counter", "refrigerator"})
# VSI-Bench's other ScanNet categories (`scannet200_utils.py` there); its washing machine is our washer.
_SCANNET200 = """
pillow monitor door lamp printer towel tv nightstand plant keyboard backpack closet microwave fan mirror
piano radiator telephone clock guitar bicycle oven
"""
COMPLETE = NYU40 | frozenset(_SCANNET200.split()) | {"washer", "trash bin", "computer mouse"}

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Group:
    """An annotated object."""

    object_id: int
    label: str
    segments: frozenset[int]


class SegmentPoints:
    """The mesh's vertices by segment.

    Args:
        points: `(V, 3)` metres.
        segments: `(V,)` the segment of each.
    """

    def __init__(self, points: Floats, segments: NDArray[np.int64]) -> None:
        order = np.argsort(segments, kind="stable")
        self._points, self._segments = points[order], segments[order]

    def of(self, segments: frozenset[int]) -> Floats | None:
        """The points of some segments; None if one is not in the mesh, or they are too few for a box."""
        wanted = sorted(segments)
        starts = np.searchsorted(self._segments, wanted, side="left").tolist()
        ends = np.searchsorted(self._segments, wanted, side="right").tolist()
        parts = [self._points[start:end] for start, end in zip(starts, ends, strict=True)]
        if not all(map(len, parts)) or sum(map(len, parts)) < FEWEST:
            return None
        return np.concatenate(parts)


def read_segments(path: Path, num_vertices: int) -> NDArray[np.int64]:
    """The segment of each vertex.

    Raises:
        BadSceneError: the file cannot be read, or does not match the mesh.
    """
    record = read_json(path)
    indices = record.get("segIndices") if isinstance(record, dict) else None
    if not isinstance(indices, list) or len(indices) != num_vertices:
        actual = f"{len(indices)} numbers" if isinstance(indices, list) else short_repr(indices)
        raise BadSceneError(
            f"{path}: segIndices is {actual}, expected one for each of the mesh's {num_vertices} vertices"
        )
    if not all(map(_is_index, indices)):
        bad = next(index for index in indices if not _is_index(index))
        raise BadSceneError(f"{path}: segIndices has {short_repr(bad)}, expected non-negative integers")
    return np.array(indices, dtype=np.int64)


def read_groups(path: Path, scene_id: str, names: Names) -> list[Group]:
    """The annotated objects in the order of the file.

    Args:
        path: The file.
        scene_id: The scan.
        names: Is told which objects are left out because they are broken.

    Raises:
        BadSceneError: the file cannot be read, refers to another mesh, lists an objectId twice, or too many objects
            are broken.
    """
    record = read_json(path)
    entries = record.get("segGroups") if isinstance(record, dict) else None
    if not isinstance(entries, list):
        raise BadSceneError(f"{path}: segGroups is {short_repr(entries)}, expected a list of objects")
    file = record.get("segmentsFile", SEGMENTS)
    if not isinstance(file, str) or not file.endswith(SEGMENTS):
        raise BadSceneError(
            f"{path}: segmentsFile is {short_repr(file)}, expected a name that ends in {SEGMENTS}"
        )
    groups: list[Group] = []
    broken = LeftOut("objects")
    for index, entry in enumerate(entries):
        try:
            groups.append(_group(f"{path}: segGroups {index}", entry))
        except BadSceneError as problem:
            broken.add(problem)
            names.lose_label(entry.get("label") if isinstance(entry, dict) else None)
    broken.say(scene_id, len(entries))
    for object_id, count in Counter(group.object_id for group in groups).items():
        if count > 1:
            raise BadSceneError(f"{path}: segGroups has objectId {object_id} {count} times, expected once")
    return groups


def _group(where: str, entry: Any) -> Group:
    if not isinstance(entry, dict):
        raise BadSceneError(
            f"{where} is {short_repr(entry)}, expected an object with objectId, label, segments"
        )
    object_id, label, segments = entry.get("objectId"), entry.get("label"), entry.get("segments")
    if not _is_index(object_id):
        raise BadSceneError(f"{where}: objectId is {short_repr(object_id)}, expected a non-negative integer")
    if not isinstance(label, str):
        raise BadSceneError(f"{where}: label is {short_repr(label)}, expected a string")
    if not isinstance(segments, list) or not all(map(_is_index, segments)):
        raise BadSceneError(
            f"{where}: segments is {short_repr(segments)}, expected a list of non-negative integers"
        )
    return Group(object_id, label, frozenset(segments))


def _is_index(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 31


def category_of_label(label: str, nyu_classes: Mapping[str, str]) -> str | None:
    """The category of a raw label: its nyu40 class if VSI-Bench uses that; None if it names no object."""
    nyu_class = category_of(nyu_classes.get(label.strip(), ""))
    return nyu_class if nyu_class in NYU40 else category_of(label)


def label_tables(folder: Path) -> list[Path]:
    """Where the table of labels may be: next to `scans/` or in it."""
    return [root / LABELS for root in (folder.parent.parent, folder.parent)]


def find_nyu_classes(folder: Path) -> Mapping[str, str]:
    """The nyu40 class of each raw label, from the table next to `scans/` or in it; empty if there is none.

    Raises:
        BadSceneError: the table cannot be read.
    """
    return next((_read_nyu_classes(path) for path in label_tables(folder) if path.exists()), {})


@lru_cache(maxsize=8)  # all scans of a data set share one table
def _read_nyu_classes(path: Path) -> Mapping[str, str]:
    header, *rows = [line.split("\t") for line in read_text(path).splitlines()] or [[]]
    columns = [header.index(name) if name in header else -1 for name in ("raw_category", "nyu40class")]
    if min(columns) < 0:
        raise BadSceneError(
            f"{path}: has columns {short_repr(header)}, expected raw_category and nyu40class among them"
        )
    return {row[columns[0]].strip(): row[columns[1]].strip() for row in rows if len(row) > max(columns)}
