"""Reads scenes from files and folders; a scene that cannot be used is returned with the reason.

A path is a `meta_info` file, a folder of such files, or anything that one of the readers recognizes: a store,
plain folders, the root of a data set, a single scene. Scenes come in the order of the paths and, below a
path, of their names, so the same paths always give the same list. Of several scenes with the same id only the
first is kept.
"""

from __future__ import annotations

import dataclasses
import glob
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lightning_ouro.errors import BadSceneError, InputError
from lightning_ouro.home_paths import in_home
from lightning_ouro.progress import track
from lightning_ouro.scenes.benchmark_scenes import benchmarks_of, data_set
from lightning_ouro.scenes.fitted_boxes import BoxKind
from lightning_ouro.scenes.readers.all_readers import all_readers
from lightning_ouro.scenes.readers.base import Found, Reader
from lightning_ouro.scenes.readers.meta_info import read_meta_info
from lightning_ouro.scenes.types import Scene, SkippedScene

_EXAMPLES = 3  # reasons quoted in an error message
_RECORDED = "; ".join(reader.layout for reader in all_readers())
_LAYOUTS = f"VSI-Bench's meta_info json files; {_RECORDED}"


@dataclass(frozen=True)
class Located:
    """A scene on disk, not yet read, and the reader that recognized it."""

    reader: Reader
    found: Found

    def describe(self, error: Exception) -> str:
        """The error's message, with the scene's path if the message does not contain it."""
        message = str(error)
        return message if str(self.found.path) in message else f"{self.found.path}: {message}"


def read_scenes(
    paths: Sequence[Path],
    boxes: BoxKind = "upright",
    show_progress: bool = False,
    only: Collection[str] | None = None,
) -> tuple[list[Scene], list[SkippedScene]]:
    """Reads all usable scenes at or below the paths, and returns them with those that had to be skipped.

    Args:
        paths: Files and folders.
        boxes: How boxes are fitted to points where a data set has no boxes.
        show_progress: Whether to show a progress bar.
        only: Ids of the scenes to read, None for all; the others are neither read nor skipped, unless a folder
            is named otherwise than its scene: then only reading all of them tells.

    Raises:
        InputError: a path is missing, unreadable or holds no scene in a known layout, or no scene is usable.
    """
    scenes: dict[str, Scene] = {}
    skipped: list[SkippedScene] = []
    origins: dict[str, Path] = {}
    for given in expanded(paths):
        for origin, outcome in _read(given, boxes, show_progress, only):
            if isinstance(outcome, SkippedScene):
                skipped.append(outcome)
            elif outcome.id in scenes:
                reason = f"{origin}: scene {outcome.id}: was already read from {origins[outcome.id]}"
                skipped.append(SkippedScene(outcome.id, reason))
            else:
                scenes[outcome.id], origins[outcome.id] = identified(outcome, origin), origin
    if not scenes:
        raise InputError(_nothing_usable(paths, skipped))
    return list(scenes.values()), skipped


def read_one(path: Path, scene_id: str | None) -> Scene:
    """Reads the scene with this id, or the first one; of other scenes only those in the same `meta_info` file.

    Raises:
        InputError: there is no such scene, or it cannot be used.
    """
    located = [scene for given in expanded([path]) for scene in _locate(given.path, "upright")]
    found = next((scene.found for scene in located if scene_id in (None, scene.found.id)), None)
    scenes, _ = read_scenes([path if found is None else found.path])
    match = next((scene for scene in scenes if found is not None or scene_id in (None, scene.id)), None)
    if match is None:
        raise InputError(f"{path}: holds no scene {scene_id}")
    return match


@dataclass(frozen=True)
class Given:
    """A path that exists, and whether a pattern stood for it, which may match other things than scenes as well."""

    path: Path
    is_match: bool


def expanded(paths: Sequence[Path]) -> list[Given]:
    """The paths without `~` and patterns such as `scans/scene00*`, unless something has just that name.

    Raises:
        InputError: a pattern matches nothing.
    """
    given: list[Given] = []
    for path in paths:
        plain = in_home(path)
        if not _is_pattern(plain):
            given.append(Given(plain, False))
        elif matches := _matches(plain):
            given += [Given(match, True) for match in matches]
        else:
            raise InputError(f"{path}: does not exist, and matches nothing")
    return given


def _matches(pattern: Path) -> list[Path]:
    """What matches a pattern; folders at its beginning that exist stand for themselves, whatever their names."""
    base = next(folder for folder in pattern.parents if folder.exists())
    found = sorted(base.glob(str(pattern.relative_to(base))))
    return [path for path in found if not any(part.startswith(".") for part in path.relative_to(base).parts)]


