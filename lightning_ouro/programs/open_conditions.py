"""Whether an open question's program asks all that its text asks, and asks it of every option.

A clause that is false ("the sofa that is wider than the bed") or a condition that several options fulfil ("which is
taller than the table, the lamp or the wardrobe?") is no matter for a program that leaves it out, or that looks at the
first option only. What a text names and how far it says, a program has to use; and if the options stand in one
another's place in the program, it chooses the same one.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterator, Mapping, Sequence

from lightning_ouro.plain_text import lower_case
from lightning_ouro.programs import source
from lightning_ouro.programs.families.wording import LENGTH
from lightning_ouro.programs.source import Source

_NUMBER = re.compile(r"[0-9]+(?:[.,][0-9]+)?")
_BEYOND = 1e9
_SAID = {"a": 1.0, "an": 1.0, "one": 1.0, "two": 2.0, "three": 3.0, "four": 4.0, "five": 5.0}


def left_out(text: str, names: Sequence[str], program: Source) -> str | None:
    """What a text names or measures that its program does not use, or None.

    Args:
        text: The question.
        names: The categories that it names.
        program: Its program.
    """
    for name in names:
        if lower_case(name) not in program.quoted:
            return f"the program does not use the {name}, which the text names"
    numbers = _numbers(program.text)
    for said in LENGTH.finditer(text.casefold()):
        length = _length(said[0])
        if not any(math.isclose(length * scale, number) for number in numbers for scale in (0.01, 1, 100)):
            return f"the program does not use the {said[0]!r} of the text"
    return None


def _numbers(program: str) -> set[float]:
    """All numbers in a program but those beyond any length."""
    constants = [node.value for node in ast.walk(source.parse(program)) if isinstance(node, ast.Constant)]
    return {float(value) for value in constants if isinstance(value, int | float) and abs(value) < _BEYOND}


def _length(said: str) -> float:
    """The number of a length, in its own unit."""
    if (digits := _NUMBER.match(said)) is not None:
        return float(digits[0].replace(",", "."))
    return 0.5 if said.startswith("half") else _SAID[said.split()[0].split("-")[0]]


def renamed(program: str, options: Sequence[str], names: Sequence[str]) -> Iterator[str]:
    """The program with its options in one another's place; empty if that can't be written.

    Nothing if the options are not the names of different categories.
    """
    bare = [lower_case(option).removeprefix("the ") for option in options]
    if len(set(bare)) < len(bare) or not set(bare) <= set(map(lower_case, names)):
        return
    for by in {1, len(options) - 1}:
        following = dict(zip(bare, bare[by:] + bare[:by], strict=True))
        tree = _Renamed(following).visit(source.parse(program))
        try:
            yield ast.unparse(tree)
        except ValueError:  # Python refuses to write integers of more than 4300 digits
            yield ""


class _Renamed(ast.NodeTransformer):
    def __init__(self, following: Mapping[str, str]) -> None:
        self._following = following

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        if not isinstance(node.value, str):
            return node
        article = "the " if lower_case(node.value).startswith("the ") else ""
        other = self._following.get(lower_case(node.value).removeprefix("the "))
        return node if other is None else ast.Constant(article + other)
