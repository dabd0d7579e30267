"""Hostile programs one by one: what comes of each, and whether it leaves anything behind. Used by `sandbox.py`."""

from __future__ import annotations

import gc
import json
import os
import re
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
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

ESCAPE = "/tmp/lightning_ouro_escape"  # where the hostile programs that write files try to
SLOW = ("loop", "slow", "path-endless")
ROOM = [
    ("chair", (-1, 1.5, 0.45), (0.5, 0.5, 0.9)),
    ("chair", (1, 1.5, 0.45), (0.5, 0.5, 0.9)),
    ("chair", (2, 2.6, 0.45), (0.5, 0.6, 0.9)),
    ("sofa", (0, 0, 0.4), (2, 0.9, 0.8)),
    ("table", (0, 1.6, 0.35), (1, 0.8, 0.7)),
    ("lamp", (2.2, -1.2, 0.8), (0.3, 0.3, 1.6)),
    ("bed", (-2.6, 2.6, 0.3), (1.6, 2, 0.6)),
    ("door", (-3, -1, 1), (0.1, 0.9, 2)),
]
CANARY = """def answer(scene):
    sofa, lamp = scene.unique("sofa"), scene.unique("lamp")
    sides = sum(thing.longest_side for thing in scene.objects)
    chairs = scene.count("chair") + len(scene.all("chair"))
    return metres(scene.distance(sofa, lamp) + sides + chairs + scene.floor_area / 10 + math.pi)
"""
_LONE = CANARY + "\nwhatever = str(1)\n"  # shares its interpreter with no other program


@dataclass(frozen=True)
class Hostile:
    """A line of the file of programs."""

    name: str
    program: str


@dataclass(frozen=True)
class Verdict:
    """What came of one program.

    Attributes:
        name: The program's.
        reason: Why it was rejected, "answers" where it was not.
        seconds: How long the shared sandbox took.
        problems: Why it is not contained; empty where it is.
    """

    name: str
    reason: str
    seconds: float
    problems: tuple[str, ...]


def read_programs(file: Path) -> list[Hostile]:
    """The programs of a file with {"name", "program"} a line.

    Raises:
        InputError: the file cannot be read, has no programs, or a line of it is no such record.
    """
    try:
        lines = file.read_text("utf8").split("\n")
    except (OSError, UnicodeDecodeError) as problem:
        raise InputError(
            f"{file}: cannot be read ({getattr(problem, 'strerror', None) or problem})"
        ) from None
    found = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except json.JSONDecodeError as problem:
            raise InputError(
                f"{file}, line {number}: no JSON ({problem.msg}, column {problem.colno})"
            ) from None
        fields = [record.get(field) for field in ("name", "program")] if isinstance(record, dict) else []
        if len(fields) != 2 or not all(isinstance(field, str) for field in fields):
            raise InputError(f'{file}, line {number}: no object with texts "name" and "program"')
        found.append(Hostile(*fields))
    if not found:
        raise InputError(f"{file}: has no programs")
    return found


def readings() -> list[SceneGeometry]:
    """Nine readings of a furnished room, with what eight frames of it show."""
    things = tuple(
        SceneObject(place, name, np.array(center, float), np.array(size, float), np.eye(3))
        for place, (name, center, size) in enumerate(ROOM)
    )
    counts = Counter(thing.category for thing in things)
    scene = Scene("hostile", "hand", things, counts, frozenset(counts), 30.0, None, RenderedFootage())
    views = scene.footage.load(scene, FrameBudget()).views
    return [scene_geometry(scene, views), *jittered(scene, views)]


def known(worlds: Sequence[SceneGeometry]) -> Outcome:
    """What the canary has to answer, computed here."""
    sofa, lamp = 3, 5
    values = [
        reading.distances[sofa, lamp] + reading.sizes.max(axis=1).sum() + 6 + reading.floor_area / 10 + np.pi
        for reading in worlds
    ]
    return Outcome(tuple(TypedAnswer("metres", float(value)) for value in values))


@dataclass(frozen=True)
class Traces:
    """What can be seen from outside.

    Attributes:
        files: Names in the folders where programs might write.
        processes: The executable of each process below this one, "" where it is gone.
        own: This process's open descriptors by kind.
        workers: The most descriptors of each kind that one process below has.
    """

    files: frozenset[str]
    processes: tuple[str, ...]
    own: Counter[str]
    workers: Counter[str]

    def joined(self, other: Traces) -> Traces:
        """What there is the most of in both."""
        processes = max(self.processes, other.processes, key=len)
        return Traces(self.files | other.files, processes, self.own | other.own, self.workers | other.workers)

    def beyond(self, before: Traces) -> list[str]:
        """What there is more of than before."""
        found = [f"new file {file}" for file in sorted(self.files - before.files)]
        found += [f"foreign process {name}" for name in sorted({*self.processes} - {*before.processes, ""})]
        if len(self.processes) > len(before.processes):
            found.append(f"{len(self.processes)} processes, not {len(before.processes)}")
        for where, now, then in (
            ("here", self.own, before.own),
            ("in a worker", self.workers, before.workers),
        ):
            found += [f"{number} × {kind} open {where}" for kind, number in (now - then).items()]
        return found


