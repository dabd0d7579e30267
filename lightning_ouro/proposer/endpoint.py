"""Proposals from a server with OpenAI's chat API: vLLM, SGLang, `transformers serve`, or a hosted model.

This scales proposing beyond one machine, and it provides a frozen proposer for runs that train all weights.
Every proposal is one request, and many requests run at a time. A request that fails because the server is
busy or unreachable is repeated after a pause; a proposal that stays without an answer becomes a rejection, so
the round goes on without it.
"""

from __future__ import annotations

import base64
import io
import json
import time
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from pathlib import Path
from typing import Any, Literal, final
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import numpy as np
from PIL import Image
from rich.progress import track
from typing_extensions import override

from lightning_ouro.errors import InputError
from lightning_ouro.plain_text import printable
from lightning_ouro.programs.questions import VIDEO_PROMPT, Proposal, Rejection
from lightning_ouro.proposer.derivation import derivation_prompt, second_generator
from lightning_ouro.proposer.model import as_proposal, generator
from lightning_ouro.proposer.parsing import fenced_program
from lightning_ouro.proposer.prompt import PromptWriter
from lightning_ouro.proposer.protocol import Brief, Deriver, OpenProposal, Proposer, frozen_base
from lightning_ouro.scenes.types import Video
from lightning_ouro.solver.module import SolverModule

# Token budgets are kept without the server's tokenizer, by a number chosen by hand. With Qwen3-VL's, a line of
# feedback has 3.8 characters per token, but a scene's description only 1.4, because each digit is a token: it
# can take twice its budget.
CHARACTERS_PER_TOKEN = 3
FIRST_PAUSE = 0.5  # seconds before the second try, doubled before each further one; chosen by hand
MAX_REPLY_BYTES = 4 << 20  # of a server's reply, the rest is not read; chosen by hand, far above any proposal
JPEG_QUALITY = 90  # chosen by hand
# Away, too slow, cut off within its reply, no HTTP, or not a reply of this API; URLError is an OSError.
NO_REPLY = (HTTPException, OSError, ValueError)


@final
class EndpointProposer(Proposer, Deriver):
    """Requests each proposal from a server with OpenAI's chat API: vLLM, SGLang, `transformers serve`.

    Args:
        url: Root of the API, such as http://localhost:8000/v1.
        model: Name of the model on that server.
        key_file: File that holds the API key; null for servers that need none.
        prompt: Kind of prompt: full, or compact for a model that was trained on it.
        temperature: Sampling temperature, sent with each request.
        max_new_tokens: Maximum length of a proposal in tokens, sent as max_tokens; a longer one is cut off
            and usually rejected as unusable.
        max_objects: Maximum number of a scene's objects that the prompt describes; single objects come first,
            large ones before small ones.
        metadata_tokens: Maximum length of the scene's description, counted as three characters per token;
            lines beyond it are cut.
        feedback_tokens: Maximum length of the list of last round's questions, counted the same way.
        concurrent: Maximum number of requests that run at a time, at least 1.
        tries: Maximum number of requests per proposal, at least 1; 1 never repeats a failed request.
        timeout: Seconds to wait for the server at each try, above 0.
        second_programs: Number of programs that are requested for an open question's text alone, of which
            most must give its answer, at least 0; 0 keeps only open questions whose wording the package knows.
    """

    name = "endpoint"

    def __init__(
        self,
        url: str,
        model: str,
        key_file: str | None = None,
        prompt: Literal["full", "compact"] = "full",
        temperature: float = 1.0,
        max_new_tokens: int = 512,
        max_objects: int = 64,
        metadata_tokens: int = 3000,
        feedback_tokens: int = 1000,
        concurrent: int = 16,
        tries: int = 4,
        timeout: float = 120.0,
        second_programs: int = 3,
    ) -> None:
        if not _is_http(url):
            raise InputError(
                f"loop.proposer.url={url!r} is not an http or https address; give the root of the API, which "
                "usually ends in /v1"
            )
        for name, value in (("concurrent", concurrent), ("tries", tries), ("timeout", timeout)):
            if not value > 0:
                raise InputError(f"loop.proposer.{name}={value} must be above 0")
        if second_programs < 0:
            raise InputError(f"loop.proposer.second_programs={second_programs} must be at least 0")
        self._second_programs = second_programs
        self._address = f"{url.rstrip('/')}/chat/completions"
        self._model, self._key_file = model, key_file
        self._temperature, self._max_new_tokens = temperature, max_new_tokens
        self._concurrent, self._tries, self._timeout = concurrent, tries, timeout
        self._writer = PromptWriter(prompt, max_objects, metadata_tokens, feedback_tokens, _estimate_tokens)

    @override
    def attach(self, solver: SolverModule) -> None:
        pass

    @override
    def base(self, solver: SolverModule) -> SolverModule | None:
        return frozen_base(solver)

    @override
    def propose(
        self, briefs: Sequence[Brief], title: str = "", show_progress: bool = False
    ) -> list[Proposal | Rejection]:
        key = self._read_key()
        proposals: list[Proposal | Rejection] = []
        with ThreadPoolExecutor(self._concurrent) as pool:
            pending = [
                (brief, slot, prompt.short, pool.submit(self._request, key, content, generator(brief, slot)))
                for brief in briefs
                for prompt in [self._writer.write(brief, brief.geometry())]
                for content in [_content(brief.video(), prompt.text)]
                for slot in range(brief.slots)
            ]
            for brief, slot, short, reply in track(
                pending, f"{title}: proposing", transient=True, disable=not show_progress
            ):
                text, problem = reply.result()
                if problem:
                    raw = Proposal(brief.scene.id, "", "", "", self.name, brief.round, slot)
                    proposals.append(Rejection(raw, "unusable", problem))
                else:
                    proposals.append(as_proposal(self.name, brief, slot, short, text))
        _warn_if_none_was_answered(proposals)
        return proposals

    @override
    def derive(
        self, questions: Sequence[OpenProposal], title: str = "", show_progress: bool = False
    ) -> list[list[str]]:
        key = self._read_key()
        with ThreadPoolExecutor(self._concurrent) as pool:
            pending = [
                [
                    pool.submit(self._request, key, content, second_generator(item, attempt))
                    for attempt in range(self._second_programs)
                ]
                for item in questions
                for content in [_content(None, _derivation_prompt(item))]
            ]
            return [
                [fenced_program(reply.result()[0]) or "" for reply in replies]
                for replies in track(
                    pending, f"{title}: deriving again", transient=True, disable=not show_progress
                )
            ]

    def _read_key(self) -> str | None:
        if self._key_file is None:
            return None
        try:
            key = Path(self._key_file).read_text("utf8").strip()
        except (OSError, ValueError) as error:
            raise InputError(
                f"loop.proposer.key_file={self._key_file} cannot be read: {getattr(error, 'strerror', error)}"
            ) from error
        if not (key.isascii() and key.isprintable()):  # no header, and errors about headers quote them
            raise InputError(
                f"loop.proposer.key_file={self._key_file} must hold one line of plain characters"
            )
        return key

    def _request(
        self, key: str | None, content: list[dict[str, Any]], rng: np.random.Generator
    ) -> tuple[str, str]:
        """The text of the server's reply and "", or "" and what went wrong at the last try."""
        body = {
            "model": self._model,
            "messages": [{"role": "user", "content": content}],
            "temperature": self._temperature,
            "max_tokens": self._max_new_tokens,
            "seed": int(rng.integers(2**31)),
        }
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
        request = Request(self._address, json.dumps(body).encode(), headers)
        problem = ""
        for attempt in range(self._tries):
            if attempt:
                time.sleep(FIRST_PAUSE * 2 ** (attempt - 1))
            try:
                with urlopen(request, timeout=self._timeout) as response:
                    return _text(response.read(MAX_REPLY_BYTES)), ""
            except HTTPError as error:
                problem = f"{self._address} answered {error.code}: {_refusal(error)}"
                if error.code < 500 and error.code not in (408, 429):
                    break  # a request that was refused for itself would be refused again
            except NO_REPLY as error:
                reason = str(getattr(error, "reason", error)) or type(error).__name__
                problem = f"{self._address}: {' '.join(reason.split())[:300]}"
        return "", problem


