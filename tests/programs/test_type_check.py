import json
import resource
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from lightning_ouro.programs.source import Source, read
from lightning_ouro.programs.type_check import TypeChecker
from lightning_ouro.programs.workers import Workers

HONEST = 'def answer(scene):\n    return count(scene.count("chair"))\n'
SECONDS = 10.0  # a test may share its core
HOSTILE = Path(__file__).parents[2] / "benchmarks" / "hostile.jsonl"


class Spy:
    """Workers that count their checks."""

    def __init__(self, workers):
        self.workers = workers
        self.checks = 0

    def session(self, set_up, seconds, **options):
        self.checks += 1
        return self.workers.session(set_up, seconds, **options)


@pytest.fixture(scope="module")
def workers():
    workers = Workers(processes=1, reply_seconds=60)
    yield workers
    workers.close()


@pytest.fixture
def spy(workers):
    return Spy(workers)


@pytest.fixture
def check(spy):
    checker = TypeChecker(spy, SECONDS)
    return lambda *programs: checker.check([read(program) for program in programs])


def returning(expression):
    return f"def answer(scene):\n    return {expression}\n"


@pytest.mark.parametrize(
    ("detail", "program"),
    [
        ("line 2: Argument to function `metres` is incorrect", returning("metres('3')")),
        ("line 2: Argument to function `count` is incorrect", returning("count(2.5)")),
        ("line 2: Object of type `ProgramScene` has no attribute `chairs`", returning("count(scene.chairs)")),
        ("line 2: Object of type `Object` has no attribute `length`", returning("metres(scene.unique('a').length)")),
        ("line 2: No argument provided for required parameter `target`", returning("metres(scene.direction(1, 2))")),
        ("line 2: Name `missing` used when not defined", returning("metres(missing)")),
        ("line 2: Argument to bound method `ProgramScene.count` is incorrect", returning("count(scene.count(3))")),
        ("line 4: ", '"""a\nb"""\n' + returning("metres('3')")),
        ("line 4: ", "# a\r\n\r\n" + returning("metres('3')")),
        ("line 1: ", "x: int = 'a'\n" + HONEST),
        ("line 3: ", "class A:\n    def f(self):\n        return self.g\n" + HONEST),
        ("`answer` used when not defined", "x = 3"),
        ("`def answer() -> ", "def answer():\n    return metres(1.0)"),
        ("Object of type `Literal[3]` is not assignable to `(ProgramScene, /) -> Answer`", "answer = 3"),
        ("`def answer(scene: int) -> Unknown` is not assignable", "def answer(scene: int):\n    return count(scene)"),
    ],
)  # fmt: skip
def test_misuse_of_the_api_is_rejected_with_its_line(check, detail, program):
    (failure,) = check(program)
    assert failure.reason == "type"
    assert detail in failure.detail
    assert "\n" not in failure.detail
    assert "line" in detail or not failure.detail.startswith("line")


@pytest.mark.parametrize(
    "program",
    [
        HONEST,
        "def answer(scene: ProgramScene) -> Answer:\n    return count(1)\n",
        "def answer(place):\n    return count(len(place.objects))\n",
        "def answer(\n    scene\n):\n    return count(1)\n",
        "def answer(scène):\n    return count(len(scène.objects))\n",
        "answer = lambda scene: count(1)\n",
        "def answer(scene, spare=3):\n    return count(spare)\n",
        returning("metres(math.pi)"),
        "def answer(scene):\n    x = None\n    for x in scene.objects:\n        pass\n    return metres(x.height)\n",
        "import re\n" + returning("count(int(re.match('1', '12').group()))"),
        "def answer(scene):\n    sizes = {'a': 1.0}\n    return choice(max(sizes, key=sizes.get), among=list(sizes))\n",
        returning("metres(max(scene.objects, key=lambda thing: thing.height).height)"),
        "def answer(scene):\n    if scene.objects:\n        return count(1)\n",
        returning("count(len(scene.path(scene.objects[0], scene.objects[1])))"),
    ],
)  # fmt: skip
def test_programs_that_might_run_pass(check, program):
    assert check(program) == [None]


