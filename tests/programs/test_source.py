import ast
import builtins

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lightning_ouro.programs.questions import Failure
from lightning_ouro.programs.source import Source, identity, read

HONEST = 'def answer(scene):\n    return count(scene.count("chair"))\n'


def without_docstrings(text):
    tree = ast.parse(text)
    for node in list(ast.walk(tree)):
        if isinstance(node, (ast.Module, ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                node.body = node.body[1:] if isinstance(first.value.value, str) else node.body
    return tree


def texts_in(tree):
    constants = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return {value.casefold() for value in constants if isinstance(value, str)}


def may_share(text, tree):
    """The survey's definition of a closed program, written independently."""
    plain = (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign, ast.Expr)
    if "\f" in text or "\r" in text or not all(isinstance(node, plain) for node in tree.body):
        return False
    for node in ast.walk(tree):
        if isinstance(node, (ast.Nonlocal, ast.Try, ast.TryStar, ast.JoinedStr)):
            return False
        if isinstance(node, ast.Attribute) and (node.attr == "format" or not isinstance(node.ctx, ast.Load)):
            return False
        if isinstance(node, ast.Constant) and node.lineno != node.end_lineno:
            return False
        if (
            isinstance(node, ast.BinOp)
            and isinstance(node.op, ast.Mod)
            and not isinstance(node.right, ast.Constant)
        ):
            return False
        if isinstance(node, ast.Name) and node.id in {"str", "repr", "ascii", "format", "type"}:
            return False
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load) and hasattr(builtins, node.id):
            return False
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and hasattr(builtins, node.name):
            return False
        if isinstance(node, ast.alias) and node.asname and hasattr(builtins, node.asname):
            return False
    return True


# Whole expressions, and fragments that begin, end or hide others when they are joined.
PARTS = [
    '"chair"', "'sofa'", '"it\'s"', "'a\"b'", '""', "''", '"a" "b"', '"a""b"', "'x' \"y\"", 'f"{1.5}"', "f'a{\"b\"}'",
    'r"\\d"', 'b"c"', '"\\n"', "'\\''", '"""d"""', "'''e\n'''", '"é"', '"\N{SECTION SIGN}0\N{SECTION SIGN}"', '"# no"',
    "0.5", "1.5", "1.50", "00.5", "1.5e3", "1_0.5", "1.5j", ".5", "5.", "x.y", "x[0.5]", "-0.5", "12345670.5", "1e400",
    "1234567000.5", "999999.0", "(0.5)", "1.5.real", "0.5if 1 else 2", 'x if "a"else 0.5', '{"a": 0.5}', '"a"[0]',
    '("a"\n"b")', '("a" # "c"\n"b")', 'lambda: "a"', '"\t"', '"\x0b"', '"\x85"', '"\u2028"', '"\x00"', '"\ud800"',
    '"\r"', '"a\rb"', '"1234567"', "1234567", "str(1)", "x % 2", "x % y", "'%s' % x", "x.format(1)", "[len := 1]",
]  # fmt: skip
LINES = [
    '# a "lone quote', "# it's", '"documented"', "'documented' 'twice'", '"""long\ntext"""', "pass", "# \r0.5",
    'def f():\n    "doc"\n    return "a", 0.5', "class A:\n    'doc'", "import math as len", 'x: "int" = 0.5',
    'def g(a: "str" = "b") -> "c": pass', "\f", 'x = "a\\\nb"', "x = 1 \\\n  + 0.5", "from typing import Any",
    "def h():\n    y = 0\n    def i():\n        nonlocal y", "x.y = 1", "self.z = 0.5", "if x: pass", "def max(): pass",
]  # fmt: skip
part = st.sampled_from(PARTS) | st.text("ab \"'#\\\n\r\f{}0.5,()f\N{SECTION SIGN}", max_size=8)
line = st.sampled_from(LINES) | st.lists(part, min_size=1, max_size=5).map(
    lambda parts: f"x = [{', '.join(parts)}]"
)
programs = st.lists(line | st.lists(part, max_size=3).map("".join), max_size=6).map("\n".join)


@settings(max_examples=1500, deadline=None)
@given(programs)
@example('# \rx = "\N{SECTION SIGN}0\N{SECTION SIGN}"\ny = "chair"')
@example('x = ["*0*"]\n"*0*""*0*"'.replace("*", "\N{SECTION SIGN}"))
@example("x = [1234567000.5j, 0.5]")
@example("x = [1_234_567_000.5, 0.5]")
@example("x = [1.2345670005e9, 0.5]")
@example("x = 1_00.5")
@example("x = ['\f', \"\f\"]")
@pytest.mark.filterwarnings("ignore")  # about escapes and numbers that Python has deprecated
def test_reading_by_the_skeleton_gives_what_the_text_says(text):
    source = read(text)
    try:
        tree = without_docstrings(text.replace("\r\n", "\n"))
    except (SyntaxError, ValueError):
        assert isinstance(source, Failure)
        assert source.reason == "syntax"
        return
    if isinstance(source, Failure):
        assert source.reason == "forbidden"
        return
    assert source.quoted == texts_in(tree)
    assert source.is_closed == may_share(source.text, tree)
    assert source.canonical == spelled(tree)


def spelled(node):
    """A tree in one line without empty fields, so that every version of Python gives the same."""
    match node:
        case list():
            return "[" + ",".join(map(spelled, node)) + "]"
        case ast.AST():
            filled = [(name, getattr(node, name)) for name in node._fields if hasattr(node, name)]
            fields = ",".join(
                f"{name}={spelled(value)}" for name, value in filled if value is not None and value != []
            )
            return f"{type(node).__name__}({fields})"
    return repr(node)


@settings(max_examples=300, deadline=None)
@given(programs, programs)
@pytest.mark.filterwarnings("ignore")
def test_canonical_trees_are_equal_exactly_if_pythons_trees_are(text, other):
    first, second = read(text), read(other)
    if isinstance(first, Source) and isinstance(second, Source):
        trees = [ast.dump(without_docstrings(source.text)) for source in (first, second)]
        assert (first.canonical == second.canonical) == (trees[0] == trees[1])


def test_programs_that_differ_only_in_strings_and_decimals_have_one_skeleton():
    first = read(
        "def answer(scene):\n    return metres(scene.camera(1.5).time + len(scene.all('a b')) * 0.25)\n"
    )
    second = read(
        'def answer(scene):\n    return metres(scene.camera(12.0).time + len(scene.all("it\'s")) * 3.5)\n'
    )
    assert first.skeleton == second.skeleton
    assert first.canonical != second.canonical
    assert (first.quoted, second.quoted) == ({"a b"}, {"it's"})


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ('x = ["a", "a"]', 'x = ["a", "b"]'),
        ("x = [0.5, 0.5]", "x = [0.5, 1.5]"),
        ('x = "a"', "x = 0.5"),
        ("x = 1", "x = 2"),
        ('x: "int" = 3', 'x: "str" = 3'),
        ('def f(a: list["int"]): pass', 'def f(a: list["str"]): pass'),
        ('def f() -> "int": pass', 'def f() -> "str": pass'),
        ('from typing import cast\nx = cast("int", 3)', 'from typing import cast\nx = cast("str", 3)'),
        (
            'import collections as c\nP = c.namedtuple("P", "x")',
            'import collections as c\nP = c.namedtuple("P", "y")',
        ),
        ('x = "" or 3', 'x = "a" or 3'),
        ('x = "a" "b"', 'x = "b" "a"'),
    ],
)
def test_programs_whose_types_may_differ_have_different_skeletons(text, other):
    assert read(text).skeleton != read(other).skeleton


