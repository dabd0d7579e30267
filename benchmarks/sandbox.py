"""Are hostile programs contained, and how fast are questions verified?

    python benchmarks/sandbox.py [--programs FILE] [--meta FILE ...] [--scenes 100] [--questions 40]
                                 [--soak 4000] [--out FILE]

Three parts:

1. Each hostile program, {"name", "program"} in one line of FILE, runs in a sandbox that all of them share,
   between canaries, and in a fresh one. It is contained if it ends in a typed rejection or in the value that
   it gives in the fresh sandbox, within twice its time limit (once of two times, since others may use the
   machine), if the canaries give their known answers, and if there is no new file where it might write,
   process, socket or open descriptor, in this process or in a worker.
2. The programs run many times over while this process's memory is watched.
3. Questions about the layouts of meta_info files (about procedural rooms without --meta) are verified with
   this process and its workers on one core: type check, eight draws of jitter, nine runs and all rules
   included. Once they have the families' own programs, and once programs of their own wording, for which the
   family's program runs as well.

What the workers write about memory that they refuse goes to stderr. The last line is {"programs": ...,
"contained": ..., "questions_per_second": ...}.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import containment
import verification_rate
from record import RESULTS, ROOT, provenance, write_report
from rich.console import Console
from rich.table import Table

from lightning_ouro.errors import InputError

SOAK_SECONDS = 0.05
PACKAGES = ("lightning_ouro", "pydantic-monty", "numpy", "scipy")
console = Console(width=120)


def main(args: Sequence[str] | None = None) -> None:
    """Runs all parts, writes the report and prints the line."""
    given = _parser().parse_args(args)
    made = provenance("sandbox.py", args, PACKAGES)
    try:
        programs = containment.read_programs(given.programs)
        jobs = verification_rate.write_jobs(given.meta, given.scenes, given.questions)
        hostile = hostile_part(programs, given.seconds)
        soak = soak_part(programs, given.soak)
    except InputError as problem:
        print(f"sandbox.py: {problem}", file=sys.stderr)
        raise SystemExit(2) from None
    rate = rate_part(jobs, bool(given.meta))
    write_report(given.out, made | {"hostile": hostile, "soak": soak, "rate": rate})
    line = {name: hostile[name] for name in ("programs", "contained")}
    print(json.dumps({**line, "questions_per_second": rate["own programs"]["questions_per_second"]}))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    hostile = ROOT / "benchmarks" / "hostile.jsonl"
    parser.add_argument("--programs", type=Path, default=hostile, help="hostile programs, JSON lines")
    parser.add_argument(
        "--seconds", type=_positive(float), default=1.0, help="time limit of a hostile program, in seconds"
    )
    parser.add_argument(
        "--soak", type=_positive(int), default=4_000, help="number of runs while the memory is watched"
    )
    parser.add_argument(
        "--meta", type=Path, nargs="+", default=[], help="meta_info files, whose layouts are asked about"
    )
    parser.add_argument(
        "--scenes", type=_positive(int), default=100, help="number of layouts, spread evenly over the files"
    )
    parser.add_argument(
        "--questions", type=_positive(int), default=40, help="maximum number of questions per layout"
    )
    parser.add_argument("--out", type=Path, default=RESULTS / "sandbox.json", help="the report to write")
    return parser


def _positive(kind: type[int] | type[float]) -> Any:
    def number(text: str) -> float:
        value = kind(text)
        if not 0 < value < 10**9:
            raise argparse.ArgumentTypeError(f"{text} is not between 0 and a billion")
        return value

    return number


def hostile_part(programs: Sequence[containment.HostileProgram], seconds: float) -> dict[str, Any]:
    """Runs every program and names those that are not contained."""
    verdicts = containment.examine(programs, seconds)
    escaped = [verdict for verdict in verdicts if verdict.problems]
    for verdict in escaped:
        console.print(f"not contained: {verdict.name}: {'; '.join(verdict.problems)}", markup=False)
    reasons = Counter(verdict.reason for verdict in verdicts)
    console.print(f"{len(programs)} hostile programs, at most {seconds:g} s each")
    table = Table("verdict", "programs")
    for reason, number in reasons.most_common():
        table.add_row(reason, str(number))
    console.print(table)
    slowest = max(verdicts, key=lambda verdict: verdict.seconds)
    console.print(f"slowest: {slowest.name}, {slowest.seconds:.1f} s (shared, then alone)")
    return {
        "programs": len(verdicts),
        "contained": len(verdicts) - len(escaped),
        "seconds": seconds,
        "verdicts": dict(reasons.most_common()),
        "not contained": {verdict.name: list(verdict.problems) for verdict in escaped},
    }


def soak_part(programs: Sequence[containment.HostileProgram], runs: int) -> dict[str, Any]:
    """Runs the programs in turn and reports how the memory of this process grows."""
    memory = containment.soak(programs, runs, SOAK_SECONDS)
    growth = memory[-1] - memory[(len(memory) - 1) // 2]
    slow = ", ".join(f"{name}*" for name in containment.SLOW)
    console.print(f"{runs} runs of at most {SOAK_SECONDS} s ({slow} in every fourth turn)")
    console.print(f"resident memory in MB: {', '.join(f'{resident:.1f}' for resident in memory)}")
    console.print(f"growth over the last half: {growth:+.1f} MB")
    return {
        "runs": runs,
        "seconds": SOAK_SECONDS,
        "run in every fourth turn": [f"{name}*" for name in containment.SLOW],
        "resident MB": [round(resident, 2) for resident in memory],
        "growth of the last half in MB": round(growth, 2),
    }


def rate_part(jobs: Sequence[verification_rate.Job], real: bool) -> dict[str, Any]:
    """Verifies on one core and reports how long each step takes."""
    core = verification_rate.pin_to_one_core()
    number = sum(len(job.proposals) for job in jobs)
    families = Counter(proposal.family for job in jobs for proposal in job.proposals)
    layouts = "real layouts" if real else "procedural rooms (no --meta given)"
    console.print(f"{number} questions about {len(jobs)} {layouts}, all processes on core {core}")
    measured: dict[str, Any] = {
        "own programs": verification_rate.measure(jobs),
        "programs in other words": verification_rate.measure(verification_rate.with_unique_programs(jobs)),
    }
    console.print(rate_table(measured))
    return {
        "scenes": len(jobs),
        "layouts": layouts,
        "questions": number,
        "families": dict(families.most_common()),
        **measured,
    }


def rate_table(measured: Mapping[str, Any]) -> Table:
    """One row per step, then totals, one column per kind of programs."""
    table = Table("ms per question", *measured)
    for step in verification_rate.STEPS:
        table.add_row(step, *(f"{row['milliseconds_per_question'][step]:.3f}" for row in measured.values()))
    totals = [sum(row["milliseconds_per_question"].values()) for row in measured.values()]
    table.add_row("all steps", *(f"{total:.3f}" for total in totals), end_section=True)
    table.add_row("questions per second", *(str(row["questions_per_second"]) for row in measured.values()))
    table.add_row("in each pass", *(", ".join(map(str, row["passes"])) for row in measured.values()))
    table.add_row("accepted", *(str(row["fates"].get("accepted", 0)) for row in measured.values()))
    return table


if __name__ == "__main__":
    main()
