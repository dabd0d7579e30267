"""What verification lets through on procedural scenes: balance of letters and answers, margins, repetitions.

    python benchmarks/accepted_questions.py [--scenes 300] [--rounds 3] [--slots 24] [--out FILE]

In each round the grammar proposer writes a fixed number of questions about each scene, with equal family
weights; what passes verification enters one pool, as in training. The table shows, per family and number of
options, the number of accepted questions, the share of the most frequent answer, how far the share of a
letter is from uniform at most, and a histogram of margins. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from record import provenance, write_report
from rich.console import Console
from rich.table import Table

from lightning_ouro.curriculum.feedback import Feedback
from lightning_ouro.loop.pool import Pool
from lightning_ouro.loop.propose import ask, write_briefs
from lightning_ouro.loop.rounds import RankShard, RoundRequest
from lightning_ouro.programs.families import FAMILIES
from lightning_ouro.programs.questions import LETTERS, Question, Rejection
from lightning_ouro.proposer.grammar import GrammarProposer
from lightning_ouro.scenes.library import SceneLibrary
from lightning_ouro.scenes.synthetic.procedural import procedural_scenes
from lightning_ouro.scenes.types import FrameBudget

NUM_BINS = 5  # of margins from 0.5, below which a question is rejected, to 1, which is counted on its own
PACKAGES = ("lightning_ouro", "numpy", "scipy", "pydantic-monty")


def main(args: Sequence[str] | None = None) -> None:
    """Fills a pool and reports what is in it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scenes", type=int, default=300, help="number of procedural scenes")
    parser.add_argument("--rounds", type=int, default=3, help="rounds that share one pool")
    parser.add_argument("--slots", type=int, default=24, help="proposals per scene and round")
    parser.add_argument("--out", type=Path, help="also write the report to this file")
    given = parser.parse_args(args)

    made = provenance("accepted_questions.py", args, PACKAGES)
    settings = {"scenes": given.scenes, "rounds": given.rounds, "slots": given.slots}
    pool, reasons = fill_pool(given.scenes, given.rounds, given.slots)
    families = {name: describe(questions) for name, questions in by_family(pool.questions).items()}
    Console(width=120).print(table(families))
    print("rejected:", dict(reasons.most_common()))
    keys = [FAMILIES[q.family].key(q.scene_id, q.objects) for q in pool.questions]
    report = {"questions": len(keys), "repeated": len(keys) - len(set(keys)), "families": families}
    if given.out is not None:
        write_report(given.out, made | settings | report)
    print(json.dumps(report))


def fill_pool(num_scenes: int, num_rounds: int, slots: int) -> tuple[Pool, Counter[str]]:
    """The pool after all rounds, and the number of rejections by reason."""
    library = SceneLibrary(procedural_scenes(0, num_scenes), FrameBudget())
    pool, reasons = Pool(), Counter[str]()
    equal, shard = Feedback(dict.fromkeys(FAMILIES, 1.0)), RankShard(show_progress=True)
    for index in range(num_rounds):
        title = f"round {index}"
        request = RoundRequest(index, equal, slots, "none", seed=0)
        briefs, _ = write_briefs(list(library.values()), library, pool, request, title, shard)
        outcomes = ask(GrammarProposer(), briefs, title, shard)
        _, surplus = pool.admit([item for item in outcomes if not isinstance(item, Rejection)], index)
        reasons.update(item.reason for item in (*outcomes, *surplus) if isinstance(item, Rejection))
    return pool, reasons


def by_family(questions: Sequence[Question]) -> dict[str, list[Question]]:
    """The questions of each family and number of options, sorted by name."""
    groups: dict[str, list[Question]] = defaultdict(list)
    for question in questions:
        options = f", {len(question.options)} options" if question.options else ""
        groups[question.family + options].append(question)
    return {name: groups[name] for name in sorted(groups)}


def describe(questions: Sequence[Question]) -> dict[str, Any]:
    """What the report says about the questions of one family and number of options.

    Returns:
        `questions`: their number; `commonest` and `share`: the most frequent answer and its share;
        `letters_off`: the largest difference between a letter's share and 1 / number of options; `margins`:
        counts in `NUM_BINS` equal bins of [0.5, 1), and then of margin 1.
    """
    answers = Counter(q.options[LETTERS.index(q.answer)] if q.options else q.answer for q in questions)
    (commonest, times), *_ = answers.most_common(1)
    k = len(questions[0].options or ())
    shares = [sum(q.answer == letter for q in questions) / len(questions) for letter in LETTERS[:k]]
    margins = Counter(
        min(NUM_BINS - 1, int((q.margin - 0.5) * 2 * NUM_BINS)) for q in questions if q.margin < 1
    )
    return {
        "questions": len(questions),
        "commonest": commonest,
        "share": round(times / len(questions), 4),
        "letters_off": round(max((abs(share - 1 / k) for share in shares), default=0.0), 4),
        "margins": [margins[index] for index in range(NUM_BINS)] + [sum(q.margin == 1 for q in questions)],
    }


def table(families: Mapping[str, Mapping[str, Any]]) -> Table:
    """One row per family and number of options."""
    edges = [f"≥ {0.5 + index * 0.5 / NUM_BINS:.1f}" for index in range(NUM_BINS)]
    rows = Table("family", "accepted", "most frequent answer", "its share", "letters off by", *edges, "1")
    for name, row in families.items():
        share, off = f"{row['share']:.1%}", f"{row['letters_off']:.1%}"
        answer = str(row["commonest"])[:24]
        rows.add_row(name, str(row["questions"]), answer, share, off, *map(str, row["margins"]))
    return rows


if __name__ == "__main__":
    main()
