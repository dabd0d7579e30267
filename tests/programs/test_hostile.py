"""A tenth of the hostile programs, of which `benchmarks/sandbox.py` runs all."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lightning_ouro.programs.answers import TypedAnswer
from lightning_ouro.programs.questions import REASONS
from lightning_ouro.programs.sandbox import LoadedScene, Sandbox
from lightning_ouro.programs.scene_geometry import jittered, scene_geometry
from lightning_ouro.programs.source import Source, read
from lightning_ouro.scenes.types import Views

from .processes import children

LINES = (Path(__file__).parents[2] / "benchmarks" / "hostile.jsonl").read_text("utf8").split("\n")
HOSTILE = [json.loads(line) for line in LINES if line]
ESCAPE = Path("/tmp/lightning_ouro_escape")
ENDLESS = ("loop", "slow", "path-endless", "path-between", "output-print", "output-giant", "typecheck")
HEAVY = (*ENDLESS, "memory", "bigint", "recursion")
NOT_CLOSED = "whatever = str(1)\n"  # makes a program one that shares its interpreter with no other
CANARY = """def answer(scene):
    objects = scene.objects
    apart = sum(scene.distance(objects[0], obj) for obj in objects)
    return metres(apart + scene.count("chair") + len(scene.all("chair")) + math.pi)
"""


@pytest.fixture(scope="module")
def draws(make_scene):
    boxes = [("sofa", (0, 0, 0.4), (2, 0.9, 0.8)), ("lamp", (2.2, -1.2, 0.8), (0.3, 0.3, 1.6))]
    boxes += [("chair", (2 * i - 2, 1.5, 0.45), (0.5, 0.5, 0.9)) for i in range(3)]
    boxes += [("table", (0, 3.2, 0.35), (1, 0.8, 0.7)), ("door", (-3, -1, 1), (0.1, 0.9, 2))]
    scene = make_scene(boxes)
    poses = np.tile(np.eye(4), (2, 1, 1))
    poses[:, :3, :3] = [[1, 0, 0], [0, 0, 1], [0, -1, 0]]
    visibility = np.full((2, len(boxes)), 0.01, np.float32)
    views = Views(np.array([0.0, 4.0]), np.tile(np.eye(3), (2, 1, 1)), poses, visibility)
    return [scene_geometry(scene, views), *jittered(scene, views)]


def is_right(outcome, draws):
    """Whether a canary gave the answers that can be computed here, for each draw."""
    expected = [TypedAnswer("metres", float(draw.distances[0].sum() + 6 + np.pi)) for draw in draws]
    return len(outcome.answers) == len(expected) and all(
        answer is not None and answer.equals(other)
        for answer, other in zip(outcome.answers, expected, strict=True)
    )


def descendants(process="self"):
    below = children(process)
    return below.union(*map(descendants, below))


def descriptors(process="self"):
    """The number of open descriptors of each kind."""
    links = []
    for handle in Path(f"/proc/{process}/fd").iterdir():
        try:
            links.append(str(handle.readlink()).split(":")[0])
        except FileNotFoundError:  # the descriptor of this very listing
            continue
    return Counter(links)


def traces():
    below = descendants()
    inside = Counter()
    for process in below:
        inside |= descriptors(process)
    programs = Counter(str(Path(f"/proc/{process}/exe").readlink()) for process in below)
    files = {*Path("/tmp").glob("*escape*"), *Path.cwd().iterdir()}
    return {"processes": programs, "own": descriptors(), "inside": inside, "files": Counter(map(str, files))}


@pytest.fixture(scope="module")
def box():
    with Sandbox(seconds=2) as box:
        yield box


@pytest.fixture(scope="module")
def loaded(draws):
    return LoadedScene(draws)


@pytest.fixture(scope="module")
def before(box, loaded, draws):
    assert all(is_right(box.run(program, loaded), draws) for program in (CANARY, CANARY + NOT_CLOSED))
    return traces()


@pytest.mark.parametrize(
    "program",
    [
        pytest.param(row["program"], id=row["name"])
        for row in HOSTILE[::10]
        if not row["name"].startswith(ENDLESS)
    ],
)
def test_a_hostile_program_is_contained(box, loaded, draws, before, program):
    first, outcome, last = box.run_all([read(text) for text in (CANARY, program, CANARY)], loaded)
    if outcome.failure is not None:
        assert outcome.failure.reason in REASONS
        assert "\n" not in outcome.failure.detail
    else:
        assert outcome.answers[0].out_of_range() is None
        with Sandbox(seconds=2) as fresh:
            assert fresh.run(program, LoadedScene(draws)) == outcome
    assert all(is_right(canary, draws) for canary in (first, last))
    assert all(is_right(box.run(text, loaded), draws) for text in (CANARY, CANARY + NOT_CLOSED))
    now = traces()
    assert not any(now[kind] - before[kind] for kind in now), {kind: now[kind] - before[kind] for kind in now}
    assert not ESCAPE.exists()


def test_closed_hostile_programs_answer_the_same_with_others_and_alone(box, loaded):
    programs = [read(row["program"]) for row in HOSTILE if not row["name"].startswith(HEAVY)]
    closed = [program for program in programs if isinstance(program, Source) and program.is_closed]
    together = box.run_all(closed, loaded)
    answered = [pair for pair in zip(closed, together, strict=True) if pair[1].answers]
    assert len(answered) > 30
    for program, outcome in answered:
        assert box.run_all([replace(program, is_closed=False)], loaded) == [outcome], program.text


def test_the_order_of_hostile_programs_changes_no_outcome(box, loaded):
    programs = [read(row["program"]) for row in HOSTILE[5::10] if not row["name"].startswith(HEAVY)]
    forwards = box.run_all(programs, loaded)
    assert box.run_all(programs[::-1], loaded)[::-1] == forwards