def test_names_of_one_program_never_reach_another(check):
    defining = "helper = 3\nclass Thing:\n    pass\nfrom typing import Any as Kind\n" + HONEST
    for name in ("helper", "Thing", "Kind"):
        using = f"def answer(scene):\n    x = {name}\n    return count(1)\n"
        for programs in ((defining, using), (using, defining)):
            verdicts = dict(zip(programs, check(*programs), strict=True))
            assert verdicts[defining] is None
            assert verdicts[using].detail == f"line 2: Name `{name}` used when not defined"


def test_programs_checked_together_get_the_verdict_that_each_gets_alone(workers):
    rows = [json.loads(line) for line in HOSTILE.read_text("utf8").splitlines()[::6]]
    parsed = [read(row["program"]) for row in rows if not row["name"].startswith("typecheck")]  # no bombs
    sources = [source for source in parsed if isinstance(source, Source)]
    together = TypeChecker(workers, SECONDS).check(sources)
    alone = [TypeChecker(workers, SECONDS).check([source])[0] for source in sources]
    assert together == alone
    assert 10 < sum(failure is not None for failure in together) < len(sources) - 10


@pytest.mark.parametrize("order", [1, -1])
def test_syntax_unknown_to_the_checker_harms_no_other_program(check, order):
    odd = [
        "x = 1\n\fy = 2\n" + HONEST,
        "x = 1\ry = 2\r" + HONEST,
        "type X = int\n" + HONEST,
        "async def f(): pass\n" + HONEST,
    ]
    wrong = returning("metres('3')")
    programs = [
        program for program in (HONEST, *odd, wrong, HONEST + "\n") if isinstance(read(program), Source)
    ]
    verdicts = dict(zip(programs, check(*programs[::order])[::order], strict=True))
    assert verdicts[HONEST] is None
    assert verdicts[HONEST + "\n"] is None
    assert verdicts[wrong].detail.startswith("line 2: Argument to function `metres`")


def test_a_skeleton_that_passed_is_not_checked_again(check, spy):
    assert check(HONEST, HONEST.replace("chair", "sofa")) == [None, None]
    assert spy.checks == 1
    assert check(*(HONEST.replace("chair", name) for name in ("bed", "tv"))) == [None, None]
    assert spy.checks == 1
    assert check(HONEST.replace("scene", "place")) == [None]
    assert spy.checks == 2
    assert check() == []
    assert spy.checks == 2


def test_a_skeleton_that_failed_is_reported_in_each_programs_own_words(check):
    programs = [returning(f'count("{word}")') for word in ("chair", "sofa", "chair")]
    details = [failure.detail for failure in check(*programs)]
    assert ["chair" in detail for detail in details] == [True, False, True]
    assert "sofa" in details[1]
    assert [failure.detail for failure in check(*programs)] == details


@pytest.mark.parametrize("program", ['x: "str" = 3\n' + HONEST, returning('metres("" or "3")')])
def test_earlier_programs_change_no_verdict(check, program):
    (before,) = check(program)
    check('x: "int" = 3\n' + HONEST, returning('metres("b" or 3)'), returning('metres("" or 3)'))
    assert check(program) == [before]
    assert before.reason == "type"


def growing(step, is_conditional=False):
    """A program whose types grow with each of 30 lines, as do those of all that the checker never ends."""
    lines = [
        f"    if scene.count('a') > {n}:\n        x = {step}\n" if is_conditional else f"    x = {step}\n"
        for n in range(30)
    ]
    return f"def answer(scene):\n    x = [1]\n{''.join(lines)}    return count(1)\n"


BOMBS = [
    growing("[x, 0.5]", is_conditional=True),
    growing("(x, {x: x})", is_conditional=True),
    growing("list(zip(x, x, x))"),
    growing("[(a, b) for a in x for b in x]"),
]
WRONG = returning("metres('3')")
LIMIT = 4.0  # seconds; with 2 the wrong program ran out of time where others used the machine


