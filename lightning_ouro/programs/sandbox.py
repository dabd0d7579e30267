"""Runs programs that a model wrote in pydantic-monty's worker processes: no file, network or import of the host.

All readings of a scene are loaded into one interpreter. Closed programs (see `source`) run there one after the other,
each inside a function of its own; any other gets an interpreter of its own, restored from a dump. Only success counts
in the shared one: a program that fails there is run again alone, and the shared one is made anew. So nothing that a
program does reaches another, or the next scene, and a crashed or hung worker costs that program alone. Limits lie far
above honest programs (a program takes 1 ms), clock and randomness belong to the dump: same program, same answers,
whatever the load.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from types import TracebackType
from typing import Any, final

import numpy as np
from pydantic_monty import (
    CollectString,
    Monty,
    MontyCrashedError,
    MontyError,
    MontyRuntimeError,
    MontySession,
    MontySyntaxError,
)

from lightning_ouro.programs import source
from lightning_ouro.programs.answers import TypedAnswer, typed
from lightning_ouro.programs.api import PRELUDE
from lightning_ouro.programs.questions import Failing, Failure
from lightning_ouro.programs.scene_geometry import SceneGeometry, common_ground, plain
from lightning_ouro.programs.source import Source
from lightning_ouro.programs.type_check import TypeChecker
from lightning_ouro.programs.walking import Ground

MAX_OUTPUT = 100_000  # bytes of print(); collected and dropped
MAX_MEMORY = 256 << 20
MAX_RECURSION = 200
TOGETHER = 20  # programs handed to a worker at once
POLICY = {"random_start": {"seed": 0}, "sleep": "zero", "datetime": datetime.datetime(2000, 1, 1)}
_PROGRAM_FILE = "<python-input-2>"  # the prelude is feed 0, the worlds are feed 1
_UNSUPPORTED = "The monty syntax parser does not yet support"


@dataclass(frozen=True)
class Outcome:
    """What came of one program.

    Attributes:
        answers: One per world; the first is in range, a later one that is not is None. Empty after a failure.
        failure: None if the program answered.
    """

    answers: tuple[TypedAnswer | None, ...] = ()
    failure: Failure | None = None


@final
class Guide:
    """Answers what programs ask about walking, and remembers it; trusts none of their arguments.

    Args:
        worlds: The readings of a scene that programs see.
    """

    def __init__(self, worlds: Sequence[SceneGeometry]) -> None:
        self._worlds = worlds
        self._ways: dict[tuple[int, int, int], list[tuple[float, float]] | None] = {}

    @cached_property
    def _ground(self) -> Ground:
        return common_ground(self._worlds)

    def are_straight(self, first: Any, second: Any) -> list[bool]:
        """`ProgramScene.is_straight` in every reading.

        Raises:
            ValueError: the arguments are no places of objects.
        """
        self._check(0, first, second)
        readings = np.arange(len(self._worlds))
        ends = (np.full(len(readings), place) for place in (first, second))
        return [bool(straight) for straight in self._ground.are_straight(readings, *ends)]

    def path(self, reading: Any, first: Any, second: Any) -> list[tuple[float, float]]:
        """`ProgramScene.path`.

        Raises:
            ValueError: the arguments are no places of objects, or there is no way.
        """
        self._check(reading, first, second)
        if (reading, first, second) not in self._ways:
            way = self._ground.way(reading, first, second)
            self._ways[reading, first, second] = None if way is None else [(x, y) for x, y in way.tolist()]
        found = self._ways[reading, first, second]
        if found is None:
            names = [self._worlds[0].scene.objects[place].category for place in (first, second)]
            raise ValueError(f"there is no way to walk from {names[0]} to {names[1]}")
        return found

    def _check(self, reading: Any, first: Any, second: Any) -> None:
        objects = len(self._worlds[0].scene.objects)
        for place, end in ((reading, len(self._worlds)), (first, objects), (second, objects)):
            if type(place) is not int or not 0 <= place < end:
                raise ValueError("two objects of the scene are needed")


@final
class LoadedScene:
    """Worlds ready to run programs on.

    Args:
        worlds: The readings, the exact one first.
    """

    def __init__(self, worlds: Sequence[SceneGeometry]) -> None:
        self.plain = plain(worlds)
        self.readings = len(worlds)
        guide = Guide(worlds)
        self.host: dict[str, Callable[..., Any]] = {"_path": guide.path, "_are_straight": guide.are_straight}
        self.state: bytes | None = None  # a dump of an interpreter with the worlds, once one is needed


@final
class Sandbox:
    """Interpreter processes kept warm; a context manager. Not safe to share between threads.

    Args:
        seconds: After which a program is stopped.
    """

    def __init__(self, seconds: float = 5.0) -> None:
        limits = {
            "max_feed_duration_secs": seconds,
            "max_memory": MAX_MEMORY,
            "max_recursion_depth": MAX_RECURSION,
            "max_suspensions": 1_000_000,  # calls of the host: time bounds them
        }
        # Two: the shared interpreter stays checked out while another program runs alone.
        self._pool = Monty(min_processes=2, max_processes=2, request_timeout=10 + 3 * seconds)
        self._pool.__enter__()
        self._types = TypeChecker(self._pool)
        self._shared: tuple[LoadedScene, MontySession] | None = None
        self._open = ExitStack()
        with self._pool.checkout(limits=limits, os_policy=POLICY) as session:
            session.feed_run(PRELUDE)
            self._prelude = session.dump()

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the workers; the sandbox can't be used any more."""
        self._discard()
        self._pool.__exit__(None, None, None)

    def run(self, program: str, loaded: LoadedScene) -> Outcome:
        """As `run_all`, for one program."""
        return self.run_all([source.read(program)], loaded)[0]

    def run_all(self, programs: Sequence[Source | Failure], loaded: LoadedScene) -> list[Outcome]:
        """Type-checks and runs programs: each `answer` is called with every world, the first one twice."""
        failures = iter(self._types.check([program for program in programs if isinstance(program, Source)]))
        found = [next(failures) if isinstance(program, Source) else program for program in programs]
        runnable = {
            place: program
            for place, program in enumerate(programs)
            if isinstance(program, Source) and found[place] is None
        }
        closed = [place for place, program in runnable.items() if program.is_closed]
        outcomes = {
            place: Outcome(failure=failure) for place, failure in enumerate(found) if failure is not None
        }
        for start in range(0, len(closed), TOGETHER):
            part = closed[start : start + TOGETHER]
            given = self._run_together([runnable[place] for place in part], loaded)
            outcomes |= {
                place: outcome for place, outcome in zip(part, given, strict=True) if not outcome.failure
            }
        for place in runnable.keys() - outcomes.keys():
            outcomes[place] = self._run_alone(runnable[place], loaded)
        return [outcomes[place] for place in range(len(programs))]

    def _run_together(self, programs: Sequence[Source], loaded: LoadedScene) -> list[Outcome]:
        """In the interpreter that all closed programs of these worlds share; what failed, and why, is not told."""
        lines = ["_given = []"]
        for program in programs:
            lines += ["def _program():", " " + program.text.replace("\n", "\n "), " return answer"]
            lines.append("_given.append(_attempt(_scenes, _program))")
        try:
            if self._shared is None or self._shared[0] is not loaded:
                self._discard()
                session = self._open.enter_context(self._pool.checkout())
                self._fill(session, loaded)
                self._shared = (loaded, session)
            given = _feed(self._shared[1], "\n".join((*lines, "_given")), loaded)
            return [_read(one, loaded.readings) for one in given]
        except MontyError as error:
            self._discard()
            return [_failed("runtime", str(error))] * len(programs)

    def _run_alone(self, program: Source, loaded: LoadedScene) -> Outcome:
        """In an interpreter of its own."""
        if loaded.state is None:
            with self._pool.checkout() as session:
                self._fill(session, loaded)
                loaded.state = session.dump()
        try:
            with self._pool.checkout() as session:
                session.load_session(loaded.state)
                given = _feed(session, f"{program.text}\n\n_answers(_scenes, answer)", loaded)
        except MontySyntaxError as error:
            return _failed("syntax", _located(error, program.text))
        except MontyRuntimeError as error:
            return _failed(_reason(error), _located(error, program.text))
        except MontyCrashedError as error:
            return _failed("limit", f"the interpreter died: {_line(str(error))}")
        except MontyError as error:  # such as a value that has no counterpart on this side
            return _failed("untyped", _line(str(error)))
        return _read(given, loaded.readings)

    def _fill(self, session: MontySession, loaded: LoadedScene) -> None:
        """Puts API and worlds into a new session."""
        session.load_session(self._prelude)
        session.feed_run("_scenes = _load(shared, readings)\nshared = readings = None", inputs=loaded.plain)

    def _discard(self) -> None:
        """Gives the shared interpreter up."""
        self._shared = None
        self._open.close()


