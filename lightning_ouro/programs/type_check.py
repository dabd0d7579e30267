"""Checks programs against the API's stub, many in one go: the checker's start costs more than a program.

Each program stands in a function of its own, so that names of one never meet those of another, and `scene` gets the
type that it has. What the checker reports only because something may be None, or because no overload of a builtin
fits, is not held against a program: it runs anyway. A form that passed is not checked again.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from typing import final

from pydantic_monty import Monty, MontyCrashedError, MontyError, MontyTypingError

from lightning_ouro.programs.api import STUB
from lightning_ouro.programs.questions import Failure
from lightning_ouro.programs.source import Source

_HEADER = "from typing import Callable\n"
_FOOTER = " _answer: Callable[[ProgramScene], Answer] = answer"
_LIMITS = {"max_feed_duration_secs": 10.0}
_REPORT = re.compile(r"^main\.py:(\d+):\d+: error\[([\w-]+)\] (.*)$")
_LENIENT = frozenset({"no-matching-overload"})
_MANY = 256  # programs in one check
_REMEMBERED = 20_000  # forms


@final
class TypeChecker:
    """Remembers which forms of programs passed.

    Args:
        pool: Where the checker runs; its owner closes it.
    """

    def __init__(self, pool: Monty) -> None:
        self._pool = pool
        self._passed: set[str] = set()

    def check(self, sources: Sequence[Source]) -> list[Failure | None]:
        """The first thing that is wrong with each program, or None."""
        first: dict[str, Source] = {}
        for source in sources:
            if source.form not in self._passed:
                first.setdefault(source.form, source)
        found = self._check(list(first.values()))
        failed = {form for form, source in first.items() if found[source.text] is not None}
        if len(self._passed) > _REMEMBERED:
            self._passed.clear()
        self._passed |= first.keys() - failed
        # What failed is checked once more in the words of each program that has its form: messages quote them.
        others = {
            source.text: source for source in sources if source.form in failed and source.text not in found
        }
        found |= self._check(list(others.values()))
        return [found.get(source.text) for source in sources]

    def _check(self, sources: Sequence[Source]) -> dict[str, Failure | None]:
        found: dict[str, Failure | None] = {}
        for start in range(0, len(sources), _MANY):
            found |= self._together(sources[start : start + _MANY])
        return found

    def _together(self, sources: Sequence[Source]) -> dict[str, Failure | None]:
        """One check of several programs; where it breaks down, halves are checked until the culprit is alone."""
        if not sources:
            return {}
        lines, starts = _HEADER.splitlines(), []
        for source in sources:
            starts.append(len(lines) + 1)
            lines += ["def _check() -> None:", *(f" {line}" for line in _typed(source)), _FOOTER]
        found: dict[str, Failure | None] = dict.fromkeys(source.text for source in sources)
        try:
            with self._pool.checkout(
                limits=_LIMITS, type_check=True, type_check_stubs=STUB, type_check_format="concise"
            ) as session:
                session.feed_run("\n".join(lines) + "\n")
        except MontyTypingError as error:
            reports = [match for line in error.display().splitlines() if (match := _REPORT.match(line))]
            if any(report[2] == "invalid-syntax" for report in reports) and len(sources) > 1:
                return self._halves(sources)
            for report in reversed(reports):
                place = sum(start <= int(report[1]) for start in starts) - 1
                if not (report[2] in _LENIENT or "None" in report[3]):
                    found[sources[place].text] = _failure(
                        sources[place], int(report[1]) - starts[place], report[3]
                    )
        except MontyError as error:
            if len(sources) > 1:
                return self._halves(sources)
            if isinstance(
                error, MontyCrashedError
            ):  # else it is syntax that the interpreter does not know: runs tell
                found[sources[0].text] = Failure(
                    "limit", f"the type check gave up: {' '.join(str(error).split())}"
                )
        return found

    def _halves(self, sources: Sequence[Source]) -> dict[str, Failure | None]:
        middle = len(sources) // 2
        return self._together(sources[:middle]) | self._together(sources[middle:])


def _failure(source: Source, line: int, message: str) -> Failure:
    message = " ".join(message.split())[:200]
    last = source.text.count("\n") + 1
    return Failure("type", f"line {line}: {message}" if line <= last else message)


def _typed(source: Source) -> list[str]:
    """The program's lines, with the type of the argument of `answer` where it gives none."""
    lines = source.text.replace("\f", " ").replace("\r", " ").split("\n")
    for node in ast.parse(source.text).body:
        if isinstance(node, ast.FunctionDef) and node.name == "answer" and node.args.args:
            argument = node.args.args[0]
            if (
                argument.annotation is None
                and argument.end_lineno is not None
                and argument.end_col_offset is not None
            ):
                raw = lines[argument.end_lineno - 1].encode()
                place = argument.end_col_offset
                lines[argument.end_lineno - 1] = (raw[:place] + b": ProgramScene" + raw[place:]).decode()
    return lines
