"""Reads ScanNet v2 as it is downloaded.

Below `scans/sceneSSSS_RR/` it takes

    <id>.txt                                what is known of the scan, with axisAlignment
    <id>_vh_clean_2.ply                     the mesh
    <id>_vh_clean_2.0.010000.segs.json      the segment of each vertex
    <id>.aggregation.json                   objects as lists of segments, with ScanNet's raw labels
    <id>.sens                               frames; or exported ones, see `scannet_frames`
    <id>_2d-instance-filt.zip               masks, optional

and `scannetv2-labels.combined.tsv` beside `scans/` or in it, optional. (`<id>_vh_clean.aggregation.json` names segments
of another mesh, and is not used. SCENES.md A1.)

Mesh and poses are in the scan's raw frame; `axisAlignment`, where the scan has one, is applied to both. A box is drawn
round the vertices of an object's segments. A group that names a segment which the mesh doesn't have, or has fewer than
4 vertices, is no object.

Categories are raw labels in our vocabulary. With the tsv, whatever it files under one of VSI-Bench's nyu40 classes gets
this class ("coffee table" is a table, "mini fridge" a refrigerator); by name, as 51 of its ids have several labels.
Complete, thus countable, are the categories of VSI-Bench's own ScanNet vocabulary (SCENES.md A6), its washing machine a
washer as elsewhere; without the tsv not those of nyu40: a "coffee table" would then be missing among the tables.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeGuard, final

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from lightning_ouro.errors import BadSceneError
from lightning_ouro.scenes.fitted_boxes import FEWEST, BoxKind, fitted_box
from lightning_ouro.scenes.footage.mesh import Mesh, read_ply
from lightning_ouro.scenes.footage.recording import rigid
from lightning_ouro.scenes.readers.base import Found, Reader, scanned_scene
from lightning_ouro.scenes.readers.files import read_json, read_text, shown
from lightning_ouro.scenes.readers.scannet.frames import Scan, footage_of
from lightning_ouro.scenes.types import Scene, SceneObject
from lightning_ouro.scenes.vocabulary import category_of

_ID = re.compile(r"scene[0-9]{4}_[0-9]{2}")
_MESH, _SEGMENTS, _GROUPS = "_vh_clean_2.ply", "_vh_clean_2.0.010000.segs.json", ".aggregation.json"
_MARKS = (_GROUPS, ".sens", ".txt", _MESH, _SEGMENTS)
_LABELS = "scannetv2-labels.combined.tsv"
_SAME_PLACE = 6  # decimals of a metre
_NYU40 = frozenset({"bed", "chair", "sofa", "table", "window", "bookshelf", "counter", "refrigerator"})
"""The nyu40 classes of VSI-Bench, in our words: its "desk" is a table, nyu40's "refridgerator" a refrigerator."""
_OTHERS = """
pillow monitor door lamp printer towel tv nightstand plant keyboard backpack closet microwave fan mirror piano radiator
telephone clock guitar bicycle oven
"""
_COMPLETE = _NYU40 | frozenset(_OTHERS.split()) | {"washer", "trash bin", "computer mouse"}

Floats = NDArray[np.float64]


