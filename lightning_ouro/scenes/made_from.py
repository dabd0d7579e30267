"""What a stored scene was made from: fingerprints of its files, so that `prepare` redoes what has changed since.

Annotations are small and decide what is asked, so the content of text files is hashed: a copy of a data set counts
as unchanged whatever its files' times, and a word that was mended as changed even where time and size stayed.
Images, meshes and videos are told by their names, sizes and times of change. One replaced by another of the same
size and time (as `cp -p`, rsync and archives set it) has another inode, or a younger entry in the file system; so has a
copy of a data set. Only then are contents compared, by parts of each file: what is compressed differs to its end.
Hidden files don't count.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from lightning_ouro.errors import BadSceneError
from lightning_ouro.file_samples import samples

MADE_FROM = "made_from.json"
STORE_RECORD = "store.json"  # what makes a folder a store, which is no part of a recording that it lies in
_TEXT_ENDINGS = frozenset((".json", ".txt", ".csv", ".tsv", ".traj", ".pincam"))
_MOST_TEXT = (
    1 << 26
)  # bytes of a text file that is hashed; chosen by hand, a few times the largest annotation
_PARTS = 8  # of a file, by which its contents are compared; chosen by hand


@dataclass(frozen=True)
class Origin:
    """The files that a scene was made from.

    Attributes:
        path: Where the scene was, absolute.
        text: Hash of the names and contents of its text files.
        sizes: Hash of the names and sizes of its other files.
        times: Hash of the names and times of change of its other files.
        entries: Hash of the names, inodes and times of the entries of its other files in the file system.
        contents: Hash of parts of its other files; "" where nobody has read them, as in earlier versions.
    """

    path: str
    text: str
    sizes: str
    times: str
    entries: str = ""
    contents: str = ""

    def is_like(self, other: Origin) -> bool:
        """Whether nothing seems to have changed; the folder may have been moved, or a file replaced by its like."""
        return (self.text, self.sizes, self.times) == (other.text, other.sizes, other.times)

    def may_replace(self, other: Origin) -> bool:
        """Whether this is the same scene, mended or moved, and not another one of the same name."""
        return self.path == other.path or self.text == other.text


@dataclass(frozen=True)
class MadeFrom:
    """What `prepare` writes down beside a stored scene.

    Attributes:
        origin: The files that it was made from.
        options: The options of the store.
        scene_id: The scene's own id, which may differ from its folder's name.
        objects: Number of its objects.
        seen: How many of these at least one stored frame shows.
        warnings: What was left out or looks wrong.
    """

    origin: Origin
    options: Mapping[str, Any]
    scene_id: str
    objects: int
    seen: int
    warnings: tuple[str, ...]

    def write(self, folder: Path) -> None:
        """Writes the record into a scene's folder."""
        text = json.dumps(asdict(self), indent=1, ensure_ascii=True)
        (folder / MADE_FROM).write_text(text, "utf8")

    @staticmethod
    def read(folder: Path) -> MadeFrom | None:
        """The record of a stored scene; None if it has none that can be read, so that it must be made again."""
        try:
            record = json.loads((folder / MADE_FROM).read_text("utf8"))
            origin = Origin(**record.pop("origin"))
            return MadeFrom(origin, warnings=tuple(map(str, record.pop("warnings"))), **record)
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None


def origin_of(path: Path, inputs: Sequence[Path]) -> Origin:
    """The fingerprints of a scene's files.

    Args:
        path: The scene's file or folder.
        inputs: All files and folders that the scene is read from; those that are missing don't count.

    Raises:
        BadSceneError: a file cannot be read.
    """
    text, sizes, times, entries = (hashlib.sha256() for _ in range(4))
    try:
        for name, file in sorted(_files(inputs)):
            status, label = file.stat(), os.fsencode(name)
            if _is_text(file, status.st_size):
                text.update(b"%s\0%s\0" % (label, hashlib.sha256(file.read_bytes()).digest()))
            else:
                sizes.update(b"%s\0%d\0" % (label, status.st_size))
                times.update(b"%s\0%d\0" % (label, status.st_mtime_ns))
                entries.update(b"%s\0%d\0%d\0" % (label, status.st_ino, status.st_ctime_ns))
    except OSError as problem:
        raise BadSceneError(f"{path}: cannot be read ({problem.strerror or problem})") from None
    absolute = os.fsencode(path.absolute()).decode("utf8", "backslashreplace")
    return Origin(absolute, *(part.hexdigest() for part in (text, sizes, times, entries)))


def with_contents(origin: Origin, inputs: Sequence[Path]) -> Origin:
    """The fingerprints together with that of the files' contents, of which parts are read.

    Args:
        origin: What `origin_of` returned.
        inputs: The same files and folders.

    Raises:
        BadSceneError: a file cannot be read.
    """
    contents = hashlib.sha256()
    try:
        for name, file in sorted(_files(inputs)):
            if not _is_text(file, size := file.stat().st_size):
                parts = hashlib.sha256(samples(file, 0, size, _PARTS)).digest()
                contents.update(b"%s\0%s\0" % (os.fsencode(name), parts))
    except OSError as problem:
        raise BadSceneError(f"{origin.path}: cannot be read ({problem.strerror or problem})") from None
    return replace(origin, contents=contents.hexdigest())


def _is_text(file: Path, size: int) -> bool:
    return file.suffix in _TEXT_ENDINGS and size <= _MOST_TEXT


def _files(inputs: Sequence[Path]) -> Iterator[tuple[str, Path]]:
    """Every file at or below some paths, with a name that does not change where the data set is moved."""
    for top in inputs:
        if top.is_file():
            yield top.name, top
        visited: set[str] = set()  # a link may lead back
        for folder, subfolders, names in os.walk(top, followlinks=True):
            if _is_closed(folder, names, visited):
                subfolders.clear()
                continue
            subfolders[:] = [name for name in subfolders if not name.startswith(".")]
            for name in names:
                file = Path(folder, name)
                if not name.startswith(".") and file.is_file():
                    yield f"{top.name}/{file.relative_to(top).as_posix()}", file


def _is_closed(folder: str, names: Collection[str], visited: set[str]) -> bool:
    """Whether a folder was seen before, by another way, or is a store."""
    real = os.path.realpath(folder)
    is_closed = real in visited or STORE_RECORD in names
    visited.add(real)
    return is_closed
