"""Strategies for texts that are nearly programs: what a model, a bad file or an attacker might write."""

import json
from pathlib import Path

from hypothesis import strategies as st

LISTED = (Path(__file__).parents[2] / "benchmarks" / "hostile.jsonl").read_text("utf8").split("\n")
PROGRAMS = [json.loads(line)["program"] for line in LISTED if line]
SHORT = [program for program in PROGRAMS if len(program) < 1500]
ODD = [
    "\r",
    "\n",
    "\r\n",
    "\f",
    "\v",
    "\t",
    "\0",
    "\x1a",
    "\x1b",
    "\x1c",
    "\x85",
    "\u2028",
    "\u2029",
    "\ufeff",
    "\u200b",
]
ODD += [
    "\ud800",
    "\udfff",
    "\ud83d\ude00",
    "\U0010ffff",
    "é",
    "ｃ",
    "ﬁ",
    "٣",
    "²",
    "Ⅷ",
    "µ",
    "\u0301",
    "\u202e",
    "\xa0",
    "\u3000",
]
SIGNS = [
    "\\",
    "\\\n",
    "\\\r",
    '"',
    "'",
    '"""',
    "'''",
    "#",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ":",
    ";",
    ",",
    ".",
    "@",
    "=",
    ":=",
]
SIGNS += [
    "->",
    "...",
    "*",
    "**",
    "_",
    "$",
    "?",
    "!",
    "`",
    "0",
    "1.",
    ".5",
    "1e9",
    "0x",
    "1_0",
    "9" * 30,
    "1j",
    "%",
    "//",
    "~",
    " ",
]
WORDS = [
    "def",
    "class",
    "lambda",
    "return",
    "yield",
    "await",
    "async",
    "for",
    "while",
    "if",
    "elif",
    "else",
    "try",
    "except",
    "finally",
    "with",
    "as",
    "match",
    "case",
    "type",
    "import",
    "from",
    "global",
    "nonlocal",
    "del",
    "pass",
    "break",
    "continue",
    "raise",
    "assert",
    "in",
    "is",
    "not",
    "and",
    "or",
    "None",
    "True",
    "False",
    "print",
    "scene",
    "answer",
    "count",
    "metres",
    "choice",
    "Answer",
    "Object",
    "ProgramScene",
    "math",
    "re",
    "typing",
    "self",
    "x",
    "_",
    "__x__",
    "_scenes",
    "_answers",
    "isinstance",
    "str",
    "int",
    "float",
    "list",
    "dict",
    "tuple",
    "set",
    "range",
]
LITERALS = [
    "1" * 4300,
    "0x" + "f" * 400,
    "1e999",
    "1e-999",
    "f'{x!r:>{9}}'",
    'f"{x}"',
    "rb'\\x'",
    "u'a'",
    "'\\N{DASH}'",
]
LITERALS += [
    "'\\ud800'",
    "'\\400'",
    "b'\\xff'",
    "'a' 'b'",
    "'''a\r\nb'''",
    "f'''{\nx}'''",
    "'\\\n'",
    "1if x else 2",
    "x if 1else 2",
]
LINES = [
    "def answer(scene):", "def answer(scene, /):", "def answer(*scene):", "def answer(scene=1):", "async def answer(scene):",
    "@x", "class A(B, metaclass=C):", "match x:", "    case {'a': [y, *z], **w}:", "    case A(b=c) | None if d:", "type X = int",
    "try:", "except* ValueError as e:", "finally:", "with (a as b, c):", "# -*- coding: rot13 -*-", "# coding: utf-16",
    "#!/usr/bin/env python", "from __future__ import annotations", "from __future__ import braces", "import math as m, re",
    "    return count(1)", "    return metres(scene.distance(*scene.objects[:2]))", "    if (n := 3) > 2: pass", "x: 'int' = 3",
    "lambda: (yield)", "    for i, in []: continue", "\tx = 1", "  \f  y = 2", "\fdef answer(scene): return count(1)", "del x, y",
    "x = [*a, *b]", "x = {**a, 'b': c}", "x = (yield)", "x = a if b else c", "x = not a < b <= c is not d", "print(x, end='')",
    "def f[T](x: T) -> T: return x", "class D[T: int]: y: T", "global x", "nonlocal x", "assert (x, 'y')", "x is 1", "'\\d'", "1()",
]  # fmt: skip
token = st.sampled_from(WORDS) | st.sampled_from(SIGNS) | st.sampled_from(ODD) | st.sampled_from(LITERALS)
loose = st.lists(token | st.text(max_size=5), max_size=30).map("".join)
spaced = st.lists(token, max_size=30).map(" ".join)
line = (
    st.sampled_from(LINES)
    | loose
    | spaced
    | st.builds(" ".join, st.lists(st.sampled_from(WORDS), max_size=6))
)
end = st.sampled_from(["\n", "\r", "\r\n", "\n\n", "\n    ", "\r\t", "\f\n", "; "])


@st.composite
def written(draw):
    """Lines that occur in programs, more or less in order, ended in every way."""
    return "".join(draw(st.lists(st.tuples(line, end).map("".join), max_size=12)))


@st.composite
def damaged(draw):
    """A listed program with a few pieces cut out, put in, doubled or moved."""
    text = draw(st.sampled_from(SHORT))
    for _ in range(draw(st.integers(0, 6))):
        here, there = sorted(draw(st.tuples(*[st.integers(0, len(text))] * 2)))
        there = min(there, here + draw(st.integers(0, 40)))
        piece = draw(st.sampled_from(["", text[here:there] * 2, text[here:there][::-1]]) | token | line)
        text = text[:here] + piece + text[there:]
    return draw(end).join(text.split("\n")) if draw(st.booleans()) else text


@st.composite
def nested(draw):
    """The same pieces again and again, as deep or as long as a program may be."""
    opening, closing = draw(st.lists(token | line, min_size=1, max_size=3)), draw(st.lists(token, max_size=2))
    number = draw(st.sampled_from([2, 7, 8, 9, 20, 50, 99, 100, 101, 200, 400, 1000, 6000]))
    middle = draw(loose)
    if draw(st.booleans()):
        blocks = "".join(" " * (depth % 300) + opening[0] + "\n" for depth in range(number))
        return (blocks + " " * number + middle)[:20_000]
    return ("".join(opening) * number + middle + "".join(closing) * number)[:20_000]


texts = written() | damaged() | nested() | loose | st.text(max_size=200)
