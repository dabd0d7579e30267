"""Checks programs against the API's stub, many at once: starting the checker costs more than a program.

Each program stands in a function of its own, so that names of one never meet those of another, and `scene`
gets its type. What the checker reports only because something may be None, or because no overload of a
builtin fits, is not held against a program: it runs anyway. Programs with the skeleton of one that passed are
not checked again.

Ten lines can keep the checker busy for minutes. So a batch has a limit: half of it for all programs together,
and if that is not enough, the limit for each of them alone. Whatever does not end in its share of that is
tried again with what the others left, since a busy machine may have been the reason.
"""

from __future__ import annotations

import ast
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from pydantic_monty import MontyError, MontySession, MontyTypingError

from lightning_ouro.programs.api import STUB
from lightning_ouro.programs.outcomes import read_error
from lightning_ouro.programs.questions import Failure
from lightning_ouro.programs.source import Source, parse
from lightning_ouro.programs.workers import GRACE, Workers

_HEADER = "from typing import Callable"
_FOOTER = " _answer: Callable[[ProgramScene], Answer] = answer"
_OPTIONS = {"type_check": True, "type_check_stubs": STUB, "type_check_format": "concise"}
_REPORT = re.compile(r"^main\.py:(\d+):\d+: error\[([\w-]+)\] (.*)$")
_FORM_FEEDS = re.compile(r"^[ \t\f]*\f")
_LENIENT = frozenset({"no-matching-overload"})
_BATCH = 40  # programs in one check, as many as the pool asks for about a scene
_SHARE = 20  # programs among which a limit is shared: alone, an honest one takes 0.02 s, a share is 0.25 s
_REMEMBERED = 20_000  # skeletons
Verdicts = dict[str, Failure | None]  # by the text of the program


@dataclass(frozen=True)
class _Report:
    """What the checker says about one line.

    Attributes:
        index: Of the program.
        line: In the program, from 1.
        kind: Of the error.
        message: As the checker words it.
    """

    index: int
    line: int
    kind: str
    message: str


