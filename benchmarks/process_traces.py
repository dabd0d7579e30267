"""What a program in the sandbox could leave behind: files, processes, open descriptors.

Used by `containment.py`:

with own_folder():
    before = take_traces(paths)
    ...
    leftovers = take_traces(paths).beyond(before)

Other processes of a shared machine write to /tmp and to the home folder, too. So this process works in a folder of its
own, which is its home, its working folder and the one of its temporary files, and beyond that looks at named paths.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_PATH = re.compile(r"/[\w./-]{2,200}")


@contextmanager
def own_folder() -> Iterator[None]:
    """Works in an empty folder meanwhile; processes that are started there know no other home."""
    names, before = ("HOME", "TMPDIR"), Path.cwd()
    kept = {name: os.environ.get(name) for name in names}
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        os.environ |= dict.fromkeys(names, folder)
        tempfile.tempdir = folder
        try:
            yield
        finally:
            os.chdir(before)
            tempfile.tempdir = None
            for name, value in kept.items():
                os.environ.pop(name, None)
                if value is not None:
                    os.environ[name] = value


def paths_named_in(texts: Iterable[str]) -> frozenset[str]:
    """The absolute paths that programs name, to which they might write."""
    return frozenset(path for text in texts for path in _PATH.findall(text))


@dataclass(frozen=True)
class Traces:
    """What is observable from outside.

    Attributes:
        files: Paths in the working folder, and those of the named ones that exist.
        processes: The executable of each descendant of this process, "" where it has ended.
        own: This process's open descriptors by kind.
        workers: For each kind, the largest number of descriptors that one descendant holds.
    """

    files: frozenset[str]
    processes: tuple[str, ...]
    own: Counter[str]
    workers: Counter[str]

    def union(self, other: Traces) -> Traces:
        """The larger of both in every respect."""
        processes = max(self.processes, other.processes, key=len)
        return Traces(self.files | other.files, processes, self.own | other.own, self.workers | other.workers)

    def beyond(self, before: Traces) -> list[str]:
        """What there is in addition to `before`, one line each."""
        leftovers = [f"new file {file}" for file in sorted(self.files - before.files)]
        foreign = sorted({*self.processes} - {*before.processes, ""})
        leftovers += [f"foreign process {name}" for name in foreign]
        if len(self.processes) > len(before.processes):
            leftovers.append(f"{len(self.processes)} processes, not {len(before.processes)}")
        for where, now, then in (
            ("here", self.own, before.own),
            ("in a worker", self.workers, before.workers),
        ):
            leftovers += [f"{number} × {kind} open {where}" for kind, number in (now - then).items()]
        return leftovers


def take_traces(paths: Iterable[str]) -> Traces:
    """What is observable now, of files in the working folder and at these paths."""
    files = {str(path) for path in Path.cwd().rglob("*")} | {path for path in paths if os.path.lexists(path)}
    descendants = _descendants("self")
    workers: Counter[str] = Counter()
    for process in descendants:
        workers |= _descriptors(process)
    executables = tuple(_link(Path(f"/proc/{process}/exe")) for process in descendants)
    return Traces(frozenset(files), executables, _descriptors("self"), workers)


def _descendants(process: str) -> list[str]:
    ids: list[str] = []
    for children in Path(f"/proc/{process}/task").glob("*/children"):
        try:
            for child in children.read_text().split():
                ids += [child, *_descendants(child)]
        except OSError:  # it has ended
            continue
    return ids


def _descriptors(process: str) -> Counter[str]:
    """Open descriptors by what they point to, numbers of sockets, pipes and processes left out."""
    try:
        links = [_link(handle) for handle in Path(f"/proc/{process}/fd").iterdir()]
    except OSError:
        return Counter()
    return Counter(re.sub(r"\[\d+\]|(?<=/)\d+(?=/)", "", link) for link in links if link)


def _link(path: Path) -> str:
    try:
        return str(path.readlink())
    except OSError:
        return ""
