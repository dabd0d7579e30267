import pytest

from lightning_ouro.programs.source import Source, read


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
        ("isinstance: the sandbox needs what Python means by it", "isinstance = None"),
        ("tuple: the sandbox needs", "def tuple(x): pass"),
        ("type: the sandbox needs", "class type: pass"),
        ("max: the sandbox needs", "for max in []: pass"),
        ("str: the sandbox needs", "[(str := 1) for _ in []]"),
        ("len: the sandbox needs", "try: pass\nexcept ValueError as len: pass"),
        ("float: the sandbox needs", "match 1:\n    case float: pass"),
        ("an import as int, which has a meaning", "from math import pi as int"),
        ("private", "match scene:\n    case ProgramScene(_counts=c): pass"),
        ("without the names of its fields", "match scene:\n    case S(a, b): pass"),
    ],
)
def test_forbidden_statements_are_rejected_with_their_line(detail, statement):
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
        "def answer(scene):\n    max = len = 3\n    return metres(max + len)",
        "match 3:\n    case int(x): pass\n    case ProgramScene(objects=objects): pass",
        "def answer(scene): return choice('a', among=['a', 'b'])",
    ],
)
def test_ordinary_statements_are_allowed(program):
    assert isinstance(read(program), Source)
