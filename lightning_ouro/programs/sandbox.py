"""Runs programs that a model wrote in pydantic-monty's worker processes: no file, network or import of the host.

The prelude and all readings of a scene are loaded once and dumped; each program starts from that dump, so none can
change what the next one sees. Clock, randomness and limits belong to the dump too: same program, same answers. The
limits lie far above honest programs (a program takes 1 ms), so that load on the machine never decides.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, final

from pydantic_monty import CollectString, Monty, MontyCrashedError, MontyError, MontyRuntimeError, MontySyntaxError

from lightning_ouro.programs import prelude
from lightning_ouro.programs.answers import Answer, typed
from lightning_ouro.programs.world import World

Failing = Literal["syntax", "runtime", "limit", "untyped", "range"]

MAX_SOURCE = 20_000  # characters
MAX_OUTPUT = 100_000  # bytes of print(); collected and dropped
LIMITS = {"max_feed_duration_secs": 5.0, "max_memory": 256 << 20, "max_recursion_depth": 200}
POLICY = {"random_start": {"seed": 0}, "sleep": "zero", "datetime": datetime.datetime(2000, 1, 1)}
_PROGRAM_FILE = "<python-input-2>"  # the prelude is feed 0, the worlds are feed 1
_UNSUPPORTED = "The monty syntax parser does not yet support"


@dataclass(frozen=True)
class Failure:
    """Why a program gave no answers.

    Attributes:
        reason: A reason of `Rejection`.
        detail: One line: line number where known, and message.
    """

    reason: Failing
    detail: str


@dataclass(frozen=True)
class Outcome:
    """What came of one program.

    Attributes:
        answers: One per world; the first is in range, a later one that is not is None. Empty after a failure.
        failure: None if the program answered.
    """

    answers: tuple[Answer | None, ...] = ()
    failure: Failure | None = None


@dataclass(frozen=True, eq=False)
class Loaded:
    """Worlds ready to run programs on.

    Attributes:
        state: A dump of the interpreter, only ever made by this process.
        worlds: How many there are.
    """

    state: bytes
    worlds: int


@final
class Sandbox:
    """A pool of interpreter processes; a context manager.

    Args:
        processes: Workers kept warm. One per thread that calls `run`.
    """

    def __init__(self, processes: int = 1) -> None:
        self._pool = Monty(
            min_processes=processes, max_processes=processes, request_timeout=3 * LIMITS["max_feed_duration_secs"]
        )
        self._pool.__enter__()
        self._prelude = Path(prelude.__file__).read_text(encoding="utf-8")

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the workers; the sandbox can't be used any more."""
        self._pool.__exit__(None, None, None)

    def load(self, worlds: Sequence[World]) -> Loaded:
        """Puts worlds into a fresh interpreter: once per scene, for all of its programs."""
        with self._pool.checkout(limits=LIMITS, os_policy=POLICY) as session:
            session.feed_run(self._prelude)
            plain = [world.plain() for world in worlds]
            session.feed_run("_worlds = [Scene(**fields) for fields in _plain]", inputs={"_plain": plain})
            return Loaded(session.dump(), len(worlds))

    def run(self, program: str, loaded: Loaded) -> Outcome:
        """Calls the program's `answer` with every world, in one go, in an interpreter of its own."""
        if len(program) > MAX_SOURCE:
            return _failed("limit", f"the program has {len(program)} characters; {MAX_SOURCE} are allowed")
        try:
            with self._pool.checkout() as session:
                session.load_session(loaded.state)
                source = f"{program}\n\n_answers(_worlds, answer)"
                given = session.feed_run(source, print_callback=CollectString(MAX_OUTPUT))
        except MontySyntaxError as error:
            return _failed("syntax", _located(error, program))
        except MontyRuntimeError as error:
            return _failed(_reason(error), _located(error, program))
        except MontyCrashedError as error:
            return _failed("limit", f"the interpreter died: {_line(str(error))}")
        except MontyError as error:  # such as a value that has no counterpart on this side
            return _failed("untyped", _line(str(error)))
        return _read(given, loaded.worlds)


def _failed(reason: Failing, detail: str) -> Outcome:
    return Outcome(failure=Failure(reason, detail))


def _reason(error: MontyRuntimeError) -> Failing:
    inner = error.exception()
    if isinstance(inner, NotImplementedError) and str(inner).startswith(_UNSUPPORTED):
        return "syntax"
    return "limit" if isinstance(inner, (TimeoutError, MemoryError, RecursionError)) else "runtime"


def _located(error: MontySyntaxError | MontyRuntimeError, program: str) -> str:
    """The message, behind the last line of the program that was on the stack."""
    length = program.count("\n") + 1
    lines = [frame.line for frame in error.traceback() if frame.filename == _PROGRAM_FILE and frame.line <= length]
    return f"line {lines[-1]}: {_line(str(error))}" if lines else _line(str(error))


def _line(message: str) -> str:
    return " ".join(message.split())[:200]


def _read(given: object, worlds: int) -> Outcome:
    """Trusts nothing: a program may have redefined the function that made this."""
    if isinstance(given, str):
        return _failed("untyped", f"answer() returned {given[:40]}, not an answer such as metres(x)")
    if not isinstance(given, list) or len(given) != worlds:
        return _failed("untyped", "the program changed the sandbox's own functions")
    answers: list[Answer | None] = []
    for row in given:
        answer = typed(*row) if isinstance(row, tuple) and len(row) == 3 else "no answer of the API"
        if isinstance(answer, str):
            return _failed("untyped", answer)
        problem = answer.out_of_range()
        if problem is not None and not answers:
            return _failed("range", problem)
        answers.append(answer if problem is None else None)
    return Outcome(tuple(answers))
