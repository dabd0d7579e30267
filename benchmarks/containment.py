"""Runs hostile programs one by one and checks that each is contained. Used by `sandbox.py`."""

from __future__ import annotations

import gc
import json
import re
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from process_traces import own_folder, paths_named_in, take_traces
from rich.progress import track

from lightning_ouro.errors import InputError
from lightning_ouro.programs import source
from lightning_ouro.programs.answers import TypedAnswer
from lightning_ouro.programs.questions import Failure
from lightning_ouro.programs.sandbox import LoadedScene, Outcome, Sandbox
from lightning_ouro.programs.scene_geometry import SceneGeometry, jittered, scene_geometry
from lightning_ouro.programs.source import Source
from lightning_ouro.scenes.synthetic.walks import RenderedFootage
from lightning_ouro.scenes.types import FrameBudget, Scene, SceneObject

SLOW = (
    "loop",
    "slow",
    "path-endless",
    "typecheck",
)  # beginnings of the names of programs that only the clock ends
OBJECTS = [
    ("chair", (-1, 1.5, 0.45), (0.5, 0.5, 0.9)),
    ("chair", (1, 1.5, 0.45), (0.5, 0.5, 0.9)),
    ("chair", (2, 2.6, 0.45), (0.5, 0.6, 0.9)),
    ("sofa", (0, 0, 0.4), (2, 0.9, 0.8)),
    ("table", (0, 1.6, 0.35), (1, 0.8, 0.7)),
    ("lamp", (2.2, -1.2, 0.8), (0.3, 0.3, 1.6)),
    ("bed", (-2.6, 2.6, 0.3), (1.6, 2, 0.6)),
    ("door", (-3, -1, 1), (0.1, 0.9, 2)),
]
SOFA, LAMP, CHAIRS = 3, 5, 3
CANARY = """def answer(scene):
    sofa, lamp = scene.unique("sofa"), scene.unique("lamp")
    sides = sum(thing.longest_side for thing in scene.objects)
    chairs = scene.count("chair") + len(scene.all("chair"))
    return metres(scene.distance(sofa, lamp) + sides + chairs + scene.floor_area / 10 + math.pi)
"""
_ISOLATED_CANARY = CANARY + "\nwhatever = str(1)\n"  # shares its interpreter with no other program


@dataclass(frozen=True)
class HostileProgram:
    """One line of the file of programs."""

    name: str
    program: str


@dataclass(frozen=True)
class Verdict:
    """What came of one program.

    Attributes:
        name: The program's.
        reason: Why it was rejected; "answers" where it was not.
        seconds: How long it took in the shared sandbox.
        problems: Why it is not contained; empty where it is.
    """

    name: str
    reason: str
    seconds: float
    problems: tuple[str, ...]


def read_programs(file: Path) -> list[HostileProgram]:
    """Reads a file of {"name", "program"}, one a line.

    Raises:
        InputError: the file cannot be read, has no programs, or one of its lines is not such a record.
    """
    try:
        lines = file.read_text("utf8").split("\n")
    except (OSError, UnicodeDecodeError) as problem:
        raise InputError(
            f"{file}: cannot be read ({getattr(problem, 'strerror', None) or problem})"
        ) from None
    numbered = [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]
    if not numbered:
        raise InputError(f"{file}: has no programs; give one JSON object a line")
    return [_to_program(line, f"{file}, line {number}") for number, line in numbered]


def _to_program(line: str, where: str) -> HostileProgram:
    try:
        record = json.loads(line)
    except json.JSONDecodeError as problem:
        raise InputError(f"{where}: is not JSON ({problem.msg}, column {problem.colno})") from None
    fields = record if isinstance(record, dict) else {}
    name, program = fields.get("name"), fields.get("program")
    if not isinstance(name, str) or not isinstance(program, str):
        raise InputError(f'{where}: is not an object with the texts "name" and "program"')
    return HostileProgram(name, program)


def furnished_room() -> list[SceneGeometry]:
    """A furnished room, exact and under eight draws of jitter, with what eight frames of it show."""
    objects = tuple(
        SceneObject(index, name, np.array(center, float), np.array(size, float), np.eye(3))
        for index, (name, center, size) in enumerate(OBJECTS)
    )
    counts = Counter(item.category for item in objects)
    scene = Scene("hostile", "hand", objects, counts, frozenset(counts), 30.0, None, RenderedFootage())
    views = scene.footage.load(scene, FrameBudget()).views
    return [scene_geometry(scene, views), *jittered(scene, views)]


def canary_outcome(geometries: Sequence[SceneGeometry]) -> Outcome:
    """What the canary has to answer, computed without the sandbox."""
    values = [
        geometry.distances[SOFA, LAMP]
        + geometry.sizes.max(axis=1).sum()
        + 2 * CHAIRS
        + geometry.floor_area / 10
        + np.pi
        for geometry in geometries
    ]
    return Outcome(tuple(TypedAnswer("metres", float(value)) for value in values))


