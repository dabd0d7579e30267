"""Reads ScanNet++ (v1, v2): rooms with annotated boxes, filmed with a phone that measures depth.

Read is the root, its `data` folder or one scene's folder (SCENES.md A2; scannetpp/scannetpp @f3b4712
`common/scene_release.py`):

- `data/<10 hex digits>/scans/segments_anno.json`: `segGroups`, each an object {label, obb, segments}. The rows of
  `obb.normalizedAxes` are the box's axes, often with the second upright. Without `obb` the upright box of its vertices
  is taken, those whose segment in `segments.json` is one of `segments`.
- `scans/mesh_aligned_0.05.ply`: the world, metres, z up.
- `iphone/rgb.mkv` (v1: `rgb.mp4`), `depth.bin` and `pose_intrinsic_imu.json`: frame `i` of the video is the entry
  `frame_{i:06d}`; `aligned_pose`, not `pose`, takes its camera to the world of the mesh. An entry without an
  `aligned_pose` that is a rigid motion, a frame without an entry and an entry without a frame or depth are not used.
  Where there is no `depth.bin` at all, what is visible is judged by boxes alone.
- `metadata/semantic_benchmark/map_benchmark.csv` of the root, if it is there: as the toolkit's `map_semantic.py` does,
  a label with an `instance_map_to` becomes that, one with `None` is dropped, one with nothing stays as it is. One that
  is not in the list stays too: the toolkit drops it as no class of its benchmark, which we are not bound to.

The photos of `dslr` are in no order of time, so they are not used.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any, TypeGuard, final

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from lightning_ouro.scenes.fitted_boxes import Box, upright_box
from lightning_ouro.scenes.floor_area import scanned_floor_area
from lightning_ouro.scenes.mesh import read_ply
from lightning_ouro.scenes.readers.base import BadSceneError, Found, Reader, checked
from lightning_ouro.scenes.readers.files import LARGEST, box, read_json, read_text, shown
from lightning_ouro.scenes.readers.iphone_depth import open_depth
from lightning_ouro.scenes.recording import RecordedFootage, Recording, Shots
from lightning_ouro.scenes.types import Scene, SceneObject
from lightning_ouro.scenes.video_file import VideoFile
from lightning_ouro.scenes.vocabulary import category_of

Floats = NDArray[np.float64]

_PARTS = ("scans", "iphone")
_ID = re.compile(r"[0-9a-f]{10}")
_FRAME = re.compile(r"frame_(\d{6})")
_VIDEOS, _POSES = ("rgb.mkv", "rgb.mp4"), "pose_intrinsic_imu.json"
_RIGID = 1e-2
_OFF_MIDDLE = 0.1  # of the image's width or height; a phone's is 1 or 2 % off
_SAME_PLACE = 6  # decimals of a metre
_LONGEST = 1e6 / 60  # seconds: six digits of frames at 60 a second

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
        _recorded(found.path, *_VIDEOS)
        _recorded(found.path, _POSES)
        mesh = found.path / "scans" / "mesh_aligned_0.05.ply"
        points = read_ply(mesh).points
        objects = _objects(found.path, points)
        area = scanned_floor_area(points, found.id)
        if area <= 0:
            raise BadSceneError(f"{mesh}: has no floor area: its points lie on a line seen from above, or far apart")
        counts = Counter(thing.category for thing in objects)
        scene = Scene(
            id=found.id,
            source=self.source,
            objects=objects,
            counts=dict(counts),
            complete=COMPLETE & counts.keys(),
            floor_area=area,
            floor=None,
            footage=RecordedFootage(partial(IphoneRecording, found.path)),
        )
        return checked(scene)


def _recorded(folder: Path, *names: str) -> Path:
    """The first of these files of the recording that is there."""
    files = [folder / "iphone" / name for name in names]
    for file in files:
        if _exists(file):
            return file
    wanted = " or ".join(map(str, files))
    raise BadSceneError(f"{wanted}: is missing; a scene without its phone's recording cannot be shown")


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as problem:
        raise BadSceneError(f"{path}: cannot be read ({problem.strerror or problem})") from None


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
        raise BadSceneError(f"{path}: none of its {len(groups)} segGroups is an object that a question could name")
    return tuple(SceneObject(place, category, *found) for place, (category, found) in enumerate(boxes.values()))


def _named(path: Path, groups: list[Any], names: dict[str, str]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Where in the file, category and record of those groups that are objects."""
    for place, group in enumerate(groups):
        where = f"{path}: segGroups[{place}]"
        label = group.get("label") if isinstance(group, dict) else None
        if not isinstance(label, str):
            raise BadSceneError(f"{where} is {shown(group)}, expected an object with label, obb, segments")
        category = None if names.get(label) == "None" else category_of(names.get(label) or label)
        if category is not None:
            yield f"{where} ({category})", category, group


def _benchmark_names(folder: Path) -> dict[str, str]:
    """What the data set's benchmark calls its raw labels; empty without its list."""
    path = folder.parent.parent / "metadata" / "semantic_benchmark" / "map_benchmark.csv"
    if not _exists(path):
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
            raise BadSceneError(f"{where}: has no obb, and segments is {shown(listed)}, expected whole numbers from 0")
        try:
            return upright_box(self._points[np.isin(self._segments, np.array(listed, dtype=np.int64))])
        except ValueError as problem:
            raise BadSceneError(f"{where}: has no obb, and its segments no box ({problem})") from None


def _are_numbers(listed: Any) -> TypeGuard[list[int]]:
    return isinstance(listed, list) and all(type(one) is int and 0 <= one < 1 << 63 for one in listed)


