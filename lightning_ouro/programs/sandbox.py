"""Runs programs that a model wrote, in worker processes without files, network or imports of the host.

The interpreter is pydantic-monty. All draws of a scene are loaded into one interpreter. Closed programs (see
`survey`) run there one after the other, each inside a function of its own; any other program gets its own
interpreter, restored from a dump. Only success counts in the shared interpreter: a program that fails there
runs again alone, and after an error the shared interpreter is replaced. So nothing a program does reaches
another program or the next scene, and a crashed or hung worker costs only the program that ran on it. The
limits lie far above honest programs, which take 1 ms, and clock and random seed are part of the dump: the
same program gives the same answers under any load.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Any, final

from pydantic_monty import CollectString, MontyError, MontySession

from lightning_ouro.errors import InputError
from lightning_ouro.programs import source
from lightning_ouro.programs.api import PRELUDE
from lightning_ouro.programs.loaded_scene import LoadedScene
from lightning_ouro.programs.outcomes import Outcome, read_answers, read_error
from lightning_ouro.programs.questions import Failure
from lightning_ouro.programs.source import Source
from lightning_ouro.programs.type_check import TypeChecker
from lightning_ouro.programs.workers import Workers

__all__ = ["LoadedScene", "Outcome", "Sandbox"]

# All limits were chosen by hand, far above what honest programs need.
MAX_OUTPUT = 100_000  # bytes of print(), which are collected and dropped
MAX_MEMORY = 256 << 20  # bytes
MAX_RECURSION = 200  # nested calls
MAX_HOST_CALLS = 1_000_000  # only a backstop: time runs out first
TOGETHER = 20  # programs passed to a worker at once
POLICY = {"random_start": {"seed": 0}, "sleep": "zero", "datetime": datetime.datetime(2000, 1, 1)}


@final
class Sandbox:
    """Two warm interpreter processes. A context manager; not safe to share between threads.

    Args:
        seconds: Time after which a program is stopped.
    """

    def __init__(self, seconds: float = 5.0) -> None:
        limits = {
            "max_feed_duration_secs": seconds,
            "max_memory": MAX_MEMORY,
            "max_recursion_depth": MAX_RECURSION,
            "max_suspensions": MAX_HOST_CALLS,
        }
        # Two: the shared interpreter stays open while another program runs alone.
        self._workers = Workers(processes=2, reply_seconds=10 + 3 * seconds)
        self._types = TypeChecker(self._workers)
        self._shared: tuple[LoadedScene, MontySession] | None = None
        self._open = ExitStack()
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
        runnable: dict[int, Source] = {}
        for index, parsed in enumerate(self._type_check(programs)):
            if isinstance(parsed, Failure):
                outcomes[index] = Outcome(failure=parsed)
            else:
                runnable[index] = parsed
        closed = [index for index, program in runnable.items() if program.is_closed]
        for start in range(0, len(closed), TOGETHER):
            batch = closed[start : start + TOGETHER]
            together = self._run_together([runnable[index] for index in batch], loaded)
            outcomes |= {
                index: outcome for index, outcome in zip(batch, together, strict=True) if not outcome.failure
            }
        for index, program in runnable.items():
            if index not in outcomes:
                outcomes[index] = self._run_alone(program, loaded)
        return [outcomes[index] for index in range(len(programs))]

    def _type_check(self, programs: Sequence[Source | Failure]) -> list[Source | Failure]:
        """The programs, with those that do not pass replaced by their failure."""
        parsed = [program for program in programs if isinstance(program, Source)]
        failures = iter(self._types.check(parsed))
        return [next(failures) or program if isinstance(program, Source) else program for program in programs]

    def _run_together(self, programs: Sequence[Source], loaded: LoadedScene) -> list[Outcome]:
        """In the interpreter that all closed programs of this scene share; failures may be another's fault."""
        lines = ["_given = []"]
        for program in programs:
            lines += ["def _program():", " " + program.text.replace("\n", "\n "), " return answer"]
            lines.append("_given.append(_attempt(_scenes, _program))")
        session = self._shared_session(loaded)
        try:
            returned = _feed(session, "\n".join((*lines, "_given")), loaded)
        except MontyError as error:
            self._discard_shared()
            return [read_error(error, "")] * len(programs)
        return [read_answers(answers, loaded.draws) for answers in returned]

    def _shared_session(self, loaded: LoadedScene) -> MontySession:
        if self._shared is None or self._shared[0] is not loaded:
            self._discard_shared()
            session = self._open.enter_context(
                self._workers.session(lambda session: self._fill(session, loaded))
            )
            self._shared = (loaded, session)
        return self._shared[1]

    def _discard_shared(self) -> None:
        self._shared = None
        self._open.close()

    def _run_alone(self, program: Source, loaded: LoadedScene) -> Outcome:
        """In an interpreter of its own."""
        if loaded.state is None:
            loaded.state = self._workers.dump(lambda session: self._fill(session, loaded))
        state = loaded.state
        with self._workers.session(lambda session: session.load_session(state)) as session:
            try:
                returned = _feed(session, f"{program.text}\n\n_answers(_scenes, answer)", loaded)
            except MontyError as error:
                return read_error(error, program.text)
        return read_answers(returned, loaded.draws)

    def _fill(self, session: MontySession, loaded: LoadedScene) -> None:
        """Loads the API and the scene into a new interpreter."""
        session.load_session(self._prelude)
        session.feed_run("_scenes = _load(shared, draws)\nshared = draws = None", inputs=loaded.plain)


def _load_prelude(session: MontySession) -> None:
    session.feed_run(PRELUDE)


def _feed(session: MontySession, text: str, loaded: LoadedScene) -> Any:
    return session.feed_run(text, print_callback=CollectString(MAX_OUTPUT), external_lookup=loaded.host)