@final
class ScanNetReader(Reader):
    """Reads ScanNet v2.

    Args:
        boxes: `upright` stands on the floor and is the least seen from above; `minimal` has the least volume and may
            be tilted, as VSI-Bench's ScanNet boxes are.
    """

    source = "scannet"
    layout = f"ScanNet v2's scans/sceneSSSS_RR/ with {_GROUPS}, .txt, {_MESH}, {_SEGMENTS} and .sens or exported frames"

    def __init__(self, boxes: BoxKind = "upright") -> None:
        self.boxes: BoxKind = boxes

    @override
    def find(self, path: Path) -> list[Found]:
        path = path.absolute()  # the folders above a scan are looked at too
        folders = [path, *_folders(path), *_folders(path / "scans"), *_folders(path / "scans_test")]
        found = {folder.name: Found(folder.name, folder) for folder in reversed(folders) if _is_scan(folder)}
        return sorted(found.values(), key=lambda scan: scan.id)

    @override
    def read(self, found: Found) -> Scene:
        folder = found.path.absolute()
        text = folder / f"{folder.name}.txt"
        facts = _facts(text)
        alignment = _alignment(text, facts)
        raw = read_ply(folder / f"{folder.name}{_MESH}")
        mesh = Mesh(raw.path, raw.points @ alignment[:3, :3].T + alignment[:3, 3])
        segments = _segments(folder / f"{folder.name}{_SEGMENTS}", len(mesh.points))
        groups = _groups(folder / f"{folder.name}{_GROUPS}")
        nyu_classes = _nyu_classes_of(folder)
        objects, places = self._objects(groups, _Parts(mesh.points, segments), nyu_classes)
        complete = _COMPLETE if nyu_classes else _COMPLETE - _NYU40
        footage = footage_of(Scan(folder, alignment, _color_size(text, facts), places))
        return scanned_scene(found, self.source, objects, complete, mesh, footage)

    def _objects(
        self, groups: Iterable[_Group], parts: _Parts, nyu_classes: Mapping[str, str]
    ) -> tuple[tuple[SceneObject, ...], dict[int, int]]:
        """The objects, and the place of each by objectId; what is listed twice is one object."""
        objects: list[SceneObject] = []
        places: dict[int, int] = {}
        known: dict[tuple[str, float, float, float], int] = {}
        for group in groups:
            category = _category(group.label, nyu_classes)
            points = parts.of(group.segments) if category else None
            if category is None or points is None:
                continue
            center, size, rotation = fitted_box(points, self.boxes)
            x, y, z = np.round(center, _SAME_PLACE).tolist()
            place = known.setdefault((category, x, y, z), len(objects))
            if place == len(objects):
                objects.append(SceneObject(place, category, center, size, rotation))
            places[group.object_id] = place
        return tuple(objects), places


@dataclass(frozen=True)
class _Group:
    """An object as it is annotated."""

    object_id: int
    label: str
    segments: frozenset[int]


class _Parts:
    """The mesh's points by segment."""

    def __init__(self, points: Floats, segments: NDArray[np.int64]) -> None:
        order = np.argsort(segments, kind="stable")
        self._points, self._segments = points[order], segments[order]

    def of(self, wanted: frozenset[int]) -> Floats | None:
        """The points of some segments; None if one of them is not in the mesh, or they are too few for a box."""
        listed = sorted(wanted)
        starts = np.searchsorted(self._segments, listed, side="left").tolist()
        ends = np.searchsorted(self._segments, listed, side="right").tolist()
        runs = [self._points[start:end] for start, end in zip(starts, ends, strict=True)]
        if not all(map(len, runs)) or sum(map(len, runs)) < FEWEST:
            return None
        return np.concatenate(runs)


def _folders(path: Path) -> Iterator[Path]:
    """The folders below a path that are named as a scan."""
    if path.is_dir():
        yield from (child for child in path.iterdir() if _ID.fullmatch(child.name))


def _is_scan(path: Path) -> bool:
    """Whether a folder is named as a scan and has one of a scan's files; `posed_images/<id>` has none."""
    if not _ID.fullmatch(path.name) or not path.is_dir():
        return False
    return (path / "color").exists() or any((path / f"{path.name}{ending}").exists() for ending in _MARKS)


def _facts(path: Path) -> dict[str, str]:
    """What `<id>.txt` says: lines of `key = value`, of which some values are words."""
    pairs = [line.partition("=") for line in read_text(path).splitlines()]
    facts = {
        key.strip(): value.strip() for key, _, value in pairs if re.fullmatch(r"\s*\w+\s*", key) and value
    }
    if not facts:
        raise BadSceneError(f"{path}: holds no line like `colorWidth = 1296`")
    return facts


def _alignment(path: Path, facts: Mapping[str, str]) -> Floats:
    """From the raw frame to one with z up and walls along x and y; scans of the test set have none."""
    if "axisAlignment" not in facts:
        return np.eye(4)
    given = facts["axisAlignment"]
    try:
        matrix = np.array([float(word) for word in given.split()]).reshape(4, 4)
    except ValueError:
        matrix = np.zeros((4, 4))
    if not rigid(matrix[None])[0]:
        raise BadSceneError(
            f"{path}: axisAlignment is {shown(given)}, expected 16 numbers, a rigid motion by rows"
        )
    return matrix


