"""What a program in the sandbox could leave behind: files, processes, open descriptors.

Used by `containment.py`:

before = take_traces()
...
leftovers = take_traces().beyond(before)
"""

from __future__ import annotations

import os
import re
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

ESCAPE = "/tmp/lightning_ouro_escape"  # the path to which the hostile programs that write files try to write


@dataclass(frozen=True)
class Traces:
    """What is observable from outside.

    Attributes:
        files: Paths in the folders to which programs might write.
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


def take_traces() -> Traces:
    """What is observable now."""
    folders = {Path(tempfile.gettempdir()), Path("/tmp"), Path.cwd(), Path.home()}
    files = {entry.path for folder in folders if folder.is_dir() for entry in os.scandir(folder)}
    if os.path.lexists(ESCAPE):
        files.add(ESCAPE)
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
