"""Reads scenes from files and folders, in the order given; what cannot be used comes back with a reason.

A path is a `meta_info` file, a folder of such files, or whatever one of the readers knows: a store, plain folders, a
data set's root, one scene. Where two scenes have the same id the first one counts. The order of the scenes is that of
the paths and, below a path, of names, so the same paths give the same list.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.progress import track

from lightning_ouro.errors import BadSceneError, InputError
from lightning_ouro.scenes.benchmark_scenes import benchmarks_of
from lightning_ouro.scenes.fitted_boxes import BoxKind
from lightning_ouro.scenes.readers.all_readers import all_readers
from lightning_ouro.scenes.readers.base import Found, Reader
from lightning_ouro.scenes.readers.meta_info import read_meta_info
from lightning_ouro.scenes.types import Scene, SkippedScene

_EXAMPLES = 3
_RECORDED = "; ".join(reader.layout for reader in all_readers())
_LAYOUTS = f"VSI-Bench's meta_info json files; {_RECORDED}"


@dataclass(frozen=True)
class Located:
    """A scene on disk and who reads it."""

    reader: Reader
    found: Found

    def described(self, problem: Exception) -> str:
        """What is wrong with the scene, with its path where the problem itself names none."""
        text = str(problem)
        return text if str(self.found.path) in text else f"{self.found.path}: {text}"


def read_scenes(
    paths: Sequence[Path], boxes: BoxKind = "upright", show_progress: bool = False
) -> tuple[list[Scene], list[SkippedScene]]:
    """All usable scenes of files and folders, and those that could not be used.

    Args:
        paths: Files and folders.
        boxes: How boxes are fitted where a data set gives none.
        show_progress: Whether a progress bar is drawn.

    Raises:
        InputError: a path is missing or unreadable, holds no scene in any known layout, or nothing is usable.
    """
    scenes: dict[str, Scene] = {}
    skipped: list[SkippedScene] = []
    first_seen: dict[str, Path] = {}
    for path in paths:
        for file, outcome in _read(path, boxes, show_progress):
            if isinstance(outcome, SkippedScene):
                skipped.append(outcome)
            elif outcome.id in scenes:
                reason = f"{file}: scene {outcome.id}: was read from {first_seen[outcome.id]} already"
                skipped.append(SkippedScene(outcome.id, reason))
            else:
                scenes[outcome.id], first_seen[outcome.id] = _with_benchmarks(outcome), file
    if not scenes:
        raise InputError(_nothing_usable(paths, skipped))
    return list(scenes.values()), skipped


def read_one(path: Path, scene_id: str | None) -> Scene:
    """The scene with an id, or the first; no other is read where a reader finds them one by one.

    Raises:
        InputError: it is not there, or cannot be used.
    """
    found = next((one.found for one in _located(path, "upright") if scene_id in (None, one.found.id)), None)
    scenes, _ = read_scenes([path if found is None else found.path])
    scene = next((scene for scene in scenes if found is not None or scene_id in (None, scene.id)), None)
    if scene is None:
        raise InputError(f"{path}: holds no scene {scene_id}")
    return scene


def locate(paths: Sequence[Path], boxes: BoxKind = "upright") -> list[Located]:
    """The scenes that readers find at or below paths, not yet read; of two with the same id the first.

    Raises:
        InputError: a path is missing or unreadable, or no reader finds anything there.
    """
    located: dict[str, Located] = {}
    for path in paths:
        for one in _located(path, boxes) or _refuse(path, _RECORDED):
            located.setdefault(one.found.id, one)
    return list(located.values())


def _located(path: Path, boxes: BoxKind) -> list[Located]:
    try:
        if not path.exists():
            raise InputError(f"{path}: does not exist; give one of: {_LAYOUTS}")
        return [Located(reader, found) for reader in all_readers(boxes) for found in reader.find(path)]
    except OSError as problem:
        raise InputError(f"{path}: cannot be read ({problem.strerror}); check its permissions") from None


def _refuse(path: Path, layouts: str) -> list[Located]:
    raise InputError(f"{path}: holds no scene in a known layout; give one of: {layouts}")


def _read(path: Path, boxes: BoxKind, show_progress: bool) -> Iterator[tuple[Path, Scene | SkippedScene]]:
    located = _located(path, boxes)
    if not located:
        for file in _meta_info_files(path):
            usable, unusable = read_meta_info(file)
            outcomes: list[Scene | SkippedScene] = [*usable, *unusable]
            yield from ((file, outcome) for outcome in outcomes)
    for one in track(located, f"reading {path.name}", transient=True, disable=not show_progress):
        try:
            yield one.found.path, one.reader.read(one.found)
        except BadSceneError as problem:
            yield one.found.path, SkippedScene(one.found.id, one.described(problem))


def _meta_info_files(path: Path) -> list[Path]:
    try:
        if not path.is_dir():
            return [path]
        files = sorted(file for file in path.iterdir() if file.suffix == ".json" and file.is_file())
    except OSError as problem:
        raise InputError(f"{path}: cannot be read ({problem.strerror}); check its permissions") from None
    if not files:
        _refuse(path, _LAYOUTS)
    return files


def _with_benchmarks(scene: Scene) -> Scene:
    names = {*scene.benchmarks, *benchmarks_of(scene.source, scene.id)}
    return dataclasses.replace(scene, benchmarks=tuple(sorted(names)))


def _nothing_usable(paths: Sequence[Path], skipped: list[SkippedScene]) -> str:
    where = ", ".join(str(path) for path in paths) or "no path was given"
    reasons = "; ".join(scene.reason for scene in skipped[:_EXAMPLES])
    return f"no usable scene ({where}), {len(skipped)} skipped" + (
        f": {reasons}" if reasons else "; give a path"
    )
