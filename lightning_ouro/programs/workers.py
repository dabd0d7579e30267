"""Worker processes that run interpreters, replaced when they die.

A worker can be killed from outside at any moment, typically by the kernel when memory runs out. Setting up an
interpreter cannot be the cause, so it is tried again on another worker, and only if no worker survives is it
an `InputError`. Once an interpreter is set up, the death of its worker is an error that the caller has to
handle.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, TypeVar, final

from pydantic_monty import Monty, MontyError, MontySession

from lightning_ouro.errors import InputError

try:
    from resource import RLIMIT_DATA, prlimit
except ImportError:  # not on Linux
    prlimit = None  # type: ignore[assignment]

ATTEMPTS = 5  # a sandbox's two workers may both have died unnoticed, and then again
GRACE = 0.1  # seconds that a worker has to report that a time limit is over, before it is killed; by hand
MOST_MEMORY = 1 << 30  # bytes that a worker may allocate in all, whatever it does; chosen by hand
Result = TypeVar("Result")


@final
class Workers:
    """A fixed number of warm worker processes. Not safe to share between threads.

    Args:
        processes: Number of workers, and so of interpreters that can be open at once.
        reply_seconds: Time after which a worker that does not reply is killed.
    """

    def __init__(self, processes: int, reply_seconds: float) -> None:
        self._pool = Monty(
            min_processes=processes,
            max_processes=processes,
            request_timeout=reply_seconds,
            feed_duration_limit_grace=GRACE,
        )
        try:
            self._pool.__enter__()
        except RuntimeError as error:  # how pydantic-monty reports that a process cannot be started
            raise _no_worker(error) from None

    def close(self) -> None:
        """Ends all workers."""
        self._pool.__exit__(None, None, None)

    @contextmanager
    def session(
        self, set_up: Callable[[MontySession], object], seconds: float, **options: Any
    ) -> Iterator[MontySession]:
        """An interpreter of its own on a worker that survived `set_up`.

        Args:
            set_up: Prepares the interpreter; called again with another one if the worker dies.
            seconds: The time limit of whatever it runs, at most that of a dump that it was restored from.
            options: Those of `Monty.checkout`.

        Raises:
            InputError: No interpreter could be set up in any of the attempts.
        """
        with ExitStack() as stack:
            yield self._checkout(stack, set_up, options | {"limits": {"max_feed_duration_secs": seconds}})[0]

    def dump(self, set_up: Callable[[MontySession], object], **options: Any) -> bytes:
        """The state of an interpreter after `set_up`; arguments and errors as for `session`, no time limit."""

        def set_up_and_dump(session: MontySession) -> bytes:
            set_up(session)
            return session.dump()

        with ExitStack() as stack:
            return self._checkout(stack, set_up_and_dump, options)[1]

    def _checkout(
        self, stack: ExitStack, set_up: Callable[[MontySession], Result], options: dict[str, Any]
    ) -> tuple[MontySession, Result]:
        problem: Exception | None = None
        for _ in range(ATTEMPTS):
            try:
                session = stack.enter_context(self._pool.checkout(**options))
                _limit_memory(session)
                return session, set_up(session)
            except (MontyError, RuntimeError) as error:
                stack.close()
                problem = error
        raise _no_worker(problem)


def _limit_memory(session: MontySession) -> None:
    if prlimit is not None and session.worker_pid is not None:
        with suppress(OSError):  # the worker has died: its first use will tell
            prlimit(session.worker_pid, RLIMIT_DATA, (MOST_MEMORY, MOST_MEMORY))


def _no_worker(problem: Exception | None) -> InputError:
    return InputError(
        f"the sandbox for programs cannot start an interpreter: {' '.join(str(problem).split())}; "
        "check that memory and processes are left on this machine"
    )
