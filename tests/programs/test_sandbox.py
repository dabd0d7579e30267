import os
import signal
import threading
from pathlib import Path

import numpy as np
import pytest

from lightning_ouro.programs import prelude, source
from lightning_ouro.programs.answers import TypedAnswer
from lightning_ouro.programs.sandbox import TOGETHER, LoadedScene, Sandbox, _read
from lightning_ouro.programs.scene_geometry import jittered, plain, scene_geometry
from lightning_ouro.scenes.types import Views

HONEST = "def answer(scene):\n    return count(scene.count('chair'))\n"
LONE = HONEST + "whatever = str(1)\n"  # not closed
ENDLESS = "def answer(scene):\n    while True:\n        pass\n"


@pytest.fixture(scope="module")
def scene(make_scene):
    chairs = [("chair", (2 * i, 0, 0), (0.5, 0.6, 0.9)) for i in range(3)]
    return make_scene([*chairs, ("sofa", (0, 3, 0), (2, 1, 1))])


@pytest.fixture(scope="module")
def loaded(scene):
    return LoadedScene([scene_geometry(scene)] * 3)


def returning(expression):
    return f"def answer(scene):\n    return {expression}\n"


def children():
    return {
        int(child)
        for listed in Path("/proc/self/task").glob("*/children")
        for child in listed.read_text().split()
    }


def kill(spared):
    for child in children() - spared:
        os.kill(child, signal.SIGKILL)


@pytest.mark.parametrize(
    ("reason", "program", "detail"),
    [
        ("syntax", "def answer(scene)\n    return 3", "line 1"),
        ("syntax", "def answer(scene):\n    yield 3", "line 2"),
        ("forbidden", returning("open('/etc/passwd')"), "line 2: open"),
        ("forbidden", "import socket\n" + HONEST, "line 1: import of socket"),
        ("type", returning("metres(missing)"), "line 2: Name `missing`"),
        ("type", returning("metres('3')"), "line 2: "),
        ("type", "x = 3", "answer"),
        ("type", "def answer():\n    return metres(1.0)", "answer"),
        ("runtime", returning("metres(1 / (scene.count('chair') - 3))"), "line 2: ZeroDivisionError"),
        (
            "runtime",
            returning("metres(scene.unique('chair').longest_side)"),
            "line 2: ValueError: the scene has 3 obj",
        ),
        ("runtime", "x = 1\n\ny = [][0]\n" + HONEST, "line 3: IndexError"),
        ("runtime", "def f(a):\n    return [][a]\n" + returning("count(f(1))"), "line 2: IndexError"),
        ("limit", returning("answer(scene)"), "RecursionError"),
        ("limit", returning("count(9 ** 9 ** 9)"), "MemoryError"),
        ("limit", "def answer(scene):\n    x = [1]\n    while True:\n        x = x + x", "MemoryError"),
        ("limit", "#" * (source.MAX_SOURCE + 1), "characters"),
        (
            "limit",
            "def answer(scene):\n    while True:\n        scene.path(scene.objects[0], scene.objects[3])\n",
            "suspension limit",
        ),
        ("untyped", "def answer(scene: ProgramScene):\n    return 3.0", "returned float"),
        (
            "untyped",
            "def answer(scene):\n    if not scene.objects:\n        return count(3)",
            "returned NoneType",
        ),
        (
            "untyped",
            "def answer(scene: object):\n    x: list = [2.5]\n    return count(x[0])",
            "needs an int",
        ),
        ("untyped", "x: list = ['3']\n" + returning("metres(x[0])"), "own making|needs a number"),
        (
            "untyped",
            "x: list = [[1, 2]]\n" + returning("choice('a', among=x[0])"),
            "more or other things than short texts",
        ),
        ("untyped", returning("choice('a\\nb', among=['a\\nb', 'c'])"), "short texts"),
        (
            "unrepeatable",
            "n = []\ndef answer(scene):\n    n.append(1)\n    return count(len(n))\n",
            "another answer",
        ),
        ("range", returning("metres(-1.0)"), "0 or less"),
        ("range", returning("count(10 ** 5000)"), "more than"),
        ("range", returning("metres(float('nan'))"), "not finite"),
        ("range", returning("choice('a', among=['b', 'c'])"), "not among"),
        ("range", returning("choice('a', among=['a', 'b ' * 60])"), "plain words"),
    ],
)
def test_failures_are_data_with_line_and_message(sandbox, loaded, reason, program, detail):
    failure = sandbox.run(program, loaded).failure
    assert failure.reason == reason
    assert any(part in failure.detail for part in detail.split("|"))
    assert "\n" not in failure.detail


