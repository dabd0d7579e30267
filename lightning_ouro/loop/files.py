"""What a round leaves on disk: `rounds/NNN/{questions,rejections,selection}.jsonl` and `request.json`.

A file appears under its name only when it is complete, so a killed run leaves complete files or none. What a round
accepted is never rewritten, and a round that was proposed is never proposed again: a run that is resumed reads it
back. That matters where a proposer cannot repeat itself, such as a server's model, or sampling on a GPU. Checkpoints
refer to questions by the hash of their file, and `read_questions` refuses one that has changed since.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from itertools import count
from pathlib import Path
from typing import Any, Literal, NamedTuple

from lightning_ouro.atomic_files import from_jsonl, to_jsonl, write_atomic
from lightning_ouro.errors import InputError
from lightning_ouro.loop.journal import Journal
from lightning_ouro.programs.questions import Question, Rejection

Name = Literal["questions", "rejections", "selection"]
Identity = Mapping[str, Any]
"""What a round's proposals depend on, in plain types, but for what the solver answered before."""


class ReadBack(NamedTuple):
    """What a round accepted and rejected."""

    accepted: list[Question]
    rejected: list[Rejection]


class RoundFiles:
    """The rounds' folder of one run.

    Args:
        folder: Holds `000`, `001`, ...; created by the first write.
        rank: The first rank writes; the others only compute hashes, and keep journals of what their share of the
            scenes was asked. None reads only.
    """

    def __init__(self, folder: Path, rank: int | None = 0) -> None:
        self.folder = folder
        self.rank = rank

    def path(self, round_index: int, name: Name) -> Path:
        return self._round(round_index) / f"{name}.jsonl"

    def journal(self, round_index: int, identity: Identity) -> Journal | None:
        """Where this rank notes what a proposer wrote, scene by scene; None if this only reads."""
        return None if self.rank is None else Journal(self._round(round_index), self.rank, _as_json(identity))

    def read_proposed(self, round_index: int, identity: Identity) -> ReadBack | None:
        """What a round accepted and rejected when it was proposed; None if it was not, or not to the end.

        Raises:
            InputError: the folder holds the round of another run, or of other settings.
        """
        questions, rejections = (self.path(round_index, name) for name in ("questions", "rejections"))
        if self.rank is None or not questions.is_file() or not rejections.is_file():
            return None
        self._check(round_index, identity)
        return ReadBack(
            [Question.from_json(row) for row in from_jsonl(questions.read_bytes())],
            [Rejection.from_json(row) for row in from_jsonl(rejections.read_bytes())],
        )

    def write_proposed(
        self,
        round_index: int,
        questions: Iterable[Question],
        rejections: Iterable[Rejection],
        identity: Identity | None = None,
    ) -> str:
        """Writes what a round accepted and rejected; returns the SHA-256 of the questions' file.

        Raises:
            InputError: the folder holds the round of another run.
        """
        if identity is not None and self.rank == 0 and not self._request(round_index).exists():
            write_atomic(self._request(round_index), _as_json(identity))
        self._write_once(self.path(round_index, "rejections"), [asdict(item) for item in rejections])
        digest = self._write_once(self.path(round_index, "questions"), [item.to_json() for item in questions])
        if self.rank == 0:
            Journal.remove_all(self._round(round_index))
        return digest

    def write_selection(self, round_index: int, rows: Iterable[Mapping[str, Any]]) -> None:
        """Writes the sampling and training statistics of every question of the pool in a round.

        A round that is trained again from its middle may end with other confidences, on a GPU for one; the earlier
        statistics are kept as `selection.1.jsonl`.
        """
        path, data = self.path(round_index, "selection"), to_jsonl(rows)
        if self.rank != 0 or (path.exists() and path.read_bytes() == data):
            return
        if path.exists():
            earlier = (path.with_name(f"selection.{number}.jsonl") for number in count(1))
            path.rename(next(name for name in earlier if not name.exists()))
        write_atomic(path, data)

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

    def _check(self, round_index: int, identity: Identity) -> None:
        path = self._request(round_index)
        known = json.loads(path.read_bytes()) if path.is_file() else {}
        wanted = json.loads(_as_json(identity))
        other = [name for name in wanted if name in known and known[name] != wanted[name]]
        if other:
            raise InputError(f"{path.parent} {_OTHER_RUN} ({', '.join(other)})")

    def _write_once(self, path: Path, rows: Iterable[Mapping[str, Any]]) -> str:
        data = to_jsonl(rows)
        if self.rank != 0:
            return _hash(data)
        if not path.exists():
            write_atomic(path, data)
        elif path.read_bytes() != data:
            raise InputError(f"{path} {_OTHER_RUN}")
        return _hash(data)

    def _round(self, round_index: int) -> Path:
        return self.folder / f"{round_index:03d}"

    def _request(self, round_index: int) -> Path:
        return self._round(round_index) / "request.json"


_OTHER_RUN = (
    "belongs to another run or to other settings, and rounds are never rewritten: resume that run (its "
    "config.fit.yaml and --ckpt_path last), or choose another folder (checkpoint.dirpath, trainer.logger)"
)


def _as_json(identity: Identity) -> bytes:
    return json.dumps(identity, indent=1, sort_keys=True).encode() + b"\n"


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