def _is_pattern(path: Path) -> bool:
    try:
        return glob.has_magic(str(path)) and not path.exists()
    except OSError:
        return False


def locate(paths: Sequence[Path], boxes: BoxKind = "upright") -> tuple[list[Located], list[SkippedScene]]:
    """Finds the scenes at or below the paths that readers read one by one, without reading them.

    Returns:
        The scenes, and those that cannot be kept beside another one of the same name.

    Raises:
        InputError: a path is missing or unreadable, or no reader finds anything there.
    """
    located: dict[str, Located] = {}
    skipped: list[SkippedScene] = []
    for given in expanded(paths):
        scenes = _locate(given.path, boxes)
        if not scenes and not given.is_match:
            raise InputError(_no_known_layout(given.path, _RECORDED))
        for scene in scenes:
            first = located.setdefault(scene.found.id, scene)
            if first is not scene and not _is_same_place(first.found.path, scene.found.path):
                reason = (
                    f"{scene.found.path}: has the same name as {first.found.path}; rename one of the folders"
                )
                skipped.append(SkippedScene(scene.found.id, reason))
    if not located:
        raise InputError(_no_known_layout(" ".join(map(str, paths)), _RECORDED))
    return list(located.values()), skipped


def _is_same_place(first: Path, second: Path) -> bool:
    try:
        return first.samefile(second)
    except OSError:
        return first.absolute() == second.absolute()


def _locate(path: Path, boxes: BoxKind) -> list[Located]:
    try:
        if not path.exists():
            raise InputError(f"{path}: does not exist; give one of: {_LAYOUTS}")
        located = [Located(reader, found) for reader in all_readers(boxes) for found in reader.find(path)]
        # The plain folder's reader comes first: one named like a scan, with a folder `color`, is no scan.
        return list({scene.found.path.absolute(): scene for scene in reversed(located)}.values())[::-1]
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check its permissions") from None


def _read(
    given: Given, boxes: BoxKind, show_progress: bool, only: Collection[str] | None
) -> Iterator[tuple[Path, Scene | SkippedScene]]:
    """Yields every scene below a path, or why it is skipped, with the file or folder that it comes from."""
    path, located = given.path, _locate(given.path, boxes)
    if only is not None and not {scene.found.id for scene in located}.issuperset(only):
        only = None
    if not located:
        for file in _meta_info_files(given):
            usable, unusable = read_meta_info(file)
            outcomes: list[Scene | SkippedScene] = [*usable, *unusable]
            yield from ((file, outcome) for outcome in outcomes)
    located = [scene for scene in located if only is None or scene.found.id in only]
    for scene in track(located, f"reading {path.name}", show=show_progress):
        try:
            yield scene.found.path, scene.reader.read(scene.found)
        except BadSceneError as error:
            yield scene.found.path, SkippedScene(scene.found.id, scene.describe(error))


def _meta_info_files(given: Given) -> list[Path]:
    path = given.path
    try:
        if not path.is_dir():
            return [] if given.is_match and path.suffix != ".json" else [path]
        files = sorted(file for file in path.iterdir() if file.suffix == ".json" and file.is_file())
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check its permissions") from None
    if not files and not given.is_match:
        raise InputError(_no_known_layout(path, _LAYOUTS))
    return files


def identified(scene: Scene, path: Path) -> Scene:
    """The scene with the benchmarks that test on it, by its id and by all paths that it has or had, links followed."""
    known_as = tuple(dict.fromkeys((*scene.known_as, str(path.absolute()), str(path.resolve()))))
    source = data_set(scene.source)
    if scene.not_benchmark:
        return dataclasses.replace(scene, source=source, known_as=known_as, benchmarks=())
    names = {name for text in (scene.id, *known_as) for name in benchmarks_of(text)} | {*scene.benchmarks}
    return dataclasses.replace(scene, source=source, known_as=known_as, benchmarks=tuple(sorted(names)))


def _no_known_layout(path: Path | str, layouts: str) -> str:
    return f"{path}: holds no scene in a known layout; give one of: {layouts}"


def _nothing_usable(paths: Sequence[Path], skipped: list[SkippedScene]) -> str:
    where = ", ".join(str(path) for path in paths) or "no path was given"
    reasons = "; ".join(scene.reason for scene in skipped[:_EXAMPLES])
    return f"no usable scene ({where}), {len(skipped)} skipped" + (
        f": {reasons}" if reasons else "; give a path"
    )