def _color_size(path: Path, facts: Mapping[str, str]) -> tuple[int, int] | None:
    height, width = facts.get("colorHeight"), facts.get("colorWidth")
    if height is None or width is None:
        return None
    if not all(re.fullmatch(r"[1-9][0-9]{0,4}", side) for side in (height, width)):
        raise BadSceneError(
            f"{path}: colorHeight and colorWidth are {shown([height, width])}, expected pixels"
        )
    return int(height), int(width)


def _segments(path: Path, vertices: int) -> NDArray[np.int64]:
    record = read_json(path)
    given = record.get("segIndices") if isinstance(record, dict) else None
    if not isinstance(given, list) or len(given) != vertices:
        found = f"{len(given)} numbers" if isinstance(given, list) else shown(given)
        raise BadSceneError(
            f"{path}: segIndices is {found}, expected one for each of the mesh's {vertices} vertices"
        )
    if not all(map(_is_index, given)):
        raise BadSceneError(
            f"{path}: segIndices has {shown(next(one for one in given if not _is_index(one)))}"
        )
    return np.array(given, dtype=np.int64)


def _groups(path: Path) -> list[_Group]:
    record = read_json(path)
    given = record.get("segGroups") if isinstance(record, dict) else None
    if not isinstance(given, list):
        raise BadSceneError(f"{path}: segGroups is {shown(given)}, expected a list of objects")
    file = record.get("segmentsFile", _SEGMENTS)
    if not isinstance(file, str) or not file.endswith(_SEGMENTS):
        raise BadSceneError(f"{path}: segmentsFile is {shown(file)}, expected one that ends in {_SEGMENTS}")
    groups = [_group(f"{path}: segGroups {place}", one) for place, one in enumerate(given)]
    for object_id, number in Counter(group.object_id for group in groups).items():
        if number > 1:
            raise BadSceneError(f"{path}: segGroups has objectId {object_id} {number} times, expected once")
    return groups


def _group(where: str, given: Any) -> _Group:
    if not isinstance(given, dict):
        raise BadSceneError(f"{where} is {shown(given)}, expected an object with objectId, label, segments")
    object_id, label, segments = given.get("objectId"), given.get("label"), given.get("segments")
    if not _is_index(object_id):
        raise BadSceneError(f"{where}: objectId is {shown(object_id)}, expected a whole number from 0")
    if not isinstance(label, str):
        raise BadSceneError(f"{where}: label is {shown(label)}, expected a text")
    if not isinstance(segments, list) or not all(map(_is_index, segments)):
        raise BadSceneError(
            f"{where}: segments is {shown(segments)}, expected a list of whole numbers from 0"
        )
    return _Group(object_id, label, frozenset(segments))


def _is_index(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 31


def _category(label: str, nyu_classes: Mapping[str, str]) -> str | None:
    nyu_class = category_of(nyu_classes.get(label.strip(), ""))
    return nyu_class if nyu_class in _NYU40 else category_of(label)


def _nyu_classes_of(folder: Path) -> Mapping[str, str]:
    """The nyu40 class of each raw label, where the data set's table of labels is at hand."""
    paths = [root / _LABELS for root in (folder.parent.parent, folder.parent)]
    return next((_nyu_classes(path) for path in paths if path.exists()), {})


@lru_cache(maxsize=8)  # one table for all of a data set's scans
def _nyu_classes(path: Path) -> Mapping[str, str]:
    header, *rows = [line.split("\t") for line in read_text(path).splitlines()] or [[]]
    columns = [header.index(name) if name in header else -1 for name in ("raw_category", "nyu40class")]
    if min(columns) < 0:
        raise BadSceneError(
            f"{path}: has columns {shown(header)}, expected raw_category and nyu40class among them"
        )
    return {row[columns[0]].strip(): row[columns[1]].strip() for row in rows if len(row) > max(columns)}
