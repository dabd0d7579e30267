import dataclasses
import time

import pytest

from lightning_ouro.programs import source
from lightning_ouro.programs.answers import TypedAnswer
from lightning_ouro.programs.sandbox import TOGETHER, LoadedScene, Sandbox
from lightning_ouro.programs.scene_geometry import jittered, scene_geometry

HONEST = "def answer(scene):\n    return count(scene.count('chair'))\n"
NOT_CLOSED = "whatever = str(1)\n"  # makes a program one that shares its interpreter with no other
LONE = HONEST + NOT_CLOSED
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


ALL_PAIRS = """def answer(scene):
    ways, corners, apart = 0, 0, 0.0
    for a in scene.objects:
        for b in scene.objects:
            apart += scene.distance(a, b)
            ways += scene.is_straight(a, b)
            try:
                corners += len(scene.path(a, b))
            except ValueError:
                pass
    return count((ways + corners + int(apart)) % 1000)
"""


@pytest.fixture(scope="module")
def patient():
    """A sandbox for programs that take a second, in case ten processes share the core."""
    with Sandbox(seconds=30) as box:
        yield box


@pytest.fixture
def unhurried_check(monkeypatch):
    """Type checks have time, even where programs have little."""
    monkeypatch.setattr("lightning_ouro.programs.sandbox.LEAST_CHECK", 20.0)