def _warn_if_none_was_answered(proposals: Sequence[Proposal | Rejection]) -> None:
    unanswered = [item for item in proposals if isinstance(item, Rejection) and not item.proposal.text]
    if unanswered and len(unanswered) == len(proposals):
        warnings.warn(
            f"loop.proposer.url: none of {len(unanswered)} requests was answered ({unanswered[0].detail}); "
            "the round goes on without them",
            stacklevel=3,
        )


def _derivation_prompt(item: OpenProposal) -> str:
    return derivation_prompt(item.brief.geometry(), item.proposal.text)


def _estimate_tokens(text: str) -> int:
    return -(-len(text) // CHARACTERS_PER_TOKEN)


def _content(video: Video | None, prompt: str) -> list[dict[str, Any]]:
    """The user's turn: each frame as an image after its time, then the prompt."""
    parts: list[dict[str, Any]] = []
    for frame, seconds in [] if video is None else zip(video.frames, video.views.timestamps, strict=True):
        buffer = io.BytesIO()
        Image.fromarray(frame).save(buffer, "JPEG", quality=JPEG_QUALITY)
        url = f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"
        parts += [
            {"type": "text", "text": f"<{seconds:.1f} seconds>"},
            {"type": "image_url", "image_url": {"url": url}},
        ]
    return [*parts, {"type": "text", "text": VIDEO_PROMPT + prompt}]


def _text(body: bytes) -> str:
    """The reply's text.

    Raises:
        ValueError: the body is not a reply of the chat API with text in it; the message becomes a rejection's
            detail.
    """
    try:
        text = json.loads(body)["choices"][0]["message"]["content"]
    except (ValueError, KeyError, IndexError, TypeError, RecursionError):
        raise ValueError(f"no answer of a chat: {_first_line(body)}") from None
    if not isinstance(text, str):
        raise ValueError(f"no text in its answer: {_first_line(body)}")
    return text


def _is_http(url: str) -> bool:
    try:
        return urlsplit(url).scheme in ("http", "https")
    except ValueError:  # such as half an IPv6 address
        return False


def _refusal(error: HTTPError) -> str:
    """What a server says about an error; it may fall silent even then."""
    try:
        return _first_line(error.read(MAX_REPLY_BYTES))
    except NO_REPLY as problem:
        return f"{error.reason} ({type(problem).__name__})"


def _first_line(body: bytes) -> str:
    """The first 200 bytes on one line, without characters that a terminal acts on."""
    return printable(body[:200].decode("utf8", "replace"))