@final
class IphoneRecording(Recording):
    """What the phone recorded in a scene's folder."""

    def __init__(self, folder: Path, _scene: Scene) -> None:
        self._video = VideoFile(_recorded(folder, *_VIDEOS))
        path = _recorded(folder, _POSES)
        entries = _entries(path)
        depth = folder / "iphone" / "depth.bin"
        frames = min(len(self._video.times), entries[-1][0] + 1)
        self._depth = open_depth(depth, frames) if _exists(depth) else None
        frames = frames if self._depth is None else self._depth.number
        self._frames, self.shots = _shots(path, [entry for entry in entries if entry[0] < frames], self._video)

    @override
    def images(self, places: Sequence[int]) -> Iterator[NDArray[np.uint8]]:
        yield from self._video.frames([self._frames[place] for place in places])

    @override
    def depth(self, place: int) -> NDArray[np.float32] | None:
        return None if self._depth is None else self._depth.frame(self._frames[place])


def _entries(path: Path) -> list[tuple[int, dict[str, Any]]]:
    """Number and record of each entry, by number; at least one."""
    content = read_json(path)
    if not isinstance(content, dict) or not content:
        raise BadSceneError(f"{path}: is {shown(content)}, expected entries frame_000000, frame_000001, …")
    entries: list[tuple[int, dict[str, Any]]] = []
    for name, entry in content.items():
        number = _FRAME.fullmatch(name)
        if number is None or not isinstance(entry, dict):
            raise BadSceneError(f"{path}: has {shown(name)}: {shown(entry)}, expected an object named frame_NNNNNN")
        entries.append((int(number[1]), entry))
    return sorted(entries, key=lambda entry: entry[0])


def _shots(path: Path, entries: list[tuple[int, dict[str, Any]]], video: VideoFile) -> tuple[list[int], Shots]:
    """The frames that can be used, by number, and how they were taken."""
    if not entries:
        raise BadSceneError(f"{path}: has no entry for one of the {len(video.times)} frames of {video.path}")
    rows = [(f"{path}: frame_{number:06d}", entry) for number, entry in entries]
    times = np.array([_timestamp(*row) for row in rows])
    # The recording begins with the video's first frame, whether or not that has an entry.
    times -= times[0] - video.times[entries[0][0]]
    poses = np.stack([_pose(*row) for row in rows])
    valid = _is_rigid(poses)
    if not valid.any():
        raise BadSceneError(f"{path}: none of its {len(rows)} entries has an aligned_pose that is a rigid motion")
    if (np.diff(times) <= 0).any() or times[-1] > _LONGEST:
        raise BadSceneError(f"{path}: timestamp does not rise from entry to entry, or not in seconds")
    intrinsics = np.stack([_intrinsics(*row, video.size) for row, used in zip(rows, valid, strict=True) if used])
    numbers = [number for (number, _), used in zip(entries, valid, strict=True) if used]
    return numbers, Shots(times[valid], intrinsics, poses[valid], video.size)


def _timestamp(where: str, entry: dict[str, Any]) -> float:
    stamp = entry.get("timestamp")
    # A phone counts from when it was switched on, or from 1970.
    if not _is_real(stamp) or not 0 <= stamp < 1e12:
        raise BadSceneError(f"{where}: timestamp is {shown(stamp)}, expected seconds")
    return float(stamp)


def _pose(where: str, entry: dict[str, Any]) -> Floats:
    """Camera to world; not finite where there is none."""
    value = entry.get("aligned_pose")
    return np.full((4, 4), np.nan) if value is None else _matrix(where, "aligned_pose", value, 4)


def _is_rigid(poses: Floats) -> NDArray[np.bool_]:
    """Which of `(F, 4, 4)` poses turn and move, and do nothing else."""
    finite = (np.abs(poses) < LARGEST).reshape(-1, 16).all(axis=1)
    turns = np.where(finite[:, None, None], poses[:, :3, :3], np.eye(3))
    square = np.abs(turns.transpose(0, 2, 1) @ turns - np.eye(3)).max(axis=(1, 2)) < _RIGID
    bottom = (np.abs(poses[:, 3] - np.eye(4)[3]) < _RIGID).all(axis=1)
    return finite & square & bottom & (np.linalg.det(turns) > 0)


def _intrinsics(where: str, entry: dict[str, Any], size: tuple[int, int]) -> Floats:
    """In pixels of the video; ARKit counts from the image's corner, as we do."""
    matrix = _matrix(where, "intrinsic", entry.get("intrinsic"), 3)
    focal, middle = matrix.diagonal()[:2], matrix[:2, 2] / size[::-1]
    # If the video was made smaller, the matrix puts its middle elsewhere.
    plausible = np.isfinite(matrix).all() and (focal > 0).all() and (np.abs(middle - 0.5) < _OFF_MIDDLE).all()
    if not plausible or matrix[2].tolist() != [0, 0, 1]:
        expected = f"a pinhole matrix for {size[1]} × {size[0]} pixels"
        raise BadSceneError(f"{where}: intrinsic is {shown(matrix.tolist())}, expected {expected}")
    return matrix


def _matrix(where: str, field: str, value: Any, side: int) -> Floats:
    """Numbers, finite or not."""
    rows = value if isinstance(value, list) and len(value) == side else [None]
    if not all(isinstance(row, list) and len(row) == side and all(map(_is_real, row)) for row in rows):
        raise BadSceneError(f"{where}: {field} is {shown(value)}, expected {side} rows of {side} numbers")
    return np.array(rows, dtype=np.float64)


def _is_real(value: Any) -> TypeGuard[float]:
    return type(value) is float or (type(value) is int and abs(value) < 1 << 62)
