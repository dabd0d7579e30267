"""Reads ScanNet++ (v1, v2): rooms with annotated boxes, filmed with a phone that measures depth.

Read is the root, its `data` folder or one scene's folder (SCENES.md A2; scannetpp/scannetpp @f3b4712
`common/scene_release.py`):

- `data/<10 hex digits>/scans/segments_anno.json`: `segGroups`, each an object {label, obb, segments}. The rows of
  `obb.normalizedAxes` are the box's axes, often with the second upright. Without `obb` the upright box of its vertices
  is taken, those whose segment in `segments.json` is one of `segments`.
- `scans/mesh_aligned_0.05.ply`: the world, metres, z up.
- `iphone/{rgb.mkv, pose_intrinsic_imu.json, depth.bin}`: see `iphone_recording`.
- `metadata/semantic_benchmark/map_benchmark.csv` of the root, if it is there: as the toolkit's `map_semantic.py` does,
  a label with an `instance_map_to` becomes that, one with `None` is dropped, one with nothing stays as it is. One that
  is not in the list stays too: the toolkit drops it as no class of its benchmark, which we are not bound to.

The photos of `dslr` are in no order of time, so they are not used.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
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
from lightning_ouro.scenes.readers.files import box, read_json, read_text, shown
from lightning_ouro.scenes.readers.scannetpp.iphone_recording import IphoneRecording, exists, recorded_files
from lightning_ouro.scenes.types import Scene, SceneObject
from lightning_ouro.scenes.vocabulary import category_of

Floats = NDArray[np.float64]

_PARTS = ("scans", "iphone")
_ID = re.compile(r"[0-9a-f]{10}")
_SAME_PLACE = 6  # decimals of a metre

# The categories whose every instance VSI-Bench counts: those that occur in vision-x-nyu/thinking-in-space @51e089c
# `data/meta_info/scannetpp_meta_info_val.json`, the data set's 84 instance classes less those found ambiguous.
_COUNTED = """
chair, ceiling light, table, door, monitor, computer tower, keyboard, heater, whiteboard, computer mouse, trash can,
plant, telephone, pillow, cup, shoes, sofa, bookshelf, crate, power strip, exhaust fan, toilet, laptop, microwave, bed,
bucket, refrigerator, printer, basket, blanket, suitcase, tv, cushion, kettle, coat hanger, cutting board, pan, clock,
bowl, headphones, shoe rack, table lamp, paper bag
"""
COMPLETE = frozenset(filter(None, (category_of(name) for name in _COUNTED.split(","))))


@final
class ScanNetppReader(Reader):
    """Reads the scenes of which there is a phone's recording."""

    source = "scannetpp"
    layout = "ScanNet++: [data/]<10 hex digits>/{scans/segments_anno.json, iphone/rgb.mkv}"

    @override
    def find(self, path: Path) -> list[Found]:
        path = path.absolute()  # the folder that one stands in has a name too
        folders = [path]
        for parent in (path, path / "data"):
            folders += parent.iterdir() if parent.is_dir() else []
        named = {folder.name: folder for folder in folders if _ID.fullmatch(folder.name)}
        scenes = [name for name, folder in named.items() if any((folder / part).is_dir() for part in _PARTS)]
        return [Found(name, named[name]) for name in sorted(scenes)]

    @override
    def read(self, found: Found) -> Scene:
        recorded_files(found.path / "iphone")  # a scene that cannot be shown is of no use
        mesh = read_ply(found.path / "scans" / "mesh_aligned_0.05.ply")
        objects = _objects(found.path, mesh.points)
        footage = RecordedFootage(partial(IphoneRecording, found.path / "iphone"))
        return scanned_scene(found, self.source, objects, COMPLETE, mesh, footage)


def _objects(folder: Path, points: Floats) -> tuple[SceneObject, ...]:
    """The annotated objects in the order of the file; two of a category in the same place are one."""
    path = folder / "scans" / "segments_anno.json"
    content = read_json(path)
    groups = content.get("segGroups") if isinstance(content, dict) else None
    if not isinstance(groups, list):
        raise BadSceneError(f"{path}: segGroups is {shown(groups)}, expected a list of objects")
    vertices = _Vertices(folder, points)
    boxes: dict[tuple[Any, ...], tuple[str, Box]] = {}
    for where, category, group in _named(path, groups, _benchmark_names(folder)):
        given = group.get("obb")
        found = vertices.box(where, group.get("segments")) if given is None else box(f"{where}: obb", given)
        boxes.setdefault((category, *np.round(found[0], _SAME_PLACE)), (category, found))
    if not boxes:
        raise BadSceneError(
            f"{path}: none of its {len(groups)} segGroups is an object that a question could name"
        )
    kept = list(boxes.values())
    if len(kept) > MOST_OBJECTS:  # every switch and bottle of a large office: what counts is kept
        kept = [(category, found) for category, found in kept if category in COMPLETE]
    return tuple(SceneObject(place, category, *found) for place, (category, found) in enumerate(kept))


def _named(path: Path, groups: list[Any], names: dict[str, str]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Where in the file, category and record of those groups that are objects."""
    for place, group in enumerate(groups):
        where = f"{path}: segGroups[{place}]"
        label = group.get("label") if isinstance(group, dict) else None
        if not isinstance(label, str):
            raise BadSceneError(f"{where} is {shown(group)}, expected an object with label, obb, segments")
        category = category_of(names.get(label) or label)  # `None` is no category
        if category is not None:
            yield f"{where} ({category})", category, group


def _benchmark_names(folder: Path) -> dict[str, str]:
    """What the data set's benchmark calls its raw labels; empty without its list."""
    path = folder.parent.parent / "metadata" / "semantic_benchmark" / "map_benchmark.csv"
    if not exists(path):
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
    """The mesh's vertices by segment; the list of segments, a large file, is read when a box is first asked for."""

    def __init__(self, folder: Path, points: Floats) -> None:
        self._path = folder / "scans" / "segments.json"
        self._points = points

    @cached_property
    def _segments(self) -> NDArray[np.int64]:
        content = read_json(self._path)
        listed = content.get("segIndices") if isinstance(content, dict) else None
        if not _are_numbers(listed) or len(listed) != len(self._points):
            found = f"a list of {len(listed)}" if isinstance(listed, list) else shown(listed)
            expected = f"{len(self._points)} whole numbers from 0, one for each vertex of the mesh"
            raise BadSceneError(f"{self._path}: segIndices is {found}, expected {expected}")
        return np.array(listed, dtype=np.int64)

    def box(self, where: str, listed: Any) -> Box:
        """The upright box of the vertices in the listed segments."""
        if not _are_numbers(listed):
            raise BadSceneError(
                f"{where}: has no obb, and segments is {shown(listed)}, expected whole numbers from 0"
            )
        try:
            return upright_box(self._points[np.isin(self._segments, np.array(listed, dtype=np.int64))])
        except ValueError as problem:
            raise BadSceneError(f"{where}: has no obb, and its segments no box ({problem})") from None


def _are_numbers(listed: Any) -> TypeGuard[list[int]]:
    return isinstance(listed, list) and all(type(one) is int and 0 <= one < 1 << 63 for one in listed)
