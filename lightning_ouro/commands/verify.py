"""`python -m lightning_ouro verify SCENES`: anybody's questions through every check that a round applies.

The blind filter is left out, which needs a model, and so is a second derivation of open questions: of these only
the ones whose wording the package knows can be kept.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from lightning_ouro.atomic_files import write_jsonl
from lightning_ouro.commands import function_command
from lightning_ouro.errors import InputError
from lightning_ouro.loop.pool import Pool
from lightning_ouro.programs.families import FAMILIES, OPEN, read
from lightning_ouro.programs.margins import FamilyMargins, MarginsOption
from lightning_ouro.programs.questions import Proposal, Question, Rejection
from lightning_ouro.programs.sandbox import Sandbox
from lightning_ouro.programs.verification import Verified, Verifier
from lightning_ouro.progress import track
from lightning_ouro.scenes.reading import read_scenes
from lightning_ouro.scenes.types import FrameBudget, Scene

PROPOSER = "file"  # in the proposals' field of that name
NAMES = ("questions.jsonl", "rejections.jsonl")
_SHOWN_IDS = 5  # in a message
LONGEST_LINE = 200_000  # characters; programs have at most 20,000


def main(args: Sequence[str]) -> None:
    """Runs the command."""
    function_command.run(verify, args)


def verify(
    scenes: Path,
    *,
    proposals: Path,
    out: Path | None = None,
    num_frames: int = 8,
    height: int = 96,
    width: int = 128,
    frames_per_time: int = 1,
    max_pixels: int | None = None,
    total_pixels: int | None = None,
    margins: MarginsOption = "mixed",
) -> None:
    """Verifies questions with programs from a file, as a round verifies what a proposer wrote.

    Args:
        scenes: Where the scenes are: a store, the root folder of a data set, a single scene, or a meta_info
            file, in any supported layout (lightning_ouro/scenes/README.md). Only scenes that are asked about
            are read.
        proposals: File with one JSON object per line: scene_id, text (the question without options), program
            (Python that defines `answer(scene)`) and, optionally, family.
        out: Folder to write questions.jsonl and rejections.jsonl to, as a round does; null: only print the
            table.
        num_frames: Frames that the model would be shown of each scene, at least 1; they decide what can be
            asked.
        height: Height of a frame in pixels, as data.frames.height.
        width: Width of a frame in pixels, as data.frames.width.
        frames_per_time: Number of successive frames that share one time in the prompt, as data.frames.frames_per_time:
            with 2, no question may name a time.
        max_pixels: Maximum number of pixels of a frame, as data.frames.max_pixels.
        total_pixels: Maximum number of pixels of all frames, as data.frames.total_pixels.
        margins: How clear answers have to be, as loop.margins: mixed, vsi_bench, strict, or one of the two by family.

    Raises:
        InputError: a file or folder cannot be read, no scene is usable, or `out` already holds such files.
    """
    if out is not None and any((out / name).exists() for name in NAMES):
        raise InputError(f"{out} already holds verified questions; choose another --out")
    budget = (num_frames, height, width, FrameBudget.token, frames_per_time, max_pixels, total_pixels)
    frames = FrameBudget(*budget)
    accepted, rejected = _judge(scenes, proposals, frames, FamilyMargins.named(margins, FAMILIES))
    if out is not None:
        _write(out, accepted, rejected)
    _print_summary(accepted, rejected, out)


def _write(out: Path, accepted: Sequence[Question], rejected: Sequence[Rejection]) -> None:
    """Writes both files or, on a full disk, none: one alone would have the command refused when it is run again."""
    try:
        write_jsonl(out / NAMES[1], map(asdict, rejected))
        write_jsonl(out / NAMES[0], (question.to_json() for question in accepted))
    except OSError:
        for name in NAMES:
            with suppress(OSError):
                (out / name).unlink()
        raise


def _judge(
    scenes: Path, proposals: Path, budget: FrameBudget, margins: FamilyMargins
) -> tuple[list[Question], list[Rejection]]:
    written = list(read_proposals(proposals))
    asked = [item for item in written if isinstance(item, Proposal)]
    if not asked:
        raise InputError(f"{proposals}: {_no_proposal(written)}")
    ids = {item.scene_id for item in asked}
    usable, skipped = read_scenes([scenes], show_progress=True, only=ids)
    reasons = {scene.id: scene.reason for scene in skipped}
    if ids.isdisjoint(scene.id for scene in usable) and ids.isdisjoint(reasons):
        raise InputError(
            f"{proposals}: asks about {_listed(ids)}, but {scenes} holds no such scene; there "
            f"{_listed(scene.id for scene in usable)} can be asked about"
        )
    verdicts = _verify_all({scene.id: scene for scene in usable}, reasons, asked, budget, margins)
    verified = [verdicts[item] for item in asked]
    accepted, surplus = Pool().admit([item for item in verified if isinstance(item, Verified)], 0)
    unread = [item for item in written if isinstance(item, Rejection)]
    return accepted, [*unread, *(item for item in verified if isinstance(item, Rejection)), *surplus]


def read_proposals(path: Path) -> Iterator[Proposal | Rejection]:
    """The proposals of a file, in order; a line that holds none becomes a rejection that names it.

    Raises:
        InputError: the file cannot be read.
    """
    slots: Counter[str] = Counter()
    try:
        with path.open(encoding="utf8", errors="replace", newline="\n") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield _proposal(line, number, slots)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None


def _proposal(line: str, number: int, slots: Counter[str]) -> Proposal | Rejection:
    try:
        scene_id, text, program, family = _fields(json.loads(line) if len(line) <= LONGEST_LINE else None)
    except (ValueError, RecursionError) as error:
        raw = Proposal("", "", "", "", PROPOSER, 0, number)
        return Rejection(raw, "unusable", f"line {number}: {' '.join(str(error).split())[:200]}")
    slots[scene_id] += 1
    return Proposal(scene_id, family or _family(text), text, program, PROPOSER, 0, slots[scene_id] - 1)


def _fields(row: Any) -> list[str]:
    """Scene id, text, program and family, the last one "" if it is missing.

    Raises:
        ValueError: what is wrong with the row.
    """
    if not isinstance(row, dict):
        raise ValueError(f"is not a JSON object, or has more than {LONGEST_LINE} characters")
    fields: list[str] = []
    for name in ("scene_id", "text", "program", "family"):
        value = row.get(name) or ("" if name == "family" else None)
        if not isinstance(value, str):
            raise ValueError(f"{name} is missing or is not a text")
        fields.append(value)
    return fields


def _family(text: str) -> str:
    """The family whose form the text follows, or open."""
    match = read(text)
    return OPEN.name if match is None else match[0].name


def _no_proposal(written: Sequence[Proposal | Rejection]) -> str:
    first = next((item.detail for item in written if isinstance(item, Rejection)), "it has no line")
    return f"holds no proposal ({first}); each line is a JSON object with scene_id, text and program"


def _verify_all(
    scenes: dict[str, Scene],
    skipped: dict[str, str],
    proposals: Sequence[Proposal],
    budget: FrameBudget,
    margins: FamilyMargins,
) -> dict[Proposal, Verified | Rejection]:
    """The verdict on each proposal; those about a scene that cannot be used are unusable."""
    verdicts: dict[Proposal, Verified | Rejection] = {}
    by_scene: dict[str, list[Proposal]] = {}
    for proposal in proposals:
        by_scene.setdefault(proposal.scene_id, []).append(proposal)
    with Sandbox() as sandbox:
        verifier = Verifier(sandbox, margins=margins)
        for scene_id, asked in track(by_scene.items(), "verifying"):
            scene, problem = (
                scenes.get(scene_id),
                skipped.get(scene_id, f"there is no such scene, but {_listed(scenes)}"),
            )
            if scene is not None:
                try:
                    views = scene.footage.load(scene, budget).views
                    verdicts |= zip(asked, verifier.verify(scene, views, asked), strict=True)
                    continue
                except InputError as error:  # its footage
                    problem = str(error).removeprefix(f"scene {scene_id}: ")
            verdicts |= {item: Rejection(item, "unusable", f"scene {scene_id}: {problem}") for item in asked}
    return verdicts


def _listed(names: Iterable[str]) -> str:
    first = sorted(names)
    more = f" and {len(first) - _SHOWN_IDS} more" if len(first) > _SHOWN_IDS else ""
    return ", ".join(first[:_SHOWN_IDS]) + more


def _print_summary(accepted: Sequence[Question], rejected: Sequence[Rejection], out: Path | None) -> None:
    table = Table("reason", "proposals", "for example")
    table.columns[1].justify = "right"
    table.add_row("accepted", str(len(accepted)), "")
    for reason, number in Counter(item.reason for item in rejected).most_common():
        first = next(item.detail for item in rejected if item.reason == reason)
        table.add_row(reason, str(number), first)
    console = Console(markup=False)
    console.print(table)
    if out is not None:
        console.print(f"written to {out}", soft_wrap=True)
