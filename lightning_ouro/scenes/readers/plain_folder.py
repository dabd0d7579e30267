"""Reads any recording stored as a plain folder: `scene.json`, `frames.json` and the images or video they name.

    office/
        scene.json    the room: objects with oriented boxes, which categories are complete, the floor
        frames.json   the recording: images, or a video, with times, poses and intrinsics
        frames/       the images, and depth maps where there are any

`plain_folder.schema.json` next to this file is the complete JSON schema. Coordinates are in metres, z up,
right-handed. A box has a centre, full extents along its own axes, and these axes as unit vectors (x, y, z by
default). `plain_folder_recording` describes `frames.json`. The store that `prepare` writes is a folder of
such folders.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, final
from unicodedata import normalize

import numpy as np
from typing_extensions import override

from lightning_ouro.errors import BadSceneError
from lightning_ouro.scenes.floor_area import polygon_area
from lightning_ouro.scenes.footage.recorded_footage import RecordedFootage
from lightning_ouro.scenes.readers.base import Found, Reader, validated
from lightning_ouro.scenes.readers.counts import complete_categories, merged_counts
from lightning_ouro.scenes.readers.files import (
    CENTER_DECIMALS,
    SCENE_ID,
    Floats,
    finite_numbers,
    is_number,
    parse_box,
    read_json,
    short_repr,
)
from lightning_ouro.scenes.readers.left_out import LeftOut
from lightning_ouro.scenes.readers.names import Names
from lightning_ouro.scenes.readers.plain_folder_recording import FRAMES, FolderRecording
from lightning_ouro.scenes.types import Scene, SceneObject
from lightning_ouro.scenes.vocabulary import category_of

SCENE = "scene.json"
_PICTURES = {name: re.compile(rb'"%s"\s*:\s*"([^"]*)"' % name) for name in (b"image", b"video")}
_BEGINNING = 1 << 13  # bytes at either end of frames.json that are searched for these names; chosen by hand
_MAX_COUNT = 10**6  # objects of one category; excludes absurd values


@final
class PlainFolderReader(Reader):
    """Reads one such folder, or a folder of such folders."""

    source = "folder"
    layout = f"folders with {SCENE} and {FRAMES}"

    @override
    def find(self, path: Path) -> list[Found]:
        if (path / SCENE).is_file():
            return [Found(path.resolve().name, path)]
        if not path.is_dir():
            return []
        return [Found(file.parent.name, file.parent) for file in sorted(path.glob(f"[!.]*/{SCENE}"))]

    @override
    def read(self, location: Found) -> Scene:
        path = location.path / SCENE
        record = read_json(path)
        if not isinstance(record, dict):
            raise BadSceneError(
                f"{path}: is {short_repr(record)}, expected an object with objects, floor_area, …"
            )
        # macOS takes letters with accents apart in the names of files.
        scene_id = normalize("NFC", _text(path, record, "id", location.id))
        if not SCENE_ID.fullmatch(scene_id):
            raise BadSceneError(
                f"{path}: id is {short_repr(scene_id)}, expected up to 100 letters, digits, spaces and .+-_"
            )
        names = Names(category_of)
        listed = _objects(path, scene_id, record, names)
        categories = {item.category for item in listed.objects}
        counts = merged_counts(listed.labels, _counts(path, record), names)
        complete = complete_categories(_complete(path, record), categories, names)
        names.warn(scene_id)
        floor = _floor(path, record)
        scene = Scene(
            id=scene_id,
            source=_text(path, record, "source", self.source),
            objects=listed.objects,
            counts=counts,
            complete=names.certain(complete),
            unified={**_unified(path, record), **names.unified},
            floor_area=_floor_area(path, record, floor),
            floor=floor,
            footage=RecordedFootage(partial(FolderRecording, location.path, listed.places)),
            benchmarks=_texts(path, record, "benchmarks"),
            known_as=(*_texts(path, record, "known_as"), *_pictures(location.path / FRAMES)),
            not_benchmark=_flag(path, record, "not_benchmark"),
            room=_text(path, record, "room", scene_id) if "room" in record else "",
        )
        return validated(scene)


@dataclass(frozen=True)
class _Listed:
    """The objects of scene.json.

    Attributes:
        objects: Those that can be named.
        labels: What the file calls them.
        places: Of each place in the file's list the index of its object; None if it was left out.
    """

    objects: tuple[SceneObject, ...]
    labels: tuple[str, ...]
    places: tuple[int | None, ...]


def _objects(path: Path, scene_id: str, record: dict[str, Any], names: Names) -> _Listed:
    records = record.get("objects")
    if not isinstance(records, list):
        raise BadSceneError(f"{path}: objects is {short_repr(records)}, expected a list")
    objects: list[SceneObject] = []
    labels: list[str] = []
    places: list[int | None] = []
    indices: dict[tuple[str, ...], int] = {}
    broken = LeftOut("objects")
    for place, item in enumerate(records):
        try:
            named = _object(f"{path}: object {place}", len(objects), item, names)
        except BadSceneError as problem:
            broken.add(problem)
            names.lose_label(item.get("category") if isinstance(item, dict) else None)
            named = None
        # Boxes of a category with the same centre are one object, as in all data sets.
        key = () if named is None else (named.category, *map(str, np.round(named.center, CENTER_DECIMALS)))
        if named is not None and key not in indices:
            indices[key] = named.id
            objects.append(named)
            labels.append(item["category"])
        places.append(indices.get(key))
    broken.say(scene_id, len(records))
    return _Listed(tuple(objects), tuple(labels), tuple(places))


def _object(where: str, index: int, record: Any, names: Names) -> SceneObject | None:
    """The object, or None if its label is no name."""
    if not isinstance(record, dict):
        raise BadSceneError(
            f"{where} is {short_repr(record)}, expected an object with category, center, size"
        )
    axes = record.get("axes", [[1, 0, 0], [0, 1, 0], [0, 0, 1]])
    flat = [number for row in axes for number in row] if _is_list_of_lists(axes) else axes
    box = parse_box(where, {**record, "axes": flat}, "center", "size", "axes")
    category = _category(f"{where}: category", record.get("category"), names)
    return None if category is None else SceneObject(index, category, *box)


def _is_list_of_lists(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(row, list) for row in value)


def _category(where: str, name: Any, names: Names) -> str | None:
    if not isinstance(name, str):
        raise BadSceneError(f"{where} is {short_repr(name)}, expected the name of a kind of object")
    return names.of(name)


def _counts(path: Path, record: dict[str, Any]) -> dict[str, int]:
    """The file's counts by label."""
    counts = record.get("counts", {})
    if not isinstance(counts, dict):
        raise BadSceneError(f"{path}: counts is {short_repr(counts)}, expected numbers by category")
    for category, count in counts.items():
        if not isinstance(count, int) or isinstance(count, bool) or not 0 <= count < _MAX_COUNT:
            raise BadSceneError(
                f"{path}: counts of {short_repr(category)} is {short_repr(count)}, "
                "expected a non-negative integer"
            )
    return counts


