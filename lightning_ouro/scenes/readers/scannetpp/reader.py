"""Reads ScanNet++ (v1, v2): rooms with annotated boxes, recorded with an iPhone that measures depth.

The path may be the root, its `data` folder or one scene's folder. The layout is that of scannetpp/scannetpp
@f3b4712 `common/scene_release.py`:

- `data/<10 hex digits>/scans/segments_anno.json`: `segGroups`, each an object {label, obb, segments}. The
  rows of `obb.normalizedAxes` are the box's axes; in most boxes the second one is vertical. Without `obb`, an
  upright box is fitted to the vertices whose segment in `segments.json` is one of `segments`.
- `scans/mesh_aligned_0.05.ply`: the mesh, which defines the world: metres, z up.
- `iphone/{rgb.mkv, pose_intrinsic_imu.json, depth.bin}`: the recording; see `iphone_recording`.
- `metadata/semantic_benchmark/map_benchmark.csv` in the root, optional: as in the toolkit's
  `semantic/prep/map_semantic.py`, a label with an `instance_map_to` is renamed to it, one with `None` is
  dropped, and one with nothing is kept. A label that is not listed is kept too; the toolkit drops it only
  because its benchmark has no such class.

The photos in `dslr` are not in temporal order and are not used.
"""

from __future__ import annotations

import csv
import io
import re
from functools import cached_property, partial
from pathlib import Path
from typing import Any, TypeGuard, final

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from lightning_ouro.errors import BadSceneError
from lightning_ouro.scenes.fitted_boxes import Box, upright_box
from lightning_ouro.scenes.footage.mesh import read_ply
from lightning_ouro.scenes.footage.recorded_footage import RecordedFootage
from lightning_ouro.scenes.readers.base import MOST_OBJECTS, Found, Reader, scanned_scene
from lightning_ouro.scenes.readers.files import (
    CENTER_DECIMALS,
    parse_box,
    path_exists,
    read_json,
    read_text,
    short_repr,
)
from lightning_ouro.scenes.readers.left_out import LeftOut
from lightning_ouro.scenes.readers.names import Names
from lightning_ouro.scenes.readers.scannetpp.iphone_recording import IphoneRecording, recording_files
from lightning_ouro.scenes.types import Scene, SceneObject
from lightning_ouro.scenes.vocabulary import category_of

Floats = NDArray[np.float64]

_SCENE_FOLDERS = ("scans", "iphone")
_ID = re.compile(r"[0-9a-f]{10}")

# The categories whose every instance VSI-Bench counts: those that occur in vision-x-nyu/thinking-in-space
# @51e089c `data/meta_info/scannetpp_meta_info_val.json`. They are among the data set's 84 instance classes
# less 35 that VSI-Bench found ambiguous (`scannetpp_utils.py` in VITA-Group/VLM-3R @6dd1264).
_COUNTED = """
chair, ceiling light, table, door, monitor, computer tower, keyboard, heater, whiteboard, computer mouse,
trash can, plant, telephone, pillow, cup, shoes, sofa, bookshelf, crate, power strip, exhaust fan, toilet,
laptop, microwave, bed, bucket, refrigerator, printer, basket, blanket, suitcase, tv, cushion, kettle,
coat hanger, cutting board, pan, clock, bowl, headphones, shoe rack, table lamp, paper bag
"""
COMPLETE = frozenset(filter(None, (category_of(name) for name in _COUNTED.split(","))))


@final
class ScanNetppReader(Reader):
    """Reads the scenes that have an iPhone recording."""

    source = "scannetpp"
    layout = "ScanNet++: [data/]<10 hex digits>/{scans/segments_anno.json, iphone/rgb.mkv}"

    @override
    def find(self, path: Path) -> list[Found]:
        path = path.absolute()  # gives the current folder its name
        folders = [path]
        for parent in (path, path / "data"):
            folders += parent.iterdir() if parent.is_dir() else []
        by_name = {folder.name: folder for folder in folders if _ID.fullmatch(folder.name)}
        scenes = [
            name
            for name, folder in by_name.items()
            if any((folder / subfolder).is_dir() for subfolder in _SCENE_FOLDERS)
        ]
        return [Found(name, by_name[name]) for name in sorted(scenes)]

    @override
    def inputs(self, location: Found) -> list[Path]:
        return [*(location.path / name for name in _SCENE_FOLDERS), _benchmark_table(location.path)]

    @override
    def read(self, location: Found) -> Scene:
        folder = location.path
        recording_files(folder / "iphone")  # raises now, rather than during training, if there is no footage
        mesh = read_ply(folder / "scans" / "mesh_aligned_0.05.ply")
        names = Names(category_of)
        objects = _objects(folder, mesh.points, names)
        footage = RecordedFootage(partial(IphoneRecording, folder / "iphone"))
        return scanned_scene(location, self.source, objects, names, COMPLETE, mesh, footage)


