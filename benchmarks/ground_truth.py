"""Do the families' own programs give a benchmark's official answers?

    python benchmarks/ground_truth.py --meta META_INFO… --questions QUESTIONS [--out FILE]

Takes VSI-Bench's `meta_info` files and questions in its format (`official_questions.py`). The text of a
question alone decides which program runs. A number agrees if it is printed as the official one, a choice if
it is the text of the official letter's option. Every disagreement is listed with its reason, and so is every
question that metadata alone cannot answer. The last line is JSON: per family, and per source and family, the
number of compared questions and the share that agrees; for absolute distances also the share that is at most
one step of 0.1 m off, and the mean relative accuracy in percent.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from official_questions import OfficialQuestion, read_questions
from record import provenance, write_report
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
from lightning_ouro.scenes.vocabulary import category_of

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
STEP = 0.1 + 1e-9  # metres
# Metres: two half diagonals of 5 cm cubes. The centres of the closest cubes of a grid inside two boxes are
# together at most this far from the boxes' closest points.
CUBES = 0.087
PACKAGES = ("lightning_ouro", "numpy", "scipy", "pydantic-monty")


@dataclass(frozen=True)
class Verdict:
    """What came of a question.

    Attributes:
        question: The official one.
        agrees: Whether both answers agree; None if they were not compared.
        reason: Why they do not agree, or why they were not compared.
        detail: The numbers that belong to the reason.
        ours: Our answer as it is printed.
    """

    question: OfficialQuestion
    agrees: bool | None
    reason: str = ""
    detail: str = ""
    ours: str = "no answer"


def main(args: Sequence[str] | None = None) -> int:
    """Compares and reports; returns 2 if a file has to be corrected."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--meta", type=Path, nargs="+", required=True, help="VSI-Bench's meta_info files")
    parser.add_argument("--questions", type=Path, required=True, help="questions in VSI-Bench's format")
    parser.add_argument(
        "--out", type=Path, help="also write the report, with all disagreements, to this file"
    )
    given = parser.parse_args(args)
    made = provenance("ground_truth.py", args, PACKAGES)
    try:
        scenes, questions = read_scenes(given.meta), read_questions(given.questions)
        verdicts = compare(scenes, questions)
        print_verdicts(verdicts)
        by_source: dict[str, list[Verdict]] = defaultdict(list)
        for verdict in verdicts:
            by_source[verdict.question.dataset].append(verdict)
        shares = {
            "families": agreement(verdicts),
            "by_source": {name: agreement(by_source[name]) for name in sorted(by_source)},
        }
        if given.out is not None:
            files = [*given.meta, given.questions]
            inputs = {file.name: f"sha256 {hashlib.sha256(file.read_bytes()).hexdigest()}" for file in files}
            listed = {"misses": grouped(verdicts, False), "not_compared": grouped(verdicts, None)}
            write_report(given.out, made | {"inputs": inputs} | shares | listed)
    except (InputError, OSError) as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 2
    print(json.dumps(shares))
    return 0


def read_scenes(paths: Sequence[Path]) -> dict[str, Scene]:
    """The scenes of all files by id; those that cannot be used are printed."""
    scenes: dict[str, Scene] = {}
    for path in paths:
        usable, skipped = read_meta_info(path)
        for scene in usable:
            if scene.id in scenes:
                raise InputError(
                    f"{path}: scene {scene.id} is in an earlier file as well; give each scene once"
                )
            scenes[scene.id] = scene
        for bad in skipped:
            print(f"scene not used: {bad.reason}")
    return scenes


def compare(scenes: Mapping[str, Scene], questions: Iterable[OfficialQuestion]) -> list[Verdict]:
    """Runs the program of each question that metadata can answer, scene by scene."""
    by_scene: dict[str, list[OfficialQuestion]] = defaultdict(list)
    for question in questions:
        by_scene[question.scene_name].append(question)
    verdicts: list[Verdict] = []
    with Sandbox() as sandbox:
        for name, asked in track(by_scene.items(), "comparing", console=Console(stderr=True)):
            if name not in scenes:
                reason = "its scene is in none of the meta_info files"
                verdicts += [Verdict(question, None, reason) for question in asked]
                continue
            verdicts += compare_scene(scene_geometry(scenes[name]), asked, sandbox)
    return verdicts


def compare_scene(
    geometry: SceneGeometry, asked: Sequence[OfficialQuestion], sandbox: Sandbox
) -> list[Verdict]:
    """The verdicts on one scene's questions, first on those that are not compared."""
    verdicts: list[Verdict] = []
    understood: list[tuple[OfficialQuestion, Family, Roles]] = []
    for question in asked:
        reading = understand(question, geometry)
        if isinstance(reading, str):
            verdicts.append(Verdict(question, None, reading))
        else:
            understood.append((question, *reading))
    programs = [source.read(family.program(roles)) for _, family, roles in understood]
    outcomes = sandbox.run_all(programs, LoadedScene([geometry]))
    return verdicts + [
        judge(*reading, outcome, geometry) for reading, outcome in zip(understood, outcomes, strict=True)
    ]


def understand(question: OfficialQuestion, geometry: SceneGeometry) -> tuple[Family, Roles] | str:
    """The family and what the text names, or why metadata alone cannot answer."""
    if question.question_type not in FAMILIES:
        return "no family has this name"
    if question.question_type in NEED_FRAMES:
        return "needs frames"
    reading = read(question.question, question.question_type)
    if reading is None:
        return "the text follows no form"
    family, roles = reading
    if family.name != question.question_type:
        return f"the text follows a form of {family.name}"
    categories = {
        role: tuple(map(unified, names)) for role, names in roles.items() if role not in family.words
    }
    named = (name for names in categories.values() for name in names)
    if not all(map(geometry.indices, named)):
        return "names objects that the metadata do not have"
    return family, {**roles, **categories}


