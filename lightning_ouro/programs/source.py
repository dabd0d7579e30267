"""What can be known of a program without running it: that it parses, what it may not do, when two are one.

A program is *closed* if nothing that it binds can outlive it once it stands in a function of its own, and nothing else
in the interpreter shows in its answer: programs like that may share an interpreter. The API's data are frozen, so what
is left is attributes that are set, text whose meaning changes when it is indented, addresses in the texts of things, a
stack that is caught running out, and builtins that a program calls before it gives their names another meaning.
"""

from __future__ import annotations

import ast
import builtins
import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache

from lightning_ouro.programs.api import NAMES, PRIVATE
from lightning_ouro.programs.questions import Failure

MAX_SOURCE = 20_000  # characters
MAX_DEPTH = 100  # of the syntax tree; what recurses over it stays far from Python's own limit
MAX_SCOPES = 8  # functions in functions; what the type checker needs more than doubles with each
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
_NOT_FOR_PROGRAMS = """
open eval exec compile input globals locals vars dir getattr setattr delattr hasattr id hash breakpoint
"""
_BANNED = frozenset(_NOT_FOR_PROGRAMS.split())
_LEXEME = re.compile(
    r"#[^\n\r]*"  # comments may hold lone quotes
    # Prefixes, empty and long texts, escapes, and signs that end a text or the program where they stand.
    r"|(?P<odd>\w[\"']|\"\"|''|\"[^\"\\\n]*[\\\r\0\ud800-\udfff]|'[^'\\\n]*[\\\r\0\ud800-\udfff]|\r"
    r"|1234567|(?<!\w)[0-9][0-9.]*[_eE])"  # numbers that could be taken for a place
    r"|(?P<string>\"[^\"\\\n]*\"|'[^'\\\n]*')"
    r"|(?<![\w.])(?P<float>[0-9]+[.][0-9]+)(?![\w.])"
)
_PLACE = re.compile("'\N{SECTION SIGN}([0-9]+)\N{SECTION SIGN}'|1234567([0-9]{3,})[.]5")
_DOCUMENTED = (ast.Module, ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)
_PLAIN = (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign, ast.Expr)
_TEXTS = frozenset(("str", "repr", "ascii", "format", "type"))
_BUILTINS = frozenset(dir(builtins))
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


@dataclass(frozen=True, eq=False)
class Source:
    """A program that parses and does nothing forbidden.

    Attributes:
        text: As it was written, lines ended by a line feed.
        form: The text with its quoted strings and decimals numbered: programs of one form have the same types.
        is_closed: Whether it may share an interpreter with others.
        canonical: Its syntax tree without docstrings in one line, the same however the program is laid out.
        quoted: Every text that it quotes, in lower case.
    """

    text: str
    form: str
    is_closed: bool
    canonical: str
    quoted: frozenset[str]


def read(program: str) -> Source | Failure:
    """Parses a program; a failure says `limit`, `syntax` or `forbidden`, with line and message.

    What does not depend on strings and decimals is looked at once per form: proposers write few forms.
    """
    if len(program) > MAX_SOURCE:
        return Failure("limit", f"the program has {len(program)} characters; {MAX_SOURCE} are allowed")
    text = program.replace("\r\n", "\n")
    form, strings, decimals = _numbered(text)
    frame = _frame(form)
    if not isinstance(frame, Failure) and not frame.is_general:
        form, strings, decimals = text, [], []
        frame = _frame(form)
    if isinstance(frame, Failure):
        return frame
    canonical, quoted = frame.canonical, frame.quoted
    if strings or decimals:

        def put_back(match: re.Match[str]) -> str:
            return repr(strings[int(match[1])]) if match[1] else repr(float(decimals[int(match[2])]))

        canonical = _PLACE.sub(put_back, canonical)
        quoted = frozenset(strings[int(string[1:-1])].casefold() for string in quoted)
    return Source(text, form, frame.is_closed, canonical, quoted)


