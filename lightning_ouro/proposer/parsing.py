"""From what a model wrote to a proposal: strict about the program, forgiving about the rest.

There must be exactly one fenced block, opened and closed; its text is the program, to the letter. Before it stand the
family's name and the question, in any dress: labels, stars, bullets, `Type:` and `Question:` on lines of their own. A
family that is not named is read off the question's form; what follows no form is an open question.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lightning_ouro.programs.families import FAMILIES, OPEN, read

_FENCED = re.compile(r"```[ \t]*(?:python|py)?[ \t]*\n(.*?)(?:^|\n)[ \t]*```", re.DOTALL | re.IGNORECASE)
_NAMES = re.compile(r"(?<!\w)(" + "|".join(sorted(FAMILIES, key=len, reverse=True)) + r")(?!\w)")
_LABEL = re.compile(r"^(?:question|type|family|text|q)?(?:\s*\d+)?\s*[:.)-]\s*", re.IGNORECASE)
_DRESS = ' \t*_#>`"-•'


@dataclass(frozen=True)
class Written:
    """What could be read of a reply."""

    family: str
    text: str
    program: str


@dataclass(frozen=True)
class Unusable:
    """Why nothing could be read, in one line."""

    detail: str


def parse(reply: str) -> Written | Unusable:
    """Reads a reply."""
    blocks = list(_FENCED.finditer(reply))
    if len(blocks) != 1 or reply.count("```") != 2:
        return Unusable(
            f"{len(blocks)} whole fenced programs of {reply.count('```')} fence marks; one is needed"
        )
    program, before = blocks[0].group(1), reply[: blocks[0].start()]
    if not program.strip():
        return Unusable("the fenced program is empty")
    named = _NAMES.search(before)
    rest = _NAMES.sub("", before, count=1)
    lines = [text for line in rest.splitlines() if (text := _undressed(line))]
    if not lines:
        return Unusable("no question stands before the program")
    claimed = named.group(1) if named else ""
    # A family's own sentence may have several lines; chatter may stand before it.
    tails = ["\n".join(lines[start:]) for start in range(len(lines))]
    found = next(((tail, how[0]) for tail in tails if (how := read(tail, claimed)) is not None), None)
    text = found[0] if found else next((line for line in reversed(lines) if line.endswith("?")), lines[-1])
    family = claimed or (found[1].name if found else OPEN.name)
    return Written(family, text, program if program.endswith("\n") else program + "\n")


def _undressed(line: str) -> str:
    """A line without bullets, stars and labels."""
    before = None
    while line != before:
        before, line = line, _LABEL.sub("", line.strip(_DRESS))
    return line
