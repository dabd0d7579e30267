"""What is known about a program without running it: that it parses, what it must not do, and its identity.

Most of this depends only on a program's *skeleton*, its text with string and decimal literals replaced by
numbered placeholders: it is worked out once for each skeleton, because proposers write few of them.
"""

from __future__ import annotations

import ast
import hashlib
import re
import warnings
from dataclasses import dataclass
from functools import lru_cache

from lightning_ouro.plain_text import lower_case
from lightning_ouro.programs.questions import Failure
from lightning_ouro.programs.survey import Survey

MAX_SOURCE = 20_000  # characters; chosen by hand

# Takes time in proportion to the text's length: whatever has been looked at is not looked at again. It begins with
# one set of characters, so that nothing is tried anywhere else.
_LEXEME = re.compile(
    r"[#\"'0-9](?:"
    r"(?<=#)[^\n]*"  # comments may contain single quotes
    # Prefixes, empty and long strings, escapes, characters that end the program, and what could be mistaken
    # for a placeholder.
    r"|(?P<odd>(?<=\w[\"'])|(?<=\")\"|(?<=')'|(?<=\")[^\"\\\n]*[\\\f\0\ud800-\udfff]"
    r"|(?<=')[^'\\\n]*[\\\f\0\ud800-\udfff]|(?<=1)234567)"
    r"|(?P<string>(?<=\")[^\"\\\n]*\"|(?<=')[^'\\\n]*')"
    r"|(?P<number>(?<=[0-9])(?<!\w.)[0-9.]*[_eE]?)"
    r")"
)
_WORD = re.compile(r"[\w.]")
_DECIMAL = re.compile(r"[0-9]+[.][0-9]+")
_PLACEHOLDER = re.compile("'\N{SECTION SIGN}([0-9]+)\N{SECTION SIGN}'|1234567([0-9]{3,})[.]5")


@dataclass(frozen=True, eq=False)
class Source:
    """A program that parses and does nothing forbidden.

    Attributes:
        text: The program as written, with lines ended by line feeds.
        skeleton: The text with strings and decimals numbered; programs with the same skeleton have the same
            types.
        is_closed: Whether it may share an interpreter with other programs; see `survey`.
        asks: Which of `is_straight` and `path` it may call.
        canonical: Its syntax tree without docstrings in one line, independent of the program's layout.
        quoted: Every string literal in it, in lower case.
    """

    text: str
    skeleton: str
    is_closed: bool
    asks: frozenset[str]
    canonical: str
    quoted: frozenset[str]


def read(program: str) -> Source | Failure:
    """Parses a program; a failure has the reason `limit`, `syntax` or `forbidden`, with line and message."""
    if len(program) > MAX_SOURCE:
        return Failure("limit", f"the program has {len(program)} characters; {MAX_SOURCE} are allowed")
    text = program.replace("\r\n", "\n").replace("\r", "\n")  # as Python's tokenizer reads line ends
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
        quoted = frozenset(lower_case(strings[int(string[1:-1])]) for string in quoted)
    return Source(text, skeleton, facts.is_closed, facts.asks, canonical, quoted)


def parse(text: str) -> ast.Module:
    """Python's syntax tree, in silence: it warns of escapes and comparisons that it will not know for ever.

    Raises:
        SyntaxError: The text is no program.
        Exception: The parser's other ways to say so, such as ValueError, RecursionError and MemoryError.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text)


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
        kind, lexeme = match.lastgroup, match[0]
        if kind == "odd" or (kind == "number" and (lexeme[-1] in "_eE" or "1234567" in lexeme)):
            return text, [], []  # also numbers that could be mistaken for a placeholder
        if kind == "string":
            index = strings.setdefault(lexeme[1:-1], len(strings))
            parts += (text[end : match.start()], f'"\N{SECTION SIGN}{index}\N{SECTION SIGN}"')
            end = match.end()
        elif kind == "number" and _is_decimal(text, match):
            index = decimals.setdefault(lexeme, len(decimals))
            parts += (text[end : match.start()], f"1234567{index:03d}.5")
            end = match.end()
    return "".join((*parts, text[end:])), list(strings), list(decimals)


def _is_decimal(text: str, number: re.Match[str]) -> bool:
    """Whether a number is a decimal on its own, and no part of a name, an index or another number."""
    around = text[max(0, number.start() - 1) : number.start()] + text[number.end() : number.end() + 1]
    return _DECIMAL.fullmatch(number[0]) is not None and _WORD.search(around) is None


@dataclass(frozen=True)
class _Facts:
    """What a skeleton says about its programs.

    Attributes:
        is_general: Whether each numbered string stands for a whole string, and for none that names a type.
        is_closed: As for `Source`.
        asks: As for `Source`.
        canonical: As for `Source`, with strings and decimals numbered.
        quoted: As for `Source`, numbered.
    """

    is_general: bool
    is_closed: bool
    asks: frozenset[str]
    canonical: str
    quoted: frozenset[str]


@lru_cache(maxsize=4096)
def _inspect(skeleton: str) -> _Facts | Failure:
    """What a skeleton says, or what is wrong with it."""
    try:
        tree = parse(skeleton)
    except SyntaxError as error:
        return Failure("syntax", f"line {error.lineno or 1}: {error.msg}")
    except Exception as error:  # whatever else the parser says, it says about the program
        return Failure("syntax", f"{type(error).__name__}: {error}")
    survey = Survey()
    problem = survey.walk(tree)
    if problem is not None:
        return problem
    is_closed = survey.is_closed and "\f" not in skeleton
    asks, quoted = frozenset(survey.asks), frozenset(survey.quoted)
    return _Facts(survey.is_general, is_closed, asks, _canonical(tree), quoted)


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