def _numbered(text: str) -> tuple[str, list[str], list[str]]:
    """The text with strings and decimals as numbers, equal ones alike; as it is where a string is not plain."""
    strings: dict[str, int] = {}
    decimals: dict[str, int] = {}
    parts: list[str] = []
    end = 0
    for match in _LEXEME.finditer(text):
        if match["odd"]:
            return text, [], []
        if match["string"]:
            place = strings.setdefault(match["string"][1:-1], len(strings))
            parts += (text[end : match.start()], f'"\N{SECTION SIGN}{place}\N{SECTION SIGN}"')
            end = match.end()
        elif match["float"]:
            place = decimals.setdefault(match["float"], len(decimals))
            parts += (text[end : match.start()], f"1234567{place:03d}.5")
            end = match.end()
    return "".join((*parts, text[end:])), list(strings), list(decimals)


@dataclass(frozen=True)
class _Frame:
    """What a form says of its programs.

    Attributes:
        is_general: Whether its numbered strings stand for whole texts, and for none that tells a type.
        is_closed: As of a source.
        canonical: As of a source, strings and decimals numbered.
        quoted: As of a source, numbered.
    """

    is_general: bool
    is_closed: bool
    canonical: str
    quoted: frozenset[str]


@lru_cache(maxsize=4096)
def _frame(form: str) -> _Frame | Failure:
    """What a form says, or what is wrong with it."""
    try:
        tree = ast.parse(form)
    except SyntaxError as error:
        return Failure("syntax", f"line {error.lineno}: {error.msg}")
    except (ValueError, RecursionError, MemoryError) as error:
        return Failure("syntax", f"{type(error).__name__}: {error}")
    survey = _Survey()
    problem = survey.walk(tree)
    if problem is not None:
        return problem
    is_closed = survey.is_closed and "\f" not in form and "\r" not in form
    return _Frame(survey.is_general, is_closed, _canonical(tree), frozenset(survey.quoted))


class _Survey:
    """One walk over a tree: what is forbidden, whether it is closed; takes docstrings away."""

    def __init__(self) -> None:
        self.is_general = True
        self.is_closed = True
        self.quoted: set[str] = set()

    def walk(self, tree: ast.Module) -> Failure | None:
        self.is_closed = all(isinstance(node, _PLAIN) for node in tree.body)
        stack: list[tuple[ast.AST, int, int]] = [(tree, 0, 0)]
        while stack:
            node, depth, scopes = stack.pop()
            if depth > MAX_DEPTH or scopes > MAX_SCOPES:
                what = (
                    f"nested more than {MAX_DEPTH}"
                    if depth > MAX_DEPTH
                    else f"functions more than {MAX_SCOPES}"
                )
                return Failure("syntax", f"line {getattr(node, 'lineno', 1)}: {what} deep")
            problem = _forbidden(node, at_top=scopes == 0)
            if problem is not None:
                return Failure("forbidden", f"line {getattr(node, 'lineno', 1)}: {problem}")
            if isinstance(node, _DOCUMENTED) and _has_docstring(node):
                node.body = node.body[1:]
            self._note(node)
            inside = scopes + isinstance(node, _SCOPES)
            stack += [(child, depth + 1, inside) for child in ast.iter_child_nodes(node)]
        return None

    def _note(self, node: ast.AST) -> None:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            self.quoted.add(node.value.casefold())
            # Texts that follow each other are one; their form would hold two numbers.
            self.is_general &= node.value.count("\N{SECTION SIGN}") in (0, 2)
        elif _names_types(node):
            self.is_general = False
        if (
            isinstance(node, ast.Nonlocal)
            or (isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load))
            or _tells_of_others(node)
        ):
            self.is_closed = False
        elif isinstance(node, (ast.Constant, ast.JoinedStr)) and node.end_lineno != node.lineno:
            self.is_closed = False  # a text of several lines would be indented too


