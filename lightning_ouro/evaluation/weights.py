"""Which weights made a score: a path may mean other weights tomorrow, and a score without them means nothing."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class EvaluatedWeights:
    """The weights that are evaluated.

    Attributes:
        path: Of the checkpoint, absolute; None for the base as it is.
        sha256: Of the checkpoint's file, or of a folder's files in their order; None for the base.
    """

    path: str | None = None
    sha256: str | None = None

    @classmethod
    def of(cls, checkpoint: Path | None) -> EvaluatedWeights:
        """Those of a checkpoint, a file or a folder; None is the base."""
        if checkpoint is None:
            return cls()
        resolved = checkpoint.resolve()
        return cls(str(resolved), _digest(resolved))

    def record(self, step: int | None) -> str:
        """In a line, with the number of optimizer steps: for each reply, and for a person."""
        if self.path is None or self.sha256 is None:
            return "base"
        steps = "unknown steps" if step is None else f"{step} steps"
        return f"{self.path} after {steps}, sha256 {self.sha256[:16]}"


def _digest(path: Path) -> str:
    if path.is_file():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    digest = hashlib.sha256()
    for part in sorted(file for file in path.rglob("*") if file.is_file()):
        digest.update(f"{part.relative_to(path)}\n".encode("utf8", "surrogateescape"))
        digest.update(bytes.fromhex(_digest(part)))
    return digest.hexdigest()
