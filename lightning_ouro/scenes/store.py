"""The compact store that `prepare` writes and `fit` reads in a fraction of the data set's time and space.

A store is a folder of plain folders (`readers/plain_folder.py`), one per scene: metadata, frames as JPEG, how
much of each frame every object fills, and the camera's path; `made_from.json` says from which files. Scenes are
read in parallel. One that cannot be used is skipped and listed in `skipped.jsonl`. A scene's folder is renamed into
place only when it is complete, so that the same command, run again after it was killed, continues with the scenes
that are missing, and redoes those whose files have changed.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import sys
import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from lightning_ouro.atomic_files import from_jsonl, write_jsonl
from lightning_ouro.errors import BadSceneError, InputError
from lightning_ouro.scenes.fitted_boxes import BoxKind
from lightning_ouro.scenes.made_from import STORE_RECORD, MadeFrom, Origin, origin_of, with_contents
from lightning_ouro.scenes.readers.plain_folder import SCENE
from lightning_ouro.scenes.reading import Located, identified
from lightning_ouro.scenes.types import VISIBLE, FrameBudget, SkippedScene
from lightning_ouro.scenes.written_scene import write_scene as write_scene

RECORD, SKIPPED = STORE_RECORD, "skipped.jsonl"
# Of the store's layout; a store of another version can be read, but gets no further scenes. Stores of version 1
# do not hold the camera's path, those of version 2 not what they were made from.
VERSION = 3
_FEW_SEEN = 1 / 3  # of the objects: if kept frames show fewer, one had better look; chosen by hand


Options = Mapping[str, Any]
"""What all scenes of a store were made with: the layout's version, number and size of frames, kind of boxes."""


@dataclass(frozen=True)
class Stored:
    """A scene in the store.

    Attributes:
        id: The name of its folder.
        state: Whether it was made, made again because its files had changed, or kept.
        made: What was written down beside it.
    """

    id: str
    state: Literal["made", "redone", "kept"]
    made: MadeFrom


def open_store(
    store: Path, budget: FrameBudget, boxes: BoxKind, rebuilt: Collection[str] | None = None
) -> Options:
    """Creates the store, or checks that it was written with these options; removes incomplete scenes.

    Args:
        store: The folder.
        budget: Number and size of frames.
        boxes: How boxes are fitted where a data set has none.
        rebuilt: Names of the scenes that are made again, whatever the store was written with; None: those that
            have changed, with the same options.

    Raises:
        InputError: the folder is not a store, was written with other options, or cannot be written.
    """
    record: Options = {"version": VERSION, **budget.record(), "boxes": boxes}
    try:
        store.mkdir(parents=True, exist_ok=True)
        path = store / RECORD
        if path.exists():
            if (written := json.loads(path.read_text("utf8"))) != record:
                _check_options(store, written, record, rebuilt)
        elif any(store.iterdir()):
            raise InputError(
                f"{store}: holds files but is not a store ({RECORD} is missing); choose an empty folder"
            )
        for incomplete in store.glob(".*.part"):
            shutil.rmtree(incomplete)
        write_jsonl(path, [record])
        return record
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{store}: cannot be used as a store ({error})") from None


def _check_options(store: Path, written: Any, record: Options, rebuilt: Collection[str] | None) -> None:
    if rebuilt is None:
        raise InputError(
            f"{store}: was written with {written}, not {record}; choose another folder, or make all of its "
            "scenes again with --rebuild"
        )
    if others := [name for name in scene_names(store) if name not in rebuilt]:
        raise InputError(
            f"{store}: was written with {written}, not {record}, and --rebuild was not given the paths of all of "
            f"its scenes: {others[0]} is missing; give these too, or choose another folder"
        )


def scene_names(store: Path) -> list[str]:
    """The names of all scenes in a store, in order."""
    return sorted(path.parent.name for path in store.glob(f"[!.]*/{SCENE}"))


