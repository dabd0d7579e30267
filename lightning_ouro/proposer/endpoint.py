"""Proposals from a server with OpenAI's chat API: vLLM, SGLang, `transformers serve`, or a hosted model.

This scales proposing beyond one machine, and it provides a frozen proposer for runs that train all weights.
Every proposal is one request, and some requests run at a time. What is not answered for a reason that concerns it
alone becomes a rejection; a server that answers nothing ends the run with a line that has its address.
"""

from __future__ import annotations

import base64
import io
import os
import re
import warnings
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Literal, final
from urllib.parse import urlsplit

import numpy as np
from PIL import Image
from typing_extensions import override

from lightning_ouro.errors import InputError
from lightning_ouro.programs.questions import LONGEST_DETAIL, VIDEO_PROMPT, Proposal, Rejection
from lightning_ouro.progress import track
from lightning_ouro.proposer.derivation import derivation_prompt, second_generator
from lightning_ouro.proposer.endpoint_failures import Failure, ServerSettings
from lightning_ouro.proposer.endpoint_replies import Reply
from lightning_ouro.proposer.endpoint_requests import History, Request, check_client, replies
from lightning_ouro.proposer.model import as_proposal, generator
from lightning_ouro.proposer.parsing import fenced_program
from lightning_ouro.proposer.prompt import PromptWriter
from lightning_ouro.proposer.protocol import Brief, Deriver, GradualProposer, OpenProposal, frozen_base
from lightning_ouro.proposer.short_names import ShortNames
from lightning_ouro.scenes.types import Video
from lightning_ouro.solver.module import SolverModule

# Token budgets are kept without the server's tokenizer, by a number chosen by hand. With Qwen3-VL's, a line of
# feedback has 3.8 characters per token, but a scene's description only 1.4, because each digit is a token: it
# can take twice its budget.
CHARACTERS_PER_TOKEN = 3
JPEG_QUALITY = 90  # chosen by hand
# Common beginnings of keys; and what is as long as one and no path to a file, is taken for one, too.
_KEY = re.compile(r"(?:sk|hf|gsk|xai|nvapi|pplx|fw|tgp|AIza)[-_A-Z]")
_LENGTH_OF_KEYS = 20