def _objects(folder: Path, points: Floats, names: Names) -> tuple[SceneObject, ...]:
    """The annotated objects in the order of the file; two of a category with the same centre are one."""
    path = folder / "scans" / "segments_anno.json"
    content = read_json(path)
    groups = content.get("segGroups") if isinstance(content, dict) else None
    if not isinstance(groups, list):
        raise BadSceneError(f"{path}: segGroups is {short_repr(groups)}, expected a list of objects")
    vertices = _Vertices(folder, points)
    boxes: dict[tuple[Any, ...], tuple[str, Box]] = {}
    classes, broken = _benchmark_names(folder), LeftOut("objects")
    for index, group in enumerate(groups):
        try:
            category = _category(f"{path}: segGroups[{index}]", group, classes, names)
            if category is not None:
                box = _box(f"{path}: segGroups[{index}] ({category})", group, vertices)
                boxes.setdefault((category, *np.round(box[0], CENTER_DECIMALS)), (category, box))
        except BadSceneError as problem:
            broken.add(problem)
            label = group.get("label") if isinstance(group, dict) else None
            names.lose_label(classes.get(label) or label if isinstance(label, str) else None)
    broken.say(folder.name, len(groups))
    if not boxes:
        raise BadSceneError(
            f"{path}: none of its {len(groups)} segGroups is an object that a question could name"
        )
    kept = list(boxes.values())
    if len(kept) > MOST_OBJECTS:
        # A large office with every switch and bottle annotated: only countable categories are kept.
        kept = [(category, box) for category, box in kept if category in COMPLETE]
    return tuple(SceneObject(index, category, *box) for index, (category, box) in enumerate(kept))


def _category(where: str, group: Any, classes: dict[str, str], names: Names) -> str | None:
    """The category of a group, None if its label names no object."""
    label = group.get("label") if isinstance(group, dict) else None
    if not isinstance(label, str):
        raise BadSceneError(f"{where} is {short_repr(group)}, expected an object with label, obb, segments")
    return names.of(classes.get(label) or label)  # the word `None` is not a category


def _box(where: str, group: dict[str, Any], vertices: _Vertices) -> Box:
    obb = group.get("obb")
    return vertices.box(where, group.get("segments")) if obb is None else parse_box(f"{where}: obb", obb)


def _benchmark_table(folder: Path) -> Path:
    return folder.parent.parent / "metadata" / "semantic_benchmark" / "map_benchmark.csv"


def _benchmark_names(folder: Path) -> dict[str, str]:
    """The data set's benchmark class of each raw label; empty if the mapping file is missing."""
    path = _benchmark_table(folder)
    if not path_exists(path):
        return {}
    try:
        rows = list(csv.DictReader(io.StringIO(read_text(path), newline=""), strict=True))
    except csv.Error as problem:
        raise BadSceneError(f"{path}: is not CSV ({problem})") from None
    if not rows or not {"class", "instance_map_to"} <= rows[0].keys():
        raise BadSceneError(f"{path}: has no rows with the columns class and instance_map_to")
    return {row["class"]: (row["instance_map_to"] or "").strip() for row in rows if row["class"]}


@final
class _Vertices:
    """The mesh's vertices by segment. The list of segments, a large file, is read when first needed."""

    def __init__(self, folder: Path, points: Floats) -> None:
        self._path = folder / "scans" / "segments.json"
        self._points = points

    @cached_property
    def _segments(self) -> NDArray[np.int64]:
        content = read_json(self._path)
        indices = content.get("segIndices") if isinstance(content, dict) else None
        if not _are_indices(indices) or len(indices) != len(self._points):
            actual = f"a list of {len(indices)}" if isinstance(indices, list) else short_repr(indices)
            expected = f"{len(self._points)} non-negative integers, one for each vertex of the mesh"
            raise BadSceneError(f"{self._path}: segIndices is {actual}, expected {expected}")
        return np.array(indices, dtype=np.int64)

    def box(self, where: str, segments: Any) -> Box:
        """The upright box of the vertices in some segments."""
        if not _are_indices(segments):
            raise BadSceneError(
                f"{where}: has no obb, and segments is {short_repr(segments)}, expected non-negative integers"
            )
        try:
            return upright_box(self._points[np.isin(self._segments, np.array(segments, dtype=np.int64))])
        except ValueError as problem:
            raise BadSceneError(f"{where}: has no obb, and no box fits its segments ({problem})") from None


def _are_indices(values: Any) -> TypeGuard[list[int]]:
    return isinstance(values, list) and all(type(value) is int and 0 <= value < 1 << 63 for value in values)