def test_more_than_a_thousand_decimals_stay_apart():
    decimals = [f"0.{number:04d}" for number in range(1, 1200)]
    first, second = (read(f"x = [{', '.join((*decimals, last))}]") for last in ("7.5", "8.5"))
    assert first.skeleton == second.skeleton
    assert first.canonical != second.canonical
    assert "1234567" not in first.canonical


def test_a_string_cannot_pass_for_a_part_of_the_tree():
    pretending = "x = [\"a'),Constant(value='b\"]"
    assert read(pretending).canonical != read('x = ["a", "b"]').canonical


def test_comments_layout_and_docstrings_do_not_change_the_identity():
    plain = read(HONEST)
    dressed = read(
        '"""Doc."""\r\n\ndef answer( scene ):\n    "doc"\n    # why\n    return count(scene.count(\'chair\'))'
    )
    assert identity("s", "f", plain) == identity("s", "f", dressed)
    assert len({identity("s", "f", plain), identity("t", "f", plain), identity("s", "g", plain)}) == 3
    assert len(identity("s", "f", plain)) == 16


def test_a_program_with_windows_line_endings_is_the_same_program():
    assert vars(read(HONEST.replace("\n", "\r\n"))) == vars(read(HONEST))


def test_different_programs_have_different_trees():
    programs = [
        "x = 1",
        "x = 1.0",
        "x = '1'",
        "x = None",
        "x = [1]",
        "x = [[1]]",
        "x: int = 1",
        "y = 1",
        "x = -1",
    ]
    programs += [
        "def f(a): pass",
        "f(a, b)",
        "f(a)(b)",
        "a if b else c",
        "b if a else c",
        "lambda x: x",
        "lambda: x",
    ]
    programs += [f"x = {'9' * 4000}", f"x = 0x{'f' * 5000}", f"x = 0x{'f' * 4999}e"]
    assert len({read(program).canonical for program in programs}) == len(programs)


def test_quoted_strings_are_found_everywhere_but_in_docstrings_and_comments():
    program = (
        '"""a"""\ndef f(x="B"):\n    "c"\n    # "i"\n    return [y for y in {"d": "e"} if f"{y}g" != "h"]'
    )
    assert read(program).quoted == {"b", "d", "e", "g", "h"}
    assert read('"a"\ndef f(x="B"):\n    "c"\n    # "i"\n    return ["D" "e"]').quoted == {"b", "de"}
