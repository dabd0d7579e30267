"""How many questions per second one core verifies, and which steps take the time. Used by `sandbox.py`."""

from __future__ import annotations

import ast
import dataclasses
import os
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.progress import track

from lightning_ouro.programs import source, verification
from lightning_ouro.programs.families import FAMILIES
from lightning_ouro.programs.matching import Match
from lightning_ouro.programs.questions import Proposal, Rejection
from lightning_ouro.programs.sandbox import Sandbox
from lightning_ouro.programs.verification import Verified, Verifier
from lightning_ouro.proposer.grammar import GrammarProposer
from lightning_ouro.proposer.protocol import Brief
from lightning_ouro.scenes.reading import read_scenes
from lightning_ouro.scenes.synthetic.procedural import procedural_scene, procedural_scenes
from lightning_ouro.scenes.types import FrameBudget, Scene, Views

PASSES = 3  # the rate is their median
STEPS = ("geometry", "parsing", "type check", "running", "rules and margin")
WARM_UP_SCENE = 10**6  # none of those that are measured


@dataclass(frozen=True)
class Job:
    """A scene and what is proposed about it."""

    scene: Scene
    views: Views
    proposals: list[Proposal]


def write_jobs(files: Sequence[Path], num_scenes: int, num_questions: int) -> list[Job]:
    """Questions of all families about scenes spread evenly over the files, or about procedural scenes.

    Raises:
        InputError: a file cannot be used.
    """
    if files:
        usable, _ = read_scenes(files)
        number = min(num_scenes, len(usable))
        chosen = [usable[index * len(usable) // number] for index in range(number)]
    else:
        chosen = procedural_scenes(0, num_scenes)
    return [
        write_job(scene, num_questions) for scene in track(chosen, "rendering, proposing", transient=True)
    ]


def write_job(scene: Scene, num_questions: int) -> Job:
    """Renders a scene and lets the grammar proposer write questions about it."""
    views = scene.footage.load(scene, FrameBudget()).views
    equal = dict.fromkeys(FAMILIES, 1.0)
    brief = Brief(scene, views, num_questions, 0, 0, equal, rejections={}, recent={}, asked=frozenset())
    written = GrammarProposer().propose([brief])
    return Job(scene, views, [proposal for proposal in written if isinstance(proposal, Proposal)])


def pin_to_one_core() -> int:
    """Restricts this process, all its threads and the processes that it starts to one core; returns which."""
    if not hasattr(os, "sched_setaffinity"):
        raise SystemExit("verification_rate.py restricts itself to one core, which only Linux can do")
    core = min(os.sched_getaffinity(0))
    for thread in Path("/proc/self/task").iterdir():
        os.sched_setaffinity(int(thread.name), {core})
    return core


def measure(jobs: Sequence[Job]) -> dict[str, object]:
    """The rate of each pass and their median, what became of the questions, and the time of each step."""
    passes, fates = rates(jobs)
    return {
        "questions_per_second": round(statistics.median(passes), 1),
        "passes": [round(rate, 1) for rate in passes],
        "fates": dict(fates.most_common()),
        "milliseconds_per_question": {step: round(spent, 4) for step, spent in breakdown(jobs).items()},
    }


def rates(jobs: Sequence[Job]) -> tuple[list[float], Counter[str]]:
    """Questions per second in each pass, and the number of questions by verdict."""
    measured, fates = [], Counter[str]()
    for _ in range(PASSES):
        with Sandbox() as sandbox:
            verifier = _warm_verifier(sandbox)
            started = time.perf_counter()
            verdicts = [verdict for job in jobs for verdict in _verify(verifier, job)]
            measured.append(len(verdicts) / (time.perf_counter() - started))
        fates = Counter(
            verdict.reason if isinstance(verdict, Rejection) else "accepted" for verdict in verdicts
        )
    return measured, fates


def _verify(verifier: Verifier, job: Job) -> list[Verified | Rejection]:
    return verifier.verify(job.scene, job.views, job.proposals)


def _warm_verifier(sandbox: Sandbox) -> Verifier:
    """Warms up type checker and interpreter on a scene that does not count; empties the parser's cache."""
    verifier = Verifier(sandbox)
    _verify(verifier, write_job(procedural_scene(WARM_UP_SCENE), 1))
    source._inspect.cache_clear()
    return verifier


def breakdown(jobs: Sequence[Job]) -> dict[str, float]:
    """Milliseconds per question by step: one pass that calls one by one what `Verifier.verify` calls."""
    spent = dict.fromkeys(STEPS, 0.0)
    with Sandbox() as sandbox:
        verifier = _warm_verifier(sandbox)
        for job in jobs:
            times = [time.perf_counter()]
            context = verifier._context(job.scene, job.views)
            times.append(time.perf_counter())
            sources = [source.read(proposal.program) for proposal in job.proposals]
            times.append(time.perf_counter())
            sandbox._type_check(sources)
            times.append(time.perf_counter())
            outcomes = sandbox.run_all(sources, context.loaded)
            times.append(time.perf_counter())
            matches = verifier._match(context, job.proposals, sources, outcomes)
            for proposal, outcome, match in zip(job.proposals, outcomes, matches, strict=True):
                if isinstance(match, Match):
                    verification._verify(context, proposal, match, outcome, ())
            times.append(time.perf_counter())
            for step, start, end in zip(STEPS, times, times[1:], strict=False):
                spent[step] += end - start
    number = sum(len(job.proposals) for job in jobs)
    return {step: 1000 * seconds / number for step, seconds in spent.items()}


def with_unique_programs(jobs: Sequence[Job]) -> list[Job]:
    """The same questions, each with a program worded unlike its family's and unlike any other."""
    return [
        dataclasses.replace(
            job,
            proposals=[
                dataclasses.replace(
                    proposal, program=_rewritten(proposal.program, f"{index}_{proposal.slot}")
                )
                for proposal in job.proposals
            ],
        )
        for index, job in enumerate(jobs)
    ]


def _rewritten(program: str, suffix: str) -> str:
    """The program with other names for its variables and one more line, formatted as Python's `ast` does."""
    tree = ast.parse(program)
    function = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "answer")
    nodes = list(ast.walk(tree))
    bound = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    bound |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    for node in nodes:
        if isinstance(node, ast.Name) and node.id in bound:
            node.id = f"{node.id}_{suffix}"
        elif isinstance(node, ast.arg):
            node.arg = f"{node.arg}_{suffix}"
    function.body.insert(0, ast.parse("asked = True").body[0])
    return ast.unparse(tree) + "\n"
