import json
from pathlib import Path

import pytest

from lightning_ouro.programs.source import Source, read
from lightning_ouro.programs.type_check import TypeChecker
from lightning_ouro.programs.workers import Workers

HONEST = 'def answer(scene):\n    return count(scene.count("chair"))\n'
HOSTILE = Path(__file__).parents[2] / "benchmarks" / "hostile.jsonl"


class Spy:
    """Workers that count their checks."""

    def __init__(self, workers):
        self.workers = workers
        self.checks = 0

    def session(self, set_up, **options):
        self.checks += 1
        return self.workers.session(set_up, **options)


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
    checker = TypeChecker(spy)
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
    lines = HOSTILE.read_text("utf8").splitlines()[::6]
    parsed = [read(json.loads(line)["program"]) for line in lines]
    sources = [source for source in parsed if isinstance(source, Source)]
    together = TypeChecker(workers).check(sources)
    alone = [TypeChecker(workers).check([source])[0] for source in sources]
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


def test_a_check_that_breaks_down_fails_only_the_culprit():
    workers = Workers(processes=1, reply_seconds=1)
    checker = TypeChecker(Hanging(workers))
    programs = [HONEST.replace("chair", name) + f"y = {number}\n" for number, name in enumerate("abc")]
    programs.insert(1, "culprit = 1\n" + HONEST)
    verdicts = checker.check([read(program) for program in programs])
    workers.close()
    assert [failure is None for failure in verdicts] == [True, False, True, True]
    assert verdicts[1].reason == "limit"
    assert "the type check gave up" in verdicts[1].detail


class Hanging(Spy):
    """Workers whose checker never finishes with a culprit, as with deeply nested functions."""

    def session(self, set_up, **options):
        return Session(self.workers.session(set_up, **options))


class Session:
    def __init__(self, session):
        self.session = session

    def __enter__(self):
        self.opened = self.session.__enter__()
        return self

    def __exit__(self, *error):
        return self.session.__exit__(*error)

    def feed_run(self, text):
        nested = "".join(" " * depth + f"def f{depth}():\n" for depth in range(1, 40)) + " " * 40 + "pass\n"
        return self.opened.feed_run(text + (nested if "culprit" in text else ""))
