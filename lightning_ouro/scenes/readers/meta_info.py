"""Reads VSI-Bench's `meta_info` files: boxes, counts and floor areas of real rooms, without frames.

Format (vision-x-nyu/thinking-in-space @51e089c `data/meta_info/*_meta_info_val.json`): `{scene: {dataset,
video_path, room_size, object_counts, object_bbox: {category: [{centroid, axesLengths, normalizedAxes, min,
max}]}}}`. There are no poses, frames or instance ids. Checked on all of its 238 ScanNet and ARKitScenes
scenes:

- Lengths are full extents, and the rows of `normalizedAxes` are the box's axes. ScanNet's boxes are minimal
  ones in the scan's raw frame, shifted by an unpublished offset per scene, so they must not be combined with
  ScanNet's poses.
- `object_counts` was corrected by hand and takes precedence over the number of boxes, which differs in 12
  places, all in ScanNet's file. In 9 of its scenes every printer is listed twice: boxes of a category with
  the same centre are one.
- VLM-3R (VITA-Group/VLM-3R @6dd1264) writes the same format with the key `object_bboxes`.

Words for one category are made one, as by all readers: the two files say "washer" and "washing machine". A bad scene is
skipped with a reason. A file that is not a `meta_info` file at all raises an `InputError`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from lightning_ouro.errors import BadSceneError, InputError
from lightning_ouro.scenes.benchmark_scenes import data_set
from lightning_ouro.scenes.fitted_boxes import Box
from lightning_ouro.scenes.readers.counts import complete_categories, merged_counts
from lightning_ouro.scenes.readers.files import (
    CENTER_DECIMALS,
    MOST_METRES,
    SCENE_ID,
    is_number,
    parse_box,
    short_repr,
)
from lightning_ouro.scenes.readers.left_out import LeftOut
from lightning_ouro.scenes.readers.names import Names
from lightning_ouro.scenes.synthetic.walks import RenderedFootage
from lightning_ouro.scenes.types import Scene, SceneObject, SkippedScene
from lightning_ouro.scenes.vocabulary import category_of, is_synonym, plain_name

_EXPECTED = "expected VSI-Bench meta_info: {scene: {room_size, object_counts, object_bbox}}"
_BOX_KEYS = ("object_bbox", "object_bboxes")  # VSI-Bench's key, VLM-3R's
_SOURCE_BY_ID = (("scannet", r"scene\d{4}_\d{2}"), ("arkitscenes", r"\d{8}"), ("scannetpp", r"[0-9a-f]{10}"))
_SOURCE_BY_VIDEO_PATH = (
    ("scannetpp", "scannet++"),
    ("scannetpp", "scannetpp"),
    ("arkitscenes", "arkit"),
    ("scannet", "scannet"),
)


def read_meta_info(path: Path) -> tuple[list[Scene], list[SkippedScene]]:
    """Reads a file's scenes, in its order, and lists those that cannot be used.

    Raises:
        InputError: the file cannot be read or is not a `meta_info` file.
    """
    scenes: list[Scene] = []
    skipped: list[SkippedScene] = []
    for scene_id, record in _load(path).items():
        name = scene_id if SCENE_ID.fullmatch(scene_id) else short_repr(scene_id)
        try:
            scenes.append(_to_scene(scene_id, record))
        except BadSceneError as problem:
            skipped.append(SkippedScene(name, f"{path}: scene {name}: {problem}"))
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
        isinstance(record, dict) and any(key in record for key in _BOX_KEYS) for record in content.values()
    ):
        raise InputError(f"{path}: none of its {len(content)} entries has object_bbox; {_EXPECTED}")
    return content


def _to_scene(scene_id: str, record: Any) -> Scene:
    if not SCENE_ID.fullmatch(scene_id):
        raise BadSceneError(
            "has an id with other characters than letters, digits, spaces and .+-_, or over 100"
        )
    if not isinstance(record, dict):
        raise BadSceneError(
            f"is {short_repr(record)}, expected an object with room_size, object_counts, object_bbox"
        )
    by_category = next((record[key] for key in _BOX_KEYS if key in record), None)
    if not isinstance(by_category, dict):
        raise BadSceneError(f"object_bbox is {short_repr(by_category)}, expected lists of boxes by category")
    names = Names(_name_of)
    named = [(label, names.of(label), listed) for label, listed in by_category.items()]
    broken = LeftOut("boxes")
    boxes = _distinct(
        (label, name, box)
        for label, name, listed in named
        if name is not None
        for box in _boxes(name, listed, names, broken)
    )
    broken.say(scene_id, len(boxes) + len(broken))
    if not boxes:
        raise BadSceneError("object_bbox holds no objects that a question could name, expected at least one")
    corrected_counts = _counts(record)
    names.warn(scene_id)
    objects = {category for _, category, _ in boxes}
    counts = merged_counts([label for label, _, _ in boxes], corrected_counts, names)
    complete = complete_categories(corrected_counts, objects, names)
    return Scene(
        id=scene_id,
        source=_source(scene_id, record),
        objects=tuple(SceneObject(index, name, *box) for index, (_, name, box) in enumerate(boxes)),
        counts=counts,
        complete=names.certain(complete),
        floor_area=_floor_area(record),
        floor=None,
        footage=RenderedFootage(),
        benchmarks=("VSI-Bench",),
        unified=names.unified,
        known_as=tuple(filter(None, (str(record.get("video_path") or ""),))),
    )


def _name_of(label: str) -> str | None:
    """The category of a label that is another word for it; other names are kept, since official questions use them."""
    return category_of(label) if is_synonym(label) else plain_name(label)


def _distinct(boxes: Iterable[tuple[str, str, Box]]) -> list[tuple[str, str, Box]]:
    """Labels, names and boxes; what two words for one category are said of is one object."""
    by_place: dict[tuple[Any, ...], tuple[str, str, Box]] = {}
    for label, name, box in boxes:
        by_place.setdefault((name, *np.round(box[0], CENTER_DECIMALS)), (label, name, box))
    return list(by_place.values())


def _boxes(category: str, listed: Any, names: Names, broken: LeftOut) -> list[Box]:
    if not isinstance(listed, list):
        raise BadSceneError(f"object_bbox of {category} is {short_repr(listed)}, expected a list of boxes")
    boxes: list[Box] = []
    for index, record in enumerate(listed):
        try:
            boxes.append(parse_box(f"{category} {index}", record))
        except BadSceneError as problem:
            broken.add(problem)
            names.lose(category)
    # Of boxes with the same centre the first is kept, in the position of the last.
    return list({tuple(np.round(box[0], CENTER_DECIMALS)): box for box in reversed(boxes)}.values())[::-1]


def _counts(record: dict[str, Any]) -> dict[str, int]:
    """The corrected counts by label."""
    counts = record.get("object_counts")
    if not isinstance(counts, dict):
        raise BadSceneError(f"object_counts is {short_repr(counts)}, expected numbers by category")
    for category, count in counts.items():
        if not isinstance(count, int) or isinstance(count, bool) or count < 0:
            raise BadSceneError(
                f"object_counts of {short_repr(category)} is {short_repr(count)}, expected a non-negative integer"
            )
    return counts


def _floor_area(record: dict[str, Any]) -> float:
    area = record.get("room_size")
    if not is_number(area) or area <= 0:
        raise BadSceneError(
            f"room_size is {short_repr(area)}, expected square metres above 0 and below {MOST_METRES:g}"
        )
    return float(area)


def _source(scene_id: str, record: dict[str, Any]) -> str:
    if isinstance(record.get("dataset"), str) and SCENE_ID.fullmatch(record["dataset"]):
        return data_set(record["dataset"])
    video = str(record.get("video_path", "")).lower()
    by_path = [source for source, word in _SOURCE_BY_VIDEO_PATH if word in video]
    by_id = [source for source, pattern in _SOURCE_BY_ID if re.fullmatch(pattern, scene_id)]
    return (by_path + by_id + ["meta_info"])[0]
