"""What a program may not say, and what keeps it from sharing an interpreter."""

import pytest

from lightning_ouro.programs.questions import Failure
from lightning_ouro.programs.source import MAX_DEPTH, MAX_SCOPES, MAX_SOURCE, Source, read

HONEST = 'def answer(scene):\n    return count(scene.count("chair"))\n'


def nested(number):
    """So many functions, each in the one before."""
    return "".join(" " * place + f"def f{place}():\n" for place in range(number)) + " " * number + "pass"


@pytest.mark.parametrize(
    ("reason", "detail", "program"),
    [
        ("syntax", "line 1: ", "def answer(scene)"),
        ("syntax", "line 2: ", 'x = "a"\n  y = 1'),
        ("syntax", "line 3: ", "x = 'a'\n# it's\ny = 'b"),
        ("syntax", "", "\0"),
        ("syntax", "", "x = '\ud800'"),
        ("syntax", "", "x = '\0'"),
        ("syntax", "line 1: ", "x = 'a\rb'"),
        ("syntax", "", "(" * 5000),
        ("syntax", f"line 1: nested more than {MAX_DEPTH} deep", "x = " + "-" * (MAX_DEPTH + 5) + "1"),
        ("syntax", "line 10: functions more than 8 deep", nested(12)),
        ("limit", f"{MAX_SOURCE + 1} characters", "x" * (MAX_SOURCE + 1)),
    ],
    ids=range(11),
)  # fmt: skip
def test_what_cannot_be_read_is_told_in_one_line(reason, detail, program):
    failure = read(program)
    assert failure.reason == reason
    assert detail in failure.detail
    assert "\n" not in failure.detail


def test_functions_may_stand_in_functions_up_to_a_limit():
    assert isinstance(read(nested(MAX_SCOPES)), Source)
    assert isinstance(read(nested(MAX_SCOPES + 1)), Failure)


@pytest.mark.parametrize(
    ("detail", "statement"),
    [
        ("import of os: only math", "import os"),
        ("import of os.path", "import math, os.path as p"),
        ("import of subprocess", "from subprocess import run"),
        ("import of .", "from . import sandbox"),
        ("an import as count", "import math as count"),
        ("an import as __x", "import math as __x"),
        ("an import as _answers", "from math import pi as _answers"),
        ("`global`", "def f():\n    global x"),
        ("eval: not available", "eval('1')"),
        ("open: not available", "o = open"),
        ("getattr: not available", "def getattr(): pass"),
        ("id: not available", "class A:\n    id = 1"),
        ("vars: not available", "f = lambda vars: 1"),
        ("globals: not available", "try:\n    pass\nexcept ValueError as globals:\n    pass"),
        ("__builtins__: names that begin with an underscore are private", "__builtins__"),
        ("_answers: names", "_answers(1, 2)"),
        ("_STRAIGHT: names", "_STRAIGHT.clear()"),
        ("_scenes: names", "_scenes = []"),
        ("_program: names", "def _program(): pass"),
        ("__getattr__: names", "class A:\n    def __getattr__(self, name): pass"),
        ("._counts: names", "scene._counts"),
        (".__class__: names", "().__class__"),
        ("_counts=: names", "ProgramScene(_counts={})"),
        (".count is set: scene, objects and API stay", "ProgramScene.count = None"),
        (".size is set", "thing.size: tuple = ()"),
        (".size is set", "thing.size += 1"),
        (".objects is set", "del scene.objects"),
        (".objects is set", "for scene.objects in []: pass"),
        ("metres belongs to the API", "metres = 1"),
        ("ProgramScene belongs to the API", "class ProgramScene: pass"),
        ("count belongs to the API", "def f():\n    def count(n): pass"),
        ("choice belongs to the API", "del choice"),
        ("metres belongs to the API", "[metres := 1 for _ in []]"),
        ("Object belongs to the API", "match x:\n    case [*Object]: pass"),
        ("private", "match scene:\n    case ProgramScene(_counts=c): pass"),
        ("without the names of its fields", "match scene:\n    case S(a, b): pass"),
    ],
)
def test_forbidden_things_are_told_with_their_line(detail, statement):
    failure = read("x = 'a'\n" + statement)
    assert (failure.reason, detail in failure.detail) == ("forbidden", True)
    line = int(failure.detail.removeprefix("line ").split(":")[0])
    assert 2 <= line <= 2 + statement.count("\n")


@pytest.mark.parametrize(
    "program",
    [
        "import math\nfrom collections import Counter\nfrom dataclasses import dataclass as record",
        "def answer(scene):\n    count = 3\n    _ = 1\n    _own = 2\n    return metres(count)",
        "class A:\n    def set(self, x):\n        self.x = x",
        "match 3:\n    case int(x): pass\n    case ProgramScene(objects=things): pass",
        "def answer(scene): return choice('a', among=['a', 'b'])",
    ],
)
def test_ordinary_things_are_allowed(program):
    assert isinstance(read(program), Source)


@pytest.mark.parametrize(
    "addition",
    [
        "x = str(answer)",
        "x = f'{answer}'",
        "x = '{}'.format(answer)",
        "x = '%s' % answer",
        "s = repr",
        "len = max",
        "def sum(x): pass",
        "def f():\n    try:\n        f()\n    except RecursionError:\n        pass",
        "class A:\n    def set(self):\n        self.x = 1",
        'x = """\n"""',
        "if True: pass",
        "for x in []: pass",
        "del answer",
        "\f",
    ],
)
def test_what_could_outlive_a_program_or_tell_of_others_is_not_closed(addition):
    assert read(HONEST).is_closed
    assert not read(HONEST + addition).is_closed