@final
class EndpointProposer(GradualProposer, Deriver):
    """Requests each proposal from a server with OpenAI's chat API: vLLM, SGLang, `transformers serve`.

    Args:
        url: Root of the API, such as http://localhost:8000/v1.
        model: Name of the model on that server.
        key_file: File that holds the API key; null for servers that need none.
        prompt: Kind of prompt: full, or compact for a model that was trained on it.
        temperature: Sampling temperature, sent with each request.
        max_new_tokens: Maximum length of a reply in tokens, thoughts included, sent as max_tokens, or as
            max_completion_tokens to servers that refuse the former; a proposal that is cut off is usually rejected as
            unusable.
        max_objects: Maximum number of a scene's objects that the prompt describes; single objects come first,
            large ones before small ones.
        metadata_tokens: Maximum length of the scene's description, counted as three characters per token;
            lines beyond it are cut.
        feedback_tokens: Maximum length of the list of last round's questions, counted the same way.
        concurrent: Maximum number of requests that run at a time, at least 1.
        tries: Maximum number of requests per proposal, at least 1; 1 never repeats a failed request. Waiting for a
            busy server does not count.
        timeout: Seconds for the server's whole answer at each try, above 0.
        patience: Seconds that a server may be busy or away without answering anything before the run ends, above 0;
            also the longest wait that it may ask for.
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
        patience: float = 120.0,
        second_programs: int = 3,
    ) -> None:
        _check_url(url)
        _check_key_file(key_file)
        least = {"concurrent": concurrent, "tries": tries, "timeout": timeout, "patience": patience}
        for name, value in (least | {"max_new_tokens": max_new_tokens}).items():
            if not value > 0:
                raise InputError(f"loop.proposer.{name}={value} must be above 0")
        if second_programs < 0:
            raise InputError(f"loop.proposer.second_programs={second_programs} must be at least 0")
        self._second_programs, self._concurrent, self._key_file = second_programs, concurrent, key_file
        self._settings = ServerSettings(
            url.rstrip("/"), model, temperature, max_new_tokens, tries, timeout, patience
        )
        self._history = History()
        self._writer = PromptWriter(prompt, max_objects, metadata_tokens, feedback_tokens, _estimate_tokens)

    @override
    def attach(self, solver: SolverModule) -> None:
        check_client()
        _read_key(self._key_file)

    @override
    def base(self, solver: SolverModule) -> SolverModule | None:
        return frozen_base(solver)

    @override
    def propose(
        self, briefs: Sequence[Brief], title: str = "", show_progress: bool = False
    ) -> list[Proposal | Rejection]:
        with closing(self.propose_gradually(briefs, title, show_progress)) as proposals:
            order = {brief.scene.id: index for index, brief in enumerate(briefs)}
            return sorted(proposals, key=lambda item: _place(order, item))

    @override
    def propose_gradually(
        self, briefs: Sequence[Brief], title: str = "", show_progress: bool = False
    ) -> Generator[Proposal | Rejection, None, None]:
        """The same proposals one by one, in the order in which they are answered.

        If proposing ends early, by an error or by Ctrl-C, what was answered by then comes first.
        """
        short, read = dict[int, ShortNames](), list[Proposal | Rejection]()
        total = sum(brief.slots for brief in briefs)
        with closing(
            self._replies(self._requests(briefs, short), total, f"{title}: proposing", show_progress)
        ) as pairs:
            for request, reply in pairs:
                brief = briefs[request.prompt]
                read.append(self._read(brief, request.slot, short[request.prompt], reply))
                yield read[-1]
        _warn_if_none_can_be_read(read)

    @override
    def derive(
        self, questions: Sequence[OpenProposal], title: str = "", show_progress: bool = False
    ) -> list[list[str]]:
        programs = [[""] * self._second_programs for _ in questions]
        requests = (
            Request(index, attempt, content, _seed(second_generator(item, attempt)))
            for index, item in enumerate(questions if self._second_programs else ())
            for content in [_content(None, _derivation_prompt(item))]
            for attempt in range(self._second_programs)
        )
        total = len(questions) * self._second_programs
        with closing(self._replies(requests, total, f"{title}: deriving again", show_progress)) as pairs:
            for request, reply in pairs:
                if isinstance(reply, Reply):
                    programs[request.prompt][request.slot] = fenced_program(reply.text) or ""
        return programs

    def _requests(self, briefs: Sequence[Brief], short: dict[int, ShortNames]) -> Iterator[Request]:
        """The requests for all proposals; each scene's frames are encoded when its first one is wanted."""
        for index, brief in enumerate(briefs):
            if brief.slots:
                prompt = self._writer.write(brief, brief.geometry())
                short[index], content = prompt.short, _content(brief.video(), prompt.text)
                for slot in range(brief.slots):
                    yield Request(index, slot, content, _seed(generator(brief, slot)))

    def _replies(
        self, requests: Iterator[Request], total: int, title: str, show_progress: bool
    ) -> Generator[tuple[Request, Reply | Failure], None, None]:
        if total:
            key = _read_key(self._key_file)
            check_client()
            pairs = replies(self._settings, key, requests, self._concurrent, self._history)
            with closing(pairs):
                yield from track(pairs, title, total, show_progress)

    def _read(
        self, brief: Brief, slot: int, short: ShortNames, reply: Reply | Failure
    ) -> Proposal | Rejection:
        limit = f"cut off at loop.proposer.max_new_tokens={self._settings.max_new_tokens}"
        cut = f"{limit}: " if isinstance(reply, Reply) and reply.is_cut else ""
        if reply.problem:
            raw = Proposal(brief.scene.id, "", "", "", self.name, brief.round, slot)
            return Rejection(raw, "unusable", f"{cut}{reply.problem}")
        assert isinstance(reply, Reply), "a failure has a problem"
        written = as_proposal(self.name, brief, slot, short, reply.text)
        if cut and isinstance(written, Rejection):
            return Rejection(written.proposal, written.reason, f"{cut}{written.detail}"[:LONGEST_DETAIL])
        return written


