"""How many questions a second are verified on one core, and where the time goes. Used by `sandbox.py`."""

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

from lightning_ouro.programs import source
from lightning_ouro.programs.families import FAMILIES
from lightning_ouro.programs.questions import Proposal, Rejection
from lightning_ouro.programs.sandbox import Sandbox
from lightning_ouro.programs.source import Source
from lightning_ouro.programs.verification import Verified, Verifier
from lightning_ouro.proposer.grammar import GrammarProposer
from lightning_ouro.proposer.protocol import Brief
from lightning_ouro.scenes.reading import read_scenes
from lightning_ouro.scenes.synthetic.procedural import procedural_scene, procedural_scenes
from lightning_ouro.scenes.types import FrameBudget, Scene, Views

PASSES = 3  # of which the median counts
STEPS = ("geometry", "parsing", "type check", "running", "rules and margin")


@dataclass(frozen=True)
class Job:
    """A scene and what is proposed about it."""

    scene: Scene
    views: Views
    proposals: list[Proposal]


def write_jobs(files: Sequence[Path], scenes: int, questions: int) -> list[Job]:
    """Scenes spread evenly over the files', or procedural ones, with questions of all families in equal shares.

    Raises:
        InputError: a file cannot be used.
    """
    if files:
        usable, _ = read_scenes(files)
        number = min(scenes, len(usable))
        chosen = [usable[place * len(usable) // number] for place in range(number)]
    else:
        chosen = procedural_scenes(0, scenes)
    return [job(scene, questions) for scene in track(chosen, "rendering, proposing", transient=True)]


def job(scene: Scene, questions: int) -> Job:
    """Renders a scene and has the grammar proposer ask about it."""
    views = scene.footage.load(scene, FrameBudget()).views
    equal = dict.fromkeys(FAMILIES, 1.0)
    brief = Brief(scene, views, questions, 0, 0, equal, rejections={}, recent={}, asked=frozenset())
    return Job(scene, views, GrammarProposer().propose([brief]))


def pin() -> int:
    """Keeps this process, all its threads and what it starts from now on to one core; returns which."""
    core = min(os.sched_getaffinity(0))
    for thread in Path("/proc/self/task").iterdir():
        os.sched_setaffinity(int(thread.name), {core})
    return core


def rates(jobs: Sequence[Job]) -> tuple[list[float], Counter[str]]:
    """Questions a second in each pass, and what became of the questions."""
    found, fates = [], Counter[str]()
    for _ in range(PASSES):
        with Sandbox() as sandbox:
            verifier = _warm(sandbox)
            started = time.perf_counter()
            verdicts = [verdict for job in jobs for verdict in _verify(verifier, job)]
            found.append(len(verdicts) / (time.perf_counter() - started))
        fates = Counter(
            verdict.reason if isinstance(verdict, Rejection) else "accepted" for verdict in verdicts
        )
    return found, fates


def _verify(verifier: Verifier, job: Job) -> list[Verified | Rejection]:
    return verifier.verify(job.scene, job.views, job.proposals)


def _warm(sandbox: Sandbox) -> Verifier:
    """Starts the workers' checker and interpreter on a scene that does not count; forgets what was parsed."""
    verifier = Verifier(sandbox)
    first = job(procedural_scene(10**6), 1)
    _verify(verifier, first)
    source._frame.cache_clear()
    return verifier


def breakdown(jobs: Sequence[Job]) -> dict[str, float]:
    """Milliseconds a question by step: one pass that calls what `Verifier.verify` calls, one by one."""
    spent = dict.fromkeys(STEPS, 0.0)
    with Sandbox() as sandbox:
        verifier = _warm(sandbox)
        for job in jobs:
            times = [time.perf_counter()]
            stage = verifier._stage(job.scene, job.views)
            times.append(time.perf_counter())
            sources = [source.read(proposal.program) for proposal in job.proposals]
            times.append(time.perf_counter())
            sandbox._types.check([parsed for parsed in sources if isinstance(parsed, Source)])
            times.append(time.perf_counter())
            outcomes = sandbox.run_all(sources, stage.loaded)
            times.append(time.perf_counter())
            for proposal, parsed, outcome in zip(job.proposals, sources, outcomes, strict=True):
                verifier._verify(stage, proposal, parsed, outcome)
            times.append(time.perf_counter())
            for step, start, end in zip(STEPS, times, times[1:], strict=False):
                spent[step] += end - start
    number = sum(len(job.proposals) for job in jobs)
    return {step: 1000 * seconds / number for step, seconds in spent.items()}


def in_other_words(jobs: Sequence[Job]) -> list[Job]:
    """The same questions, each with a program in words of its own: no two share a form, none is the family's."""
    return [
        dataclasses.replace(
            job,
            proposals=[
                dataclasses.replace(proposal, program=_renamed(proposal.program, f"{place}_{proposal.slot}"))
                for proposal in job.proposals
            ],
        )
        for place, job in enumerate(jobs)
    ]


def _renamed(program: str, suffix: str) -> str:
    """The program with other names for its variables and a line more, laid out as Python does."""
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


def summary(jobs: Sequence[Job]) -> dict[str, object]:
    """Rate of each pass, their median, what became of the questions, and the breakdown."""
    passes, fates = rates(jobs)
    return {
        "questions_per_second": round(statistics.median(passes), 1),
        "passes": [round(rate, 1) for rate in passes],
        "fates": dict(fates.most_common()),
        "milliseconds_per_question": {step: round(spent, 4) for step, spent in breakdown(jobs).items()},
    }