@pytest.mark.parametrize("ending", ["", "whatever = str(1)\n"])
@pytest.mark.parametrize("endless", [ENDLESS, ENDLESS.replace("pass", "print('x' * 1000)")])
def test_endless_loops_and_endless_printing_end_at_the_limit_and_cost_nobody_else(scene, endless, ending):
    with Sandbox(seconds=0.2) as box:
        loaded = LoadedScene([scene_geometry(scene)])
        outcomes = box.run_all(
            [source.read(program) for program in (HONEST, endless + ending, HONEST)], loaded
        )
        assert outcomes[1].failure.reason == "limit"
        assert [outcome.answers for outcome in outcomes[::2]] == [(TypedAnswer("count", 3),)] * 2


def test_printing_is_collected_and_does_not_disturb(sandbox, loaded, capfd):
    program = "def answer(scene):\n    print('hello')\n    return count(1)\n"
    assert sandbox.run(program, loaded).answers == (TypedAnswer("count", 1),) * 3
    assert capfd.readouterr().out == ""


def test_what_several_programs_print_adds_up_and_still_fails_none(sandbox, loaded):
    program = source.read("def answer(scene):\n    print('x' * 9000)\n    return count(1)\n")
    outcomes = sandbox.run_all([program] * 10, loaded)
    assert [outcome.answers for outcome in outcomes] == [(TypedAnswer("count", 1),) * 3] * 10


ATTEMPTS = [
    "def answer(scene):\n    scene.objects.clear()\n    return count(1)\n",
    "ProgramScene.count = lambda self, category: 7\n" + HONEST,
    "def count(n):\n    return Answer('count', 99)\n" + HONEST,
    "_scenes.clear()\n" + HONEST,
    "_scenes[0]._counts['chair'] = 12\n" + HONEST,
    "_STRAIGHT.clear()\n" + HONEST,
    "import math\nmath.pi = 3\n" + HONEST,
    "def set(self):\n    self.pi = 3\nset(math)\n" + HONEST,
    "from dataclasses import dataclass\ndataclass(eq=False)(Object)\n" + HONEST,
    "len = max = sorted = lambda *x: 1\n" + HONEST,
    "chair = 'table'\nclass A:\n    pass\n" + HONEST,
]
# What a pattern takes out of a thing by position may be private, and there is a type that no checker follows.
ATTEMPTS.append(
    "from typing import Any\n"
    "def inner(scene: Any, kind: Any) -> Any:\n"
    "    match scene:\n"
    "        case kind(a, b, c, d, counts, f, g, h, i):\n"
    "            return counts\n"
    "def answer(scene):\n"
    "    inner(scene, type(scene))['chair'] = 12\n"
    "    return count(12)\n"
)


@pytest.mark.parametrize("program", ATTEMPTS)
def test_no_program_changes_what_the_next_one_sees(sandbox, loaded, program):
    programs = [source.read(text) for text in (HONEST, program, HONEST, LONE)]
    first, _, next_, lone = sandbox.run_all(programs, loaded)
    assert first.answers == next_.answers == lone.answers == (TypedAnswer("count", 3),) * 3
    assert sandbox.run(HONEST, loaded).answers == (TypedAnswer("count", 3),) * 3