@pytest.mark.parametrize("bombs", [1, 4, 15], ids=lambda number: f"{number} bombs")
def test_a_bomb_costs_its_own_verdict_and_a_batch_twice_its_limit(workers, bombs):
    honest = [
        HONEST.replace("chair", name) + f"y{i} = {i}\n" for i, name in enumerate("abcdefghijklmno"[bombs:])
    ]
    hostile = [BOMBS[i % len(BOMBS)] + f"z = {i}\n" for i in range(bombs)]
    programs = [read(program) for program in (*honest[:7], WRONG, *hostile, *honest[7:])]
    checker, started = TypeChecker(workers, LIMIT), time.monotonic()
    verdicts = dict(zip([source.text for source in programs], checker.check(programs), strict=True))
    assert time.monotonic() - started < 2 * LIMIT
    assert [verdicts[program] for program in honest] == [None] * len(honest)
    assert verdicts[WRONG].reason == "type"
    assert {verdicts[program].reason for program in hostile} == {"limit"}
    assert all("the type check gave up" in verdicts[program].detail for program in hostile)


def test_a_large_batch_of_bombs_has_a_share_for_each(workers):
    programs = [read(BOMBS[i % len(BOMBS)] + f"z{i} = {i}\n") for i in range(40)]
    started = time.monotonic()
    verdicts = TypeChecker(workers, 1.0).check(programs)
    assert time.monotonic() - started < 2 * (40 / 20)
    assert {verdict.reason for verdict in verdicts} == {"limit"}


def test_programs_with_the_skeleton_of_a_bomb_cost_nothing(workers):
    checker = TypeChecker(workers, 1.0)
    programs = [read(BOMBS[0].replace("'a'", f"'{name}'")) for name in ("bed", "sofa", "tv")]
    started = time.monotonic()
    assert {verdict.reason for verdict in checker.check(programs)} == {"limit"}
    assert time.monotonic() - started < 2


def test_a_slow_check_is_tried_again_with_the_time_that_others_left(workers):
    programs = [read(HONEST + f"y{i} = {i}\n") for i in range(8)]
    slow = Slow(workers, times=2)  # together, and the first of those that follow
    assert TypeChecker(slow, 2.0).check(programs) == [None] * 8
    assert slow.checks == 1 + 8 + 1
    always = Slow(workers, times=99)
    verdicts = TypeChecker(always, 2.0).check(programs[:2])
    assert [verdict.reason for verdict in verdicts] == ["limit", "limit"]


class Slow(Spy):
    """Workers that are as slow as on a busy machine for the first checks."""

    def __init__(self, workers, times):
        super().__init__(workers)
        self.times = times

    @contextmanager
    def session(self, set_up, seconds, **options):
        with super().session(set_up, seconds, **options) as session:
            yield Session(session) if self.checks <= self.times else session


class Session:
    """A session in which nothing ends in time."""

    def __init__(self, session):
        self.session = session

    def feed_run(self, text):
        return self.session.feed_run("while True:\n    pass\n", skip_type_check=True)


def test_a_check_whose_memory_bursts_is_a_limit():
    workers = Workers(processes=1, reply_seconds=60)
    greedy = Greedy(workers)
    verdicts = TypeChecker(greedy, 2.0).check([read(HONEST)])
    workers.close()
    assert verdicts[0].reason == "limit"


class Greedy(Spy):
    """Workers that may allocate hardly more than they have."""

    @contextmanager
    def session(self, set_up, seconds, **options):
        with super().session(set_up, seconds, **options) as session:
            resource.prlimit(session.worker_pid, resource.RLIMIT_DATA, (8 << 20, 8 << 20))
            yield session


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_lines_are_the_same_whatever_ends_them(check, line_end):
    program = "# one\n# two\n\ndef answer(scene):\n    return metres(scene.wide)\n".replace("\n", line_end)
    (failure,) = check(program)
    assert failure.detail.startswith("line 5: Object of type `ProgramScene` has no attribute `wide`")


@pytest.mark.parametrize("start", ["\f", " \f", "\t\f \f"])
def test_a_form_feed_undoes_the_indentation_before_it(check, start):
    assert check(f"x = 1\n{start}def answer(scene):\n    return count(scene.count('a'))\n") == [None]
    (failure,) = check(f"x = 1\n{start}def answer(scene):\n    return count(scene.wide)\n")
    assert "has no attribute `wide`" in failure.detail
