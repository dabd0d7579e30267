"""Requests to one server, some at a time: sent as answers are read, and stopped when there is no use in more.

The requests run in an event loop on a thread of its own, so that Ctrl-C reaches the main thread at once and ends
them all, also where a loop runs already, as in a notebook.
"""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from threading import Thread
from typing import TYPE_CHECKING, Any, NamedTuple

from lightning_ouro.errors import InputError
from lightning_ouro.plain_text import printable
from lightning_ouro.proposer.endpoint_failures import Failure, ServerSettings
from lightning_ouro.proposer.endpoint_replies import Reply

if TYPE_CHECKING:  # its library is an extra
    from lightning_ouro.proposer.endpoint_client import ChatServer

ENOUGH_FAILURES = 3  # in a row, or prompts of which none was ever answered; chosen by hand
CLOSING_SECONDS = 1.0  # for connections to close after Ctrl-C; chosen by hand
POLL_SECONDS = 0.5  # between looks at what the server has to say


class Request(NamedTuple):
    """One request.

    Attributes:
        prompt: Number of the prompt, which several requests share.
        slot: Number among those of the prompt.
        content: The user's turn.
        seed: For the server's sampling.
    """

    prompt: int
    slot: int
    content: list[dict[str, Any]]
    seed: int


@dataclass
class History:
    """What is known about a server from earlier requests.

    Attributes:
        has_answered: Whether it ever answered.
        num_refused: Number of prompts that it refused for themselves.
        said: What the user was told already.
    """

    has_answered: bool = False
    num_refused: int = 0
    said: set[str] = field(default_factory=set)

    def say(self, text: str) -> None:
        """Says something once."""
        if text and text not in self.said:
            self.said.add(text)
            warnings.warn(text, stacklevel=2)


def check_client() -> None:
    """Refuses to go on without the client's library.

    Raises:
        InputError: it is not installed.
    """
    if find_spec("openai") is None or find_spec("httpx2") is None:
        raise InputError(
            'loop.proposer: EndpointProposer needs the openai client: pip install "lightning_ouro[endpoint]" '
            '(in a checkout: pip install ".[endpoint]")'
        )


def replies(
    settings: ServerSettings, key: str | None, requests: Iterable[Request], concurrent: int, history: History
) -> Generator[tuple[Request, Reply | Failure], None, None]:
    """Sends requests, at most `concurrent` at a time, and yields each with its reply as soon as there is one.

    A prompt that was refused for itself is not sent again. If it ends early, by Ctrl-C too, what was answered by then
    is yielded first.

    Raises:
        InputError: nobody answers, or nothing but failures comes; the message has the address and what to do.
    """
    with _connected(settings, key, history.has_answered) as (server, loop):
        exchange = _Exchange(server, loop, iter(requests), concurrent, history)
        try:
            while exchange.goes_on():
                yield from exchange.send()
                yield from exchange.receive()
            exchange.check_end()
        except (KeyboardInterrupt, InputError):
            yield from exchange.break_off()
            raise


@dataclass
class _Exchange:
    """Requests on their way, and what the failures among them say about the server."""

    server: ChatServer
    loop: asyncio.AbstractEventLoop
    source: Iterator[Request]
    concurrent: int
    history: History
    waiting: dict[Future[Reply | Failure], Request] = field(default_factory=dict)
    refused: dict[int, Failure] = field(default_factory=dict)
    failed: list[Failure] = field(default_factory=list)  # in a row
    is_exhausted: bool = False

    def goes_on(self) -> bool:
        return bool(self.waiting) or not self.is_exhausted

    def send(self) -> Iterator[tuple[Request, Failure]]:
        """Sends as many as may be on their way; yields those that are not worth it."""
        while len(self.waiting) < self.concurrent:
            request = next(self.source, None)
            if request is None:
                self.is_exhausted = True
                return
            if request.prompt in self.refused:
                yield request, self.refused[request.prompt]
            else:
                answer = self.server.answer(request.content, request.seed)
                self.waiting[asyncio.run_coroutine_threadsafe(answer, self.loop)] = request

    def receive(self) -> Iterator[tuple[Request, Reply | Failure]]:
        """Waits for the next replies."""
        done, _ = wait(self.waiting, POLL_SECONDS, FIRST_COMPLETED)
        self.history.say(self.server.notice)
        for future in done:
            result = future.result()
            self._judge(self.waiting[future].prompt, result)
            yield self.waiting.pop(future), result

    def _judge(self, prompt: int, result: Reply | Failure) -> None:
        history = self.history
        if isinstance(result, Reply):
            history.has_answered = True
            self.failed.clear()
        elif result.trouble == "prompt":
            history.num_refused += prompt not in self.refused
            self.refused[prompt] = result
            if history.num_refused >= ENOUGH_FAILURES and not history.has_answered:
                raise InputError(f"loop.proposer: {result.problem}")
        else:
            self.failed.append(result)
            if result.trouble == "nobody" or len(self.failed) >= ENOUGH_FAILURES:
                raise InputError(f"loop.proposer: {result.problem}")

    def check_end(self) -> None:
        """Refuses to count a few failures as the result where nothing was ever answered."""
        if self.failed and not self.history.has_answered:
            raise InputError(f"loop.proposer: {self.failed[-1].problem}")

    def break_off(self) -> Iterator[tuple[Request, Reply]]:
        """Sends nothing more, and yields what was answered meanwhile."""
        for future in self.waiting:
            future.cancel()
        for future, request in self.waiting.items():
            if not future.cancelled() and isinstance(result := future.result(), Reply):
                yield request, result


@contextmanager
def _connected(
    settings: ServerSettings, key: str | None, has_answered: bool
) -> Iterator[tuple[ChatServer, asyncio.AbstractEventLoop]]:
    """A server, and the running loop that it is asked in; at the end, whatever is on its way is dropped."""
    from lightning_ouro.proposer.endpoint_client import ChatServer  # takes a second, and needs the extra

    ready = Future[tuple[ChatServer, asyncio.AbstractEventLoop, asyncio.Event]]()

    async def serve() -> None:
        end = asyncio.Event()
        server = ChatServer(settings, key, has_answered)
        ready.set_result((server, asyncio.get_running_loop(), end))
        await end.wait()
        await server.close()

    def run() -> None:
        try:
            asyncio.run(serve())
        except Exception as error:  # such as a proxy's address or a file of certificates that is none
            if not ready.done():
                ready.set_exception(error)

    thread = Thread(target=run, name="requests to a server", daemon=True)
    thread.start()
    try:
        server, loop, end = ready.result()
    except Exception as error:
        said = printable(f"{type(error).__name__}: {error}")
        raise InputError(f"loop.proposer.url={settings.url} can't be asked from here ({said})") from error
    try:
        yield server, loop
    finally:
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(end.set)
        thread.join(CLOSING_SECONDS)