def store_scenes(
    located: Sequence[Located],
    store: Path,
    budget: FrameBudget,
    options: Options,
    workers: int,
    rebuild: bool,
) -> Iterator[Stored | SkippedScene]:
    """Writes new and changed scenes into the store; yields each scene as it is done, or why it was skipped.

    Args:
        located: The scenes.
        store: The opened store.
        budget: Number and size of frames.
        options: What `open_store` returned.
        workers: Number of processes.
        rebuild: Whether scenes that have not changed are made again as well.

    Raises:
        InputError: a worker process was killed.
    """
    if min(workers, len(located)) <= 1:
        yield from (_store_scene(scene, store, budget, options, rebuild) for scene in located)
        return
    context = multiprocessing.get_context("spawn")  # threads, such as torch's, do not survive a fork
    with ProcessPoolExecutor(min(workers, len(located)), context, _use_one_thread) as pool:
        jobs = [pool.submit(_store_scene, scene, store, budget, options, rebuild) for scene in located]
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


def _store_scene(
    located: Located, store: Path, budget: FrameBudget, options: Options, rebuild: bool
) -> Stored | SkippedScene:
    name, folder = located.found.id, store / located.found.id
    before, inputs = MadeFrom.read(folder), located.reader.inputs(located.found)
    try:
        origin = origin_of(located.found.path, inputs)
        is_like = before is not None and before.options == options and origin.is_like(before.origin)
        if before is not None and is_like and not rebuild and origin.entries == before.origin.entries:
            return Stored(name, "kept", before)
        origin = with_contents(origin, inputs)
    except BadSceneError as error:
        return SkippedScene(name, str(error))
    if before is not None and not rebuild:
        if is_like and before.origin.contents in ("", origin.contents):
            return Stored(name, "kept", _known_anew(before, origin, folder))
        if not origin.may_replace(before.origin):
            return SkippedScene(name, _another_scene(located.found.path, folder, before))
    try:
        state: Literal["made", "redone"] = "redone" if folder.exists() else "made"
        return Stored(name, state, _make(located, folder, budget, options, origin))
    except (BadSceneError, InputError) as error:
        return SkippedScene(name, located.describe(error) + _take_out(folder))


def _make(located: Located, folder: Path, budget: FrameBudget, options: Options, origin: Origin) -> MadeFrom:
    """Reads a scene and writes it into the store."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        scene = identified(located.reader.read(located.found), located.found.path)
        video = scene.footage.load(scene, budget)
    said = [str(warning.message) for warning in caught if warning.category is UserWarning]
    said = [text.removeprefix(f"scene {scene.id}: ") for text in said]
    seen = int((video.views.visibility >= VISIBLE).any(axis=0).sum())
    if seen < _FEW_SEEN * len(scene.objects):
        said.append(
            f"only {seen} of {len(scene.objects)} objects are ever seen; do poses, boxes, depth and intrinsics belong "
            "together?"
        )
    made = MadeFrom(origin, options, scene.id, len(scene.objects), seen, tuple(dict.fromkeys(said)))
    write_scene(scene, video, folder, made)
    return made


def _known_anew(before: MadeFrom, origin: Origin, folder: Path) -> MadeFrom:
    """The record of a scene that is kept, with the files as they lie now, so that the next look at them is short."""
    made = replace(before, origin=origin)
    with suppress(OSError):  # of a store that may only be read
        made.write(folder)
    return made


def _another_scene(path: Path, folder: Path, before: MadeFrom) -> str:
    return (
        f"{path}: {folder} was made from {before.origin.path}, whose annotation differs; if that is another scene, "
        "rename one of the two folders, otherwise give --rebuild"
    )


def _take_out(folder: Path) -> str:
    """Removes a stored scene that is no longer what its files say, and says so; "" if there is none."""
    if not (folder / SCENE).is_file():
        return ""
    shutil.rmtree(folder)
    return "; what the store had of it, made from what the files were before, was removed"


def _use_one_thread() -> None:
    """Keeps the workers, of which there is one per CPU, from starting threads that compete for the CPUs."""
    os.environ["OMP_NUM_THREADS"] = "1"  # which torch reads where it is imported later, to render boxes
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
