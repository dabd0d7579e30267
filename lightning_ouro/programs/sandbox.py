"""Runs programs that a model wrote, in worker processes without files, network or imports of the host.

The interpreter is pydantic-monty. All draws of a scene are loaded into one interpreter. Closed programs (see
`survey`) run there one after the other, each inside a function of its own; any other program gets its own
interpreter, restored from a dump. Only success counts in the shared interpreter: a program that fails there
runs again alone, and after an error the shared interpreter is replaced. So nothing a program does reaches
another program or the next scene, and a crashed or hung worker costs only the program that ran on it. The
limits lie far above honest programs, which take 1 ms, and clock and random seed are part of the dump: the
same program gives the same answers under any load. Programs ask nothing of this process: all time that they
cost is spent before they run, for the scene's ways, or by the worker, and both count towards their limit.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Any, final

from pydantic_monty import CollectString, MontySession

from lightning_ouro.errors import InputError
from lightning_ouro.programs import source
from lightning_ouro.programs.api import PRELUDE
from lightning_ouro.programs.loaded_scene import LoadedScene
from lightning_ouro.programs.outcomes import Outcome, read_answers, read_error
from lightning_ouro.programs.questions import Failure
from lightning_ouro.programs.source import Source
from lightning_ouro.programs.type_check import TypeChecker
from lightning_ouro.programs.ways import Tables
from lightning_ouro.programs.workers import Workers

__all__ = ["LoadedScene", "Outcome", "Sandbox"]

# All limits were chosen by hand, far above what honest programs need.
MAX_OUTPUT = 100_000  # bytes of print(), which are collected and dropped
MAX_MEMORY = 256 << 20  # bytes
MAX_RECURSION = 200  # nested calls
TOGETHER = 20  # programs passed to a worker at once
SHARED_PART = 0.2  # of a program's time that several have together, before each runs alone
LEAST_SHARED = 0.25  # seconds that they have at least; loading a large scene takes 0.01 s
LEAST_CHECK = 1.0  # seconds that a type check has at least
POLICY = {"random_start": {"seed": 0}, "sleep": "zero", "datetime": datetime.datetime(2000, 1, 1)}


@final
class Sandbox:
    """Two warm interpreter processes. A context manager; not safe to share between threads.

    Args:
        seconds: Time after which a program is stopped. The type check of a batch has as long again, but at
            least a second.
    """

    def __init__(self, seconds: float = 5.0) -> None:
        self._seconds = seconds
        # Two: the shared interpreter stays open while another program runs alone.
        self._workers = Workers(processes=2, reply_seconds=10 + 3 * seconds)
        self._types = TypeChecker(self._workers, max(seconds, LEAST_CHECK))
        self._shared: tuple[LoadedScene, MontySession, set[str]] | None = None  # and what it knows of ways
        self._open = ExitStack()
        limits = {"max_memory": MAX_MEMORY, "max_recursion_depth": MAX_RECURSION}
        try:
            self._prelude = self._workers.dump(_load_prelude, limits=limits, os_policy=POLICY)
        except InputError:
            self._workers.close()
            raise

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the workers; the sandbox cannot be used any more."""
        self._discard_shared()
        self._workers.close()

    def run(self, program: str, loaded: LoadedScene) -> Outcome:
        """Type-checks and runs one program; see `run_all`."""
        return self.run_all([source.read(program)], loaded)[0]

    def run_all(self, programs: Sequence[Source | Failure], loaded: LoadedScene) -> list[Outcome]:
        """Type-checks and runs programs: each `answer` is called with every draw, and with the first twice.

        Raises:
            InputError: No worker can be set up. Nothing that a program does, or that happens to a worker
                while it runs, raises.
        """
        outcomes: dict[int, Outcome] = {}
        asking: dict[frozenset[str], dict[int, Source]] = {}
        for index, parsed in enumerate(self._type_check(programs)):
            if isinstance(parsed, Failure):
                outcomes[index] = Outcome(failure=parsed)
            else:
                asking.setdefault(parsed.asks, {})[index] = parsed
        for asks, alike in asking.items():
            outcomes |= self._run_alike(alike, asks, loaded)
        return [outcomes[index] for index in range(len(programs))]

    def _run_alike(
        self, programs: Mapping[int, Source], asks: frozenset[str], loaded: LoadedScene
    ) -> dict[int, Outcome]:
        """Runs programs that ask for the same of a scene's ways."""
        started = time.monotonic()
        ways = loaded.ways.tables(asks, self._seconds)
        if isinstance(ways, Failure):
            return dict.fromkeys(programs, Outcome(failure=ways))
        seconds = max(self._seconds - (time.monotonic() - started), 0.0)
        outcomes: dict[int, Outcome] = {}
        closed = [index for index, program in programs.items() if program.is_closed]
        for start in range(0, len(closed), TOGETHER):
            batch = closed[start : start + TOGETHER]
            together = self._run_together([programs[index] for index in batch], loaded, ways)
            outcomes |= {
                index: outcome for index, outcome in zip(batch, together, strict=True) if not outcome.failure
            }
        for index, program in programs.items():
            if index not in outcomes:
                outcomes[index] = self._run_alone(program, loaded, ways, seconds)
        return outcomes

    def _type_check(self, programs: Sequence[Source | Failure]) -> list[Source | Failure]:
        """The programs, with those that do not pass replaced by their failure."""
        parsed = [program for program in programs if isinstance(program, Source)]
        failures = iter(self._types.check(parsed))
        return [next(failures) or program if isinstance(program, Source) else program for program in programs]

    def _run_together(self, programs: Sequence[Source], loaded: LoadedScene, ways: Tables) -> list[Outcome]:
        """In the interpreter that all closed programs of this scene share; failures may be another's fault."""
        lines = ["_given = []"]
        for program in programs:
            lines += ["def _program():", " " + program.text.replace("\n", "\n "), " return answer"]
            lines.append("_given.append(_attempt(_scenes, _program))")
        try:
            returned = _feed(self._shared_session(loaded, ways), "\n".join((*lines, "_given")))
            return [read_answers(answers, loaded.draws) for answers in returned]
        except InputError:
            raise
        except Exception as error:
            self._discard_shared()
            return [read_error(error, "")] * len(programs)

    def _shared_session(self, loaded: LoadedScene, ways: Tables) -> MontySession:
        if self._shared is None or self._shared[0] is not loaded:
            self._discard_shared()
            seconds = max(SHARED_PART * self._seconds, LEAST_SHARED)
            session = self._open.enter_context(
                self._workers.session(lambda session: self._fill(session, loaded), seconds)
            )
            self._shared = (loaded, session, set())
        _, session, known = self._shared
        missing = {name: table for name, table in ways.items() if name not in known}
        if missing:
            _add_ways(session, missing)
            known |= missing.keys()
        return session

    def _discard_shared(self) -> None:
        self._shared = None
        self._open.close()

    def _run_alone(self, program: Source, loaded: LoadedScene, ways: Tables, seconds: float) -> Outcome:
        """In an interpreter of its own."""
        if loaded.state is None:
            loaded.state = self._workers.dump(lambda session: self._fill(session, loaded))
        state = loaded.state
        with self._workers.session(lambda session: session.load_session(state), seconds) as session:
            try:
                if ways:
                    _add_ways(session, ways)
                returned = _feed(session, f"{program.text}\n\n_answers(_scenes, answer)")
            except Exception as error:
                return read_error(error, program.text)
        return read_answers(returned, loaded.draws)

    def _fill(self, session: MontySession, loaded: LoadedScene) -> None:
        """Loads the API and the scene into a new interpreter."""
        session.load_session(self._prelude)
        session.feed_run("_scenes = _load(shared, draws)\nshared = draws = None", inputs=loaded.plain)


def _load_prelude(session: MontySession) -> None:
    session.feed_run(PRELUDE)


def _add_ways(session: MontySession, ways: Tables) -> None:
    session.feed_run("_load_ways(ways)\nways = None", inputs={"ways": ways})


def _feed(session: MontySession, text: str) -> Any:
    return session.feed_run(text, print_callback=CollectString(MAX_OUTPUT))
