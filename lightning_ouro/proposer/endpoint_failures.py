"""What may go wrong with a request to a server: whom it concerns, whether to repeat it, and what to do about it."""

from __future__ import annotations

import math
import os
import socket
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal, NamedTuple
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from lightning_ouro.plain_text import printable
from lightning_ouro.proposer.endpoint_replies import NoReply, error_message

BUSY = (429, 502, 503, 529)  # too many requests, a gateway without a server, loading, overloaded
REPEATED = (408, 409, 425, 500, 504)  # may be answered the next time, as what is above 520: a proxy's own
# Nothing listens to such requests here, or not with this key: as long as nothing was answered, one is enough.
HOPELESS = (401, 402, 404, 405, 501)
# What is said about one prompt alone: its length, or what it shows.
_OF_A_PROMPT = ("context", "too long", "too large", "length", "policy", "safety", "moderation", "flagged")

Trouble = Literal["nobody", "server", "prompt"]


class Failure(NamedTuple):
    """A request that stays without an answer.

    Attributes:
        problem: What happened at the last try, in one line with the address.
        trouble: Whom it concerns: "nobody" is there to answer, the "server" has a problem that may concern all
            prompts, or this "prompt" alone is refused.
    """

    problem: str
    trouble: Trouble


class FailedTry(NamedTuple):
    """What became of one request that was not answered.

    Attributes:
        problem: What happened, and what to do, in one line that continues the address.
        trouble: Whom it concerns.
        next: Whether to give up, to repeat it, to repeat it when the server is no longer busy, or to repeat it
            at once because the next one is written otherwise.
        pause: Seconds that the server asks to wait, or None.
    """

    problem: str
    trouble: Trouble = "server"
    next: Literal["give up", "repeat", "wait", "adapted"] = "give up"
    pause: float | None = None

    @staticmethod
    def of_reply(reply: NoReply) -> FailedTry:
        return FailedTry(f" gave {reply.problem}; check loop.proposer.url, whose API usually ends in /v1")


@dataclass(frozen=True)
class ServerSettings:
    """How to reach a server, and what each request says; see `EndpointProposer`."""

    url: str
    model: str
    temperature: float
    max_new_tokens: int
    tries: int
    timeout: float
    patience: float

    @property
    def address(self) -> str:
        return f"{self.url}/chat/completions"


def of_status(
    status: int, headers: Mapping[str, str], body: bytes, has_key: bool, has_answered: bool
) -> FailedTry:
    """A reply with a status other than success."""
    said = error_message(body)
    problem = f" answered {status}: {said}"
    if 300 <= status < 400:
        target = printable(headers.get("location", "nowhere").partition("?")[0][:200])
        return FailedTry(
            f" answered {status} and leads to {target}; set loop.proposer.url to where the API is", "nobody"
        )
    if b"insufficient_quota" in body:
        return FailedTry(f"{problem}; the account has no quota left", "nobody")
    pause = retry_after(headers)
    if status in BUSY or (pause is not None and status in REPEATED):
        return FailedTry(problem, "server", "wait", pause)
    if status in REPEATED or status >= 520:
        return FailedTry(problem, "server", "repeat")
    problem += _remedy(status, said.lower(), has_key)
    if status in HOPELESS:
        return FailedTry(problem, "server" if has_answered else "nobody")
    is_of_prompt = status == 413 or any(words in said.lower() for words in _OF_A_PROMPT)
    return FailedTry(problem, "prompt" if is_of_prompt or (has_answered and status != 403) else "server")


def _remedy(status: int, said: str, has_key: bool) -> str:
    if status in (401, 403):
        return f"; {'check' if has_key else 'name a file with the key by'} loop.proposer.key_file"
    if status in (404, 405, 501):
        return "; check loop.proposer.model, and loop.proposer.url, which usually ends in /v1"
    if "image" in said or "multimodal" in said or "vision" in said:
        return "; the model must take as many images per request as there are frames (data.frames.num_frames)"
    if "context" in said or "token" in said or status == 413:
        return "; let the server take longer prompts, or lower loop.proposer.metadata_tokens or data.frames"
    return ""


def of_exception(error: Exception, settings: ServerSettings, has_answered: bool) -> FailedTry:
    """No reply at all, or one that breaks off or can't be read."""
    causes = list(_causes(error))
    names = {type(cause).__name__ for cause in causes}
    if "TooLongError" in names:
        return FailedTry(f": {causes[0]}", "server")
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        remedy = "name the file of its certificate in SSL_CERT_FILE"
        return FailedTry(f": {_reason(causes)}; {remedy}", "nobody")
    if names & {"ConnectError", "ConnectTimeout", "ProxyError"}:
        remedy = f"start the server, or check loop.proposer.url{_by_proxy(settings.url)}"
        return FailedTry(f": {_reason(causes)}; {remedy}", "nobody", "wait" if has_answered else "give up")
    if isinstance(error, TimeoutError) or "APITimeoutError" in names:
        problem = f": no answer within loop.proposer.timeout={settings.timeout:g} s"
        return FailedTry(problem, "server", "repeat" if has_answered else "give up")
    return FailedTry(f": {_reason(causes)}{_by_proxy(settings.url)}", "server", "repeat")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The exception and what led to it, from the outside to the inside, each once."""
    waiting, seen = [error], set[int]()
    while waiting:
        cause = waiting.pop(0)
        if id(cause) not in seen:
            seen.add(id(cause))
            yield cause
            inner = [*getattr(cause, "exceptions", ()), cause.__cause__, cause.__context__]
            waiting += [item for item in inner if item is not None]


def _reason(causes: list[BaseException]) -> str:
    """What the system says, or else what the first library to notice says."""
    said = []
    for cause in causes:
        if (
            isinstance(cause, OSError) and cause.errno and cause.strerror
        ):  # asyncio writes sentences of its own
            is_number = not isinstance(cause, (ssl.SSLError, socket.gaierror))
            said.append(os.strerror(cause.errno) if is_number else cause.strerror)
    if not said:
        said = [str(cause) for cause in causes[1:] if str(cause)] + [type(causes[-1]).__name__]
    return printable(said[0])[:200]


def _by_proxy(url: str) -> str:
    """That a proxy from the environment is used, whose address may hold a password."""
    parts = urlsplit(url)
    proxies = getproxies()
    if not (parts.scheme in proxies or "all" in proxies) or proxy_bypass(parts.hostname or ""):
        return ""
    return f" (asked through the proxy of {parts.scheme.upper()}_PROXY; NO_PROXY={parts.hostname} goes around it)"


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that a server asks to wait, by a number or a date; None if it does not say so plainly."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        value = headers.get(name, "")[:100]
        try:
            seconds = float(value) / unit
        except ValueError:
            try:
                seconds = (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()
            except (ValueError, TypeError, OverflowError):  # TypeError: a date without a zone
                continue
        if not math.isnan(seconds):
            return max(seconds, 0.0)
    return None