def unified(name: str) -> str:
    """The category that the readers of scenes make of a name: VSI-Bench has washers and washing machines."""
    return category_of(name) or name


def judge(
    question: OfficialQuestion, family: Family, roles: Roles, outcome: Outcome, geometry: SceneGeometry
) -> Verdict:
    """Compares the official answer with the program's."""
    if outcome.failure is not None:
        # Our programs raise an error unless the question has exactly one answer; other failures are misses.
        agrees = None if outcome.failure.reason == "runtime" else False
        return Verdict(question, agrees, f"the program gives no answer: {outcome.failure.detail}")
    answer = outcome.answers[0]
    assert answer is not None, "the answer on the exact metadata is in range"
    if answer.among is not None:
        ours, official = (frozenset(map(unified, names)) for names in (answer.among, question.options or ()))
        all_are_shown = len(ours) <= family.most_options
        if ours != official if all_are_shown else not official or not official <= ours:
            return Verdict(question, None, "its options are not the family's")
    elif question.options is not None or not question.answer.replace(".", "", 1).isdecimal():
        return Verdict(question, None, "its official answer is not a number")
    if unified(answer.printed()) == unified(question.answer):
        return Verdict(question, True, ours=answer.printed())
    return Verdict(question, False, *explain(question, family, roles, answer, geometry), answer.printed())


def explain(
    question: OfficialQuestion, family: Family, roles: Roles, answer: TypedAnswer, geometry: SceneGeometry
) -> tuple[str, str]:
    """Why an answer is not the official one: in general, and in numbers."""
    if isinstance(answer.value, str):
        return "another choice", choice_detail(roles, geometry)
    if family.name == "object_counting":
        name = roles["object"][0]
        boxes, count = len(geometry.indices(name)), geometry.count(name)
        return "the metadata count otherwise", f"boxes {boxes}, corrected count {count}"
    if family.name != "object_abs_distance":
        return "another number", f"unrounded {answer.value:.4f}"
    apart = f"the exact boxes are {answer.value:.3f} m apart"
    excess = float(question.answer) - 0.05 - float(answer.value)
    if excess <= 0:
        return "nearer than the boxes", f"{apart}, and no points inside them are nearer"
    if excess <= CUBES:
        detail = f"{apart}, the centres of 5 cm cubes up to {CUBES} m more"
        return "as from a 5 cm grid inside the boxes", detail
    return "farther than a 5 cm grid", f"{apart}, the official distance is at least {excess:.3f} m more"


def choice_detail(roles: Roles, geometry: SceneGeometry) -> str:
    """The numbers that decide a choice."""
    if "standing" in roles:
        ids = [geometry.indices(roles[role][0])[0] for role in ("standing", "facing", "target")]
        return f"{direction_degrees(*geometry.centers[ids]):.2f} degrees counter-clockwise"
    if "options" not in roles:
        return ""
    distances = geometry.distances[geometry.indices(roles["target"][0])[0]]
    return ", ".join(f"{name} {distances[geometry.indices(name)].min():.3f} m" for name in roles["options"])


def agreement(verdicts: Iterable[Verdict]) -> dict[str, dict[str, float]]:
    """Per family the number of compared questions and the share that agrees."""
    by_family: dict[str, list[Verdict]] = defaultdict(list)
    for verdict in verdicts:
        if verdict.agrees is not None:
            by_family[verdict.question.question_type].append(verdict)
    shares: dict[str, dict[str, float]] = {}
    for name in (name for name in FAMILIES if name in by_family):
        compared = by_family[name]
        total = len(compared)
        agreeing = sum(verdict.agrees is True for verdict in compared)
        shares[name] = {"questions": total, "agree": round(agreeing / total, 4)}
        if name == "object_abs_distance":
            answered = [verdict for verdict in compared if verdict.ours != "no answer"]
            pairs = [(float(verdict.ours), float(verdict.question.answer)) for verdict in answered]
            within = sum(abs(ours - official) <= STEP for ours, official in pairs)
            accuracy = 100 * sum(mean_relative_accuracy(*pair) for pair in pairs)
            shares[name] |= {"within_one_step": round(within / total, 4), "mra": round(accuracy / total, 4)}
    return shares


def print_verdicts(verdicts: Sequence[Verdict]) -> None:
    """Prints each disagreement, and summaries of these and of all that was not compared."""
    print(NO_FRAMES)
    for verdict in verdicts:
        if verdict.agrees is False:
            question = verdict.question
            text, scene = " ".join(question.question.split()), f"{question.dataset} {question.scene_name}"
            answers = f"official {question.answer}, ours {verdict.ours}"
            reason = ": ".join(filter(None, (verdict.reason, verdict.detail)))
            print(f"miss {question.id} ({scene}): {text} {answers}: {reason}")
    for title, agrees in (("misses", False), ("not compared", None)):
        for row in grouped(verdicts, agrees):
            print(f"{title}, {row['family']}: {row['questions']}, {row['reason']} (ids {row['ids']})")


def grouped(verdicts: Iterable[Verdict], agrees: bool | None) -> list[dict[str, Any]]:
    """The verdicts with this value of `agrees` by family and reason, with the questions' ids."""
    ids: dict[tuple[str, str], list[str]] = defaultdict(list)
    for verdict in verdicts:
        if verdict.agrees is agrees:
            ids[verdict.question.question_type, verdict.reason].append(verdict.question.id)
    return [
        {"family": family, "reason": reason, "questions": len(group), "ids": " ".join(group)}
        for (family, reason), group in sorted(ids.items())
    ]


if __name__ == "__main__":
    sys.exit(main())