def examine(programs: Sequence[HostileProgram], seconds: float) -> list[Verdict]:
    """Runs each program in a sandbox that all share, between canaries, and in one of its own."""
    with own_folder():
        return _examine(programs, seconds)


def _examine(programs: Sequence[HostileProgram], seconds: float) -> list[Verdict]:
    geometries, paths = furnished_room(), paths_named_in(hostile.program for hostile in programs)
    expected, loaded, verdicts = canary_outcome(geometries), LoadedScene(geometries), []
    canaries = [source.read(CANARY), source.read(_ISOLATED_CANARY)]
    with Sandbox(seconds) as shared:
        if problems := _disturbed(shared.run_all(canaries, loaded), expected):
            raise InputError(f"the sandbox does not work before any hostile program has run: {problems}")
        before = take_traces(paths)
        for hostile in track(programs, "hostile programs", transient=True):
            program = source.read(hostile.program)
            batch = [canaries[0], program, canaries[0]]
            (first, outcome, last), took = _timed(shared, batch, loaded)
            problems = _ill_typed(outcome) + _disturbed([first, last], expected)
            if (
                took > 2 * seconds
            ):  # type check, together with the canaries, and alone; or other work on the machine
                took = min(took, _timed(shared, batch, loaded)[1])
            if took > 2 * seconds:
                problems.append(f"took {took:.1f} s, twice, which is more than twice its limit")
            problems += _disturbed(shared.run_all(canaries, loaded), expected)
            now = take_traces(paths)
            problems += now.beyond(before)
            before = before.union(now)  # what one program left is not held against the next
            problems += _differs_alone(program, outcome, geometries, seconds)
            reason = "answers" if outcome.failure is None else outcome.failure.reason
            verdicts.append(Verdict(hostile.name, reason, took, tuple(dict.fromkeys(problems))))
    return verdicts


def _timed(
    sandbox: Sandbox, batch: Sequence[Source | Failure], loaded: LoadedScene
) -> tuple[list[Outcome], float]:
    started = time.perf_counter()
    return sandbox.run_all(batch, loaded), time.perf_counter() - started


def _ill_typed(outcome: Outcome) -> list[str]:
    if outcome.failure is not None:
        return [] if "\n" not in outcome.failure.detail else ["a rejection of several lines"]
    complete = len(outcome.answers) == 9 and outcome.answers[0] is not None
    in_range = all(answer is None or answer.out_of_range() is None for answer in outcome.answers)
    return [] if complete and in_range else ["neither a typed rejection nor nine answers"]


def _disturbed(outcomes: Sequence[Outcome], expected: Outcome) -> list[str]:
    for outcome in outcomes:
        pairs = zip(outcome.answers, expected.answers, strict=False)
        if len(outcome.answers) != len(expected.answers) or not all(
            a is not None and a.equals(b) for a, b in pairs
        ):
            return [f"the canary says {outcome.failure or outcome.answers}"]
    return []


def _differs_alone(
    program: Source | Failure, outcome: Outcome, geometries: Sequence[SceneGeometry], seconds: float
) -> list[str]:
    if outcome.failure is not None:
        return []
    with Sandbox(3 * seconds) as fresh:  # a program that took nearly all of its time may take longer here
        (alone,) = fresh.run_all([program], LoadedScene(geometries))
    if alone == outcome:
        return []
    return [f"{outcome.answers[0]}, in a fresh worker {alone.failure or alone.answers[0]}"]


def soak(programs: Sequence[HostileProgram], runs: int, seconds: float) -> list[float]:
    """This process's resident memory in MB after each tenth of the runs, the programs taken in turn.

    Programs that only the clock ends run in every fourth turn only; the scene is loaded anew every 100 runs.
    """
    geometries = furnished_room()
    expected, canary, memory = canary_outcome(geometries), source.read(CANARY), []
    queue = _queue(programs, runs)
    with Sandbox(seconds) as sandbox:
        for run in track(range(runs), f"{runs} runs", transient=True):
            if run % 100 == 0:
                loaded = LoadedScene(geometries)
            sandbox.run_all([source.read(next(queue).program)], loaded)
            if (run + 1) * 10 // runs > run * 10 // runs:
                if problems := _disturbed(sandbox.run_all([canary], loaded), expected):
                    print(f"after {run + 1} runs {problems[0]}")
                gc.collect()
                memory.append(_resident_megabytes())
    return memory


def _queue(programs: Sequence[HostileProgram], turns: int) -> Iterator[HostileProgram]:
    for turn in range(turns):
        for hostile in programs:
            if turn % 4 == 0 or not hostile.name.startswith(SLOW) or len(programs) == 1:
                yield hostile


def _resident_megabytes() -> float:
    status = Path("/proc/self/status").read_text()
    match = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert match is not None, "Linux reports VmRSS"
    return int(match[1]) / 1024
