"""What a round leaves on disk: `rounds/NNN/{questions,rejections,selection}.jsonl`, written whole and never rewritten.

A file appears under its name only when it is complete (temporary name, fsync, rename), so a killed run leaves whole
files or none. A round that is turned again after a kill writes the same; anything else is refused. The checkpoint
refers to the files by hash, and `read_questions` refuses one that has changed since.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lightning_ouro.atomic_files import to_jsonl, write_atomic
from lightning_ouro.errors import InputError
from lightning_ouro.programs.questions import Question, Rejection


class RoundFiles:
    """The rounds' folder of one run.

    Args:
        folder: Where `000`, `001`, ... are kept; made on the first write.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, round: int, name: str) -> Path:
        """The file of a round: name is `questions`, `rejections` or `selection`."""
        return self.folder / f"{round:03d}" / f"{name}.jsonl"

    def write_proposed(
        self, round: int, questions: Iterable[Question], rejections: Iterable[Rejection]
    ) -> str:
        """Writes what a round accepted and rejected; returns the hash of the questions' file.

        Raises:
            InputError: the folder holds the round of another run.
        """
        self._write_once(self.path(round, "rejections"), [asdict(rejection) for rejection in rejections])
        return self._write_once(self.path(round, "questions"), [question.to_json() for question in questions])

    def write_selection(self, round: int, rows: Iterable[Mapping[str, Any]]) -> None:
        """Writes what the curriculum made of the pool in a round, one row a question.

        Raises:
            InputError: the folder holds the round of another run.
        """
        self._write_once(self.path(round, "selection"), rows)

    def read_questions(self, round: int, expected_hash: str) -> list[Question]:
        """The questions that a round accepted.

        Raises:
            InputError: the file is missing, or is not the one that the checkpoint refers to.
        """
        path = self.path(round, "questions")
        if not path.is_file():
            raise InputError(
                f"{path} is missing: a checkpoint needs its run's rounds; resume with that run's config.fit.yaml, "
                "which goes on in its folder"
            )
        data = path.read_bytes()
        if _hash(data) != expected_hash:
            raise InputError(
                f"{path} is not the file that the checkpoint was written with; restore it or start anew"
            )
        return [Question.from_json(json.loads(line)) for line in data.decode("utf8").splitlines()]

    def _write_once(self, path: Path, rows: Iterable[Mapping[str, Any]]) -> str:
        data = to_jsonl(rows)
        if not path.exists():
            write_atomic(path, data)
        elif path.read_bytes() != data:  # a round that was killed and is turned again writes the same
            raise InputError(
                f"{path} is of another run or of other settings, and rounds are never rewritten: go on with that run "
                "(its config.fit.yaml and --ckpt_path last), or choose another folder (trainer.logger.init_args)"
            )
        return _hash(data)


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
