"""Does the model use the video, or does it guess? Scores as a solver before any round.

    python benchmarks/seeing.py [--checkpoint tiny] [--scenes 450] [--per-scene 14] [--out FILE]

Fixed questions about procedural scenes that no lesson had are answered greedily with the scene's own video,
with another scene's, and with none; the fourth column is the best constant guess: the median or the most
frequent answer of the family in as many other scenes. Scores are VSI-Bench's. Per family, the difference to
the best of the three is paired by question, with its 95% interval over scenes (percentiles of 2,000 bootstrap
resamples). A family is *seen* if the whole interval is above 0. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from record import provenance, write_report
from rich.console import Console
from rich.progress import track
from rich.table import Table

from lightning_ouro.evaluation import metrics
from lightning_ouro.loop.fixed_questions import fixed_questions
from lightning_ouro.programs.families import FAMILIES
from lightning_ouro.programs.questions import LETTERS, Question
from lightning_ouro.scenes.library import SceneLibrary
from lightning_ouro.scenes.synthetic.procedural import procedural_scenes
from lightning_ouro.scenes.types import FrameBudget, Video
from lightning_ouro.solver.answering import greedily
from lightning_ouro.solver.module import SolverModule

FIRST_HELD_OUT, FIRST_OF_GUESSES = 600_000, 700_000  # numbers of first scenes; lessons start far above
CONDITIONS = ("video", "other video", "no video", "guess")
RESAMPLES = 2_000
CONSTANTS = (
    30  # this many of a family's most frequent numbers are tried as constant guesses, besides its median
)
PACKAGES = ("lightning_ouro", "torch", "transformers", "numpy")
console = Console(width=120)


def main(args: Sequence[str] | None = None) -> None:
    """Answers under all four conditions and prints the line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--checkpoint", default="tiny", help="tiny, or a folder")
    parser.add_argument("--scenes", type=int, default=450, help="number of procedural scenes")
    parser.add_argument("--per-scene", type=int, default=14, help="maximum number of questions per scene")
    parser.add_argument("--out", type=Path, help="also write the report to this file")
    given = parser.parse_args(args)
    report = provenance("seeing.py", args, PACKAGES)
    solver = SolverModule(given.checkpoint, lora=None)
    solver.configure_model()
    solver.eval()
    library, questions = held_out(FIRST_HELD_OUT, given.scenes, given.per_scene)
    guesses = constants(held_out(FIRST_OF_GUESSES, given.scenes, given.per_scene)[1])
    scores, scenes = answer_all(solver, library, questions, guesses)
    report["families"] = {name: compare(scores[name], scenes[name]) for name in FAMILIES if scores[name]}
    report["seen"] = sorted(name for name, row in report["families"].items() if row["low"] > 0)
    console.print(table(report["families"]))
    if given.out:
        write_report(given.out, report)
    print(json.dumps({"seen": report["seen"], "families": len(report["seen"])}))


def held_out(first: int, num_scenes: int, per_scene: int) -> tuple[SceneLibrary, list[Question]]:
    """Scenes with their fixed questions."""
    library = SceneLibrary(list(procedural_scenes(first, num_scenes)), FrameBudget())
    return library, fixed_questions(library, list(library.values()), per_scene, show_progress=True)[0]


def answer_all(
    solver: SolverModule, library: SceneLibrary, questions: Sequence[Question], guesses: Mapping[str, Any]
) -> tuple[dict[str, dict[str, list[float]]], dict[str, list[str]]]:
    """Per family the scores under each condition, and the scene of each score."""
    ids = list(library)
    scores: dict[str, dict[str, list[float]]] = {name: {} for name in FAMILIES}
    scenes: dict[str, list[str]] = {name: [] for name in FAMILIES}
    for index, scene_id in enumerate(track(ids, "answering", console=console, transient=True)):
        asked = [question for question in questions if question.scene_id == scene_id]
        if not asked:
            continue
        replies = {
            "video": answers(solver, asked, library.video(scene_id)),
            "other video": answers(solver, asked, library.video(ids[(index + 1) % len(ids)])),
            "no video": answers(solver, asked, None),
            "guess": [guess(guesses, question) for question in asked],
        }
        for number, question in enumerate(asked):
            scenes[question.family].append(scene_id)
            for condition in CONDITIONS:
                value = metrics.score(replies[condition][number], question.answer, question.unit)
                scores[question.family].setdefault(condition, []).append(value)
    return scores, scenes


def answers(solver: SolverModule, questions: Sequence[Question], video: Video | None) -> list[str]:
    """Greedy replies with a video, or with none."""
    row = solver.encoder.row(video, [question.prompt for question in questions], [None] * len(questions))
    return solver.generate_from_base([row], greedily, solver.max_new_tokens)


def constants(questions: Sequence[Question]) -> dict[str, Any]:
    """Per family the number that scores best on these questions, or how often each choice is right."""
    numbers, choices = defaultdict[str, list[str]](list), defaultdict[str, Counter[str]](Counter)
    for question in questions:
        if question.options is None:
            numbers[question.family].append(question.answer)
        else:
            choices[question.family][right_option(question)] += 1
    best: dict[str, Any] = dict(choices)
    for family, correct in numbers.items():
        unit = next(question.unit for question in questions if question.family == family)
        ordered = sorted(correct, key=float)
        frequent = (number for number, _ in Counter(correct).most_common(CONSTANTS))
        candidates = sorted({ordered[len(ordered) // 2], *frequent})
        best[family] = max(
            candidates,
            key=lambda number: np.mean([metrics.score(number, answer, unit) for answer in correct]),
        )
    return best


def right_option(question: Question) -> str:
    """The text of the right choice."""
    assert question.options is not None, "asked of choices only"
    return question.options[LETTERS.index(question.answer)]


def guess(guesses: Mapping[str, Any], question: Question) -> str:
    """The family's best constant number, or the letter of the choice that is right most often."""
    best = guesses.get(question.family)
    if question.options is None:
        return "0" if best is None else str(best)
    options, counts = question.options, Counter() if best is None else best
    return LETTERS[max(range(len(options)), key=lambda index: counts[options[index]])]


def compare(scores: Mapping[str, Sequence[float]], scenes: Sequence[str]) -> dict[str, Any]:
    """Mean scores, and the video's score minus the best of the others' with its interval."""
    means = {condition: float(np.mean(values)) for condition, values in scores.items()}
    best = max((condition for condition in means if condition != "video"), key=lambda name: means[name])
    differences = np.subtract(scores["video"], scores[best])
    names, indices = np.unique(np.array(scenes), return_inverse=True)
    sums, counts = np.bincount(indices, differences), np.bincount(indices)
    drawn = np.random.default_rng(0).integers(len(names), size=(RESAMPLES, len(names)))
    low, high = np.percentile(sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1), [2.5, 97.5])
    return {
        "questions": len(differences),
        **{condition: round(value, 4) for condition, value in means.items()},
        "best other": best,
        "difference": round(float(differences.mean()), 4),
        "low": round(float(low), 4),
        "high": round(float(high), 4),
    }


def table(families: Mapping[str, Mapping[str, Any]]) -> Table:
    """One row per family."""
    rows = Table("family", "questions", *CONDITIONS, "video minus best other", "95% interval")
    for name, row in families.items():
        means = [f"{row[condition]:.3f}" for condition in CONDITIONS]
        interval = f"{row['low']:+.3f} to {row['high']:+.3f}"
        rows.add_row(name, str(row["questions"]), *means, f"{row['difference']:+.3f}", interval)
    return rows


if __name__ == "__main__":
    main()
