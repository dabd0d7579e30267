"""What a proposer wrote, noted scene by scene while a round is proposed: a kill costs a few scenes, and no round.

`rounds/NNN/proposals.<rank>.jsonl`: the first line says what was asked for, each other one is a scene with what was
written about it. The file is appended to and may end within a line. It is removed once the round's questions are
written.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lightning_ouro.atomic_files import naming, to_jsonl
from lightning_ouro.programs.questions import Proposal, Rejection

Written = Proposal | Rejection


class Journal:
    """One rank's notes of a round that is being proposed.

    Args:
        folder: The round's.
        rank: This rank's number.
        request: What is asked for; notes about anything else do not count.
    """

    def __init__(self, folder: Path, rank: int, request: bytes) -> None:
        self._folder, self._path = folder, folder / f"proposals.{rank}.jsonl"
        self._request = json.loads(request)

    def read(self) -> dict[str, list[Written]]:
        """What was written by scene, as far as any rank has noted it, of this session or an earlier one."""
        noted: dict[str, list[Written]] = {}
        for path in sorted(self._folder.glob("proposals.*.jsonl")):
            request, *scenes = _whole_lines(path) or [None]
            if request == self._request:
                noted |= {row["scene_id"]: [_written(item) for item in row["written"]] for row in scenes}
        return noted

    def add(self, by_scene: Mapping[str, Sequence[Written]]) -> None:
        """Notes what was written about some scenes.

        Raises:
            OSError: the notes cannot be written, such as to a full disk; the error names their file.
        """
        rows: list[dict[str, Any]] = [
            {"scene_id": scene_id, "written": [asdict(item) for item in written]}
            for scene_id, written in by_scene.items()
        ]
        lines = _whole_lines(self._path) if self._path.exists() else []
        is_begun = bool(lines) and lines[0] == self._request
        self._folder.mkdir(parents=True, exist_ok=True)
        with naming(self._path), self._path.open("ab" if is_begun else "wb") as file:
            # The line feed ends a line that a kill cut off.
            file.write(b"\n" + to_jsonl(rows) if is_begun else to_jsonl([self._request, *rows]))
            file.flush()
            os.fsync(file.fileno())

    @staticmethod
    def remove_all(folder: Path) -> None:
        """Removes the notes of all ranks."""
        for path in folder.glob("proposals.*.jsonl"):
            path.unlink(missing_ok=True)


def _whole_lines(path: Path) -> list[Any]:
    """The rows that can be read: a kill may have cut one off."""
    rows: list[Any] = []
    for line in path.read_bytes().split(b"\n"):
        with suppress(ValueError):
            rows.append(json.loads(line))
    return rows


def _written(row: Mapping[str, Any]) -> Written:
    return Rejection.from_json(row) if "reason" in row else Proposal(**row)
