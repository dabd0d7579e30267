"""What is known about a program without running it: that it parses, what it must not do, and its identity.

Most of this depends only on a program's *skeleton*, its text with string and decimal literals replaced by
numbered placeholders: it is worked out once for each skeleton, because proposers write few of them.
"""

from __future__ import annotations

import ast
import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache

from lightning_ouro.programs.questions import Failure
from lightning_ouro.programs.survey import Survey

MAX_SOURCE = 20_000  # characters; chosen by hand

_LEXEME = re.compile(
    r"#[^\n\r]*"  # comments may contain single quotes
    # Prefixes, empty and long strings, escapes, and characters that end a string or the program.
    r"|(?P<odd>\w[\"']|\"\"|''|\"[^\"\\\n]*[\\\r\f\0\ud800-\udfff]|'[^'\\\n]*[\\\r\f\0\ud800-\udfff]|\r"
    r"|1234567|(?<!\w)[0-9][0-9.]*[_eE])"  # numbers that could be mistaken for a placeholder
    r"|(?P<string>\"[^\"\\\n]*\"|'[^'\\\n]*')"
    r"|(?<![\w.])(?P<float>[0-9]+[.][0-9]+)(?![\w.])"
)
_PLACEHOLDER = re.compile("'\N{SECTION SIGN}([0-9]+)\N{SECTION SIGN}'|1234567([0-9]{3,})[.]5")


@dataclass(frozen=True, eq=False)
class Source:
    """A program that parses and does nothing forbidden.

    Attributes:
        text: The program as written, with lines ended by line feeds.
        skeleton: The text with strings and decimals numbered; programs with the same skeleton have the same
            types.
        is_closed: Whether it may share an interpreter with other programs; see `survey`.
        canonical: Its syntax tree without docstrings in one line, independent of the program's layout.
        quoted: Every string literal in it, in lower case.
    """

    text: str
    skeleton: str
    is_closed: bool
    canonical: str
    quoted: frozenset[str]


def read(program: str) -> Source | Failure:
    """Parses a program; a failure has the reason `limit`, `syntax` or `forbidden`, with line and message."""
    if len(program) > MAX_SOURCE:
        return Failure("limit", f"the program has {len(program)} characters; {MAX_SOURCE} are allowed")
    text = program.replace("\r\n", "\n")
    skeleton, strings, decimals = _numbered(text)
    facts = _inspect(skeleton)
    if not isinstance(facts, Failure) and not facts.is_general:
        skeleton, strings, decimals = text, [], []
        facts = _inspect(skeleton)
    if isinstance(facts, Failure):
        return facts
    canonical, quoted = facts.canonical, facts.quoted
    if strings or decimals:

        def put_back(match: re.Match[str]) -> str:
            return repr(strings[int(match[1])]) if match[1] else repr(float(decimals[int(match[2])]))

        canonical = _PLACEHOLDER.sub(put_back, canonical)
        quoted = frozenset(strings[int(string[1:-1])].casefold() for string in quoted)
    return Source(text, skeleton, facts.is_closed, canonical, quoted)


def identity(scene_id: str, family: str, source: Source) -> str:
    """A question's id: 16 hexadecimal digits hashed from scene, family and the program's canonical tree."""
    return hashlib.sha256("\0".join((scene_id, family, source.canonical)).encode()).hexdigest()[:16]


def _numbered(text: str) -> tuple[str, list[str], list[str]]:
    """The skeleton, its distinct strings and its distinct decimals; the bare text if a literal is odd."""
    strings: dict[str, int] = {}
    decimals: dict[str, int] = {}
    parts: list[str] = []
    end = 0
    for match in _LEXEME.finditer(text):
        if match["odd"]:
            return text, [], []
        if match["string"]:
            number = strings.setdefault(match["string"][1:-1], len(strings))
            parts += (text[end : match.start()], f'"\N{SECTION SIGN}{number}\N{SECTION SIGN}"')
            end = match.end()
        elif match["float"]:
            number = decimals.setdefault(match["float"], len(decimals))
            parts += (text[end : match.start()], f"1234567{number:03d}.5")
            end = match.end()
    return "".join((*parts, text[end:])), list(strings), list(decimals)


@dataclass(frozen=True)
class _Facts:
    """What a skeleton says about its programs.

    Attributes:
        is_general: Whether each numbered string stands for a whole string, and for none that names a type.
        is_closed: As for `Source`.
        canonical: As for `Source`, with strings and decimals numbered.
        quoted: As for `Source`, numbered.
    """

    is_general: bool
    is_closed: bool
    canonical: str
    quoted: frozenset[str]


@lru_cache(maxsize=4096)
def _inspect(skeleton: str) -> _Facts | Failure:
    """What a skeleton says, or what is wrong with it."""
    try:
        tree = ast.parse(skeleton)
    except SyntaxError as error:
        return Failure("syntax", f"line {error.lineno}: {error.msg}")
    except (ValueError, RecursionError, MemoryError) as error:
        return Failure("syntax", f"{type(error).__name__}: {error}")
    survey = Survey()
    problem = survey.walk(tree)
    if problem is not None:
        return problem
    is_closed = survey.is_closed and "\f" not in skeleton and "\r" not in skeleton
    return _Facts(survey.is_general, is_closed, _canonical(tree), frozenset(survey.quoted))


def _canonical(node: object) -> str:
    """The tree in one line, without empty fields: unlike `ast.dump`, the same in every version of Python."""
    if isinstance(node, list):
        return f"[{','.join(map(_canonical, node))}]"
    if not isinstance(node, ast.AST):
        # Python refuses to write integers of more than 4300 digits in decimals.
        return hex(node) if isinstance(node, int) and node.bit_length() > 10_000 else repr(node)
    fields = [
        f"{name}={_canonical(value)}" for name, value in ast.iter_fields(node) if value not in (None, [])
    ]
    return f"{type(node).__name__}({','.join(fields)})"
