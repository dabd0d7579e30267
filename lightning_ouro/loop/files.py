"""What a round leaves on disk: `rounds/NNN/{questions,rejections,selection}.jsonl`, never rewritten.

A file appears under its name only when it is complete, so a killed run leaves complete files or none. A round
that is run again after a kill writes the same bytes; anything else is refused. Checkpoints refer to the files
by their hashes, and `read_questions` refuses a file that has changed since.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from lightning_ouro.atomic_files import from_jsonl, to_jsonl, write_atomic
from lightning_ouro.errors import InputError
from lightning_ouro.programs.questions import Question, Rejection

Name = Literal["questions", "rejections", "selection"]


class RoundFiles:
    """The rounds' folder of one run.

    Args:
        folder: Holds `000`, `001`, ...; created by the first write.
        read_only: Whether to compute hashes instead of writing, as all ranks but the first do.
    """

    def __init__(self, folder: Path, read_only: bool = False) -> None:
        self.folder = folder
        self.read_only = read_only

    def path(self, round_index: int, name: Name) -> Path:
        return self.folder / f"{round_index:03d}" / f"{name}.jsonl"

    def write_proposed(
        self, round_index: int, questions: Iterable[Question], rejections: Iterable[Rejection]
    ) -> str:
        """Writes what a round accepted and rejected; returns the SHA-256 of the questions' file.

        Raises:
            InputError: the folder holds the round of another run.
        """
        self._write_once(self.path(round_index, "rejections"), [asdict(item) for item in rejections])
        return self._write_once(self.path(round_index, "questions"), [item.to_json() for item in questions])

    def write_selection(self, round_index: int, rows: Iterable[Mapping[str, Any]]) -> None:
        """Writes the sampling and training statistics of every question of the pool in a round.

        Raises:
            InputError: the folder holds the round of another run.
        """
        self._write_once(self.path(round_index, "selection"), rows)

    def read_questions(self, round_index: int, expected_hash: str) -> list[Question]:
        """The questions that a round accepted.

        Raises:
            InputError: the file is missing, or is not the one that the checkpoint refers to.
        """
        path = self.path(round_index, "questions")
        if not path.is_file():
            raise InputError(
                f"{path} is missing: a checkpoint needs the rounds of its run; resume with that run's "
                "config.fit.yaml, which continues in its folder"
            )
        data = path.read_bytes()
        if _hash(data) != expected_hash:
            raise InputError(
                f"{path} has changed since the checkpoint was written; restore it or start a new run"
            )
        return [Question.from_json(row) for row in from_jsonl(data)]

    def _write_once(self, path: Path, rows: Iterable[Mapping[str, Any]]) -> str:
        data = to_jsonl(rows)
        if self.read_only:
            return _hash(data)
        if not path.exists():
            write_atomic(path, data)
        elif path.read_bytes() != data:
            raise InputError(
                f"{path} belongs to another run or to other settings, and rounds are never rewritten: resume "
                "that run (its config.fit.yaml and --ckpt_path last), or choose another folder "
                "(checkpoint.dirpath, trainer.logger)"
            )
        return _hash(data)


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
