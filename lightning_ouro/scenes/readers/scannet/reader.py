"""Reads ScanNet v2 as downloaded (ScanNet/ScanNet @3830fce `README.md`).

It reads below `scans/sceneSSSS_RR/`

    <id>.txt                                properties of the scan, among them axisAlignment
    <id>_vh_clean_2.ply                     the mesh
    <id>_vh_clean_2.0.010000.segs.json      the segment of each vertex
    <id>.aggregation.json                   objects as lists of segments, with ScanNet's raw labels
    <id>.sens                               frames, or exported ones: see `frames`
    <id>_2d-instance-filt.zip               instance masks, optional

and `scannetv2-labels.combined.tsv` next to `scans/` or in it, optional. (`<id>_vh_clean.aggregation.json`
refers to the segments of the high-resolution mesh and is not used.)

Mesh and poses are in the scan's raw frame; `axisAlignment` is applied to both (scans of the test set have
none). A box is fitted to the vertices of an object's segments. A group with a segment that is not in the
mesh, or with fewer than 4 vertices, is dropped.

Categories are the raw labels in our vocabulary. With the tsv, labels that it files under one of VSI-Bench's
nyu40 classes get that class ("coffee table" is a table, "mini fridge" a refrigerator). The tsv is looked up
by label, because 51 of its 549 ids have several labels. Complete, and thus countable, are the categories of
VSI-Bench's own ScanNet vocabulary, in VITA-Group/VLM-3R @6dd1264
`vlm_3r_data_process/src/utils/{scannetv2,scannet200}_utils.py`; without the tsv the nyu40 classes are not, as
a "coffee table" would then be missing among the tables.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import final

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from lightning_ouro.errors import BadSceneError
from lightning_ouro.scenes.fitted_boxes import BoxKind, fitted_box
from lightning_ouro.scenes.footage.mesh import Mesh, read_ply
from lightning_ouro.scenes.footage.recording import rigid
from lightning_ouro.scenes.readers.base import Found, Reader, scanned_scene
from lightning_ouro.scenes.readers.files import CENTER_DECIMALS, read_text, short_repr
from lightning_ouro.scenes.readers.names import Names
from lightning_ouro.scenes.readers.scannet.annotation import (
    COMPLETE,
    NYU40,
    SEGMENTS,
    Group,
    SegmentPoints,
    category_of_label,
    find_nyu_classes,
    label_tables,
    read_groups,
    read_segments,
)
from lightning_ouro.scenes.readers.scannet.frames import Scan, posed_images, scan_footage
from lightning_ouro.scenes.types import Scene, SceneObject

_ID = re.compile(r"scene[0-9]{4}_[0-9]{2}")
_MESH, _GROUPS = "_vh_clean_2.ply", ".aggregation.json"
_SCAN_ENDINGS = (_GROUPS, ".sens", ".txt", _MESH, SEGMENTS)  # one of these files makes a folder a scan

Floats = NDArray[np.float64]


@final
class ScanNetReader(Reader):
    """Reads ScanNet v2.

    Args:
        boxes: `upright` boxes stand on the floor and have the least area seen from above; `minimal` ones have
            the least volume and may be tilted, as VSI-Bench's ScanNet boxes are.
    """

    source = "scannet"
    layout = f"ScanNet v2's scans/sceneSSSS_RR/ with {_GROUPS}, .txt, {_MESH}, {SEGMENTS} and .sens or exported frames"

    def __init__(self, boxes: BoxKind = "upright") -> None:
        self.boxes: BoxKind = boxes

    @override
    def find(self, path: Path) -> list[Found]:
        path = path.absolute()  # a scan's parent folders are used too
        folders = [
            path,
            *_scan_folders(path),
            *_scan_folders(path / "scans"),
            *_scan_folders(path / "scans_test"),
        ]
        scans = {folder.name: Found(folder.name, folder) for folder in reversed(folders) if _is_scan(folder)}
        return sorted(scans.values(), key=lambda scan: scan.id)

    @override
    def inputs(self, location: Found) -> list[Path]:
        folder = location.path.absolute()
        return [folder, *label_tables(folder), *posed_images(folder)]

    @override
    def read(self, location: Found) -> Scene:
        folder = location.path.absolute()
        text_file = folder / f"{folder.name}.txt"
        properties = _read_properties(text_file)
        alignment = _alignment(text_file, properties)
        raw = read_ply(folder / f"{folder.name}{_MESH}")
        mesh = Mesh(raw.path, raw.points @ alignment[:3, :3].T + alignment[:3, 3])
        segments = read_segments(folder / f"{folder.name}{SEGMENTS}", len(mesh.points))
        nyu_classes = find_nyu_classes(folder)
        names = Names(partial(category_of_label, nyu_classes=nyu_classes))
        groups = read_groups(folder / f"{folder.name}{_GROUPS}", folder.name, names)
        objects, indices = self._objects(groups, SegmentPoints(mesh.points, segments), names)
        complete = COMPLETE if nyu_classes else COMPLETE - NYU40
        footage = scan_footage(Scan(folder, alignment, _color_size(text_file, properties), indices))
        return scanned_scene(location, self.source, objects, names, complete, mesh, footage)

    def _objects(
        self, groups: Iterable[Group], segment_points: SegmentPoints, names: Names
    ) -> tuple[tuple[SceneObject, ...], dict[int, int]]:
        """The objects, and the index of each by objectId; an object that is listed twice is one."""
        objects: list[SceneObject] = []
        index_by_id: dict[int, int] = {}
        known: dict[tuple[str, float, float, float], int] = {}
        for group in groups:
            category = names.of(group.label)
            points = segment_points.of(group.segments) if category else None
            if category is None:
                continue
            if points is None:
                names.lose(category)
                continue
            center, size, rotation = fitted_box(points, self.boxes)
            x, y, z = np.round(center, CENTER_DECIMALS).tolist()
            index = known.setdefault((category, x, y, z), len(objects))
            if index == len(objects):
                objects.append(SceneObject(index, category, center, size, rotation))
            index_by_id[group.object_id] = index
        return tuple(objects), index_by_id


def _scan_folders(path: Path) -> Iterator[Path]:
    """The folders in a path that are named as a scan."""
    if path.is_dir():
        yield from (child for child in path.iterdir() if _ID.fullmatch(child.name))


def _is_scan(path: Path) -> bool:
    """Whether a folder is named as a scan and has one of a scan's files, unlike `posed_images/<id>`."""
    if not _ID.fullmatch(path.name) or not path.is_dir():
        return False
    return (path / "color").exists() or any(
        (path / f"{path.name}{ending}").exists() for ending in _SCAN_ENDINGS
    )


