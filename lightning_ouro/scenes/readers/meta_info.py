"""Reads VSI-Bench's `meta_info` files: boxes, counts and floor areas of real rooms, without frames.

Format (SCENES.md A4; checked on all 238 scenes at hand): `{scene: {dataset, video_path, room_size, object_counts,
object_bbox: {category: [{centroid, axesLengths, normalizedAxes, min, max}]}}}`. Lengths are full extents and the rows
of `normalizedAxes` are the box's axes. `object_counts` was corrected by hand and wins over the number of boxes;
printers are listed twice in ScanNet's file, so boxes of a category with the same centroid are one. A bad scene is
skipped with a reason; a file that is no `meta_info` at all is an `InputError`.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lightning_ouro.errors import BadSceneError, InputError
from lightning_ouro.scenes.readers.files import LARGEST, box, is_number, shown
from lightning_ouro.scenes.synthetic.walks import RenderedFootage
from lightning_ouro.scenes.types import Scene, SceneObject, SkippedScene

_EXPECTED = "expected VSI-Bench meta_info: {scene: {room_size, object_counts, object_bbox}}"
_BOXES = ("object_bbox", "object_bboxes")  # VSI-Bench's key, VLM-3R's
_SAME_PLACE = 6  # decimals of a metre
_ID_SHAPES = (("scannet", r"scene\d{4}_\d{2}"), ("arkitscenes", r"\d{8}"), ("scannetpp", r"[0-9a-f]{10}"))
_PATH_WORDS = (
    ("scannetpp", "scannet++"),
    ("scannetpp", "scannetpp"),
    ("arkitscenes", "arkit"),
    ("scannet", "scannet"),
)


def read_meta_info(path: Path) -> tuple[list[Scene], list[SkippedScene]]:
    """The scenes of a file in its order, and those that could not be used.

    Raises:
        InputError: the file cannot be read or is no `meta_info`.
    """
    scenes: list[Scene] = []
    skipped: list[SkippedScene] = []
    for scene_id, record in _load(path).items():
        try:
            scenes.append(_to_scene(scene_id, record))
        except BadSceneError as problem:
            skipped.append(SkippedScene(scene_id, f"{path}: scene {scene_id}: {problem}"))
    return scenes, skipped


def _load(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as problem:
        raise InputError(
            f"{path}: cannot be read ({problem.strerror}); check the path and its permissions"
        ) from None
    except (ValueError, RecursionError) as problem:
        raise InputError(f"{path}: is not JSON ({problem}); {_EXPECTED}") from None
    if not isinstance(content, dict):
        raise InputError(f"{path}: holds a {type(content).__name__}, not an object; {_EXPECTED}")
    if not any(
        isinstance(record, dict) and any(key in record for key in _BOXES) for record in content.values()
    ):
        raise InputError(f"{path}: none of its {len(content)} entries has object_bbox; {_EXPECTED}")
    return content


def _to_scene(scene_id: str, record: Any) -> Scene:
    if not isinstance(record, dict):
        raise BadSceneError(
            f"is {shown(record)}, expected an object with room_size, object_counts, object_bbox"
        )
    boxes = next((record[key] for key in _BOXES if key in record), None)
    if not isinstance(boxes, dict):
        raise BadSceneError(f"object_bbox is {shown(boxes)}, expected lists of boxes by category")
    found = [(category, box) for category, listed in boxes.items() for box in _boxes(category, listed)]
    if not found:
        raise BadSceneError("object_bbox holds no objects, expected at least one")
    counts = _counts(record)
    boxed = dict(Counter(category for category, _ in found))
    return Scene(
        id=scene_id,
        source=_source(scene_id, record),
        objects=tuple(SceneObject(place, category, *box) for place, (category, box) in enumerate(found)),
        counts=boxed | counts,
        complete=frozenset(counts),
        floor_area=_floor_area(record),
        floor=None,
        footage=RenderedFootage(),
        benchmarks=("VSI-Bench",),
    )


_Box = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]  # centre, size, rotation


def _boxes(category: str, listed: Any) -> list[_Box]:
    if not category.strip():
        raise BadSceneError(f"object_bbox has the category {category!r}, expected a name")
    if not isinstance(listed, list):
        raise BadSceneError(f"object_bbox of {category} is {shown(listed)}, expected a list of boxes")
    boxes = [box(f"{category} {place}", record) for place, record in enumerate(listed)]
    return list({tuple(np.round(found[0], _SAME_PLACE)): found for found in reversed(boxes)}.values())[::-1]


def _counts(record: dict[str, Any]) -> dict[str, int]:
    counts = record.get("object_counts")
    if not isinstance(counts, dict):
        raise BadSceneError(f"object_counts is {shown(counts)}, expected numbers by category")
    for category, count in counts.items():
        if not isinstance(count, int) or isinstance(count, bool) or count < 0:
            raise BadSceneError(
                f"object_counts of {category} is {shown(count)}, expected a whole number from 0"
            )
    return counts


def _floor_area(record: dict[str, Any]) -> float:
    area = record.get("room_size")
    if not is_number(area) or area <= 0:
        raise BadSceneError(
            f"room_size is {shown(area)}, expected square metres above 0 and below {LARGEST:g}"
        )
    return float(area)


def _source(scene_id: str, record: dict[str, Any]) -> str:
    if isinstance(record.get("dataset"), str):
        return record["dataset"]
    video = str(record.get("video_path", "")).lower()
    by_path = [source for source, word in _PATH_WORDS if word in video]
    by_shape = [source for source, shape in _ID_SHAPES if re.fullmatch(shape, scene_id)]
    return (by_path + by_shape + ["meta_info"])[0]
