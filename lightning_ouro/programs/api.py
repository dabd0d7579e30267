"""The API's text: what the sandbox runs, and the stub that programs are checked against and a model reads."""

from __future__ import annotations

import ast
from pathlib import Path

from lightning_ouro.programs import prelude

PRELUDE = Path(prelude.__file__).read_text(encoding="utf-8")


# A stub gives on only what it imports under the same name; many a model forgets to import math.
_INTRODUCTION = '''"""What a program may use.

A program is Python that defines `answer(scene)` and returns count(), centimetres(), metres(), square_metres() or
choice(), unrounded. It may import math, itertools, functools, collections, dataclasses, typing, bisect and re; it reads
no file, draws nothing by chance, keeps nothing between two calls, and names only categories that its question names.
"""

import math as math
from dataclasses import dataclass
'''


def _public(name: str) -> bool:
    return not name.startswith("_")


def _outline(node: ast.stmt) -> ast.stmt | None:
    """A statement as it stands in a stub, or None where it is private."""
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return node if _public(node.target.id) else None
    if isinstance(node, ast.FunctionDef) and _public(node.name):
        node.body = [node.body[0], ast.Expr(ast.Constant(...))]
        return node
    if isinstance(node, ast.ClassDef) and _public(node.name):
        node.body = [
            node.body[0],
            *(found for child in node.body[1:] if (found := _outline(child)) is not None),
        ]
        return node
    return None


def _stub() -> str:
    tree = ast.parse(PRELUDE)
    tree.body = [found for node in tree.body if (found := _outline(node)) is not None]
    return f"{_INTRODUCTION}\n{ast.unparse(ast.fix_missing_locations(tree))}\n"


STUB = _stub()
NAMES = frozenset(
    node.name for node in ast.parse(STUB).body if isinstance(node, (ast.FunctionDef, ast.ClassDef))
)
"""What the API defines; a program may not define it anew."""
PRIVATE = frozenset(
    node.name
    for node in ast.parse(PRELUDE).body
    if isinstance(node, ast.FunctionDef) and not _public(node.name)
) | {"_path", "_are_straight", "_STRAIGHT", "_scenes", "_program", "_given"}
"""What the sandbox itself calls; a program may not name it."""
