"""How the accepted questions of procedural scenes are spread: letters, answers, margins, repetitions.

    python benchmarks/accepted_questions.py [--scenes 300] [--rounds 3] [--slots 24] [--out FILE]

Each round the grammar proposer is asked for so many questions about each scene, families in equal shares; what passes
verification enters one pool, as in training. Printed per family: how many were accepted, the commonest answer's share,
the letters' largest distance from level, and a histogram of margins. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

from lightning_ouro.loop.asking import propose_and_verify, write_briefs
from rich.console import Console
from rich.table import Table

from lightning_ouro.curriculum.feedback import Feedback
from lightning_ouro.loop.pool import Pool
from lightning_ouro.programs.families import FAMILIES
from lightning_ouro.programs.questions import LETTERS, Question, Rejection
from lightning_ouro.proposer.grammar import GrammarProposer
from lightning_ouro.scenes.library import SceneLibrary
from lightning_ouro.scenes.synthetic.procedural import procedural_scenes
from lightning_ouro.scenes.types import FrameBudget

BARS = 5  # from 0.5 to 1


def main(args: Sequence[str] | None = None) -> None:
    """Proposes, verifies, admits, and describes what is in the pool."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scenes", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--slots", type=int, default=24, help="proposals for each scene and round")
    parser.add_argument("--out", type=Path, help="also write the last line to this file")
    given = parser.parse_args(args)

    pool, reasons = fill(given.scenes, given.rounds, given.slots)
    found = {family: describe(questions) for family, questions in by_family(pool.questions).items()}
    Console(width=120).print(table(found))
    print("turned down:", dict(reasons.most_common()))
    keys = [FAMILIES[q.family].key(q.scene_id, q.objects) for q in pool.questions]
    line = json.dumps({"questions": len(keys), "repeated": len(keys) - len(set(keys)), "families": found})
    if given.out is not None:
        given.out.write_text(line + "\n", encoding="utf-8")
    print(line)


def fill(scenes: int, rounds: int, slots: int) -> tuple[Pool, Counter[str]]:
    """The pool after so many rounds, and how often each reason turned a proposal down."""
    library = SceneLibrary(procedural_scenes(0, scenes), FrameBudget())
    pool, reasons = Pool(), Counter[str]()
    equal = Feedback(dict.fromkeys(FAMILIES, 1.0))
    for round in range(rounds):
        title = f"round {round}"
        briefs, _ = write_briefs(list(library.values()), library, equal, pool, slots, round, 0, title, True)
        outcomes = propose_and_verify(GrammarProposer(), briefs, title, True)
        _, surplus = pool.admit([item for item in outcomes if not isinstance(item, Rejection)], round)
        reasons.update(item.reason for item in (*outcomes, *surplus) if isinstance(item, Rejection))
    return pool, reasons


def by_family(questions: Sequence[Question]) -> dict[str, list[Question]]:
    """The questions of each family and number of options."""
    found: dict[str, list[Question]] = defaultdict(list)
    for question in questions:
        options = f", {len(question.options)} options" if question.options else ""
        found[question.family + options].append(question)
    return {name: found[name] for name in sorted(found)}


def describe(questions: Sequence[Question]) -> dict[str, object]:
    """Number, commonest answer with its share, letters' largest distance from level, histogram of margins."""
    answers = Counter(q.options[LETTERS.index(q.answer)] if q.options else q.answer for q in questions)
    (commonest, times), *_ = answers.most_common(1)
    k = len(questions[0].options or ())
    shares = [sum(q.answer == letter for q in questions) / len(questions) for letter in LETTERS[:k]]
    margins = Counter(min(BARS - 1, int((q.margin - 0.5) * 2 * BARS)) for q in questions if q.margin < 1)
    return {
        "questions": len(questions),
        "commonest": commonest,
        "share": round(times / len(questions), 4),
        "letters_off": round(max((abs(share - 1 / k) for share in shares), default=0.0), 4),
        "margins": [margins[bar] for bar in range(BARS)] + [sum(q.margin == 1 for q in questions)],
    }


def table(found: dict[str, dict[str, object]]) -> Table:
    """A row per family and number of options."""
    steps = [f"{0.5 + bar * 0.5 / BARS:.1f}" for bar in range(BARS)]
    rows = Table(
        "family", "accepted", "commonest answer", "share", "letters off", *(f"≥ {s}" for s in steps), "1"
    )
    for name, row in found.items():
        margins = row["margins"]
        assert isinstance(margins, list)
        share, off = f"{row['share']:.1%}", f"{row['letters_off']:.1%}"
        rows.add_row(name, str(row["questions"]), str(row["commonest"])[:24], share, off, *map(str, margins))
    return rows


if __name__ == "__main__":
    main()