@final
class TypeChecker:
    """Remembers which skeletons of programs passed.

    Args:
        workers: Where the checker runs; their owner closes them.
        seconds: The limit of a batch; one of more than 20 programs has a twentieth for each of them. No batch
            takes more than twice its limit.
    """

    def __init__(self, workers: Workers, seconds: float) -> None:
        self._workers = workers
        self._seconds = seconds
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
        failed = {
            skeleton: failure
            for skeleton, source in unknown.items()
            if (failure := verdicts[source.text]) is not None
        }
        if len(self._passed) > _REMEMBERED:
            self._passed.clear()
        self._passed |= unknown.keys() - failed.keys()
        # Messages quote a program's own words, so each program with a failed skeleton is checked by itself,
        # unless that took too long: its words are not the reason.
        others = [source for source in sources if source.skeleton in failed and source.text not in verdicts]
        verdicts |= {source.text: failed[source.skeleton] for source in others}
        again = {source.text: source for source in others if failed[source.skeleton].reason != "limit"}
        verdicts |= self._check(list(again.values()))
        return [verdicts.get(source.text) for source in sources]

    def _check(self, sources: Sequence[Source]) -> Verdicts:
        verdicts: Verdicts = {}
        batches = -(-len(sources) // _BATCH)
        for batch in range(batches):
            verdicts |= self._check_batch(sources[batch::batches])
        return verdicts

    def _check_batch(self, sources: Sequence[Source]) -> Verdicts:
        """One check of all programs, then one of each that this says nothing about."""
        together, alone = list(sources), list[Source]()
        end = time.monotonic() + self._seconds / 2
        verdicts: Verdicts = {}
        while together and end > time.monotonic():
            try:
                reports = self._reports(together, end - time.monotonic())
            except MontyError:
                break
            # Syntax that the checker does not know hides what it would say about the other programs.
            odd = {report.index for report in reports if report.kind == "invalid-syntax"}
            if not odd:
                verdicts, together = _verdicts(together, reports), []
            alone += [source for index, source in enumerate(together) if index in odd]
            together = [source for index, source in enumerate(together) if index not in odd]
        seconds = self._seconds * max(1, len(sources) / _SHARE)
        return verdicts | self._check_each(alone + together, seconds)

    def _check_each(self, sources: Sequence[Source], seconds: float) -> Verdicts:
        """One check of each program, or two if the first took too long."""
        end = time.monotonic() + seconds
        verdicts: Verdicts = {}
        # The shortest first: bombs are rarely short, and the time that the others leave goes to what is left.
        for source in sorted(sources, key=lambda source: len(source.text)):
            share = min(self._seconds / _SHARE, end - time.monotonic())
            verdicts[source.text] = self._check_alone(source, share)
        slow = [source for source in sources if _gave_up(verdicts[source.text])]
        for number, source in enumerate(slow):
            left = (end - time.monotonic()) / (len(slow) - number)
            verdicts[source.text] = self._check_alone(source, min(self._seconds / 2, left))
        return verdicts

    def _check_alone(self, source: Source, seconds: float) -> Failure | None:
        if seconds <= 0:
            return Failure("limit", "the type check gave up: other programs took all of the time")
        try:
            return _verdicts([source], self._reports([source], seconds))[source.text]
        except MontyError as error:
            failure = read_error(error, "").failure
            if failure is not None and failure.reason == "limit":
                return Failure("limit", f"the type check gave up: {failure.detail}")
            return None  # syntax that the interpreter does not know: running the program reports it

    def _reports(self, sources: Sequence[Source], seconds: float) -> list[_Report]:
        """What the checker says about several programs.

        Raises:
            MontyError: It did not end in time, or the interpreter does not know the syntax.
        """
        lines, starts = [_HEADER], []
        for source in sources:
            starts.append(len(lines) + 1)
            lines += ["def _check() -> None:", *(f" {line}" for line in _with_types(source)), "", _FOOTER]
        try:
            # The checker knows no limit: its worker is ended.
            with self._workers.session(_ping, max(seconds - GRACE, 0.01), **_OPTIONS) as session:
                session.feed_run("\n".join(lines) + "\n")
        except MontyTypingError as error:
            matches = [match for line in error.display().split("\n") if (match := _REPORT.match(line))]
            return [_located(match, starts) for match in matches]
        return []


def _ping(session: MontySession) -> None:
    """Proves that the worker is alive."""
    session.feed_run("", skip_type_check=True)


def _located(match: re.Match[str], starts: Sequence[int]) -> _Report:
    """One report, given the lines at which the programs start; what is above all of them concerns the first."""
    line = int(match[1])
    index = max(0, sum(start <= line for start in starts) - 1)
    return _Report(index, line - starts[index], match[2], match[3])


def _verdicts(sources: Sequence[Source], reports: Sequence[_Report]) -> Verdicts:
    """The first report about each program that counts."""
    verdicts: Verdicts = dict.fromkeys(source.text for source in sources)
    for report in reversed(reports):
        if not (report.kind in _LENIENT or "None" in report.message):
            source = sources[report.index]
            is_inside = 0 < report.line <= source.text.count("\n") + 1
            detail = f"line {report.line}: {report.message}" if is_inside else report.message
            verdicts[source.text] = Failure("type", detail)
    return verdicts


def _gave_up(failure: Failure | None) -> bool:
    return failure is not None and failure.reason == "limit"


def _with_types(source: Source) -> list[str]:
    """The program's lines, with a type for the argument of `answer` if it has none."""
    lines = source.text.split("\n")
    for node in parse(source.text).body:
        if isinstance(node, ast.FunctionDef) and node.name == "answer":
            first = [*node.args.posonlyargs, *node.args.args][:1]
            for argument in first:
                if argument.annotation is None:
                    row, end = (argument.end_lineno or argument.lineno) - 1, argument.end_col_offset
                    raw = lines[row].encode()
                    lines[row] = (raw[:end] + b": ProgramScene" + raw[end:]).decode()
    # A form feed at the beginning of a line undoes the indentation before it, and so the line's own.
    return [_FORM_FEEDS.sub("", line).replace("\f", " ") for line in lines]
