"""Whatever reads text that a model or file wrote takes time in proportion to its length."""

import json
import time

import pytest

from lightning_ouro.plain_text import folded, lower_case
from lightning_ouro.programs import source
from lightning_ouro.programs.answers import is_readable, typed_answer
from lightning_ouro.programs.families import FAMILIES, read
from lightning_ouro.programs.families.wording import asks_like, foreign_letter, named
from lightning_ouro.proposer import endpoint
from lightning_ouro.proposer.parsing import parse
from lightning_ouro.proposer.short_names import ShortNames
from lightning_ouro.scenes.readers.names import Names
from lightning_ouro.scenes.vocabulary import category_of, plain_name

SHORTEST, TIMES = 2000, 8  # characters, and how many times as many in the end
FENCED = "\n```python\ndef answer(scene):\n    return count(1)\n```\n"
NAMES = ("chair", "coffee table", "tv", "tv stand", "a b", "bookshelf", "battery")
SHORT = ShortNames({"chair": "@1"}, {"4.4": "#0"})
READERS = {
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
    "source": source.read,
    "readable": lambda text: is_readable(text, 400),
    "choice": lambda text: typed_answer("choice", text[:20], text),
    "category": category_of,
    "plain name": plain_name,
    "names": lambda text: refused(text),
    "server's text": lambda text: endpoint._text(
        json.dumps({"choices": [{"message": {"content": text}}]}).encode("utf8", "replace")
    ),
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


def refused(text):
    names = Names(category_of)
    names.of(text)
    return names.certain({"chair", "tv"})


def seconds(reader, text):
    best = float("inf")
    for attempt in range(3):
        changed = text + "\N{SNOWMAN}" * (attempt + 1)  # not the same text, which a cache might know
        start = time.process_time()
        reader(changed)
        best = min(best, time.process_time() - start)
    return best


@pytest.mark.filterwarnings("ignore::SyntaxWarning")
@pytest.mark.parametrize("name", READERS)
def test_eight_times_the_text_takes_about_eight_times_as_long(name):
    reader = READERS[name]
    for piece in PIECES:
        short, long = (piece * (size // len(piece)) for size in (SHORTEST, SHORTEST * TIMES))
        needed = seconds(reader, long)
        # Quadratic time would be 64 times as much. A few milliseconds are too few to compare.
        if needed > 0.02:
            assert needed < 4 * TIMES * max(seconds(reader, short), 1e-3), (piece, needed)


def test_twelve_blanks_a_gap_no_longer_hold_up_the_parent():
    # 280 characters of this kind took 8 seconds, 20 blanks a gap 250 seconds.
    sentence = FAMILIES["route_planning"].forms[-1].template.split("{")[0] + "a looks at the b"
    for gap in (12, 20, 1000):
        for text in (sentence, "Among a, b, c, d, which one has the smallest distance to the e"):
            assert seconds(read, text.replace(" ", " " * gap)) < 0.1
            assert seconds(parse, text.replace(" ", " " * gap) + FENCED) < 0.1