def _read_properties(path: Path) -> dict[str, str]:
    """The lines `key = value` of `<id>.txt`; values are numbers or text."""
    pairs = [line.partition("=") for line in read_text(path).splitlines()]
    properties = {
        key.strip(): value.strip() for key, _, value in pairs if re.fullmatch(r"\s*\w+\s*", key) and value
    }
    if not properties:
        raise BadSceneError(f"{path}: holds no line such as `colorWidth = 1296`")
    return properties


def _alignment(path: Path, properties: Mapping[str, str]) -> Floats:
    """`(4, 4)` from the raw frame to one with z up and walls along x and y; the identity for test scans."""
    if "axisAlignment" not in properties:
        return np.eye(4)
    text = properties["axisAlignment"]
    try:
        matrix = np.array([float(word) for word in text.split()]).reshape(4, 4)
    except ValueError:
        matrix = np.zeros((4, 4))
    if not rigid(matrix[None])[0]:
        raise BadSceneError(
            f"{path}: axisAlignment is {short_repr(text)}, "
            "expected a rigid motion as 16 numbers in row-major order"
        )
    return matrix


def _color_size(path: Path, properties: Mapping[str, str]) -> tuple[int, int] | None:
    height, width = properties.get("colorHeight"), properties.get("colorWidth")
    if height is None or width is None:
        return None
    if not all(re.fullmatch(r"[1-9][0-9]{0,4}", side) for side in (height, width)):
        raise BadSceneError(
            f"{path}: colorHeight and colorWidth are {short_repr([height, width])}, expected pixels"
        )
    return int(height), int(width)
