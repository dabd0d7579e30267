"""What can be known of a program without running it: that it parses, which names it quotes, and when two are one."""

from __future__ import annotations

import ast
import hashlib

from lightning_ouro.programs.sandbox import MAX_SOURCE


def parse(program: str) -> ast.Module | str:
    """The syntax tree without docstrings, or one line that says why there is none."""
    if len(program) > MAX_SOURCE:
        return f"the program has {len(program)} characters; {MAX_SOURCE} are allowed"
    try:
        tree = ast.parse(program)
    except SyntaxError as error:
        return f"line {error.lineno}: {error.msg}"
    except (ValueError, RecursionError, MemoryError) as error:
        return f"{type(error).__name__}: {error}"
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)) and ast.get_docstring(
            node, clean=False
        ):
            node.body = node.body[1:]
    return tree


def quoted(tree: ast.Module) -> frozenset[str]:
    """Every text that the program quotes, in lower case."""
    return frozenset(
        node.value.casefold()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def identity(scene_id: str, family: str, tree: ast.Module) -> str:
    """A question's id: 16 hexadecimal digits of the hash of scene, family and canonical syntax tree."""
    return hashlib.sha256("\0".join((scene_id, family, canonical(tree))).encode()).hexdigest()[:16]


def canonical(node: object) -> str:
    """The tree in one line; unlike `ast.dump`, the same in every version of Python: empty fields are left out."""
    if isinstance(node, list):
        return f"[{','.join(map(canonical, node))}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = [f"{name}={canonical(value)}" for name, value in ast.iter_fields(node) if value not in (None, [])]
    return f"{type(node).__name__}({','.join(fields)})"
