"""Do the families' own programs give a benchmark's official answers?

    python benchmarks/ground_truth.py --meta META_INFO… --questions QUESTIONS [--out FILE]

Takes VSI-Bench's `meta_info` files and questions in its format, JSON lines or one JSON list: {id, dataset, scene_name,
question_type, question, options (["A. text", …] or null), ground_truth}. The text alone says which program is run;
numbers have to be printed as the official ones are, choices to be the official letter's text. Each miss is listed with
its reason, and so is what metadata alone cannot answer. The last line is JSON: per family, and per source and family,
how many questions were compared and which share agrees; for absolute distances also the share at most one step of
0.1 m away, and the mean relative accuracy in percent.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

from lightning_ouro.errors import InputError
from lightning_ouro.evaluation.metrics import mean_relative_accuracy
from lightning_ouro.programs import source
from lightning_ouro.programs.answers import TypedAnswer
from lightning_ouro.programs.families import FAMILIES, Family, Roles, read
from lightning_ouro.programs.geometry import direction_degrees
from lightning_ouro.programs.sandbox import LoadedScene, Outcome, Sandbox
from lightning_ouro.programs.scene_geometry import SceneGeometry, scene_geometry
from lightning_ouro.scenes.readers.meta_info import read_meta_info
from lightning_ouro.scenes.types import Scene

NO_FRAMES = (
    "Programs see metadata only: no frames, so no visibility, and no question about frames is compared."
)
NEED_FRAMES = (
    "obj_appearance_order",
    "camera_motion",
    "camera_obj_distance",
    "depth_order",
    "camera_displacement",
)
TEXTS = ("dataset", "scene_name", "question_type", "question")
STEP = 0.1 + 1e-9  # metres
CUBES = 0.087  # metres: two half diagonals of cubes of 5 cm, so far are their middles from both boxes' closest points


@dataclass(frozen=True)
class Record:
    """One official question; the answer is a number, or the text of one of the options, never a letter."""

    id: str
    dataset: str
    scene_name: str
    question_type: str
    question: str
    options: frozenset[str] | None
    official: str


@dataclass(frozen=True)
class Verdict:
    """What came of a question: whether both answers agree, None if they were not compared, and why (not)."""

    record: Record
    agrees: bool | None
    reason: str = ""
    detail: str = ""
    ours: str = "no answer"


def main(args: Sequence[str] | None = None) -> int:
    """Compares and reports; 2 where a person has to mend a file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--meta", type=Path, nargs="+", required=True, help="VSI-Bench's meta_info files")
    parser.add_argument("--questions", type=Path, required=True, help="questions in VSI-Bench's format")
    parser.add_argument("--out", type=Path, help="also write figures, misses and machine to this file")
    given = parser.parse_args(args)
    try:
        scenes, records = read_scenes(given.meta), read_records(given.questions)
        verdicts = compare(scenes, records)
        report(verdicts)
        sources = sorted({record.dataset for record in records})
        by_source = {name: figures(one for one in verdicts if one.record.dataset == name) for name in sources}
        found = {"families": figures(verdicts), "by_source": by_source}
        if given.out is not None:
            write(given.out, [*given.meta, given.questions], found, verdicts)
    except (InputError, OSError) as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 2
    print(json.dumps(found))
    return 0


def read_scenes(paths: Sequence[Path]) -> dict[str, Scene]:
    """The scenes of all files by id; those that cannot be used are printed."""
    scenes: dict[str, Scene] = {}
    for path in paths:
        found, skipped = read_meta_info(path)
        for scene in found:
            if scene.id in scenes:
                raise InputError(f"{path}: scene {scene.id} was in a file before; give each scene once")
            scenes[scene.id] = scene
        for bad in skipped:
            print(f"scene not used: {bad.reason}")
    return scenes


