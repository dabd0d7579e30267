"""One walk over a program's syntax tree: whether it does anything forbidden, and whether it is closed.

A program is *closed* if nothing that it binds can outlive it once it stands inside a function, and nothing
else in the interpreter can affect its answer; closed programs may share an interpreter. The API's data are
frozen, which leaves attributes that are set, strings that change when they are indented, addresses in the
text of objects, a stack that is caught overflowing, and builtins that a program calls before it redefines
their names.
"""

from __future__ import annotations

import ast
import builtins
from typing import final

from lightning_ouro.plain_text import lower_case
from lightning_ouro.programs.forbidden import find_forbidden
from lightning_ouro.programs.questions import Failure

MAX_DEPTH = 100  # of the syntax tree; what recurses over it stays far below Python's own limit
MAX_SCOPES = 8  # nested functions; each level more than doubles the type checker's effort

ASKING = frozenset(("is_straight", "path"))  # what a scene answers from tables that few programs need

_DOCUMENTED = (ast.Module, ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)
_PLAIN = (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign, ast.Expr)
_TEXTS = frozenset(("str", "repr", "ascii", "format", "type"))
_BUILTINS = frozenset(dir(builtins))
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


@final
class Survey:
    """What a walk over a tree has found so far.

    Attributes:
        is_general: Whether no string in it can name a type or is made of several.
        is_closed: Whether the program may share an interpreter.
        quoted: All strings but docstrings, in lower case.
        asks: Which of `ASKING` it names.
    """

    def __init__(self) -> None:
        self.is_general = True
        self.is_closed = True
        self.quoted: set[str] = set()
        self.asks: set[str] = set()

    def walk(self, tree: ast.Module) -> Failure | None:
        """Walks over the tree, removes its docstrings, and returns the first thing that is forbidden."""
        self.is_closed = all(isinstance(node, _PLAIN) for node in tree.body)
        stack: list[tuple[ast.AST, int, int]] = [(tree, 0, 0)]
        while stack:
            node, depth, scopes = stack.pop()
            problem = _too_deep(node, depth, scopes) or _forbidden(node, scopes)
            if problem is not None:
                return problem
            if isinstance(node, _DOCUMENTED) and _has_docstring(node):
                node.body = node.body[1:]
            self._note(node)
            inside = scopes + isinstance(node, _SCOPES)
            stack += [(child, depth + 1, inside) for child in ast.iter_child_nodes(node)]
        return None

    def _note(self, node: ast.AST) -> None:
        if isinstance(node, ast.Attribute):
            self.asks |= ASKING & {node.attr}
        elif isinstance(node, ast.MatchClass):
            self.asks |= ASKING & set(node.kwd_attrs)
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            self.quoted.add(lower_case(node.value))
            # Adjacent strings are one, so that their placeholder would hold two numbers.
            self.is_general &= node.value.count("\N{SECTION SIGN}") in (0, 2)
        elif _names_types(node):
            self.is_general = False
        if (
            isinstance(node, ast.Nonlocal)
            or (isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load))
            or _depends_on_others(node)
        ):
            self.is_closed = False
        elif isinstance(node, (ast.Constant, ast.JoinedStr)) and node.end_lineno != node.lineno:
            self.is_closed = False  # a string of several lines would be indented too


def _too_deep(node: ast.AST, depth: int, scopes: int) -> Failure | None:
    if depth <= MAX_DEPTH and scopes <= MAX_SCOPES:
        return None
    what = f"nested more than {MAX_DEPTH}" if depth > MAX_DEPTH else f"functions more than {MAX_SCOPES}"
    return Failure("syntax", f"line {getattr(node, 'lineno', 1)}: {what} deep")


def _forbidden(node: ast.AST, scopes: int) -> Failure | None:
    problem = find_forbidden(node, at_top=scopes == 0)
    if problem is None:
        return None
    return Failure("forbidden", f"line {getattr(node, 'lineno', 1)}: {problem}")


def _names_types(node: ast.AST) -> bool:
    """Whether strings may name types here: in annotations, and in what typing and collections create."""
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        names = [getattr(node, "module", None) or "", *(alias.name for alias in node.names)]
        return bool({"typing", "collections"} & {name.split(".")[0] for name in names})
    annotations = [getattr(node, field, None) for field in ("annotation", "returns")]
    inner = (part for annotation in annotations if annotation is not None for part in ast.walk(annotation))
    return any(isinstance(part, ast.Constant) and isinstance(part.value, str) for part in inner)


def _depends_on_others(node: ast.AST) -> bool:
    """Whether an answer may depend on what else is in the interpreter: addresses, the stack, a name."""
    match node:
        case ast.Try() | ast.TryStar() | ast.JoinedStr() | ast.Attribute(attr="format"):
            return True
        case ast.BinOp(op=ast.Mod(), right=right):
            return not isinstance(right, ast.Constant)
        case ast.Name(id=name, ctx=context):
            return name in _TEXTS or (name in _BUILTINS and not isinstance(context, ast.Load))
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.alias(asname=name):
            return name in _BUILTINS
    return False


def _has_docstring(node: ast.Module | ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef) -> bool:
    first = node.body[0] if node.body else None
    return (
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and isinstance(first.value.value, str)
    )
