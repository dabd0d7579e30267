import ast
import os
import signal
import threading
from pathlib import Path

import pytest

from lightning_ouro.programs import prelude
from lightning_ouro.programs.answers import Answer
from lightning_ouro.programs.sandbox import MAX_SOURCE, Sandbox
from lightning_ouro.programs.world import jittered, world

HONEST = "def answer(scene):\n    return count(scene.count('chair'))\n"


@pytest.fixture(scope="module")
def loaded(make_scene, sandbox):
    chairs = [("chair", (2 * i, 0, 0), (0.5, 0.6, 0.9)) for i in range(3)]
    return sandbox.load([world(make_scene([*chairs, ("sofa", (0, 3, 0), (2, 1, 1))]))] * 3)


def returning(expression):
    return f"def answer(scene):\n    return {expression}\n"


@pytest.mark.parametrize(
    ("reason", "program", "detail"),
    [
        ("syntax", "def answer(scene)\n    return 3", "line 1"),
        ("syntax", "def answer(scene):\n    yield 3", "line 2"),
        ("runtime", returning("metres(1 / 0)"), "line 2: ZeroDivisionError"),
        ("runtime", returning("metres(scene.unique('chair').longest_side)"), "line 2: ValueError: the scene has 3 obj"),
        ("runtime", returning("metres(missing)"), "line 2: NameError"),
        ("runtime", "x = 3", "NameError: name 'answer' is not defined"),
        ("runtime", "def answer():\n    return metres(1.0)", "TypeError"),
        ("runtime", returning("open('/etc/passwd')"), "PermissionError"),
        ("runtime", returning("__import__('os').system('ls')"), "line 2"),
        ("runtime", "import socket\n" + HONEST, "ModuleNotFoundError"),
        ("limit", returning("answer(scene)"), "RecursionError"),
        ("limit", returning("count(9 ** 9 ** 9)"), "MemoryError"),
        ("limit", "def answer(scene):\n    x = [1]\n    while True:\n        x = x + x", "MemoryError"),
        ("limit", "#" * (MAX_SOURCE + 1), "characters"),
        ("untyped", returning("3.0"), "float"),
        ("untyped", returning("None"), "NoneType"),
        ("untyped", returning("count(2.5)"), "needs an int"),
        ("untyped", returning("metres('3')"), "needs a number"),
        ("untyped", returning("metres(scene)"), "needs a number"),
        ("untyped", returning("choice('a', among=[1, 2])"), "list of texts"),
        ("untyped", "def _answers(worlds, answer):\n    return [('count', 1, None)]\n" + HONEST, "own functions"),
        ("range", returning("metres(-1.0)"), "0 or less"),
        ("range", returning("count(10 ** 5000)"), "more than"),
        ("range", returning("choice('a\\nb', among=['a\\nb', 'c'])"), "no line"),
        ("range", returning("metres(float('nan'))"), "not finite"),
        ("range", returning("choice('a', among=['b', 'c'])"), "not among"),
    ],
)
def test_failures_are_data_with_line_and_message(sandbox, loaded, reason, program, detail):
    failure = sandbox.run(program, loaded).failure
    assert failure.reason == reason
    assert detail in failure.detail
    assert "\n" not in failure.detail


def test_endless_loops_and_endless_printing_end_at_the_limit(sandbox, loaded):
    program = "def answer(scene):\n    while True:\n        print('x' * 1000)\n"
    assert sandbox.run(program, loaded).failure.reason == "limit"


def test_printing_is_collected_and_does_not_disturb(sandbox, loaded, capfd):
    program = "def answer(scene):\n    print('hello')\n    return count(1)\n"
    assert sandbox.run(program, loaded).answers == (Answer("count", 1),) * 3
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize(
    "program",
    [
        "def answer(scene):\n    scene.objects.clear()\n    return count(1)\n",
        "Scene.count = lambda self, category: 7\n" + HONEST,
        "def count(n):\n    return Answer('count', 99)\n" + HONEST,
        "_worlds.clear()\n" + HONEST,
        "_worlds[0]._counts['chair'] = 12\n" + HONEST,
    ],
)
def test_no_program_changes_what_the_next_one_sees(sandbox, loaded, program):
    sandbox.run(program, loaded)
    assert sandbox.run(HONEST, loaded).answers == (Answer("count", 3),) * 3


def test_clock_and_randomness_give_the_same_answer_every_time(sandbox, loaded):
    program = "import random, time\n" + returning("metres(1 + random.random() + time.time() % 10)")
    assert sandbox.run(program, loaded) == sandbox.run(program, loaded)


def test_a_killed_interpreter_costs_that_program_alone(make_scene):
    with Sandbox() as box:
        loaded = box.load([world(make_scene([("chair", (0, 0, 0), (1, 1, 1))]))])
        with box._pool.checkout() as session:
            pid = session.worker_pid
        threading.Timer(0.5, os.kill, (pid, signal.SIGKILL)).start()
        failure = box.run("def answer(scene):\n    while True:\n        pass\n", loaded).failure
        assert failure.reason == "limit"
        assert "died" in failure.detail
        assert box.run(HONEST, loaded).answers == (Answer("count", 1),)


def test_a_value_out_of_range_in_a_noisy_world_is_no_failure(make_scene, sandbox):
    close = make_scene([("a", (0, 0, 0), (1, 1, 1)), ("b", (1.02, 0, 0), (1, 1, 1))])
    loaded = sandbox.load([world(close), *jittered(close)])
    answers = sandbox.run(returning("metres(scene.distance(scene.unique('a'), scene.unique('b')))"), loaded).answers
    assert answers[0] is not None
    assert None in answers[1:]


def test_cpython_and_the_sandbox_agree_on_the_api(sandbox, room):
    program = (
        "def answer(scene):\n"
        "    sofa, bed, tv = scene.unique('sofa'), scene.unique('bed'), scene.unique('tv')\n"
        "    total = scene.direction(sofa, bed, tv) / 90 + scene.distance(sofa, bed) + scene.floor_area\n"
        "    return metres(total + bed.longest_side + sum(thing.extents[2] for thing in scene.all('chair')))\n"
    )
    plain = world(room).plain()
    names = dict(vars(prelude))
    exec(program, names)
    here = names["answer"](prelude.Scene(**plain))
    assert sandbox.run(program, sandbox.load([world(room)])).answers[0].value == here.value


def test_everything_a_program_may_call_is_documented():
    tree = ast.parse(Path(prelude.__file__).read_text())
    defined = [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
    assert all(ast.get_docstring(node) for node in defined if not node.name.startswith("_"))


def test_a_closed_sandbox_leaves_no_process():
    with Sandbox() as box, box._pool.checkout() as session:
        pid = session.worker_pid
    assert not Path(f"/proc/{pid}").exists() or "Z" in Path(f"/proc/{pid}/stat").read_text().split()[2]