def _place(order: dict[str, int], item: Proposal | Rejection) -> tuple[int, int]:
    proposal = item.proposal if isinstance(item, Rejection) else item
    return order[proposal.scene_id], proposal.slot


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(2**31))


def _warn_if_none_can_be_read(proposals: Sequence[Proposal | Rejection]) -> None:
    unusable = [item for item in proposals if isinstance(item, Rejection)]
    if unusable and len(unusable) == len(proposals):
        warnings.warn(
            f"loop.proposer: none of {len(unusable)} replies can be read as a proposal ({unusable[0].detail}); "
            "the round goes on without them",
            stacklevel=3,
        )


def _check_url(url: str) -> None:
    """Refuses what is no root of an API, without quoting a password in it.

    Raises:
        InputError: it is not.
    """
    try:
        parts = urlsplit(url)
        has_host = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # such as half an IPv6 address
        has_host = False
    if has_host and (parts.username is not None or parts.query or parts.fragment):
        raise InputError(
            f"loop.proposer.url names {parts.hostname} with a password, a query or a fragment, which would stand in "
            "the run's record; give the address alone, and a key by loop.proposer.key_file"
        )
    if not has_host:
        raise InputError(
            f"loop.proposer.url={url!r} is not an http or https address; give the root of the API, which "
            "usually ends in /v1"
        )
    if parts.path.rstrip("/").endswith("/completions"):
        raise InputError(
            f"loop.proposer.url={url} names one of the API's functions; give its root: "
            f"{url[: url.rindex('/v1') + 3] if '/v1' in url else 'what stands before /chat'}"
        )


def _check_key_file(path: str | None) -> None:
    """Refuses a key in the place of its file, without quoting it.

    Raises:
        InputError: it is one.
    """
    if path is None or os.sep in path or Path(path).exists():
        return
    if _KEY.match(path) or (len(path) >= _LENGTH_OF_KEYS and "." not in path):
        raise InputError(
            "loop.proposer.key_file must be the path of a file that holds the key, not the key itself, which would "
            "stand in the run's record"
        )


def _read_key(path: str | None) -> str | None:
    if path is None:
        return None
    try:
        key = Path(path).expanduser().read_text("utf8").strip()
    except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: ~ of nobody
        raise InputError(
            f"loop.proposer.key_file={path} cannot be read: {getattr(error, 'strerror', error)}"
        ) from error
    if not (key and key.isascii() and key.isprintable()):  # no header, and errors about headers quote them
        raise InputError(f"loop.proposer.key_file={path} must hold one line of plain characters")
    return key


def _derivation_prompt(item: OpenProposal) -> str:
    return derivation_prompt(item.brief.geometry(), item.proposal.text)


def _estimate_tokens(text: str) -> int:
    return -(-len(text) // CHARACTERS_PER_TOKEN)


def _content(video: Video | None, prompt: str) -> list[dict[str, Any]]:
    """The user's turn: each frame as an image after its time, then the prompt."""
    parts: list[dict[str, Any]] = []
    for frame, seconds in [] if video is None else zip(video.frames, video.views.prompt_times, strict=True):
        buffer = io.BytesIO()
        Image.fromarray(frame).save(buffer, "JPEG", quality=JPEG_QUALITY)
        url = f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"
        parts += [
            {"type": "text", "text": f"<{seconds:.1f} seconds>"},
            {"type": "image_url", "image_url": {"url": url}},
        ]
    return [*parts, {"type": "text", "text": VIDEO_PROMPT + prompt}]
