"""What no program may do: import, name or set what could reach the host, the sandbox or another program."""

from __future__ import annotations

import ast

from lightning_ouro.programs.api import KEPT, NAMES, PRIVATE

MODULES = (
    "math",
    "itertools",
    "functools",
    "collections",
    "dataclasses",
    "typing",
    "bisect",
    "re",
    "__future__",
)
_BANNED_BUILTINS = """
open eval exec compile input globals locals vars dir getattr setattr delattr hasattr id hash breakpoint
"""
_BANNED = frozenset(_BANNED_BUILTINS.split())


def find_forbidden(node: ast.AST, at_top: bool) -> str | None:
    """What a node does that no program may do, or None; `at_top` if it is outside of all functions."""
    match node:
        case ast.Import(names=names):
            problems = (_bad_module(name.name) for name in names)
            return next(filter(None, problems), None) or _bad_names(names, at_top)
        case ast.ImportFrom(module=module, names=names):
            return _bad_module(module or ".") or _bad_names(names, at_top)
        case ast.Global():
            return "`global`: a program keeps nothing between two calls"
        case ast.Name(id=name, ctx=context):
            return (at_top and not isinstance(context, ast.Load) and _kept(name, at_top)) or _bad_name(name)
        case ast.Attribute(attr=name, value=value, ctx=context):
            if name.startswith("_"):
                return f".{name}: names that begin with an underscore are private"
            if not isinstance(context, ast.Load) and not (isinstance(value, ast.Name) and value.id == "self"):
                return f".{name} is set: scene, objects and API stay as they are"
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return _kept(name, at_top) or _bad_name(name)
        case ast.arg(arg=name):
            return _bad_name(name)
        case ast.keyword(arg=str(name)) if name.startswith("_"):
            return f"{name}=: names that begin with an underscore are private"
        case ast.MatchClass(patterns=[_, _, *_]):
            return "a pattern without the names of its fields, of which some are private"
        case ast.MatchClass(kwd_attrs=names) if any(name.startswith("_") for name in names):
            return "a pattern with a name that begins with an underscore, which is private"
        case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)) | ast.ExceptHandler(name=str(name)):
            return _kept(name, at_top) or _bad_name(name)
    return None


def _kept(name: str, at_top: bool) -> str | None:
    """Why a name must not be bound."""
    if name in NAMES:
        return f"{name} belongs to the API and keeps its meaning"
    return f"{name}: the sandbox needs what Python means by it" if at_top and name in KEPT else None


def _bad_name(name: str) -> str | None:
    if name in _BANNED:
        return f"{name}: not available to programs"
    if name.startswith("__") or name in PRIVATE:
        return f"{name}: names that begin with an underscore are private"
    return None


def _bad_names(aliases: list[ast.alias], at_top: bool) -> str | None:
    bound = (alias.asname or alias.name for alias in aliases)
    bad = (name for name in bound if _kept(name, at_top) or _bad_name(name))
    return next((f"an import as {name}, which has a meaning" for name in bad), None)


def _bad_module(name: str) -> str | None:
    if name.split(".")[0] in MODULES:
        return None
    return f"import of {name}: only {', '.join(MODULES[:-1])} may be imported"
