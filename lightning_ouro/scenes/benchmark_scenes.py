"""Ids of the scenes that spatial benchmarks test on, so that training on them has to be allowed explicitly.

An id counts wherever it occurs, in a scene's id or in a path, whatever the source is said to be: exports lose their
data set's name more easily than its numbers.

`benchmark_scenes.json` is `{benchmark: {source: [ids]}}`. Membership is that of the room, not of a single
recording: rescans of a listed ScanNet room (scene0568_*) count, and so do other ARKitScenes videos with the
`visit_id` of a listed one, which are listed under `arkitscenes_same_visit` (8 training videos have no
visit_id). Sources of the ids:

- VSI-Bench, and VSI-Bench-Debiased, which is a part of it: vision-x-nyu/thinking-in-space @51e089c
  `data/meta_info/*_val.json`: 88 ScanNet, 50 ScanNet++, 150 ARKitScenes. SpatialScore-Hard:
  haoningwu3639/SpatialScore @1995c4f `version_0/dataset/SpatialScore-Hard.json`: 56, 37 and 42 of those.
- ViewSpatial-Bench: ZJU-REAL/ViewSpatial-Bench @2e85a5e `eval/ViewSpatial-Bench.json`: 279 ScanNet.
- MindCube-Tiny: mind-cube/mind-cube.github.io @db3a7df, the 9 folders (for 9 groups of questions) in
  `public/data_viewer/other_all_image/rotation/`: 5 ScanNet (0122_01 and so on, with images of ScanNet's
  1296×968) and 4 ARKitScenes, **all from training splits**.
- SQA3D: SilongYong/SQA3D @a98da8f `LLM/v1_balanced_questions_test_scannetv2.json`: 67 ScanNet.
- ScanQA: MunzerDw/DLVC-3DVQA @ca48f46 `data/scanqa/ScanQA_v1.0_{val,test_w_obj,test_wo_obj}.json`: 238
  ScanNet.
- ScanNet validation and test splits: ScanNet/ScanNet @3830fce `Tasks/Benchmark/scannetv2_{val,test}.txt`:
  312, 100.
- ScanNet++ validation split: VITA-Group/VLM-3R @6dd1264
  `vlm_3r_data_process/splits/scannetpp/nvs_sem_val.txt`: 50, the same as VSI-Bench's.
- ARKitScenes validation split: apple/ARKitScenes @7283761 `raw/raw_train_val_splits.csv`: 551, with all of
  3dod's 549.

Not listed, because no published file names the scenes: SPAR-Bench, which the splits cover if its "validation
set" (fudan-zvg/spar @1679885) is the official one; EmbSpatial-Bench, MMSI-Bench, SITE-Bench, SPBench,
CV-Bench, MMSI-Video-Bench, BLINK and OmniSpatial, which the splits may not cover; the rest of MindCube's
21,154 questions, which the splits do **not** cover if its rotations are from training rooms like Tiny's; and
ScanNet++'s hidden test scenes.

ReVSI's 381 scenes are not listed either, because its data are gated: `revsi_rooms` reads them from a local copy
of its `metadata/3d_annotation.json`.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from lightning_ouro.errors import BadSceneError, InputError
from lightning_ouro.scenes.readers.files import read_json, short_repr

REVSI = "ReVSI"
Rooms = frozenset[tuple[str, str]]
"""Rooms by source and id."""

_SAME_VISIT = "_same_visit"
_ROOM = {
    "scannet": re.compile(r"scene\d{4}(?!\d)"),
    "scannetpp": re.compile(r"(?<![0-9a-z])[0-9a-f]{10}(?![0-9a-z])"),
    "arkitscenes": re.compile(r"(?<!\d)\d{8}(?!\d)"),
}
# Words in the names of sources; "scannet" comes last, because it is part of "scannetpp".
_DATA_SETS = (("arkitscenes", "arkit"), ("scannetpp", "scannetpp"), ("scannet", "scannet"))
_SCAN = re.compile(r"(scene\d{4})_\d{2}")


def benchmarks_of(scene_id: str) -> tuple[str, ...]:
    """The benchmarks and held-out splits that contain a scene's room, sorted by name.

    Args:
        scene_id: The id in any of the three data sets, possibly within a longer name or path.
    """
    names = (_benchmarks().get(room, ()) for room in _rooms("", scene_id))
    return tuple(sorted({name for listed in names for name in listed}))


def data_set(source: str) -> str:
    """The data set that a source's name stands for, such as `scannet` for "ScanNet v2"; if unknown, the name itself."""
    plain = re.sub(r"[^a-z0-9+]", "", source.lower()).replace("++", "pp").replace("plusplus", "pp")
    return next((name for name, word in _DATA_SETS if word in plain), source)


def scanned_room(scene_id: str) -> str | None:
    """The room of which this is the id of one of ScanNet's scans, such as scene0568 for scene0568_01."""
    match = _SCAN.fullmatch(scene_id.lower())
    return None if match is None else match[1]


def revsi_rooms(path: Path) -> Rooms:
    """The rooms that ReVSI tests on.

    Args:
        path: Its `metadata/3d_annotation.json`, a list of scenes with `dataset` and `scene_id`.

    Raises:
        InputError: the file cannot be read, or an entry lacks one of the two.
    """
    try:
        scenes = read_json(path)
    except BadSceneError as problem:
        raise InputError(f"data.revsi_annotation: {problem}") from None
    if not isinstance(scenes, list) or not scenes:
        raise InputError(f"data.revsi_annotation: {path}: is {short_repr(scenes)}, expected a list of scenes")
    rooms: set[tuple[str, str]] = set()
    for index, scene in enumerate(scenes):
        fields = (scene.get("dataset"), scene.get("scene_id")) if isinstance(scene, dict) else (None, None)
        if not all(isinstance(field, str) and field for field in fields):
            raise InputError(
                f"data.revsi_annotation: {path}: scene {index} is {short_repr(scene)}, expected the texts "
                "dataset and scene_id"
            )
        rooms |= _rooms(*map(str, fields))
    return frozenset(rooms)


def is_listed(rooms: Rooms, source: str, scene_id: str) -> bool:
    """Whether the scene is a recording of one of these rooms."""
    return not rooms.isdisjoint(_rooms(source, scene_id))


def _rooms(source: str, scene_id: str) -> Rooms:
    """The rooms that an id names by the forms of all data sets; of other sources also the id itself."""
    source, text = data_set(source), scene_id.lower()
    named = {(known, room) for known, pattern in _ROOM.items() for room in pattern.findall(text)}
    return frozenset(named if source in _ROOM else named | {(source.lower(), scene_id)})


@lru_cache(maxsize=1)
def _benchmarks() -> dict[tuple[str, str], set[str]]:
    """Names of the benchmarks by source and room."""
    text = files("lightning_ouro.scenes").joinpath("benchmark_scenes.json").read_text("utf8")
    names: dict[tuple[str, str], set[str]] = {}
    for benchmark, lists in json.loads(text).items():
        for source, scenes in lists.items():
            for scene in scenes:
                room = scene.split("_")[0] if source == "scannet" else scene
                names.setdefault((source.removesuffix(_SAME_VISIT), room), set()).add(benchmark)
    return names