def _feed(session: MontySession, text: str, loaded: LoadedScene) -> Any:
    return session.feed_run(text, print_callback=CollectString(MAX_OUTPUT), external_lookup=loaded.host)


def _failed(reason: Failing, detail: str) -> Outcome:
    return Outcome(failure=Failure(reason, detail))


def _reason(error: MontyRuntimeError) -> Failing:
    inner = error.exception()
    if isinstance(inner, NotImplementedError) and str(inner).startswith(_UNSUPPORTED):
        return "syntax"
    if isinstance(inner, RuntimeError) and str(inner).startswith("suspension limit"):
        return "limit"  # of calls of the host
    return "limit" if isinstance(inner, (TimeoutError, MemoryError, RecursionError)) else "runtime"


def _located(error: MontySyntaxError | MontyRuntimeError, program: str) -> str:
    """The message, behind the last line of the program that was on the stack."""
    length = program.count("\n") + 1
    lines = [
        frame.line for frame in error.traceback() if frame.filename == _PROGRAM_FILE and frame.line <= length
    ]
    return f"line {lines[-1]}: {_line(str(error))}" if lines else _line(str(error))


def _line(message: str) -> str:
    return " ".join(message.split())[:200]


def _read(given: object, worlds: int) -> Outcome:
    """Trusts nothing: a program may have got at the function that made this."""
    if not isinstance(given, list) or len(given) != worlds + 1:
        return _failed("untyped", "the program changed the sandbox's own functions")
    answers: list[TypedAnswer | None] = []
    for row in given:
        if isinstance(row, str):
            return _failed("untyped", f"answer() returned {row[:60]}, not an answer such as metres(x)")
        answer = typed(*row) if isinstance(row, tuple) and len(row) == 3 else "no answer of the API"
        if isinstance(answer, str) and row is not None:
            return _failed("untyped", answer)
        answers.append(None if isinstance(answer, str) else answer)
    first, again = answers[0], answers.pop()
    if first is None:
        return _failed("untyped", "the program changed the sandbox's own functions")
    problem = first.out_of_range()
    if problem is not None:
        return _failed("range", problem)
    if again != first:
        return _failed("unrepeatable", "a second call with the same scene gave another answer")
    return Outcome(tuple(None if answer is None or answer.out_of_range() else answer for answer in answers))
