"""One server of OpenAI's chat API through the `openai` client, and how it likes to be asked.

The client builds requests, sends them and keeps connections. Here is what it does not do: replies are limited in
length and in total time, requests pause together while the server is busy, a parameter that the server refuses is
left out or renamed, and the key is kept out of whatever is said.

Imported only when a server is asked: `openai` is an extra.
"""

from __future__ import annotations

import asyncio
import re
import time
import zlib
from collections.abc import Mapping
from typing import Any, cast

import httpx2
import openai
from typing_extensions import override

from lightning_ouro.proposer.endpoint_failures import (
    FailedTry,
    Failure,
    ServerSettings,
    of_exception,
    of_status,
)
from lightning_ouro.proposer.endpoint_replies import MAX_REPLY_BYTES, NoReply, Reply, complaint, read_reply

FIRST_PAUSE = 0.5  # seconds before the second try, doubled before each further one; chosen by hand
LONGEST_PAUSE = 30.0  # seconds, where the server does not say how long to wait; chosen by hand
SPOKEN_OF = 5.0  # seconds of waiting for a busy server that are worth a word; chosen by hand
CONNECT_TIMEOUT = 5.0  # seconds; the client's own default
SHORTEST_SECRET = 8  # characters; a shorter key ("none", "EMPTY") is none, and may stand in any text
_REFUSING = re.compile(
    r"unsupported|not? support|unknown|unrecogni[sz]ed|unexpected|not permitted|not allowed|forbidden|extra"
)


class ChatServer:
    """Asks one server; to be used within one event loop.

    Attributes:
        has_answered: Whether it ever answered.
        notice: What is to be said to the user, in one line, or "".
    """

    def __init__(self, settings: ServerSettings, key: str | None, has_answered: bool) -> None:
        self.settings, self._key = settings, key or ""
        self.has_answered, self.notice = has_answered, ""
        self._pauses = _Pauses(settings.patience)
        self._options = {"max_tokens": settings.max_new_tokens, "temperature": settings.temperature}
        self._with_seed = True
        self._tasks = set[asyncio.Task[Any]]()
        # No key, organization or project of OPENAI_* is sent to whatever server the config names.
        self._headers: dict[str, str | openai.Omit] = {"Accept-Encoding": "identity"}
        self._headers |= {"OpenAI-Organization": openai.omit, "OpenAI-Project": openai.omit}
        self._headers |= {"Authorization": f"Bearer {key}" if key else openai.omit}
        self._client = openai.AsyncOpenAI(
            api_key=key or "none",
            base_url=settings.url,
            max_retries=0,
            timeout=httpx2.Timeout(settings.timeout, connect=min(CONNECT_TIMEOUT, settings.timeout)),
            http_client=_BoundedClient(follow_redirects=False),
        )

    async def close(self) -> None:
        """Drops what is on its way.

        Only tasks of this class are cancelled: those that libraries make for them follow, and complain if they are
        cancelled before they begin.
        """
        for task in tuple(self._tasks):
            if not task.cancelling():
                task.cancel()
        await asyncio.gather(*tuple(self._tasks), return_exceptions=True)
        await self._client.close()

    async def answer(self, content: list[dict[str, Any]], seed: int) -> Reply | Failure:
        """Sends one user's turn, again where that may help."""
        task = cast("asyncio.Task[Any]", asyncio.current_task())
        self._tasks.add(task)
        try:
            return await self._answer(content, seed)
        finally:
            self._tasks.discard(task)

    async def _answer(self, content: list[dict[str, Any]], seed: int) -> Reply | Failure:
        failures = 0
        while True:
            await self._pauses.over()
            sent = time.monotonic()
            result = await self._try(content, seed)
            if isinstance(result, Reply):
                self.has_answered = True
                self._pauses.end()
                return result._replace(text=self._safe(result.text), problem=self._safe(result.problem))
            problem = f"{self.settings.address}{self._safe(result.problem)}"
            if result.next == "wait":
                if not self._pauses.begin(sent, result.pause):
                    return Failure(f"{problem}; {self._pauses.complaint(result.pause)}", "nobody")
                if self._pauses.is_long:
                    self.notice = f"{problem}; waiting for it"
            elif result.next != "adapted":
                failures += 1
                if result.next == "give up" or failures >= self.settings.tries:
                    return Failure(problem, result.trouble)
                await asyncio.sleep(FIRST_PAUSE * 2 ** (failures - 1))

    async def _try(self, content: list[dict[str, Any]], seed: int) -> Reply | FailedTry:
        options: dict[str, Any] = self._options | ({"seed": seed} if self._with_seed else {})
        try:
            async with asyncio.timeout(self.settings.timeout):  # the client's is for each wait, not for all
                raw = await self._client.chat.completions.with_raw_response.create(
                    model=self.settings.model,
                    messages=cast(Any, [{"role": "user", "content": content}]),
                    extra_headers=self._headers,
                    **options,
                )
        except openai.APIStatusError as error:
            return self._refused(error.response, error.response.status_code, error.response.content, options)
        except Exception as error:  # of a library that reads what a server wrote: it must not end the run
            return of_exception(error, self.settings, self.has_answered)
        reply = read_reply(raw.content)
        if isinstance(reply, NoReply) and reply.status is not None:
            return self._refused(raw.http_response, reply.status, raw.content, options)
        return FailedTry.of_reply(reply) if isinstance(reply, NoReply) else reply

    def _refused(
        self, response: httpx2.Response, status: int, body: bytes, sent: Mapping[str, Any]
    ) -> FailedTry:
        if status not in (401, 403, 429) and self._adapts(complaint(body), sent):
            return FailedTry("", next="adapted")
        return of_status(status, response.headers, body, bool(self._key), self.has_answered)

    def _adapts(self, said: str, sent: Mapping[str, Any]) -> bool:
        """Whether the same can be asked without a parameter that the server complains of."""
        if not _REFUSING.search(said.lower()):
            return False
        named = [name for name in sent if re.search(rf"\b{name}\b", said)]
        for name in named:
            if name == "max_tokens" and name in self._options:
                self._options["max_completion_tokens"] = self._options.pop(name)
            elif name == "temperature" and self._options.pop(name, 1) != 1:
                self.notice = (
                    f"{self.settings.address} takes no temperature: loop.proposer.temperature has no effect"
                )
            elif name == "seed" and self._with_seed:
                self._with_seed = False
                self.notice = f"{self.settings.address} takes no seed: its replies can't be repeated"
        return any(name != "max_completion_tokens" for name in named)

    def _safe(self, text: str) -> str:
        """The text without the key, should a server repeat it."""
        return text.replace(self._key, "***") if len(self._key) >= SHORTEST_SECRET else text


