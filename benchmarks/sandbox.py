"""Are hostile programs contained, and how fast are questions verified?

    python benchmarks/sandbox.py [--programs FILE] [--meta FILE ...] [--scenes 100] [--questions 40] [--soak 10000]

Each program, {"name", "program"} in a line of FILE, runs in a sandbox that all of them share, between canaries, and in
a fresh one. It is contained if it gives a typed rejection, or the value that it gives in the fresh one; if the canaries
give their known answers; and if there is no new file, process, socket or open descriptor, here or in a worker. Then
they run many times over, while this process's memory is watched. Last, questions about the layouts of meta_info files
(procedural rooms where none are given) are verified, this process and its workers on one core: type check, eight
jittered readings, nine runs and all rules included; once with the families' own programs and once with programs in
words of their own, for which the family's own program runs as well. What the workers themselves say of memory that
they refuse goes to stderr.

The last line of the output is {"programs": ..., "contained": ..., "questions_per_second": ...}.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import containment
import verification_rate
from rich.console import Console
from rich.table import Table

from lightning_ouro.errors import InputError

HERE = Path(__file__).parent
SOAK_SECONDS = 0.05
PACKAGES = ("lightning_ouro", "pydantic-monty", "numpy", "scipy")
console = Console(width=120)


def main(args: Sequence[str] | None = None) -> None:
    """Runs all parts, writes the report, prints the line."""
    given = _parser().parse_args(args)
    try:
        programs = containment.read_programs(given.programs)
        jobs = verification_rate.write_jobs(given.meta, given.scenes, given.questions)
        hostile = hostile_part(programs, given.seconds)
        soak = soak_part(programs, given.soak)
    except InputError as problem:
        print(f"sandbox.py: {problem}", file=sys.stderr)
        raise SystemExit(2) from None
    rate = rate_part(jobs, bool(given.meta))
    about = {
        "command": "python benchmarks/sandbox.py "
        + " ".join(map(_name, sys.argv[1:] if args is None else args)),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in PACKAGES},
    }
    given.out.parent.mkdir(parents=True, exist_ok=True)
    report = {**about, "hostile": hostile, "soak": soak, "rate": rate}
    given.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    line = {name: hostile[name] for name in ("programs", "contained")}
    print(json.dumps({**line, "questions_per_second": rate["own programs"]["questions_per_second"]}))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--programs", type=Path, default=HERE / "hostile.jsonl", help="hostile programs, JSON lines"
    )
    parser.add_argument(
        "--seconds", type=_positive(float), default=1.0, help="after which a hostile program is stopped"
    )
    parser.add_argument(
        "--soak", type=_positive(int), default=10_000, help="runs while the memory is watched"
    )
    parser.add_argument("--meta", type=Path, nargs="+", default=[], help="meta_info files with real layouts")
    parser.add_argument(
        "--scenes", type=_positive(int), default=100, help="layouts, spread evenly over the files"
    )
    parser.add_argument("--questions", type=_positive(int), default=40, help="questions about each, at most")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "sandbox.json", help="the report")
    return parser


def _positive(kind: type[int] | type[float]) -> Any:
    def number(text: str) -> float:
        found = kind(text)
        if not 0 < found < 10**9:
            raise argparse.ArgumentTypeError(f"{text} is not above 0")
        return found

    return number


def hostile_part(programs: Sequence[containment.Hostile], seconds: float) -> dict[str, Any]:
    """Runs every program and says which are not contained."""
    verdicts = containment.examine(programs, seconds)
    loose = [verdict for verdict in verdicts if verdict.problems]
    for verdict in loose:
        console.print(f"not contained: {verdict.name}: {'; '.join(verdict.problems)}", markup=False)
    reasons = Counter(verdict.reason for verdict in verdicts)
    console.print(f"{len(programs)} hostile programs, {seconds:g} s at most each")
    table = Table("verdict", "programs")
    for reason, number in reasons.most_common():
        table.add_row(reason, str(number))
    console.print(table)
    slowest = max(verdicts, key=lambda verdict: verdict.seconds)
    console.print(f"slowest: {slowest.name}, {slowest.seconds:.1f} s (shared, then alone)")
    return {
        "programs": len(verdicts),
        "contained": len(verdicts) - len(loose),
        "seconds": seconds,
        "verdicts": dict(reasons.most_common()),
        "not contained": {verdict.name: list(verdict.problems) for verdict in loose},
    }


def soak_part(programs: Sequence[containment.Hostile], runs: int) -> dict[str, Any]:
    """Runs programs in turn and says how the memory of this process grew."""
    memory = containment.soak(programs, runs, SOAK_SECONDS)
    middle = memory[(len(memory) - 1) // 2]
    listed = ", ".join(f"{resident:.1f}" for resident in memory)
    slow = ", ".join(containment.SLOW)
    console.print(
        f"{runs} runs of {SOAK_SECONDS} s at most ({slow}* in every fourth turn): {listed} MB resident here"
    )
    console.print(f"growth in the last half: {memory[-1] - middle:+.1f} MB")
    return {
        "runs": runs,
        "seconds": SOAK_SECONDS,
        "run in every fourth turn": [f"{name}*" for name in containment.SLOW],
        "resident MB": [round(resident, 2) for resident in memory],
        "growth of the last half in MB": round(memory[-1] - middle, 2),
    }


def rate_part(jobs: Sequence[verification_rate.Job], real: bool) -> dict[str, Any]:
    """Verifies on one core and says how long each step takes."""
    core = verification_rate.pin()
    number = sum(len(job.proposals) for job in jobs)
    families = Counter(proposal.family for job in jobs for proposal in job.proposals)
    kind = "real layouts" if real else "procedural rooms (no --meta given)"
    console.print(f"{number} questions about {len(jobs)} {kind}, everything on core {core}")
    found = {
        "own programs": verification_rate.summary(jobs),
        "programs in other words": verification_rate.summary(verification_rate.in_other_words(jobs)),
    }
    table = Table("ms a question", *found)
    for step in verification_rate.STEPS:
        table.add_row(step, *(f"{row['milliseconds_per_question'][step]:.3f}" for row in found.values()))
    totals = [sum(row["milliseconds_per_question"].values()) for row in found.values()]
    table.add_row("all of them", *(f"{total:.3f}" for total in totals), end_section=True)
    table.add_row("questions a second", *(str(row["questions_per_second"]) for row in found.values()))
    table.add_row("in each pass", *(", ".join(map(str, row["passes"])) for row in found.values()))
    table.add_row("accepted", *(str(row["fates"].get("accepted", 0)) for row in found.values()))
    console.print(table)
    return {
        "scenes": len(jobs),
        "layouts": kind,
        "questions": number,
        "families": dict(families.most_common()),
        **found,
    }


def machine() -> str:
    """The processor's name, and how many cores this process was given."""
    names = [
        line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")
    ]
    return f"{names[0] if names else platform.machine()}, {os.cpu_count()} cores, one of them used, {platform.system()}"


def _name(argument: str) -> str:
    """A file by its name alone: where it lies on this machine tells a reader nothing."""
    return Path(argument).name if "/" in argument else argument


def _lines(file: str) -> list[str]:
    return Path(file).read_text().splitlines() if Path(file).exists() else []


if __name__ == "__main__":
    main()
