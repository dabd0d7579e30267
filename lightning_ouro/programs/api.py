"""The API as text: what the sandbox runs, and the stub that programs are checked against and models read."""

from __future__ import annotations

import ast
import builtins
from pathlib import Path

from lightning_ouro.programs import prelude

PRELUDE = Path(prelude.__file__).read_text(encoding="utf-8")


# `import math as math` is how a stub passes a name on; many models forget to import math.
_INTRODUCTION = '''"""What a program can use.

A program is Python that defines `answer(scene)` and returns count(), centimetres(), metres(), square_metres() or
choice(), unrounded. It may import math, itertools, functools, collections, dataclasses, typing, bisect and re; it reads
no file, uses no randomness, keeps nothing between two calls, and names only categories that its question names.
"""

import math as math
from dataclasses import dataclass
'''


def _is_public(name: str) -> bool:
    return not name.startswith("_")


def _outline(node: ast.stmt) -> ast.stmt | None:
    """A statement as it appears in the stub, or None if it is private."""
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return node if _is_public(node.target.id) else None
    if isinstance(node, ast.FunctionDef) and _is_public(node.name):
        node.body = [node.body[0], ast.Expr(ast.Constant(...))]
        return node
    if isinstance(node, ast.ClassDef) and _is_public(node.name):
        members = [member for child in node.body[1:] if (member := _outline(child)) is not None]
        node.body = [node.body[0], *members]
        return node
    return None


def _stub() -> str:
    tree = ast.parse(PRELUDE)
    tree.body = [outline for node in tree.body if (outline := _outline(node)) is not None]
    return f"{_INTRODUCTION}\n{ast.unparse(ast.fix_missing_locations(tree))}\n"


STUB = _stub()
NAMES = frozenset(
    node.name for node in ast.parse(STUB).body if isinstance(node, (ast.FunctionDef, ast.ClassDef))
)
"""What the API defines. A program must not redefine any of it."""
PRIVATE = frozenset(
    node.name
    for node in ast.parse(PRELUDE).body
    if isinstance(node, ast.FunctionDef) and not _is_public(node.name)
) | {"_STRAIGHT", "_PATHS", "_scenes", "_program", "_given"}
"""What the sandbox itself uses. A program must not name any of it."""
_AFTERWARDS = ("_attempt", "_answers", "_answer")  # what the sandbox calls once a program is defined
KEPT = frozenset(
    name.id
    for node in ast.parse(PRELUDE).body
    if isinstance(node, ast.FunctionDef) and node.name in _AFTERWARDS
    for name in ast.walk(node)
    if isinstance(name, ast.Name) and hasattr(builtins, name.id)
)
"""The builtins that the sandbox needs once a program is defined. No module may redefine any of them."""