class _Pauses:
    """The pauses that all requests make together while a server is busy or away.

    Args:
        patience: Seconds after which it is given up, if nothing was answered since the first pause.
    """

    def __init__(self, patience: float) -> None:
        self._patience, self._until, self._count = patience, 0.0, 0
        self._since: float | None = None

    @property
    def is_long(self) -> bool:
        return self._since is not None and self._until - self._since >= SPOKEN_OF

    async def over(self) -> None:
        """Waits for the end of the pause, if there is one."""
        while (rest := self._until - time.monotonic()) > 0:
            await asyncio.sleep(rest)

    def begin(self, sent: float, wanted: float | None) -> bool:
        """Pauses because a request that was sent at a time met a busy server; False if it is given up.

        Requests that were under way when the pause began belong to the same one.
        """
        now, pause = time.monotonic(), wanted or 0.0
        if sent >= self._until:
            pause = max(pause, min(FIRST_PAUSE * 2.0**self._count, LONGEST_PAUSE))
            self._count = min(self._count + 1, 10)  # beyond LONGEST_PAUSE in any case
        self._since = now if self._since is None else self._since
        if now + pause - self._since > self._patience:
            return False
        self._until = max(self._until, now + pause)
        return True

    def end(self) -> None:
        """Something was answered."""
        self._since, self._count = None, 0

    def complaint(self, wanted: float | None) -> str:
        if wanted is not None and wanted > self._patience:
            return f"it asks to wait for {wanted:.0f} s, above loop.proposer.patience={self._patience:g}"
        return f"nothing was answered within loop.proposer.patience={self._patience:g} s"


class TooLongError(Exception):
    """A reply is longer than what is read."""


class _BoundedClient(openai.DefaultAsyncHttpxClient):
    """Reads each reply whole, up to a limit, whatever its status; the client's own reading has none."""

    @override
    async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        response = await super().send(request, **options | {"stream": True})
        body = bytearray()
        try:
            async for piece in response.aiter_raw():
                body += piece
                if len(body) > MAX_REPLY_BYTES:
                    raise TooLongError(f"its reply is longer than {MAX_REPLY_BYTES >> 20} MiB")
        finally:
            await response.aclose()
        headers = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
        content = _unpacked(bytes(body), response.headers.get("content-encoding", ""))
        return httpx2.Response(response.status_code, headers=headers, content=content, request=request)


_KEPT_HEADERS = ("content-type", "location", "retry-after", "retry-after-ms", "server", "via")


def _unpacked(body: bytes, encoding: str) -> bytes:
    """A body that was compressed, though none was asked for, up to the same limit."""
    if encoding not in ("gzip", "x-gzip", "deflate"):
        return body
    try:
        return zlib.decompressobj(47).decompress(body, MAX_REPLY_BYTES)  # 32 + 15: by gzip's or zlib's header
    except zlib.error:
        return body
