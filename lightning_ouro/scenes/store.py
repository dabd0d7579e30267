"""The compact store that `prepare` writes and `fit` reads in a fraction of the data set's time and space.

A store is a folder of plain folders (`readers/plain_folder.py`), one per scene: metadata, frames as JPEG, how
much of each frame every object fills, and the camera's path. Scenes are read in parallel. One that cannot be
used is skipped and listed in `skipped.jsonl`. A scene's folder is renamed into place only when it is complete,
so that the same command, run again after it was killed, continues with the scenes that are missing.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import sys
import tempfile
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict
from pathlib import Path
from typing import Any

import imageio.v3 as iio
import numpy as np
from numpy.typing import NDArray

from lightning_ouro.atomic_files import from_jsonl, write_jsonl
from lightning_ouro.errors import BadSceneError, InputError
from lightning_ouro.scenes.fitted_boxes import BoxKind
from lightning_ouro.scenes.readers.plain_folder import FRAMES, SCENE
from lightning_ouro.scenes.reading import Located
from lightning_ouro.scenes.types import FrameBudget, Scene, SkippedScene, Video, Views

RECORD, SKIPPED = "store.json", "skipped.jsonl"
# Of the store's layout; a store of another version can be read, but gets no further scenes. Stores of version 1
# do not hold the camera's path.
VERSION = 2
DECIMALS = 6  # of the path's poses, metres; a file of full precision would be twice as large
QUALITY = 95  # of JPEG, without chroma subsampling; chosen by hand


def open_store(store: Path, budget: FrameBudget, boxes: BoxKind) -> None:
    """Creates the store, or checks that it was written with these options; removes incomplete scenes.

    Raises:
        InputError: the folder is not a store, was written with other options, or cannot be written.
    """
    record = {"version": VERSION, **asdict(budget), "boxes": boxes}
    try:
        store.mkdir(parents=True, exist_ok=True)
        path = store / RECORD
        if path.exists():
            if (written := json.loads(path.read_text("utf8"))) != record:
                raise InputError(f"{store}: was written with {written}, not {record}; choose another folder")
        elif any(store.iterdir()):
            raise InputError(
                f"{store}: holds files but is not a store ({RECORD} is missing); choose an empty folder"
            )
        for incomplete in store.glob(".*.part"):
            shutil.rmtree(incomplete)
        write_jsonl(path, [record])
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{store}: cannot be used as a store ({error})") from None


def store_scenes(
    located: Sequence[Located], store: Path, budget: FrameBudget, workers: int
) -> Iterator[SkippedScene | None]:
    """Writes the scenes into the store; yields once per scene, as they are done: None, or why it was skipped.

    Raises:
        InputError: a worker process was killed.
    """
    if min(workers, len(located)) <= 1:
        yield from (_store_scene(scene, store, budget) for scene in located)
        return
    context = multiprocessing.get_context("spawn")  # threads, such as torch's, do not survive a fork
    with ProcessPoolExecutor(min(workers, len(located)), context, _use_one_thread) as pool:
        jobs = [pool.submit(_store_scene, scene, store, budget) for scene in located]
        for job in as_completed(jobs):
            try:
                yield job.result()
            except BrokenProcessPool:
                raise InputError(
                    f"a worker process was killed, probably because memory ran out; {store} keeps the "
                    f"finished scenes: run the command again with fewer --workers than {workers}"
                ) from None


def write_skipped(store: Path, skipped: Iterable[SkippedScene], tried: Collection[str]) -> list[SkippedScene]:
    """Lists the skipped scenes in the store; returns them in the order of the list, by id.

    Scenes that an earlier command skipped, of another data set, stay listed unless they were `tried` again.

    Raises:
        InputError: the list that is there is not one of `prepare`.
    """
    path = store / SKIPPED
    try:
        earlier = [SkippedScene(**row) for row in from_jsonl(path.read_bytes() if path.exists() else b"")]
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{path}: is not a list of skipped scenes ({error}); remove it") from None
    ordered = sorted(skipped, key=lambda scene: scene.id)
    others = [scene for scene in earlier if scene.id not in tried]
    write_jsonl(path, map(asdict, sorted([*ordered, *others], key=lambda scene: scene.id)))
    return ordered


def write_scene(scene: Scene, video: Video, folder: Path) -> None:
    """Writes a scene as a plain folder, completely or not at all."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{folder.name[:40]}.", suffix=".part", dir=folder.parent))
    try:
        (part / "frames").mkdir()
        names = [f"frames/{index:04d}.jpg" for index in range(len(video.frames))]
        for name, frame in zip(names, video.frames, strict=True):
            iio.imwrite(part / name, frame, plugin="pillow", quality=QUALITY, subsampling=0)
        record = json.dumps(_scene_record(scene), ensure_ascii=False, indent=1)
        (part / SCENE).write_text(record, "utf8", "backslashreplace")  # a lone surrogate as JSON escapes it
        (part / FRAMES).write_text(json.dumps(_frames_record(video, names)), "utf8")
        part.chmod(0o755)
        part.rename(folder)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def _store_scene(located: Located, store: Path, budget: FrameBudget) -> SkippedScene | None:
    try:
        scene = located.reader.read(located.found)
        write_scene(scene, scene.footage.load(scene, budget), store / located.found.id)
    except (BadSceneError, InputError) as error:
        return SkippedScene(located.found.id, located.describe(error))
    return None


def _use_one_thread() -> None:
    """Keeps the workers, of which there is one per CPU, from starting threads that compete for the CPUs."""
    os.environ["OMP_NUM_THREADS"] = "1"  # which torch reads where it is imported later, to render boxes
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


def _scene_record(scene: Scene) -> dict[str, Any]:
    record = {
        "id": scene.id,
        "source": scene.source,
        "objects": [
            {
                "category": item.category,
                "center": item.center.tolist(),
                "size": item.size.tolist(),
                "axes": item.rotation.T.tolist(),
            }
            for item in scene.objects
        ],
        "counts": dict(scene.counts),
        "complete": sorted(scene.complete),
        "floor_area": scene.floor_area,
    }
    return record if scene.floor is None else {**record, "floor": scene.floor.tolist()}


def _frames_record(video: Video, names: Sequence[str]) -> dict[str, Any]:
    views = video.views
    columns = (views.timestamps, views.poses, views.intrinsics, views.visibility, views.at_most)
    frames = [
        {
            "image": name,
            "time": float(time),
            "pose": pose.tolist(),
            "intrinsics": intrinsics.tolist(),
            "shares": _by_object(shares, shares > 0),
            "possible_shares": _by_object(possible, possible > shares),
        }
        for name, time, pose, intrinsics, shares, possible in zip(names, *columns, strict=True)
    ]
    return {"frames": frames} if views.path is None else {"frames": frames, "path": _path_record(views)}


def _by_object(shares: NDArray[np.float32], kept: NDArray[np.bool_]) -> dict[str, float]:
    return {str(index): float(shares[index]) for index in np.flatnonzero(kept)}


def _path_record(views: Views) -> list[dict[str, Any]]:
    """The camera's path between the frames."""
    assert views.path is not None
    between = ~np.isin(views.path.times, views.timestamps)
    rows = zip(views.path.times[between], views.path.poses[between].round(DECIMALS), strict=True)
    return [{"time": float(time), "pose": pose.tolist()} for time, pose in rows]