def _complete(path: Path, record: dict[str, Any]) -> list[str]:
    """The labels of which the file says that all instances have a box."""
    listed = record.get("complete", [])
    if not isinstance(listed, list):
        raise BadSceneError(f"{path}: complete is {short_repr(listed)}, expected a list of categories")
    for label in listed:
        if not isinstance(label, str):
            raise BadSceneError(
                f"{path}: complete has {short_repr(label)}, expected the name of a kind of object"
            )
    return listed


def _unified(path: Path, record: dict[str, Any]) -> dict[str, str]:
    unified = record.get("unified", {})
    if not isinstance(unified, dict) or not all(isinstance(name, str) for name in unified.values()):
        raise BadSceneError(f"{path}: unified is {short_repr(unified)}, expected categories by label")
    return unified


def _floor(path: Path, record: dict[str, Any]) -> Floats | None:
    corners = record.get("floor")
    if corners is None:
        return None
    if not _is_list_of_lists(corners) or len(corners) < 3:
        raise BadSceneError(
            f"{path}: floor is {short_repr(corners)}, expected an outline of at least three (x, y) corners"
        )
    return np.array(
        [finite_numbers(str(path), f"floor corner {index}", xy, 2) for index, xy in enumerate(corners)]
    )


def _floor_area(path: Path, record: dict[str, Any], floor: Floats | None) -> float:
    area = record.get("floor_area", None if floor is None else polygon_area(floor))
    if not is_number(area) or area <= 0:
        raise BadSceneError(
            f"{path}: floor_area is {short_repr(area)}, expected square metres above 0, or a floor outline"
        )
    return float(area)


def _texts(path: Path, record: dict[str, Any], field: str) -> tuple[str, ...]:
    texts = record.get(field, [])
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise BadSceneError(f"{path}: {field} is {short_repr(texts)}, expected a list of texts")
    return tuple(texts)


def _flag(path: Path, record: dict[str, Any], field: str) -> bool:
    value = record.get(field, False)
    if not isinstance(value, bool):
        raise BadSceneError(f"{path}: {field} is {short_repr(value)}, expected true or false")
    return value


def _pictures(path: Path) -> tuple[str, ...]:
    """The names of the first image and of the video, which may tell what a scene is of, without reading the whole file.

    A video is named before or after all frames, an image in the first one.
    """
    try:
        with path.open("rb") as file:
            text = file.read(_BEGINNING)
            file.seek(max(len(text), path.stat().st_size - _BEGINNING))
            text += b" " + file.read(_BEGINNING)
    except OSError:
        return ()  # opening the recording will say so
    matches = (pattern.search(text) for pattern in _PICTURES.values())
    return tuple(match[1].decode("utf8", "replace") for match in matches if match)


def _text(path: Path, record: dict[str, Any], field: str, default: str) -> str:
    text = record.get(field, default)
    if not isinstance(text, str) or not text:
        raise BadSceneError(f"{path}: {field} is {short_repr(text)}, expected a non-empty string")
    return text
