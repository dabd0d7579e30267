"""Reads scenes from files and folders, in the order given; what cannot be used comes back with a reason.

A folder stands for its own `*.json` files in the order of their names. Where two scenes have the same id the first one
counts. The order of the scenes is that of the files, so the same paths give the same list.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lightning_ouro.errors import InputError
from lightning_ouro.scenes.readers.meta_info import read_meta_info
from lightning_ouro.scenes.types import Scene, SkippedScene

_EXAMPLES = 3


def read_scenes(paths: Sequence[Path]) -> tuple[list[Scene], list[SkippedScene]]:
    """All usable scenes of files and folders, and those that could not be used.

    Raises:
        InputError: a path is missing or unreadable, a file is no `meta_info`, a folder has none, or nothing is usable.
    """
    scenes: list[Scene] = []
    skipped: list[SkippedScene] = []
    first_seen: dict[str, Path] = {}
    for file in [file for path in paths for file in _files(path)]:
        usable, unusable = read_meta_info(file)
        skipped += unusable
        for scene in usable:
            if scene.id in first_seen:
                reason = f"{file}: scene {scene.id}: was read from {first_seen[scene.id]} already"
                skipped.append(SkippedScene(scene.id, reason))
            else:
                first_seen[scene.id] = file
                scenes.append(scene)
    if not scenes:
        raise InputError(_nothing_usable(paths, skipped))
    return scenes, skipped


def _files(path: Path) -> list[Path]:
    try:
        if not path.exists():
            raise InputError(f"{path}: does not exist; give a meta_info json file or a folder with such files")
        if not path.is_dir():
            return [path]
        files = sorted(file for file in path.iterdir() if file.suffix == ".json" and file.is_file())
    except OSError as problem:
        raise InputError(f"{path}: cannot be read ({problem.strerror}); check its permissions") from None
    if not files:
        raise InputError(
            f"{path}: has no *.json file in it (subfolders are not searched); give a folder with meta_info"
        )
    return files


def _nothing_usable(paths: Sequence[Path], skipped: list[SkippedScene]) -> str:
    where = ", ".join(str(path) for path in paths) or "no path was given"
    reasons = "; ".join(scene.reason for scene in skipped[:_EXAMPLES])
    return f"no usable scene ({where}), {len(skipped)} skipped" + (f": {reasons}" if reasons else "; give a path")