def read_records(path: Path) -> list[Record]:
    """The questions of a file, JSON lines or one list."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as problem:
        raise InputError(
            f"{path}: cannot be read ({getattr(problem, 'strerror', 'it is no text')})"
        ) from None
    lines = {
        f"{path}, line {number}": line for number, line in enumerate(text.split("\n"), 1) if line.strip()
    }
    rows: list[tuple[str, Any]] = []
    for where, document in ({str(path): text} if text.lstrip().startswith("[") else lines).items():
        try:
            found = json.loads(document)
        except (ValueError, RecursionError) as problem:
            raise InputError(f"{where}: is not JSON ({problem}); expected JSON lines or one list") from None
        if isinstance(found, list):
            rows += [(f"{where}, record {place}", row) for place, row in enumerate(found)]
        else:
            rows.append((where, found))
    if not rows:
        raise InputError(f"{path}: holds no questions; expected JSON lines or one list")
    return [to_record(row, where) for where, row in rows]


def to_record(row: Any, where: str) -> Record:
    """A question in the official format."""
    if not isinstance(row, dict):
        raise InputError(f"{where}: is a {type(row).__name__}, expected an object with {', '.join(TEXTS)}, …")
    for name in (*TEXTS, "id", "ground_truth"):
        if not isinstance(row.get(name), str if name in TEXTS else str | int | float):
            raise InputError(f"{where}: {name} is {str(row.get(name, 'missing'))[:60]}, expected a text")
    official, texts = str(row["ground_truth"]), None
    if row.get("options") is not None:
        options = row["options"] if isinstance(row["options"], list) else [None]
        texts = {letter: text for letter, _, text in (str(option).partition(". ") for option in options)}
        if not all(len(letter) == 1 and text for letter, text in texts.items()) or len(texts) < max(
            2, len(options)
        ):
            raise InputError(
                f'{where}: options is {str(row["options"])[:60]}, expected null or ["A. left", "B. …", …]'
            )
        if official not in texts:
            raise InputError(
                f"{where}: ground_truth is {official[:60]}, expected a letter of {', '.join(texts)}"
            )
    given = [row[name] for name in TEXTS]
    return Record(
        str(row["id"]), *given, texts and frozenset(texts.values()), texts[official] if texts else official
    )


def compare(scenes: Mapping[str, Scene], records: Iterable[Record]) -> list[Verdict]:
    """Runs the program of each question that metadata can answer, one scene after the other."""
    by_scene: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        by_scene[record.scene_name].append(record)
    verdicts: list[Verdict] = []
    with Sandbox() as sandbox:
        for name, asked in track(by_scene.items(), "comparing", console=Console(stderr=True)):
            if name not in scenes:
                verdicts += [
                    Verdict(record, None, "its scene is in none of the meta_info files") for record in asked
                ]
                continue
            room = scene_geometry(scenes[name])
            ready = []
            for record in asked:
                found = understand(record, room)
                if isinstance(found, str):
                    verdicts.append(Verdict(record, None, found))
                else:
                    ready.append((record, *found))
            programs = [source.read(family.program(roles)) for _, family, roles in ready]
            outcomes = sandbox.run_all(programs, LoadedScene([room]))
            verdicts += [judge(*one, outcome, room) for one, outcome in zip(ready, outcomes, strict=True)]
    return verdicts


def understand(record: Record, room: SceneGeometry) -> tuple[Family, Roles] | str:
    """The family and what the text names, or why metadata alone cannot answer."""
    if record.question_type not in FAMILIES:
        return "no family has this name"
    if record.question_type in NEED_FRAMES:
        return "needs frames"
    found = read(record.question, record.question_type)
    if found is None:
        return "the text follows no form"
    family, roles = found
    if family.name != record.question_type:
        return f"the text follows a form of {family.name}"
    named = (name for role, names in roles.items() if role not in family.words for name in names)
    return found if all(map(room.indices, named)) else "names objects that the metadata do not have"


def judge(record: Record, family: Family, roles: Roles, outcome: Outcome, room: SceneGeometry) -> Verdict:
    """Compares the official answer with what came of the program."""
    if outcome.failure is not None:
        # Our programs raise where the question has no one answer; anything else is a miss.
        agrees = None if outcome.failure.reason == "runtime" else False
        return Verdict(record, agrees, f"the program gives no answer: {outcome.failure.detail}")
    answer = outcome.answers[0]
    assert answer is not None, "the first world's answer is in range"
    if answer.among is not None:
        ours, officials = set(answer.among), record.options or set()
        if ours != officials if len(ours) <= family.most_options else not officials or not officials <= ours:
            return Verdict(record, None, "its options are not the family's")
    elif record.options is not None or not record.official.replace(".", "", 1).isdecimal():
        return Verdict(record, None, "its official answer is no number")
    if answer.printed() == record.official:
        return Verdict(record, True, ours=answer.printed())
    return Verdict(record, False, *explain(record, family, roles, answer, room), answer.printed())


def explain(
    record: Record, family: Family, roles: Roles, answer: TypedAnswer, room: SceneGeometry
) -> tuple[str, str]:
    """Why an answer is not the official one: in general, and in numbers."""
    if isinstance(answer.value, str):
        return "another choice", chosen_by(roles, room)
    if family.name == "object_counting":
        name = roles["object"][0]
        return (
            "the metadata count otherwise",
            f"boxes {len(room.indices(name))}, corrected count {room.count(name)}",
        )
    if family.name != "object_abs_distance":
        return "another number", f"unrounded {answer.value:.4f}"
    apart = f"the exact boxes are {answer.value:.3f} m apart"
    more = float(record.official) - 0.05 - float(answer.value)
    if more <= 0:
        return "nearer than the boxes", f"{apart}, and no points inside of them are nearer"
    if more <= CUBES:
        return (
            "as from a 5 cm grid inside the boxes",
            f"{apart}, the middles of cubes of 5 cm up to {CUBES} m more",
        )
    return "farther than a 5 cm grid", f"{apart}, the official is at least {more:.3f} m more"


def chosen_by(roles: Roles, room: SceneGeometry) -> str:
    """The numbers behind a choice."""
    if "standing" in roles:
        places = [room.indices(roles[role][0])[0] for role in ("standing", "facing", "target")]
        return f"{direction_degrees(*room.centers[places]):.2f} degrees counter-clockwise"
    if "options" not in roles:
        return ""
    here = room.distances[room.indices(roles["target"][0])[0]]
    return ", ".join(f"{name} {here[room.indices(name)].min():.3f} m" for name in roles["options"])


def figures(verdicts: Iterable[Verdict]) -> dict[str, dict[str, float]]:
    """How many were compared and which share agrees, per family."""
    by_family: dict[str, list[Verdict]] = defaultdict(list)
    for one in verdicts:
        if one.agrees is not None:
            by_family[one.record.question_type].append(one)
    found: dict[str, dict[str, float]] = {}
    for name in (name for name in FAMILIES if name in by_family):
        ones = by_family[name]
        found[name] = {
            "questions": len(ones),
            "agree": round(sum(one.agrees is True for one in ones) / len(ones), 4),
        }
        if name == "object_abs_distance":
            pairs = [(float(one.ours), float(one.record.official)) for one in ones if one.ours != "no answer"]
            found[name]["within_one_step"] = round(sum(abs(a - b) <= STEP for a, b in pairs) / len(ones), 4)
            found[name]["mra"] = round(
                100 * sum(mean_relative_accuracy(*pair) for pair in pairs) / len(ones), 4
            )
    return found


def report(verdicts: Sequence[Verdict]) -> None:
    """Prints each miss and all that was not compared."""
    print(NO_FRAMES)
    for one in verdicts:
        if one.agrees is False:
            asked, place = (
                " ".join(one.record.question.split()),
                f"{one.record.dataset} {one.record.scene_name}",
            )
            both = f"official {one.record.official}, ours {one.ours}"
            print(
                f"miss {one.record.id} ({place}): {asked} {both}: {one.reason}{one.detail and f': {one.detail}'}"
            )
    for title, agrees in (("misses", False), ("not compared", None)):
        for row in grouped(verdicts, agrees):
            print(f"{title}, {row['family']}: {row['questions']}, {row['reason']} (ids {row['ids']})")


def grouped(verdicts: Iterable[Verdict], agrees: bool | None) -> list[dict[str, Any]]:
    """Such verdicts by family and reason, with the questions' ids."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for one in verdicts:
        if one.agrees is agrees:
            found[one.record.question_type, one.reason].append(one.record.id)
    rows = sorted(found.items())
    return [
        {"family": name, "reason": why, "questions": len(ids), "ids": " ".join(ids)}
        for (name, why), ids in rows
    ]


def write(path: Path, inputs: Sequence[Path], found: Mapping[str, Any], verdicts: Sequence[Verdict]) -> None:
    """Figures, misses and what was not compared, and with which files, versions and machine."""
    names = [one.name for one in inputs]
    content = {
        "command": f"python benchmarks/ground_truth.py --meta {' '.join(names[:-1])} --questions {names[-1]}",
        "inputs": {one.name: f"sha256 {hashlib.sha256(one.read_bytes()).hexdigest()}" for one in inputs},
        "machine": f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores, no GPU",
        "versions": {name: version(name) for name in ("lightning_ouro", "numpy", "scipy", "pydantic-monty")},
        "date": date.today().isoformat(),
        **found,
        "misses": grouped(verdicts, False),
        "not_compared": grouped(verdicts, None),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
