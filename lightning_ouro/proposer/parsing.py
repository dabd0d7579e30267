"""Reads a proposal from a model's reply: strict about the program, forgiving about everything else.

A reply must contain exactly one fenced block, opened and closed; its content is the program, character for
character. The family's name and the question come before it, with any decoration: labels, asterisks, bullets,
`Type:` and `Question:` on lines of their own. If no family is named, it is recognised by the form of the
question; a question that follows no form counts as `open`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lightning_ouro.programs.families import FAMILIES, OPEN, read

_FENCED = re.compile(r"```[ \t]*(?:python|py)?[ \t]*\n(.*?)(?:^|\n)[ \t]*```", re.DOTALL | re.IGNORECASE)
_FAMILY_NAME = re.compile(r"(?<!\w)(" + "|".join(sorted(FAMILIES, key=len, reverse=True)) + r")(?!\w)")
_LABEL = re.compile(r"^(?:question|type|family|text|q)?(?:\s*\d+)?\s*[:.)-]\s*", re.IGNORECASE)
_DECORATION = ' \t*_#>`"-•'


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


def parse(reply: str) -> Written | Unusable:
    fenced = _split(reply)
    if isinstance(fenced, Unusable):
        return fenced
    before, program = fenced
    named = _FAMILY_NAME.search(before)
    claimed = named.group(1) if named else ""
    without_name = _FAMILY_NAME.sub("", before, count=1)
    lines = [text for line in without_name.splitlines() if (text := _undecorated(line))]
    if not lines:
        return Unusable("no question stands before the program")
    family, text = _question(lines, claimed)
    return Written(family, text, program)


def fenced_program(reply: str) -> str | None:
    """The program of a reply that was asked for nothing else, or None if there is not exactly one."""
    fenced = _split(reply)
    return None if isinstance(fenced, Unusable) else fenced[1]


def _split(reply: str) -> tuple[str, str] | Unusable:
    """What stands before the one fenced program of a reply, and the program."""
    blocks = list(_FENCED.finditer(reply))
    if len(blocks) != 1 or reply.count("```") != 2:
        return Unusable(
            f"{len(blocks)} whole fenced programs of {reply.count('```')} fence marks; one is needed"
        )
    program = blocks[0].group(1)
    if not program.strip():
        return Unusable("the fenced program is empty")
    return reply[: blocks[0].start()], program if program.endswith("\n") else program + "\n"


def _question(lines: list[str], claimed: str) -> tuple[str, str]:
    """Family and text of the question in the lines before the program; chatter may precede it.

    The longest run of last lines that follows a family's form is the question, since some forms have several
    lines. Failing that it is the last line that ends in a question mark, or else the last line.
    """
    for start in range(len(lines)):
        tail = "\n".join(lines[start:])
        match = read(tail, claimed)
        if match is not None:
            return claimed or match[0].name, tail
    return claimed or OPEN.name, next((line for line in reversed(lines) if line.endswith("?")), lines[-1])


def _undecorated(line: str) -> str:
    """The line without bullets, asterisks and labels."""
    before = None
    while line != before:
        before, line = line, _LABEL.sub("", line.strip(_DECORATION))
    return line