def traces() -> Traces:
    """What can be seen now."""
    folders = {Path(tempfile.gettempdir()), Path("/tmp"), Path.cwd(), Path.home()}
    files = {entry.path for folder in folders if folder.is_dir() for entry in os.scandir(folder)}
    below = _below("self")
    workers: Counter[str] = Counter()
    for process in below:
        workers |= _descriptors(process)
    if os.path.lexists(ESCAPE):
        files.add(ESCAPE)
    return Traces(
        frozenset(files),
        tuple(_link(Path(f"/proc/{process}/exe")) for process in below),
        _descriptors(),
        workers,
    )


def _below(process: str) -> list[str]:
    found: list[str] = []
    for children in Path(f"/proc/{process}/task").glob("*/children"):
        try:
            for child in children.read_text().split():
                found += [child, *_below(child)]
        except OSError:  # it has ended
            continue
    return found


def _descriptors(process: str = "self") -> Counter[str]:
    try:
        links = [_link(handle) for handle in Path(f"/proc/{process}/fd").iterdir()]
    except OSError:
        return Counter()
    return Counter(re.sub(r"\[\d+\]|(?<=/)\d+(?=/)", "", link) for link in links if link)


def _link(path: Path) -> str:
    try:
        return str(path.readlink())
    except OSError:
        return ""


def examine(programs: Sequence[Hostile], seconds: float) -> list[Verdict]:
    """Runs each program in a sandbox that all share, between canaries, and in one of its own."""
    worlds = readings()
    expected, loaded, verdicts = known(worlds), LoadedScene(worlds), []
    canaries = [source.read(CANARY), source.read(_LONE)]
    with Sandbox(seconds) as shared:
        if problems := _disturbed(shared.run_all(canaries, loaded), expected):
            raise InputError(f"the sandbox does not work: {problems}")
        before = traces()
        for hostile in track(programs, "hostile programs", transient=True):
            program = source.read(hostile.program)
            started = time.perf_counter()
            first, outcome, last = shared.run_all([canaries[0], program, canaries[0]], loaded)
            took = time.perf_counter() - started
            problems = _not_typed(outcome) + _disturbed([first, last], expected)
            if took > 3 * (10 + 3 * seconds):  # type check, shared, alone: the watchdog's time for each
                problems.append(f"took {took:.0f} s")
            problems += _disturbed(shared.run_all(canaries, loaded), expected)
            now = traces()
            problems += now.beyond(before)
            before = before.joined(now)  # what one left is not held against the next
            problems += _another_value(program, outcome, worlds, seconds)
            reason = "answers" if outcome.failure is None else outcome.failure.reason
            verdicts.append(Verdict(hostile.name, reason, took, tuple(dict.fromkeys(problems))))
    return verdicts


def _not_typed(outcome: Outcome) -> list[str]:
    if outcome.failure is not None:
        return [] if "\n" not in outcome.failure.detail else ["a rejection of several lines"]
    fine = len(outcome.answers) == 9 and outcome.answers[0] is not None
    fine = fine and all(answer is None or answer.out_of_range() is None for answer in outcome.answers)
    return [] if fine else ["neither a typed rejection nor nine answers"]


def _disturbed(outcomes: Sequence[Outcome], expected: Outcome) -> list[str]:
    for outcome in outcomes:
        pairs = zip(outcome.answers, expected.answers, strict=False)
        if len(outcome.answers) != len(expected.answers) or not all(
            a is not None and a.equals(b) for a, b in pairs
        ):
            return [f"the canary says {outcome.failure or outcome.answers}"]
    return []


def _another_value(
    program: Source | Failure, outcome: Outcome, worlds: Sequence[SceneGeometry], seconds: float
) -> list[str]:
    if outcome.failure is not None:
        return []
    with Sandbox(3 * seconds) as fresh:  # what took nearly all of its time may take longer here
        (alone,) = fresh.run_all([program], LoadedScene(worlds))
    if alone == outcome:
        return []
    return [f"{outcome.answers[0]}, in a fresh worker {alone.failure or alone.answers[0]}"]


def soak(programs: Sequence[Hostile], runs: int, seconds: float) -> list[float]:
    """This process's resident memory in MB after each tenth of so many runs, programs taken in turn.

    Programs that only end by the clock are run in every fourth turn; the scene is loaded anew every 100 runs.
    """
    worlds = readings()
    expected, canary, memory = known(worlds), source.read(CANARY), []
    turns = (
        hostile
        for turn in range(runs)
        for hostile in programs
        if turn % 4 == 0 or not hostile.name.startswith(SLOW) or len(programs) == 1
    )
    with Sandbox(seconds) as box:
        for run in track(range(runs), f"{runs} runs", transient=True):
            if run % 100 == 0:
                loaded = LoadedScene(worlds)
            box.run_all([source.read(next(turns).program)], loaded)
            if (run + 1) * 10 // runs > run * 10 // runs:
                if problems := _disturbed(box.run_all([canary], loaded), expected):
                    print(f"after {run + 1} runs {problems[0]}")
                gc.collect()
                memory.append(_resident())
    return memory


def _resident() -> float:
    status = Path("/proc/self/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) / 1024
