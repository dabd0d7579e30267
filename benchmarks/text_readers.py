"""Everything that reads text that a model or a file wrote, and pieces that such text may be made of.

`fuzz.py` looks for text that one of them cannot take; the tests measure that each takes time in proportion to
the text's length.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from lightning_ouro.evaluation.metrics import score
from lightning_ouro.plain_text import folded, lower_case
from lightning_ouro.programs import source
from lightning_ouro.programs.answers import is_readable, typed_answer
from lightning_ouro.programs.families import FAMILIES, read
from lightning_ouro.programs.families.wording import asks_like, foreign_letter, named
from lightning_ouro.programs.source import Source
from lightning_ouro.programs.type_check import _with_types
from lightning_ouro.proposer.endpoint_replies import complaint, read_reply, without_thoughts
from lightning_ouro.proposer.parsing import fenced_program, parse
from lightning_ouro.proposer.short_names import ShortNames
from lightning_ouro.scenes.readers.names import Names
from lightning_ouro.scenes.vocabulary import category_of, plain_name

FENCED = "\n```python\ndef answer(scene):\n    return count(1)\n```\n"
NAMES = ("chair", "coffee table", "tv", "tv stand", "a b", "bookshelf", "battery")
SHORT = ShortNames({"chair": "@1"}, {"4.4": "#0"})


def _refused(text: str) -> object:
    names = Names(category_of)
    names.of(text)
    return names.certain({"chair", "tv"})


def _typed(text: str) -> object:
    parsed = source.read(text)
    return _with_types(parsed) if isinstance(parsed, Source) else None


READERS: Mapping[str, Callable[[str], Any]] = {
    "folded": folded,
    "lower_case": lower_case,
    "read": read,
    "relisted": lambda text: FAMILIES["object_rel_distance"].relisted(text, ("a", "b", "c", "d")),
    "rewritten": lambda text: FAMILIES["object_counting"].rewritten(text, {"object": ("chair",)}),
    "named": lambda text: named(text, NAMES),
    "foreign_letter": lambda text: foreign_letter(text, NAMES),
    "asks_like": lambda text: asks_like(text, NAMES, tuple(FAMILIES.values())),
    "parse": parse,
    "parse before": lambda text: parse(text + FENCED),
    "parse after a form": lambda text: parse(f"{text}\nHow many chair(s) are in this room?{FENCED}"),
    "parse behind": lambda text: parse(f"How many chair(s) are in this room?{FENCED}{text}"),
    "parse program": lambda text: parse(f"How many?\n```python\n{text}\n```"),
    "expand": SHORT.expand,
    "program of a reply": fenced_program,
    "source": source.read,
    "typed source": _typed,
    "readable": lambda text: is_readable(text, 400),
    "choice": lambda text: typed_answer("choice", text[:20], text),
    "score of a number": lambda text: score(text, "4", "m"),
    "score of a letter": lambda text: score(text, "A", None),
    "category": category_of,
    "plain name": plain_name,
    "names": _refused,
    "server's text": lambda text: read_reply(
        json.dumps({"choices": [{"message": {"content": text}}]}).encode("utf8", "replace")
    ),
    "server's bytes": lambda text: read_reply(text.encode("utf8", "replace")),
    "server's stream": lambda text: read_reply(b"data:" + text.encode("utf8", "replace")),
    "server's complaint": lambda text: complaint(text.encode("utf8", "replace")),
    "text behind thoughts": without_thoughts,
}
# Repeated, with something at the end that no pattern can match.
PIECES = [
    " ",
    "\t",
    "\n",
    "a",
    "a ",
    "a b",
    "0",
    "0.0 ",
    "1.1",
    "1..",
    "_",
    "-",
    "*",
    "**a** ",
    "#",
    "`",
    "```\n",
    "``` ",
]
PIECES += [
    '"',
    "'",
    "\"'",
    "\\",
    "(",
    ",",
    ".",
    ", ",
    "a.\n",
    "@",
    "@1 ",
    "#0",
    "open: ",
    "question: ",
    "1. ",
    "- ",
    "> ",
]
PIECES += [
    "How many ",
    "Among ",
    " and the ",
    " or the ",
    " at 0",
    "{",
    "}",
    "chair(s) ",
    "tv stan",
    "es",
    "x" * 41 + " ",
]
PIECES += [
    "You are a robot beginning at the a and facing the ",
    "In meters, how far is it from the a to the ",
]
PIECES += [
    "<think>",
    "</think> ",
    "[THINK",
    "data: {}\n",
    "<|im_end|> ",
]
PIECES += [
    "\u017f",
    "\u3000",
    "\u200d",
    "\ud800",
    "\U0001fa91",
    "\r",
    "\x0c",
    "\N{SECTION SIGN}",
    "1234567",
    "def f():\n ",
]
