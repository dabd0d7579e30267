"""Any recording as a folder: `scene.json`, `frames.json` and the images that it names.

    office/
        scene.json    what is there: objects with oriented boxes, which categories are complete, the floor
        frames.json   how it was filmed: images with times, poses and intrinsics
        frames/       the images; and depth maps, where there are any

Metres, z up, right-handed. A box is its centre, its full extents along its own axes, and these axes as unit vectors
(left out: x, y, z). A pose takes camera to world; the camera looks along z, x is right and y down (OpenCV). Intrinsics
are pinhole matrices in pixels of the image, whose upper left corner is (0, 0). Where some frames have depth, only those
are shown: of them it is known what they show. `plain_folder.schema.json` beside this file says it all to a machine.

The store that `prepare` writes is folders like this one, with `shares`: how much of each frame each object fills.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from lightning_ouro.errors import BadSceneError
from lightning_ouro.scenes.floor_area import polygon_area
from lightning_ouro.scenes.footage.recorded_footage import RecordedFootage
from lightning_ouro.scenes.footage.recording import Recording, Shots, rigid
from lightning_ouro.scenes.readers.base import Found, Reader, checked
from lightning_ouro.scenes.readers.files import (
    box,
    image_size,
    is_number,
    numbers,
    read_image,
    read_json,
    shown,
)
from lightning_ouro.scenes.types import Scene, SceneObject
from lightning_ouro.scenes.vocabulary import category_of

SCENE, FRAMES = "scene.json", "frames.json"
_ID = re.compile(r"[\w][\w .+-]{0,99}")


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
    def read(self, found: Found) -> Scene:
        path = found.path / SCENE
        record = read_json(path)
        if not isinstance(record, dict):
            raise BadSceneError(f"{path}: is {shown(record)}, expected an object with objects, floor_area, …")
        scene_id, source = _text(path, record, "id", found.id), _text(path, record, "source", self.source)
        if not _ID.fullmatch(scene_id):
            raise BadSceneError(
                f"{path}: id is {shown(scene_id)}, expected up to 100 letters, digits and .+-_"
            )
        objects = _objects(path, record)
        boxed = Counter(thing.category for thing in objects)
        floor = _floor(path, record)
        scene = Scene(
            id=scene_id,
            source=source,
            objects=objects,
            counts={**boxed, **_counts(path, record)},
            complete=_complete(path, record),
            floor_area=_floor_area(path, record, floor),
            floor=floor,
            footage=RecordedFootage(partial(FolderRecording, found.path)),
        )
        return checked(scene)


@final
class FolderRecording(Recording):
    """The frames of one folder.

    Args:
        folder: Holds `frames.json`.
        scene: Whose objects the frames may say that they show.
    """

    def __init__(self, folder: Path, scene: Scene) -> None:
        self._folder = folder
        path = folder / FRAMES
        record = read_json(path)
        frames = record.get("frames") if isinstance(record, dict) else None
        if not isinstance(frames, list) or not frames:
            raise BadSceneError(f"{path}: frames is {shown(frames)}, expected a list of at least one frame")
        common = record.get("intrinsics")
        unit = record.get("depth_unit", 0.001)
        if not is_number(unit) or unit <= 0:
            raise BadSceneError(f"{path}: depth_unit is {shown(unit)}, expected metres above 0")
        self._unit = float(unit)
        rows = [_frame(f"{path}: frame {place}", frame, common) for place, frame in enumerate(frames)]
        times = np.array([time for time, *_ in rows])
        if (np.diff(times) <= 0).any():
            raise BadSceneError(
                f"{path}: time does not rise at frame {int((np.diff(times) <= 0).argmax()) + 1}"
            )
        self._frames: list[dict[str, Any]] = frames
        self._objects = len(scene.objects)
        valid = [place for place, (_, pose, _) in enumerate(rows) if pose is not None]
        valid = [place for place in valid if "depth" in frames[place]] or valid
        self._valid = valid
        poses = np.array([rows[place][1] for place in valid]).reshape(-1, 4, 4)
        intrinsics = np.array([rows[place][2] for place in valid]).reshape(-1, 3, 3)
        size = image_size(self._file(0, "image")) if valid else (1, 1)
        self.shots = Shots(times[valid], intrinsics, poses, size)

    @override
    def images(self, places: Sequence[int]) -> Iterator[NDArray[np.uint8]]:
        for place in places:
            path = self._file(place, "image")
            image = read_image(path)
            if image.shape[:2] != self.shots.size:
                raise BadSceneError(f"{path}: is {image.shape[:2]} pixels, the first image {self.shots.size}")
            yield image

    @override
    def depth(self, place: int) -> NDArray[np.float32] | None:
        if "depth" not in self._frames[self._valid[place]]:
            return None
        path = self._file(place, "depth")
        depth = read_image(path, mode=None)
        if depth.ndim != 2:
            raise BadSceneError(f"{path}: has the shape {depth.shape}, expected one number a pixel")
        return (depth * self._unit).astype(np.float32)

    @override
    def known_shares(self, place: int) -> NDArray[np.float32] | None:
        given = self._frames[self._valid[place]].get("shares")
        if given is None:
            return None
        where = f"{self._folder / FRAMES}: frame {self._valid[place]}"
        shares = np.zeros(self._objects, dtype=np.float32)
        places = {str(place): place for place in range(self._objects)}
        if (
            not isinstance(given, dict)
            or not given.keys() <= places.keys()
            or not all(map(_is_share, given.values()))
        ):
            raise BadSceneError(f"{where}: shares is {shown(given)}, expected 0 to 1 by places of objects")
        for name, share in given.items():
            shares[places[name]] = share
        return shares

    def _file(self, place: int, field: str) -> Path:
        """A file that a frame names: below the folder, whatever it says."""
        name = self._frames[self._valid[place]].get(field)
        where = f"{self._folder / FRAMES}: frame {self._valid[place]}"
        if not isinstance(name, str) or not name:
            raise BadSceneError(f"{where}: {field} is {shown(name)}, expected a file below the folder")
        path = self._folder / name
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise BadSceneError(f"{where}: {field} is {shown(name)}, which lies outside of the folder")
        return path


def _frame(
    where: str, frame: Any, common: Any
) -> tuple[float, NDArray[np.float64] | None, NDArray[np.float64]]:
    """Time, pose (None where tracking was lost: null, or numbers that are not finite) and intrinsics."""
    if not isinstance(frame, dict):
        raise BadSceneError(f"{where} is {shown(frame)}, expected an object with image, time, pose")
    time = frame.get("time")
    if not isinstance(time, int | float) or isinstance(time, bool) or not abs(time) < 1e6:
        raise BadSceneError(f"{where}: time is {shown(time)}, expected seconds")
    matrix = _matrix(where, "intrinsics", frame.get("intrinsics", common), 3)
    if min(matrix[0, 0], matrix[1, 1]) <= 0 or (matrix[2] != (0, 0, 1)).any():
        raise BadSceneError(f"{where}: intrinsics is {shown(matrix.tolist())}, expected a pinhole matrix")
    if frame.get("pose") is None and "pose" in frame:
        return float(time), None, matrix
    pose = _matrix(where, "pose", frame.get("pose"), 4)
    if not rigid(pose[None])[0]:
        raise BadSceneError(
            f"{where}: pose is {shown(pose.tolist())}, expected a rigid motion; null if it was lost"
        )
    return float(time), pose, matrix


def _matrix(where: str, field: str, rows: Any, side: int) -> NDArray[np.float64]:
    if not isinstance(rows, list) or len(rows) != side or not all(isinstance(row, list) for row in rows):
        raise BadSceneError(f"{where}: {field} is {shown(rows)}, expected {side} rows of {side} numbers")
    flat = [number for row in rows for number in row]
    most = 1e6  # focal lengths are in pixels
    if [len(row) for row in rows] != [side] * side or not all(
        isinstance(number, int | float) and not isinstance(number, bool) and abs(number) < most
        for number in flat
    ):
        raise BadSceneError(
            f"{where}: {field} is {shown(rows)}, expected {side} rows of {side} finite numbers"
        )
    return np.array(rows, dtype=np.float64)


def _objects(path: Path, record: dict[str, Any]) -> tuple[SceneObject, ...]:
    listed = record.get("objects")
    if not isinstance(listed, list):
        raise BadSceneError(f"{path}: objects is {shown(listed)}, expected a list")
    return tuple(_object(f"{path}: object {place}", place, given) for place, given in enumerate(listed))


def _object(where: str, place: int, given: Any) -> SceneObject:
    if not isinstance(given, dict):
        raise BadSceneError(f"{where} is {shown(given)}, expected an object with category, center, size")
    axes = given.get("axes", [[1, 0, 0], [0, 1, 0], [0, 0, 1]])
    flat = [number for row in axes for number in row] if _is_rows(axes) else axes
    found = box(where, {**given, "axes": flat}, "center", "size", "axes")
    return SceneObject(place, _category(f"{where}: category", given.get("category")), *found)


def _is_share(value: Any) -> bool:
    return is_number(value) and 0 <= value <= 1


def _is_rows(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(row, list) for row in value)


def _category(where: str, name: Any) -> str:
    category = category_of(name) if isinstance(name, str) else None
    if category is None:
        raise BadSceneError(
            f"{where} is {shown(name)}, expected the short name of a kind of object in plain letters"
        )
    return category


def _counts(path: Path, record: dict[str, Any]) -> dict[str, int]:
    given = record.get("counts", {})
    if not isinstance(given, dict):
        raise BadSceneError(f"{path}: counts is {shown(given)}, expected numbers by category")
    for category, count in given.items():
        if not isinstance(count, int) or isinstance(count, bool) or not 0 <= count < 10**6:
            raise BadSceneError(
                f"{path}: counts of {shown(category)} is {shown(count)}, expected a whole number"
            )
    return {_category(f"{path}: counts", category): count for category, count in given.items()}


def _complete(path: Path, record: dict[str, Any]) -> frozenset[str]:
    given = record.get("complete", [])
    if not isinstance(given, list):
        raise BadSceneError(f"{path}: complete is {shown(given)}, expected a list of categories")
    return frozenset(_category(f"{path}: complete", category) for category in given)


def _floor(path: Path, record: dict[str, Any]) -> NDArray[np.float64] | None:
    given = record.get("floor")
    if given is None:
        return None
    if not _is_rows(given) or len(given) < 3:
        raise BadSceneError(
            f"{path}: floor is {shown(given)}, expected an outline of at least three (x, y) corners"
        )
    corners = [numbers(str(path), f"floor corner {place}", corner, 2) for place, corner in enumerate(given)]
    return np.array(corners)


def _floor_area(path: Path, record: dict[str, Any], floor: NDArray[np.float64] | None) -> float:
    area = record.get("floor_area", None if floor is None else polygon_area(floor))
    if not is_number(area) or area <= 0:
        raise BadSceneError(
            f"{path}: floor_area is {shown(area)}, expected square metres above 0, or a floor outline"
        )
    return float(area)


def _text(path: Path, record: dict[str, Any], field: str, default: str) -> str:
    text = record.get(field, default)
    if not isinstance(text, str) or not text:
        raise BadSceneError(f"{path}: {field} is {shown(text)}, expected a text")
    return text
