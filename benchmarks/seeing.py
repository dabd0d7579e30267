"""Does the model see, or does it guess? Scores as a solver before any round.

    python benchmarks/seeing.py [--checkpoint tiny] [--scenes 450] [--per-scene 14] [--out FILE]

VSI-Bench's fixed questions about procedural scenes that no lesson had, answered greedily behind the scene's video,
behind another scene's, and behind none; and the best constant guess: the median or the commonest answer that a family
has in as many other scenes. Per family the difference to the best of the three, paired by question, with its 95 %
interval over scenes (percentiles of 2,000 bootstrap draws). The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from lightning_ouro.evaluation import metrics
from lightning_ouro.loop.asking import fixed_questions
from lightning_ouro.programs.families import FAMILIES
from lightning_ouro.programs.questions import LETTERS, Question
from lightning_ouro.scenes.library import SceneLibrary
from lightning_ouro.scenes.synthetic.procedural import procedural_scenes
from lightning_ouro.scenes.types import FrameBudget, Video
from lightning_ouro.solver.answering import greedily
from lightning_ouro.solver.module import SolverModule

HELD_OUT, OTHERS = 600_000, 700_000  # first scenes; lessons start far above
DRAWS = 2_000
CONSTANTS = 30  # of a family's commonest numbers are tried beside its median
console = Console(width=120)


def main() -> None:
    """Runs all four ways and prints the line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--checkpoint", default="tiny")
    parser.add_argument("--scenes", type=int, default=450)
    parser.add_argument("--per-scene", type=int, default=14)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    solver = SolverModule(given.checkpoint, lora=None)
    solver.configure_model()
    solver.eval()
    library, asked = held_out(HELD_OUT, given.scenes, given.per_scene)
    guesses = constants(held_out(OTHERS, given.scenes, given.per_scene)[1])
    ids = list(library)
    scores: dict[str, dict[str, list[float]]] = {name: {} for name in FAMILIES}
    scenes: dict[str, list[str]] = {name: [] for name in FAMILIES}
    for place, scene_id in enumerate(track(ids, "answering", console=console, transient=True)):
        questions = [question for question in asked if question.scene_id == scene_id]
        if not questions:
            continue
        other = library.video(ids[(place + 1) % len(ids)])
        ways = {
            "video": answers(solver, questions, library.video(scene_id)),
            "other video": answers(solver, questions, other),
            "no video": answers(solver, questions, None),
            "guess": [guess(guesses, question) for question in questions],
        }
        for number, question in enumerate(questions):
            scenes[question.family].append(scene_id)
            for way, replies in ways.items():
                value = metrics.score(replies[number], question.answer, question.unit)
                scores[question.family].setdefault(way, []).append(value)
    report: dict[str, Any] = {
        "command": f"python benchmarks/seeing.py --scenes {given.scenes} --per-scene {given.per_scene}",
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores, no GPU",
        "versions": {name: version(name) for name in ("torch", "transformers", "numpy")},
        "families": {name: compared(scores[name], scenes[name]) for name in FAMILIES if scores[name]},
    }
    report["seen"] = sorted(name for name, row in report["families"].items() if row["low"] > 0)
    console.print(table(report["families"]))
    if given.out:
        given.out.write_text(json.dumps(report, indent=1) + "\n", "utf8")
    print(json.dumps({"seen": report["seen"], "families": len(report["seen"])}))


def held_out(first: int, scenes: int, per_scene: int) -> tuple[SceneLibrary, list[Question]]:
    """Scenes with their fixed questions."""
    library = SceneLibrary(list(procedural_scenes(first, scenes)), FrameBudget())
    return library, fixed_questions(library, list(library.values()), per_scene, show_progress=True)[0]


def answers(solver: SolverModule, questions: Sequence[Question], video: Video | None) -> list[str]:
    """Greedy replies behind a video, or behind none."""
    row = solver.encoder.row(video, [question.prompt for question in questions], [None] * len(questions))
    return solver.write([row], greedily, solver.max_new_tokens)


def constants(questions: Sequence[Question]) -> dict[str, Any]:
    """Per family the number that scores best there, or how often each choice is right."""
    numbers, choices = defaultdict[str, list[str]](list), defaultdict[str, Counter[str]](Counter)
    for question in questions:
        if question.options is None:
            numbers[question.family].append(question.answer)
        else:
            choices[question.family][right(question)] += 1
    found: dict[str, Any] = dict(choices)
    for family, said in numbers.items():
        unit = next(question.unit for question in questions if question.family == family)
        ordered = sorted(said, key=float)
        tried = {ordered[len(ordered) // 2], *(name for name, _ in Counter(said).most_common(CONSTANTS))}
        found[family] = max(
            sorted(tried), key=lambda one: np.mean([metrics.score(one, it, unit) for it in said])
        )
    return found


def right(question: Question) -> str:
    """The right choice in words."""
    assert question.options is not None, "asked of choices only"
    return question.options[LETTERS.index(question.answer)]


def guess(guesses: Mapping[str, Any], question: Question) -> str:
    """The family's number, or the letter of the choice that is right most often there."""
    said = guesses.get(question.family)
    if question.options is None:
        return "0" if said is None else str(said)
    counts = Counter() if said is None else said
    return LETTERS[max(range(len(question.options)), key=lambda place: counts[question.options[place]])]


def compared(scores: Mapping[str, Sequence[float]], scenes: Sequence[str]) -> dict[str, Any]:
    """Means of the ways, and the video's less the best of the others' with its interval."""
    means = {way: float(np.mean(values)) for way, values in scores.items()}
    best = max((way for way in means if way != "video"), key=lambda way: means[way])
    differences = np.subtract(scores["video"], scores[best])
    names, places = np.unique(np.array(scenes), return_inverse=True)
    sums, counts = np.bincount(places, differences), np.bincount(places)
    drawn = np.random.default_rng(0).integers(len(names), size=(DRAWS, len(names)))
    low, high = np.percentile(sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1), [2.5, 97.5])
    return {
        "questions": len(differences),
        **{way: round(value, 4) for way, value in means.items()},
        "best other": best,
        "difference": round(float(differences.mean()), 4),
        "low": round(float(low), 4),
        "high": round(float(high), 4),
    }


def table(families: Mapping[str, Mapping[str, Any]]) -> Table:
    """A row for each family."""
    found = Table(
        "family", "questions", "video", "other video", "no video", "guess", "video less best", "95 %"
    )
    for name, row in families.items():
        ways = [f"{row[way]:.3f}" for way in ("video", "other video", "no video", "guess")]
        between = f"{row['low']:+.3f} to {row['high']:+.3f}"
        found.add_row(name, str(row["questions"]), *ways, f"{row['difference']:+.3f}", between)
    return found


if __name__ == "__main__":
    main()
