"""Checks programs against the API's stub, many at once: starting the checker costs more than a program.

Each program stands in a function of its own, so that names of one never meet those of another, and `scene`
gets its type. What the checker reports only because something may be None, or because no overload of a
builtin fits, is not held against a program: it runs anyway. Programs with the skeleton of one that passed are
not checked again.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from typing import final

from pydantic_monty import MontyCrashedError, MontyError, MontySession, MontyTypingError

from lightning_ouro.programs.api import STUB
from lightning_ouro.programs.questions import Failure
from lightning_ouro.programs.source import Source
from lightning_ouro.programs.workers import Workers

_HEADER = "from typing import Callable\n"
_FOOTER = " _answer: Callable[[ProgramScene], Answer] = answer"
_OPTIONS = {
    "limits": {"max_feed_duration_secs": 10.0},
    "type_check": True,
    "type_check_stubs": STUB,
    "type_check_format": "concise",
}
_REPORT = re.compile(r"^main\.py:(\d+):\d+: error\[([\w-]+)\] (.*)$")
_LENIENT = frozenset({"no-matching-overload"})
_BATCH = 256  # programs in one check
_REMEMBERED = 20_000  # skeletons


@final
class TypeChecker:
    """Remembers which skeletons of programs passed.

    Args:
        workers: Where the checker runs; their owner closes them.
    """

    def __init__(self, workers: Workers) -> None:
        self._workers = workers
        self._passed: set[str] = set()

    def check(self, sources: Sequence[Source]) -> list[Failure | None]:
        """The first thing that is wrong with each program, or None.

        Raises:
            InputError: No worker can be set up.
        """
        unknown: dict[str, Source] = {}  # one program for each new skeleton
        for source in sources:
            if source.skeleton not in self._passed:
                unknown.setdefault(source.skeleton, source)
        verdicts = self._check(list(unknown.values()))
        failed = {skeleton for skeleton, source in unknown.items() if verdicts[source.text] is not None}
        if len(self._passed) > _REMEMBERED:
            self._passed.clear()
        self._passed |= unknown.keys() - failed
        # Messages quote a program's own words, so each program with a failed skeleton is checked by itself.
        same_skeleton = {
            source.text: source
            for source in sources
            if source.skeleton in failed and source.text not in verdicts
        }
        verdicts |= self._check(list(same_skeleton.values()))
        return [verdicts.get(source.text) for source in sources]

    def _check(self, sources: Sequence[Source]) -> dict[str, Failure | None]:
        verdicts: dict[str, Failure | None] = {}
        for start in range(0, len(sources), _BATCH):
            verdicts |= self._check_together(sources[start : start + _BATCH])
        return verdicts

    def _check_together(self, sources: Sequence[Source]) -> dict[str, Failure | None]:
        """One check of several programs; if it breaks down, halves are checked until the culprit is alone."""
        if not sources:
            return {}
        lines, starts = _HEADER.splitlines(), []
        for source in sources:
            starts.append(len(lines) + 1)
            lines += ["def _check() -> None:", *(f" {line}" for line in _with_types(source)), _FOOTER]
        try:
            with self._workers.session(_ping, **_OPTIONS) as session:
                session.feed_run("\n".join(lines) + "\n")
        except MontyTypingError as error:
            reports = [match for line in error.display().splitlines() if (match := _REPORT.match(line))]
            if len(sources) == 1 or all(report[2] != "invalid-syntax" for report in reports):
                return _verdicts(sources, starts, reports)
            return self._check_halves(sources)
        except MontyError as error:
            if len(sources) > 1:
                return self._check_halves(sources)
            if isinstance(error, MontyCrashedError):
                message = f"the type check gave up: {' '.join(str(error).split())}"
                return {sources[0].text: Failure("limit", message)}
            # Anything else is syntax that the interpreter does not know: running the program reports it.
        return dict.fromkeys(source.text for source in sources)

    def _check_halves(self, sources: Sequence[Source]) -> dict[str, Failure | None]:
        middle = len(sources) // 2
        return self._check_together(sources[:middle]) | self._check_together(sources[middle:])


def _ping(session: MontySession) -> None:
    """Proves that the worker is alive."""
    session.feed_run("", skip_type_check=True)


def _verdicts(
    sources: Sequence[Source], starts: Sequence[int], reports: Sequence[re.Match[str]]
) -> dict[str, Failure | None]:
    """The first report about each program, given the lines at which the programs start."""
    verdicts: dict[str, Failure | None] = dict.fromkeys(source.text for source in sources)
    for report in reversed(reports):
        line, kind, message = int(report[1]), report[2], report[3]
        index = sum(start <= line for start in starts) - 1
        if not (kind in _LENIENT or "None" in message):
            verdicts[sources[index].text] = _failure(sources[index], line - starts[index], message)
    return verdicts


def _failure(source: Source, line: int, message: str) -> Failure:
    message = " ".join(message.split())[:200]
    last = source.text.count("\n") + 1
    return Failure("type", f"line {line}: {message}" if line <= last else message)


def _with_types(source: Source) -> list[str]:
    """The program's lines, with a type for the argument of `answer` if it has none."""
    lines = source.text.replace("\f", " ").replace("\r", " ").split("\n")
    for node in ast.parse(source.text).body:
        if isinstance(node, ast.FunctionDef) and node.name == "answer" and node.args.args:
            argument = node.args.args[0]
            if argument.annotation is None:
                assert argument.end_lineno is not None and argument.end_col_offset is not None, "parsed"
                raw, end = lines[argument.end_lineno - 1].encode(), argument.end_col_offset
                lines[argument.end_lineno - 1] = (raw[:end] + b": ProgramScene" + raw[end:]).decode()
    return lines