def test_closed_programs_share_an_interpreter_and_no_names(sandbox, loaded):
    one = "chairs = 7\ndef helper():\n    return 7\n" + HONEST
    other = "from typing import Any\ndef answer(scene):\n    helper: Any = None\n    return count(chairs)\n"
    outcomes = sandbox.run_all([source.read(program) for program in (one, other)], loaded)
    assert outcomes[0].answers == (TypedAnswer("count", 3),) * 3
    assert "chairs" in outcomes[1].failure.detail


@pytest.mark.parametrize("text", [HONEST, LONE])
def test_outcomes_come_in_the_order_of_the_programs(sandbox, loaded, text):
    numbers = range(2 * TOGETHER + 3)
    programs = [source.read(text.replace("scene.count('chair')", str(number))) for number in numbers]
    programs[5] = source.read("oops(")
    programs[TOGETHER + 1] = source.read(returning("count([][1])"))
    outcomes = sandbox.run_all(programs, loaded)
    given = [outcome.answers[0].value if outcome.answers else outcome.failure.reason for outcome in outcomes]
    wanted = [*numbers]
    wanted[5], wanted[TOGETHER + 1] = "syntax", "runtime"
    assert given == wanted


def test_scenes_may_take_turns(sandbox, scene, make_scene, loaded):
    empty = LoadedScene([scene_geometry(make_scene([("sofa", (0, 0, 0), (1, 1, 1))]))])
    for text in (HONEST, LONE):
        given = [sandbox.run(text, one).answers[0].value for one in (loaded, empty, loaded, empty)]
        assert given == [3, 0, 3, 0]


@pytest.mark.parametrize(
    "expression",
    [
        "count(len(str(answer)) + len(str(scene)))",
        "count(int(''.join([x for x in repr(answer) if x in '0123456789'])[:3]))",
        "count(len('%s' % (answer, )))",
        "count(len('{}'.format(answer)))",
        "count(len(f'{answer}'))",
    ],
)
def test_answers_do_not_depend_on_what_ran_before(sandbox, loaded, expression):
    program = returning(expression)
    first = sandbox.run(program, loaded)
    for number in range(30):
        sandbox.run(f"kept = [[] for _ in range({100 * number})]\n" + HONEST, loaded)
        assert sandbox.run(program, loaded) == first


def test_how_deep_a_program_may_recurse_does_not_depend_on_its_company(sandbox, loaded):
    program = (
        "def deep(n):\n    try:\n        return deep(n + 1)\n    except RecursionError:\n        return n\n"
        "def answer(scene):\n    return count(deep(0))\n"
    )
    together = sandbox.run_all([source.read(text) for text in (HONEST, program, HONEST)], loaded)
    assert together[1] == sandbox.run(program + "whatever = str(1)\n", loaded)


def test_a_killed_interpreter_costs_that_program_alone(scene):
    before = children()
    with Sandbox() as box:
        loaded = LoadedScene([scene_geometry(scene)])
        assert box.run(LONE, loaded).answers
        timer = threading.Timer(0.5, kill, [before])
        timer.start()
        failure = box.run(ENDLESS + "whatever = str(1)\n", loaded).failure
        timer.join()
        assert failure.reason == "limit"
        assert "died" in failure.detail
        assert box.run(LONE, loaded).answers == box.run(HONEST, loaded).answers == (TypedAnswer("count", 3),)


def test_interpreters_killed_between_two_programs_are_replaced(scene):
    before = children()
    with Sandbox() as box:
        loaded = LoadedScene([scene_geometry(scene)])
        assert box.run(HONEST, loaded).answers
        kill(before)
        assert box.run(HONEST, loaded).answers == box.run(LONE, loaded).answers == (TypedAnswer("count", 3),)
        assert len(children() - before) <= 2


def test_a_value_out_of_range_in_a_noisy_reading_is_no_failure(make_scene, sandbox):
    close = make_scene([("a", (0, 0, 0), (1, 1, 1)), ("b", (1.02, 0, 0), (1, 1, 1))])
    loaded = LoadedScene([scene_geometry(close), *jittered(close)])
    for ending in ("", "whatever = str(1)\n"):
        program = returning("metres(scene.distance(scene.unique('a'), scene.unique('b')))") + ending
        answers = sandbox.run(program, loaded).answers
        assert answers[0] is not None
        assert None in answers[1:]


