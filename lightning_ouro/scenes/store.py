"""`python -m lightning_ouro prepare SCENES STORE`: reads a data set once into a compact store.

A store is a folder of plain folders (`readers/plain_folder.py`), one a scene: metadata, frames as JPEG, and what they
show. `fit` reads it like the data set itself, in a fraction of the time and space. Scenes are read in parallel; one
that is bad is skipped and listed in `skipped.jsonl`; a scene's folder appears when it is whole, so the same command
after a kill goes on with those that are missing.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict
from pathlib import Path
from typing import Any

import imageio.v3 as iio
import torch
from rich.console import Console
from rich.progress import track

from lightning_ouro.atomic_files import write_jsonl
from lightning_ouro.errors import BadSceneError, InputError
from lightning_ouro.scenes.fitted_boxes import BoxKind
from lightning_ouro.scenes.readers.plain_folder import FRAMES, SCENE
from lightning_ouro.scenes.reading import Located, locate
from lightning_ouro.scenes.types import FrameBudget, Scene, SkippedScene, Video

RECORD, SKIPPED = "store.json", "skipped.jsonl"
VERSION = 1
QUALITY = 95  # of JPEG, with full colour


def prepare(
    scenes: Path,
    store: Path,
    num_frames: int = 32,
    height: int = 384,
    width: int = 512,
    boxes: BoxKind = "upright",
    workers: int | None = None,
) -> None:
    """Reads a data set once into a compact store, from which `fit` starts at once.

    Args:
        scenes: A data set's root, a folder of its scenes, or one scene, in any layout that the readers know.
        store: The folder to write; one that the same options wrote before is added to.
        num_frames: Frames to keep of each scene, evenly over the recording; training picks from these.
        height: With `width`, the most pixels of a kept frame; frames keep their own shape.
        width: See `height`.
        boxes: How boxes are fitted to the points of objects where the data set gives none: upright, or minimal as
            VSI-Bench's are for ScanNet.
        workers: Processes that read at the same time; null: one for each processor.

    Raises:
        InputError: there are no scenes, or the store was written with other options.
    """
    budget = FrameBudget(num_frames, height, width)
    if workers is not None and workers < 1:
        raise InputError(f"workers={workers} must be at least 1")
    found = locate([scenes], boxes)
    _open_store(store, {"version": VERSION, **asdict(budget), "boxes": boxes})
    missing = [one for one in found if not (store / one.found.id).exists()]
    bad = list(_prepare_all(missing, store, budget, workers or len(os.sched_getaffinity(0))))
    write_jsonl(store / SKIPPED, map(asdict, sorted(bad, key=lambda scene: scene.id)))
    console = Console(soft_wrap=True)
    console.print(
        f"{len(missing) - len(bad)} scenes prepared in {store}, {len(found) - len(missing)} were there before"
    )
    if bad:
        console.print(
            f"{len(bad)} skipped, listed in {store / SKIPPED}; the first: {bad[0].reason}", markup=False
        )


def _open_store(store: Path, record: dict[str, Any]) -> None:
    """Makes the store, or checks that it is one with these options; clears away what a killed run left half-written."""
    try:
        store.mkdir(parents=True, exist_ok=True)
        path = store / RECORD
        if path.exists():
            if (there := json.loads(path.read_text("utf8"))) != record:
                raise InputError(f"{store}: was written with {there}, not {record}; choose another folder")
        elif any(store.iterdir()):
            raise InputError(
                f"{store}: holds other things than a store ({RECORD} is missing); choose an empty folder"
            )
        for left in store.glob(".*.part"):
            shutil.rmtree(left)
        write_jsonl(path, [record])
    except (OSError, ValueError) as problem:
        if isinstance(problem, InputError):
            raise
        raise InputError(f"{store}: cannot be used as a store ({problem})") from None


def _prepare_all(
    found: Sequence[Located], store: Path, budget: FrameBudget, workers: int
) -> Iterator[SkippedScene]:
    """Yields those that had to be skipped."""
    for one, problem in track(_outcomes(found, store, budget, workers), "preparing scenes", total=len(found)):
        if problem is not None:
            yield SkippedScene(one.found.id, problem)


def _outcomes(
    found: Sequence[Located], store: Path, budget: FrameBudget, workers: int
) -> Iterator[tuple[Located, str | None]]:
    """Each scene, in the order in which they are done, and why it was skipped, if it was."""
    if min(workers, len(found)) <= 1:
        yield from ((one, _prepare_one(one, store, budget)) for one in found)
        return
    context = multiprocessing.get_context("spawn")  # torch's threads do not survive a fork
    with ProcessPoolExecutor(min(workers, len(found)), context, _one_thread) as pool:
        jobs = {pool.submit(_prepare_one, one, store, budget): one for one in found}
        for job in as_completed(jobs):
            try:
                yield jobs[job], job.result()
            except BrokenProcessPool:
                raise InputError(
                    f"a process that read scenes was killed, likely for want of memory; {store} keeps what is done: "
                    f"run it again with fewer --workers than {workers}"
                ) from None


def _one_thread() -> None:
    torch.set_num_threads(1)


def _prepare_one(one: Located, store: Path, budget: FrameBudget) -> str | None:
    """Writes a scene's folder; says why where it cannot."""
    try:
        scene = one.reader.read(one.found)
        write_scene(scene, scene.footage.load(scene, budget), store / one.found.id)
    except (BadSceneError, InputError) as problem:
        return one.described(problem)
    return None


def write_scene(scene: Scene, video: Video, folder: Path) -> None:
    """Writes a scene as a plain folder, whole or not at all."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{folder.name[:40]}.", suffix=".part", dir=folder.parent))
    try:
        (part / "frames").mkdir()
        names = [f"frames/{place:04d}.jpg" for place in range(len(video.frames))]
        for name, frame in zip(names, video.frames, strict=True):
            iio.imwrite(part / name, frame, plugin="pillow", quality=QUALITY, subsampling=0)
        (part / SCENE).write_text(json.dumps(_scene_record(scene), ensure_ascii=False, indent=1), "utf8")
        (part / FRAMES).write_text(json.dumps(_frames_record(video, names)), "utf8")
        part.chmod(0o755)
        part.rename(folder)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def _scene_record(scene: Scene) -> dict[str, Any]:
    record = {
        "id": scene.id,
        "source": scene.source,
        "objects": [
            {
                "category": thing.category,
                "center": thing.center.tolist(),
                "size": thing.size.tolist(),
                "axes": thing.rotation.T.tolist(),
            }
            for thing in scene.objects
        ],
        "counts": dict(scene.counts),
        "complete": sorted(scene.complete),
        "floor_area": scene.floor_area,
    }
    return record if scene.floor is None else {**record, "floor": scene.floor.tolist()}


def _frames_record(video: Video, names: Sequence[str]) -> dict[str, Any]:
    views = video.views
    rows = zip(names, views.timestamps, views.poses, views.intrinsics, views.visibility, strict=True)
    frames = [
        {
            "image": name,
            "time": float(time),
            "pose": pose.tolist(),
            "intrinsics": intrinsics.tolist(),
            "shares": {str(place): float(share) for place, share in enumerate(shares) if share > 0},
        }
        for name, time, pose, intrinsics, shares in rows
    ]
    return {"frames": frames}