@pytest.fixture(scope="module")
def crowded(make_scene):
    """Fifty boxes in rows of ten, with walls between them."""
    boxes = [("box", (1.4 * (i % 10), 1.6 * (i // 10), 0.4), (0.5, 0.6, 0.8)) for i in range(46)]
    walls = [("wall", (3 + 2.8 * i, 0.8 + 1.6 * i, 1), (5, 0.1, 2)) for i in range(4)]
    scene = make_scene([*boxes, *walls], floor_area=200.0)
    return [scene_geometry(scene), *jittered(scene)]


def test_a_program_may_ask_for_all_ways_between_fifty_objects(patient, crowded):
    programs = [source.read(ALL_PAIRS + ending) for ending in ("", NOT_CLOSED)]
    outcomes = patient.run_all(programs, LoadedScene(crowded))
    assert outcomes[0].failure is None
    assert outcomes[0] == outcomes[1]
    assert len({answer.value for answer in outcomes[0].answers}) > 1


@pytest.mark.parametrize("ending", ["", NOT_CLOSED])
@pytest.mark.parametrize("again", [1, 10**6])
def test_time_for_the_ways_counts_towards_a_programs_limit(crowded, ending, again):
    program, took = (
        ALL_PAIRS.replace("    for a", f"    for _ in range({again}):\n     for a", 1) + ending,
        [],
    )
    with Sandbox(seconds=0.5) as box:
        box.run(HONEST, LoadedScene(crowded[:1]))
        for _ in range(4):  # a test may share its core
            started = time.monotonic()
            failure = box.run(program, LoadedScene(crowded)).failure
            took.append(time.monotonic() - started)
            assert failure is None or failure.reason == "limit"
    assert min(took) < 1


def test_only_programs_that_ask_for_ways_fail_in_a_scene_too_large_for_them(sandbox, crowded, monkeypatch):
    monkeypatch.setattr("lightning_ouro.programs.ways.MOST_OBJECTS", 49)
    asking = "def answer(scene):\n    return count(1 + scene.is_straight(*scene.objects[:2]))\n"
    boxes = "def answer(scene):\n    return count(len(scene.all('box')))\n"
    programs = [source.read(text) for text in (asking, boxes, asking + NOT_CLOSED)]
    refused, answered, too = sandbox.run_all(programs, LoadedScene(crowded[:1]))
    assert refused.failure == too.failure
    assert (refused.failure.reason, "50 objects" in refused.failure.detail) == ("limit", True)
    assert answered.answers == (TypedAnswer("count", 46),)


def test_errors_of_programs_that_ask_for_ways_name_their_line(sandbox, crowded):
    program = (
        "x = 1\n\ndef answer(scene):\n    scene.is_straight(*scene.objects[:2])\n    return count([][0])\n"
    )
    assert sandbox.run(program, LoadedScene(crowded[:1])).failure.detail.startswith("line 5: IndexError")


def test_programs_that_ask_for_ways_and_others_may_alternate(patient, crowded):
    loaded = LoadedScene(crowded[:2])
    asking = (
        "def answer(scene):\n    return count(1 + scene.is_straight(scene.objects[0], scene.objects[1]))\n"
    )
    walking = "def answer(scene):\n    return count(len(scene.path(scene.objects[0], scene.objects[1])))\n"
    boxes = "def answer(scene):\n    return count(len(scene.all('box')))\n"
    programs = [asking, boxes, walking, asking + NOT_CLOSED, boxes + NOT_CLOSED, walking + NOT_CLOSED]
    for _ in range(2):
        outcomes = patient.run_all([source.read(program) for program in programs], loaded)
        assert [outcome.answers[0].value for outcome in outcomes] == [2, 46, 2] * 2


@pytest.mark.parametrize("missing", ["path", "is_straight"])
def test_ways_are_there_however_they_are_called(patient, crowded, missing):
    loaded = LoadedScene(crowded[:2])
    program = (
        "from typing import Any\ndef answer(scene):\n    s: Any = scene\n    match s:\n"
        f"        case ProgramScene({missing}=ask):\n            return count(1 + (not not ask(s.objects[0], s.objects[1])))\n"
    )
    assert [answer.value for answer in patient.run(program, loaded).answers] == [2, 2]


@pytest.mark.parametrize("ending", ["", NOT_CLOSED])
@pytest.mark.parametrize("endless", [ENDLESS, ENDLESS.replace("pass", "print('x' * 1000)")])
def test_endless_programs_end_at_the_limit_and_cost_no_other(scene, endless, ending, unhurried_check):
    with Sandbox(seconds=0.2) as box:
        loaded = LoadedScene([scene_geometry(scene)])
        outcomes = box.run_all(
            [source.read(program) for program in (HONEST, endless + ending, HONEST)], loaded
        )
        assert outcomes[1].failure.reason == "limit"
        assert [outcome.answers for outcome in outcomes[::2]] == [(TypedAnswer("count", 3),)] * 2


def test_printing_is_collected_and_does_no_harm(sandbox, loaded, capfd):
    program = "def answer(scene):\n    print('hello')\n    return count(1)\n"
    assert sandbox.run(program, loaded).answers == (TypedAnswer("count", 1),) * 3
    assert capfd.readouterr().out == ""


def test_the_output_of_several_programs_together_fails_none_of_them(sandbox, loaded):
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
# A pattern can take private fields out of an object by their position, and no checker follows `Any`.
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
    before, _, after, alone = sandbox.run_all(programs, loaded)
    assert before.answers == after.answers == alone.answers == (TypedAnswer("count", 3),) * 3
    assert sandbox.run(HONEST, loaded).answers == (TypedAnswer("count", 3),) * 3


def test_closed_programs_share_an_interpreter_and_no_names(sandbox, loaded):
    defining = "chairs = 7\ndef helper():\n    return 7\n" + HONEST
    using = "from typing import Any\ndef answer(scene):\n    helper: Any = None\n    return count(chairs)\n"
    outcomes = sandbox.run_all([source.read(program) for program in (defining, using)], loaded)
    assert outcomes[0].answers == (TypedAnswer("count", 3),) * 3
    assert "chairs" in outcomes[1].failure.detail


@pytest.mark.parametrize("text", [HONEST, LONE])
def test_outcomes_are_in_the_order_of_the_programs(sandbox, loaded, text):
    numbers = range(2 * TOGETHER + 3)
    programs = [source.read(text.replace("scene.count('chair')", str(number))) for number in numbers]
    programs[5] = source.read("oops(")
    programs[TOGETHER + 1] = source.read(returning("count([][1])"))
    outcomes = sandbox.run_all(programs, loaded)
    results = [
        outcome.answers[0].value if outcome.answers else outcome.failure.reason for outcome in outcomes
    ]
    expected = [*numbers]
    expected[5], expected[TOGETHER + 1] = "syntax", "runtime"
    assert results == expected


def test_scenes_may_alternate(sandbox, scene, make_scene, loaded):
    empty = LoadedScene([scene_geometry(make_scene([("sofa", (0, 0, 0), (1, 1, 1))]))])
    for text in (HONEST, LONE):
        answers = [sandbox.run(text, current).answers[0] for current in (loaded, empty, loaded, empty)]
        assert [answer.value for answer in answers] == [3, 0, 3, 0]


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


def test_the_recursion_limit_does_not_depend_on_other_programs(sandbox, loaded):
    program = (
        "def deep(n):\n    try:\n        return deep(n + 1)\n    except RecursionError:\n        return n\n"
        "def answer(scene):\n    return count(deep(0))\n"
    )
    together = sandbox.run_all([source.read(text) for text in (HONEST, program, HONEST)], loaded)
    assert together[1] == sandbox.run(program + NOT_CLOSED, loaded)


def test_a_value_that_is_out_of_range_only_under_noise_is_not_a_failure(make_scene, sandbox):
    close = make_scene([("a", (0, 0, 0), (1, 1, 1)), ("b", (1.02, 0, 0), (1, 1, 1))])
    loaded = LoadedScene([scene_geometry(close), *jittered(close)])
    for ending in ("", NOT_CLOSED):
        program = returning("metres(scene.distance(scene.unique('a'), scene.unique('b')))") + ending
        answers = sandbox.run(program, loaded).answers
        assert answers[0] is not None
        assert None in answers[1:]


def test_a_value_error_only_under_noise_is_not_a_failure_but_others_are(sandbox, scene):
    program = "def answer(scene):\n    if scene.floor_area != 20:\n        raise ValueError('no way')\n    return count(1)\n"
    loaded = LoadedScene([scene_geometry(scene), *jittered(scene, draws=3)])
    assert sandbox.run(program, loaded).answers == (TypedAnswer("count", 1), None, None, None)
    failure = sandbox.run(program.replace("ValueError", "KeyError"), loaded).failure
    assert (failure.reason, "KeyError" in failure.detail) == ("runtime", True)


def test_what_a_choice_is_among_may_differ_from_draw_to_draw(sandbox, scene):
    sizes = ["small", "large", "large", "small", "large"]
    areas = [{"small": 10.0, "large": 30.0}[size] for size in sizes]
    loaded = LoadedScene([dataclasses.replace(scene_geometry(scene), floor_area=area) for area in areas])
    size = "'large' if scene.floor_area > 20 else 'small'"
    program = returning(f"choice({size}, among=[{size}, 'neither'])")
    expected = tuple(TypedAnswer("choice", size, (size, "neither")) for size in sizes)
    for ending in ("", NOT_CLOSED):
        assert sandbox.run(program + ending, loaded).answers == expected
