"""Reads a proposal from a model's reply as it stands, or not at all: no word, number or sign of a question is lost.

A reply must contain exactly one fenced block, opened and closed; its content is the program, character for
character. Before it stand the family's name (`open: …`, or on a line of its own, or behind `Type:`) and the
question, with or without `Question:`. What may be taken away: these labels; asterisks, underscores, backticks
and quotation marks around them or around a whole line; bullets and numbers of lists, but only where it can't be
a minus or a number of the question's own; and sentences of courtesy, such as "Here is one.", which say nothing
that could belong to the question. Any other line beside the question makes the reply unusable: it may hold a
condition.

If no family is named, it is recognised by the form of the question; a question that follows no form counts as
`open`. Only forms have several lines; any other question is one sentence, though its line may be broken.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from lightning_ouro.plain_text import folded, lower_case
from lightning_ouro.programs.families import FAMILIES, OPEN, read

LONGEST_REPLY = 40_000  # characters that are read: twice as many as the longest program has; chosen by hand
MOST_LINES = 20  # before the program: no question needs half of them; chosen by hand

_MARKS, _DASH = "[*_`]{0,3}", " [-–—] "
_BULLET = r"(?:[-•*>]|#{1,6}|[0-9]{1,2}[.)]) "
_NAME = "|".join(sorted(map(re.escape, FAMILIES), key=len, reverse=True))


def _label(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"{_MARKS}(?:{_BULLET})?{_MARKS}(?:{pattern})", re.ASCII | re.IGNORECASE)


# `Type: open`, `open: …`, `Question: …` and `Question 3) …`, of which a line may have one after the other.
_LABELS = (
    _label(rf"(?:type|family){_MARKS}(?::|{_DASH}){_MARKS} ?{_MARKS}(?P<family>{_NAME}){_MARKS}[.:]?\Z"),
    _label(rf"(?P<family>{_NAME}){_MARKS}:{_MARKS} ?"),
    _label(rf"(?:text|(?:question|q)(?: ?[0-9]{{1,3}})?){_MARKS}:{_MARKS} ?|(?:question|q){_DASH}"),
    _label(r"(?:question|q)(?: ?[0-9]{1,3})?[.)] "),
)
_BARE_LABEL = _label(
    rf"(?:(?P<family>{_NAME})|question){_MARKS}\Z"
)  # could also be a word of a broken sentence
_ANY_BULLET = re.compile(rf"\A{_BULLET}")
# In front of a capital letter, none of these can be a minus or number of the question's own.
_SAFE_BULLET = re.compile(r"\A(?:[-•*]|[0-9]{1,2}[.)]) (?=[*_`\"]{0,3}[A-Z])")
_PAIRS = ("**", "__", "*", "_", "`", '"')
_ENCLOSING = ' *_`#>"“”•'

_COURTEOUS_WORDS = """
a absolutely about an and are ask at below certainly code for great helps here hope i is it let ll look looking me my
now of ok okay one please program proposal python question questions s serves so sure that the think thinking this to
will would write yes you your
"""
_COURTESY = frozenset(_COURTEOUS_WORDS.split())
_TOPICS = frozenset(("frames", "metadata", "place", "room", "scene", "video"))
# What "let me think about" is followed by: topics, and words that the question has itself.
_ABOUT = re.compile(r"\b(?:(?:ask|look|looking|question|think|thinking) (?:about|at)) ")
_WORD = re.compile(r"\w+")
_RULE = re.compile(r"([*_#`=-])(?: ?\1)+")
_SENTENCE_ENDS = (".", "?", "!", ":", ";")
_ODD_SIGN = re.compile(r"[^\w\s.,:;!'’\"*_`#>•-]")


@dataclass(frozen=True)
class Written:
    """A proposal as read from a reply."""

    family: str
    text: str
    program: str


@dataclass(frozen=True)
class Unusable:
    """Why no proposal could be read, in one line."""

    detail: str


class _Fenced(NamedTuple):
    """The one fenced program of a reply, and what stands before and behind it."""

    before: str
    program: str
    behind: str


class _Line(NamedTuple):
    """A line without its labels.

    Attributes:
        text: What is left of it.
        family: The family that a label names, or "".
        is_labelled: Whether it had a label.
    """

    text: str
    family: str
    is_labelled: bool


def parse(reply: str) -> Written | Unusable:
    fenced = _split(reply)
    if isinstance(fenced, Unusable):
        return fenced
    lines = _read_lines(fenced.before)
    if not any(line.text for line in lines):
        return Unusable("no question stands before the program")
    if len(lines) > MOST_LINES:
        return Unusable(f"{len(lines)} lines stand before the program; at most {MOST_LINES} are read")
    families = {line.family for line in lines if line.family}
    if len(families) > 1:
        return Unusable(f"several families are named: {', '.join(sorted(families))}")
    question = _question(lines, families.pop() if families else "")
    if isinstance(question, Unusable):
        return question
    family, text = question
    for line in _written_lines(fenced.behind):
        if not _is_courtesy(line, text):
            return Unusable(f"behind the program stands {line[:80]!r}")
    return Written(family, text, fenced.program)


def fenced_program(reply: str) -> str | None:
    """The program of a reply that was asked for nothing else, or None if there is not exactly one."""
    fenced = _split(reply)
    return None if isinstance(fenced, Unusable) else fenced.program


def _split(reply: str) -> _Fenced | Unusable:
    if len(reply) > LONGEST_REPLY:
        return Unusable(f"the reply has {len(reply)} characters; {LONGEST_REPLY} are read")
    before, *blocks = reply.split("```")
    programs = [program for block in blocks[:-1:2] if (program := _program(block)) is not None]
    if len(programs) != 1 or len(blocks) != 2:
        return Unusable(f"{len(programs)} whole fenced programs of {len(blocks)} fence marks; one is needed")
    (program,) = programs
    if not program.strip():
        return Unusable("the fenced program is empty")
    return _Fenced(before, program if program.endswith("\n") else program + "\n", blocks[1])


def _program(block: str) -> str | None:
    """What stands between two fences, if they are on lines of their own and open a Python program."""
    language, _, rest = block.partition("\n")
    program, line_end, closing = rest.rpartition("\n")
    is_whole = line_end and not closing.strip() and language.strip().lower() in ("", "python", "py")
    return program if is_whole else None


def _written_lines(text: str) -> list[str]:
    """The lines in which something is written, folded; rules such as `---` are left out."""
    return [line for line in map(folded, text.splitlines()) if line and not _RULE.fullmatch(line)]


def _read_lines(text: str) -> list[_Line]:
    lines: list[_Line] = []
    in_sentence = False
    for written in _written_lines(text):
        line = _read_line(written, _LABELS if in_sentence else (_BARE_LABEL, *_LABELS))
        in_sentence = (
            not line.text.endswith(_SENTENCE_ENDS) if line.text else in_sentence and not line.is_labelled
        )
        lines += [line] if line.text or line.is_labelled else []
    return lines


def _read_line(line: str, labels: Sequence[re.Pattern[str]]) -> _Line:
    family, is_labelled = "", False
    for label in labels:
        line = _without_pair(line)
        match = label.match(line)
        if match is not None:
            family = family or (match.groupdict().get("family") or "").lower()
            line, is_labelled = line[match.end() :].strip(), True
    return _Line(_without_pair(line if is_labelled else _SAFE_BULLET.sub("", line)), family, is_labelled)


def _without_pair(line: str) -> str:
    """The line without marks that enclose the whole of it."""
    for mark in _PAIRS:
        inner = line[len(mark) : -len(mark)]
        if inner and line == f"{mark}{inner}{mark}" and mark[0] not in inner:
            line = inner.strip()
    return line


def _question(lines: Sequence[_Line], claimed: str) -> tuple[str, str] | Unusable:
    """Family and text of the question in the lines before the program.

    It begins at its label or, without one, where nothing but courtesy stands before it.
    """
    labelled = [index for index, line in enumerate(lines) if line.is_labelled]
    if sum(bool(lines[index].text) for index in labelled) > 1:
        return Unusable("several questions stand before the program")
    starts = [index for index in labelled if any(line.text for line in lines[index:])]
    candidates = starts[-1:] or range(len(lines))
    found = ((first, _as_one(lines[first:], claimed)) for first in candidates)
    first, question = next((pair for pair in found if pair[1] is not None), (0, None))
    if question is None:
        return Unusable(f"{len(lines)} lines stand before the program, which are not one question")
    for before, behind in pairwise(lines[: first + 1]):
        is_sentence = behind.is_labelled or before.text.endswith((".", "!", ":"))
        if before.text and not (is_sentence and _is_courtesy(before.text, question[1])):
            return Unusable(f"before the question stands {before.text[:80]!r}")
    return question


def _as_one(lines: Sequence[_Line], claimed: str) -> tuple[str, str] | None:
    """Family and text if the lines follow a form or are one sentence, else None."""
    texts = [line.text for line in lines if line.text]
    if not texts:
        return None
    bare = [_ANY_BULLET.sub("", text).strip(_ENCLOSING) for text in texts]
    for text in ("\n".join(texts), "\n".join(bare)):
        match = read(text, claimed)
        if match is not None:
            return claimed or match[0].name, text
    if any(before.endswith(_SENTENCE_ENDS) or behind[0].isupper() for before, behind in pairwise(texts)):
        return None
    return claimed or OPEN.name, " ".join(texts)


def _is_courtesy(line: str, question: str) -> bool:
    """Whether a line says nothing that could belong to the question."""
    if _ODD_SIGN.search(line) is not None:
        return False
    said = " ".join(_WORD.findall(lower_case(line)))
    about = _ABOUT.search(said)
    end = len(said) if about is None else about.end()
    own = _TOPICS.union(_WORD.findall(lower_case(question)))
    return _COURTESY.issuperset(said[:end].split()) and (_COURTESY | own).issuperset(said[end:].split())
