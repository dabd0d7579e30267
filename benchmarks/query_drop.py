"""Does the model count, or say what rooms usually have? Its counts of objects that were taken away.

    python benchmarks/query_drop.py [--seeds 0 1 2] [--rounds 3] [--scenes 240] [--out FILE]

The counting questions of both fixed sets about procedural scenes that no lesson and no run had are answered
greedily twice: about the scene as it is, and on the same walk through the room without the objects that the
question counts, where 0 is right. First by the weights as they ship, then, for each seed, after a run of
`configs/tiny.yaml` in which the model asks, and after one in which the grammar asks: the shipped weights were
taught to ask before 0 was, so only the grammar's questions hold zeros. Replies are read as VSI-Bench's score
reads them, so one that does not begin with a number is not a zero. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import torch
import yaml
from record import provenance, write_report
from tiny_run import fit

from lightning_ouro.evaluation import metrics
from lightning_ouro.loop.fixed_questions import fixed_sets
from lightning_ouro.loop.query_drop import Drop, queries_to_drop
from lightning_ouro.programs.questions import Question
from lightning_ouro.scenes.library import SceneLibrary
from lightning_ouro.scenes.synthetic.procedural import procedural_scenes
from lightning_ouro.scenes.types import FrameBudget
from lightning_ouro.solver.batches import SceneRow
from lightning_ouro.solver.module import SolverModule

FIRST_SCENE = 600_000  # the number of the first scene: no lesson, no run and no validation has these
PER_SCENE = 14  # fixed questions of each set and scene, of which about every second set has one that counts
MOST = 2  # counting questions of each set and scene
PROPOSERS = {"model": "ModelProposer", "grammar": "GrammarProposer"}
AT_ONCE = 32  # videos in one pass
PACKAGES = ("lightning_ouro", "torch", "transformers", "lightning", "numpy")


@dataclass(frozen=True)
class Asked:
    """A set's counting questions, each with its two videos.

    Attributes:
        drops: The questions.
        whole: With the scene's own video.
        without: With the video that lacks what the question counts.
    """

    drops: list[Drop]
    whole: list[SceneRow]
    without: list[SceneRow]


def main(args: Sequence[str] | None = None) -> None:
    """Answers before and after each seed's run, and reports."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each run")
    parser.add_argument("--scenes", type=int, default=240, help="number of procedural scenes")
    parser.add_argument("--out", type=Path, help="also write the report to this file")
    given = parser.parse_args(args)
    report: dict[str, Any] = provenance("query_drop.py", args, PACKAGES) | {"rounds": given.rounds}
    sets = asked_about(given.scenes)
    report["questions"] = {name: len(asked.drops) for name, asked in sets.items()}
    report["before"], report["after"] = measure(solver_of(None), sets), {}
    say("before", report["before"])
    for proposer, seed in product(PROPOSERS, given.seeds):
        with tempfile.TemporaryDirectory() as folder:
            options = ("--seed_everything", str(seed), "--trainer.max_epochs", str(given.rounds))
            run = fit(Path(folder), *options, "--loop.proposer", PROPOSERS[proposer])
            report["margins"] = yaml.safe_load((run / "config.fit.yaml").read_text("utf8"))["loop"]["margins"]
            report["after"].setdefault(proposer, {})[str(seed)] = measure(solver_of(run), sets)
        say(f"{proposer}, seed {seed}", report["after"][proposer][str(seed)])
    if given.out:
        write_report(given.out, report)
    print(json.dumps(report))


def say(when: str, measured: Mapping[str, Any]) -> None:
    """Shows progress, on stderr."""
    print(f"{when}: {json.dumps(measured)}", file=sys.stderr)


def asked_about(num_scenes: int) -> dict[str, Asked]:
    """The counting questions of each set about so many scenes."""
    library = SceneLibrary(procedural_scenes(FIRST_SCENE, num_scenes), FrameBudget())
    by_set = fixed_sets(library, list(library.values()), PER_SCENE, show_progress=True).by_set
    drops = {name: to_drop(library, questions) for name, questions in by_set.items()}
    return {name: with_videos(library, each) for name, each in drops.items() if each}


def to_drop(library: SceneLibrary, questions: Sequence[Question]) -> list[Drop]:
    """A set's counting questions, scene by scene."""
    by_scene: dict[str, list[Question]] = defaultdict(list)
    for question in questions:
        by_scene[question.scene_id].append(question)
    return [drop for key, each in by_scene.items() for drop in queries_to_drop(library[key], each, MOST)]


def with_videos(library: SceneLibrary, drops: list[Drop]) -> Asked:
    """The questions with their videos."""
    whole = [SceneRow(library.video(drop.question.scene_id), (drop.question,), (0.0,)) for drop in drops]
    without = [
        SceneRow(library.video_without(drop.question.scene_id, drop.objects), (drop.question,), (0.0,))
        for drop in drops
    ]
    return Asked(drops, whole, without)


def solver_of(run: Path | None) -> SolverModule:
    """The solver that a run trained; without a run the one that ships."""
    solver = SolverModule()
    solver.configure_model()
    if run is not None:
        checkpoint = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
        solver.load_state_dict(checkpoint["state_dict"], strict=False)
    solver.eval()
    return solver


def measure(solver: SolverModule, sets: Mapping[str, Asked]) -> dict[str, dict[str, Any]]:
    """What the solver replies, by set."""
    return {
        name: compare(asked, replies(solver, asked.whole), replies(solver, asked.without))
        for name, asked in sets.items()
    }


def replies(solver: SolverModule, rows: Sequence[SceneRow]) -> list[str]:
    """Greedy replies, one for each row."""
    starts = range(0, len(rows), AT_ONCE)
    return [reply for start in starts for reply in solver.replies(rows[start : start + AT_ONCE])]


def compare(asked: Asked, about_whole: Sequence[str], without: Sequence[str]) -> dict[str, Any]:
    """Shares of the replies about rooms without what is counted, and the score where it is there.

    Returns:
        `zeros`: replies of 0, the right answer. `unchanged`: the whole scene's number. `as_before`: the same reply
        as about the whole scene. `no_number`: what is none. `commonest`: the most frequent reply and its share.
        `score`: VSI-Bench's, about the whole scenes.
    """
    questions = [drop.question for drop in asked.drops]
    numbers = [metrics.number(reply) for reply in without]
    scores = [
        metrics.score(reply, question.answer, question.unit)
        for reply, question in zip(about_whole, questions, strict=True)
    ]
    same = [reply == other for reply, other in zip(without, about_whole, strict=True)]
    unchanged = [number == float(item.answer) for number, item in zip(numbers, questions, strict=True)]
    reply, times = Counter(without).most_common(1)[0]
    return {
        "zeros": share([number == 0 for number in numbers]),
        "unchanged": share(unchanged),
        "as_before": share(same),
        "no_number": share([number is None for number in numbers]),
        "commonest": {"reply": reply, "share": round(times / len(without), 4)},
        "score": share(scores),
    }


def share(values: Sequence[float]) -> float:
    """The mean, to four digits."""
    return round(sum(values) / len(values), 4)


if __name__ == "__main__":
    main()
