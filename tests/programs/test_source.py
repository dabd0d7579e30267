import ast

import pytest

from lightning_ouro.programs.source import canonical, identity, parse, quoted


def test_comments_layout_and_docstrings_do_not_change_the_identity():
    plain = parse('def answer(scene):\n    return count(scene.count("chair"))\n')
    dressed = parse(
        '"""Doc."""\n\ndef answer( scene ):\n    "doc"\n    # why\n    return count(scene.count(\'chair\'))'
    )
    assert identity("s", "f", plain) == identity("s", "f", dressed)
    assert len({identity("s", "f", plain), identity("t", "f", plain), identity("s", "g", plain)}) == 3
    assert len(identity("s", "f", plain)) == 16


def test_different_programs_have_different_trees():
    programs = [
        "x = 1",
        "x = 1.0",
        "x = '1'",
        "x = None",
        "x = [1]",
        "x = [[1]]",
        "x: int = 1",
        "def f(a): pass",
        "y = 1",
    ]
    assert len({canonical(parse(program)) for program in programs}) == len(programs)


def test_the_canonical_tree_tells_apart_what_ast_dump_does():
    pairs = [("f(a, b)", "f(a)(b)"), ("a if b else c", "b if a else c"), ("-1", "1"), ("lambda x: x", "lambda: x")]
    for one, other in pairs:
        assert ast.dump(ast.parse(one)) != ast.dump(ast.parse(other))
        assert canonical(parse(one)) != canonical(parse(other))


@pytest.mark.parametrize("program", ["def answer(scene)", "\0", "x = '\ud800'", "(" * 5000, "x" * 30_000, "  x = 1"])
def test_what_does_not_parse_is_told_in_one_line(program):
    problem = parse(program)
    assert isinstance(problem, str)
    assert "\n" not in problem


def test_quoted_texts_are_found_everywhere_but_in_docstrings():
    tree = parse('"""a"""\ndef f(x="B"):\n    """c"""\n    return [y for y in {"d": "e"} if f"{y}g" != "h"]')
    assert quoted(tree) == {"b", "d", "e", "g", "h"}