def _names_types(node: ast.AST) -> bool:
    """Whether texts may name types here: in annotations, and in what typing and collections make."""
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        names = [getattr(node, "module", None) or "", *(alias.name for alias in node.names)]
        return bool({"typing", "collections"} & {name.split(".")[0] for name in names})
    notes = [getattr(node, field, None) for field in ("annotation", "returns")]
    found = (inner for note in notes if note is not None for inner in ast.walk(note))
    return any(isinstance(inner, ast.Constant) and isinstance(inner.value, str) for inner in found)


def _tells_of_others(node: ast.AST) -> bool:
    """Whether an answer may depend on what else is in the interpreter: addresses in texts, the stack, a name."""
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


def _forbidden(node: ast.AST, at_top: bool) -> str | None:
    """Says what a node does that no program may do."""
    match node:
        case ast.Import(names=names):
            return next((found for name in names if (found := _bad_module(name.name))), None) or _bad_names(
                names
            )
        case ast.ImportFrom(module=module, names=names):
            return _bad_module(module or ".") or _bad_names(names)
        case ast.Global():
            return "`global`: a program keeps nothing between two calls"
        case ast.Name(id=name, ctx=context):
            if at_top and name in NAMES and not isinstance(context, ast.Load):
                return f"{name} belongs to the API and keeps its meaning"
            return _bad_name(name)
        case ast.Attribute(attr=name, value=value, ctx=context):
            if name.startswith("_"):
                return f".{name}: names that begin with an underscore are private"
            if not isinstance(context, ast.Load) and not (isinstance(value, ast.Name) and value.id == "self"):
                return f".{name} is set: scene, objects and API stay as they are"
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return f"{name} belongs to the API and keeps its meaning" if name in NAMES else _bad_name(name)
        case ast.arg(arg=name):
            return _bad_name(name)
        case ast.keyword(arg=str(name)) if name.startswith("_"):
            return f"{name}=: names that begin with an underscore are private"
        case ast.MatchClass(patterns=[_, _, *_]):
            return "a pattern without the names of its fields, of which some are private"
        case ast.MatchClass(kwd_attrs=names) if any(name.startswith("_") for name in names):
            return "a pattern with a name that begins with an underscore, which is private"
        case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)) | ast.ExceptHandler(name=str(name)):
            return f"{name} belongs to the API and keeps its meaning" if name in NAMES else _bad_name(name)
    return None


def _bad_name(name: str) -> str | None:
    if name in _BANNED:
        return f"{name}: not available to programs"
    if name.startswith("__") or name in PRIVATE:
        return f"{name}: names that begin with an underscore are private"
    return None


def _bad_names(aliases: list[ast.alias]) -> str | None:
    bound = (alias.asname or alias.name for alias in aliases)
    return next(
        (f"an import as {name}, which has a meaning" for name in bound if name in NAMES or _bad_name(name)),
        None,
    )


def _bad_module(name: str) -> str | None:
    if name.split(".")[0] in MODULES:
        return None
    return f"import of {name}: only {', '.join(MODULES[:-1])} may be imported"


def _has_docstring(node: ast.Module | ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef) -> bool:
    first = node.body[0] if node.body else None
    return (
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and isinstance(first.value.value, str)
    )


def identity(scene_id: str, family: str, source: Source) -> str:
    """A question's id: 16 hexadecimal digits of the hash of scene, family and the program's canonical syntax tree."""
    return hashlib.sha256("\0".join((scene_id, family, source.canonical)).encode()).hexdigest()[:16]


def _canonical(node: object) -> str:
    """The tree in one line; unlike `ast.dump`, the same in every version of Python: empty fields are left out."""
    if isinstance(node, list):
        return f"[{','.join(map(_canonical, node))}]"
    if not isinstance(node, ast.AST):
        # Python refuses to write integers of more than 4300 digits in decimals.
        return hex(node) if isinstance(node, int) and node.bit_length() > 10_000 else repr(node)
    fields = [
        f"{name}={_canonical(value)}" for name, value in ast.iter_fields(node) if value not in (None, [])
    ]
    return f"{type(node).__name__}({','.join(fields)})"