def test_a_way_that_noise_closes_is_no_failure_but_a_missing_thing_is(sandbox, scene):
    program = "def answer(scene):\n    if scene.floor_area != 20:\n        raise ValueError('no way')\n    return count(1)\n"
    loaded = LoadedScene([scene_geometry(scene), *jittered(scene, draws=3)])
    assert sandbox.run(program, loaded).answers == (TypedAnswer("count", 1), None, None, None)
    failure = sandbox.run(program.replace("ValueError", "KeyError"), loaded).failure
    assert (failure.reason, "KeyError" in failure.detail) == ("runtime", True)


@pytest.mark.parametrize("odd", [-1, 4, 1.0, True, "a", None, [], 10**30])
def test_the_host_trusts_no_argument_of_a_program(loaded, odd):
    guide = loaded.host
    for arguments in ((odd, 1), (1, odd)):
        with pytest.raises(ValueError, match="two objects of the scene are needed"):
            guide["_are_straight"](*arguments)
        with pytest.raises(ValueError, match="two objects of the scene are needed"):
            guide["_path"](0, *arguments)
    if odd != 1:
        with pytest.raises(ValueError, match="two objects of the scene are needed"):
            guide["_path"](odd, 0, 1)


def test_cpython_and_the_sandbox_agree_on_the_api(sandbox, room):
    poses = np.tile(np.eye(4), (2, 1, 1))
    poses[:, :3, :3] = [[1, 0, 0], [0, 0, 1], [0, -1, 0]]
    poses[1, :3, 3] = [1, -4, 1.5]
    shown = np.full((2, len(room.objects)), 0.01, np.float32)
    views = Views(np.array([0.0, 4.0]), np.tile(np.eye(3), (2, 1, 1)), poses, shown)
    program = (
        "def answer(scene):\n"
        "    sofa, bed, tv = scene.unique('sofa'), scene.unique('bed'), scene.unique('tv')\n"
        "    first, second = scene.camera(0.0), scene.camera(4.0)\n"
        "    total = scene.direction(sofa, bed, tv) / 90 + scene.distance(sofa, bed) + scene.floor_area\n"
        "    total += sum(scene.motion(first, second)) + scene.turn(first, second) + scene.first_sight('tv')\n"
        "    total += scene.camera_distance(second, bed) + scene.count('chair')\n"
        "    return metres(total + bed.longest_side + sum(thing.extents[2] for thing in scene.all('chair')))\n"
    )
    worlds = [scene_geometry(room, views), *jittered(room, views)]
    names = dict(vars(prelude))
    exec(program, names)
    here = [names["answer"](reading).value for reading in prelude._load(**plain(worlds))]
    assert [answer.value for answer in sandbox.run(program, LoadedScene(worlds)).answers] == here


def test_a_sandbox_has_two_processes_and_a_closed_one_none(scene):
    before = children()
    with Sandbox() as box:
        loaded = LoadedScene([scene_geometry(scene)])
        box.run_all([source.read(text) for text in (HONEST, LONE, returning("count([][1])"))], loaded)
        assert 1 <= len(children() - before) <= 2
    assert children() <= before


def test_nothing_that_comes_back_is_believed():
    row = ("count", 1, None)
    for given in (
        None,
        [],
        [row] * 3,
        [row] * 5,
        [None, row, row, row],
        [("a",)] * 4,
        [3] * 4,
        ["int"] * 4,
        {},
    ):
        assert _read(given, 3).failure.reason == "untyped"
    for last in (None, ("count", 2, None), ("metres", 1, None)):
        assert _read([row, row, row, last], 3).failure.reason == "unrepeatable"
    assert _read([row, None, row, row], 3).answers == (TypedAnswer("count", 1), None, TypedAnswer("count", 1))
