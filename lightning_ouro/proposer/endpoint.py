"""Proposals from any server that speaks OpenAI's chat API: vLLM, SGLang, `transformers serve`, a hosted model.

That is how proposing scales past one machine, and how a model stays frozen while all weights of its twin are trained.
A request a proposal, many at a time; each is tried again after a pause where the server is busy or away. What stays
without an answer is a rejection, so a round goes on with what there is.
"""

from __future__ import annotations

import base64
import io
import json
import time
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal, final
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from PIL import Image
from rich.progress import track
from typing_extensions import override

from lightning_ouro.errors import InputError
from lightning_ouro.programs.questions import VIDEO_PROMPT, Proposal, Rejection
from lightning_ouro.programs.scene_geometry import scene_geometry
from lightning_ouro.proposer.model import as_proposal, generator
from lightning_ouro.proposer.prompt import PromptWriter
from lightning_ouro.proposer.protocol import Brief, Proposer
from lightning_ouro.scenes.types import Video

CHARACTERS_A_TOKEN = 3  # of prompts, at least: budgets are kept without the server's tokenizer
FIRST_PAUSE = 0.5  # seconds before the second try; doubled each time
MOST_BYTES = 4 << 20  # of an answer


@final
class EndpointProposer(Proposer):
    """Asks a server for each proposal.

    Args:
        url: The API's root, such as http://localhost:8000/v1.
        model: The model's name there.
        key_file: A file that holds the API key, where one is needed.
        prompt: The kind of prompt.
        temperature: Of sampling.
        max_new_tokens: A proposal is cut there.
        max_objects: At most so many objects of a scene are described.
        metadata_tokens: The description's budget, at three characters a token.
        feedback_tokens: That of last round's questions.
        concurrent: Requests at a time.
        tries: At one proposal.
        timeout: Seconds that one answer may take.
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
    ) -> None:
        if urlsplit(url).scheme not in ("http", "https"):
            raise InputError(
                f"loop.proposer.url={url!r} is no http address; give the API's root, ending in /v1"
            )
        for name, value in (("concurrent", concurrent), ("tries", tries), ("timeout", timeout)):
            if not value > 0:
                raise InputError(f"loop.proposer.{name}={value} must be above 0")
        self._address = f"{url.rstrip('/')}/chat/completions"
        self._model, self._key_file = model, key_file
        self._temperature, self._max_new_tokens = temperature, max_new_tokens
        self._concurrent, self._tries, self._timeout = concurrent, tries, timeout
        self._writer = PromptWriter(prompt, max_objects, metadata_tokens, feedback_tokens, _about_tokens)

    @override
    def propose(
        self, briefs: Sequence[Brief], title: str = "", show_progress: bool = False
    ) -> list[Proposal | Rejection]:
        key = self._key()
        found: list[Proposal | Rejection] = []
        with ThreadPoolExecutor(self._concurrent) as pool:
            waiting = [
                (brief, slot, prompt.short, pool.submit(self._answer, key, content, brief, slot))
                for brief in briefs
                for prompt in [self._writer.write(brief, scene_geometry(brief.scene, brief.views))]
                for content in [_content(brief.video(), prompt.text)]
                for slot in range(brief.slots)
            ]
            for brief, slot, short, answer in track(
                waiting, f"{title}: proposing", transient=True, disable=not show_progress
            ):
                text, problem = answer.result()
                if problem:
                    raw = Proposal(brief.scene.id, "", "", "", self.name, brief.round, slot)
                    found.append(Rejection(raw, "unusable", problem))
                else:
                    found.append(as_proposal(self.name, brief, slot, short, text))
        if found and all(isinstance(item, Rejection) and not item.proposal.text for item in found):
            assert isinstance(found[0], Rejection)
            warnings.warn(
                f"loop.proposer.url: none of {len(found)} requests was answered; {found[0].detail}; the round goes on "
                "with the questions that there are",
                stacklevel=2,
            )
        return found

    def _key(self) -> str | None:
        if self._key_file is None:
            return None
        try:
            return Path(self._key_file).read_text("utf8").strip()
        except OSError as error:
            raise InputError(
                f"loop.proposer.key_file={self._key_file}: cannot be read: {error.strerror}"
            ) from error

    def _answer(
        self, key: str | None, content: list[dict[str, Any]], brief: Brief, slot: int
    ) -> tuple[str, str]:
        """The reply, or what went wrong in the last try."""
        body = {
            "model": self._model,
            "messages": [{"role": "user", "content": content}],
            "temperature": self._temperature,
            "max_tokens": self._max_new_tokens,
            "seed": int(generator(brief, slot).integers(2**31)),
        }
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
        request = Request(self._address, json.dumps(body).encode(), headers)
        problem = ""
        for turn in range(self._tries):
            if turn:
                time.sleep(FIRST_PAUSE * 2 ** (turn - 1))
            try:
                with urlopen(request, timeout=self._timeout) as answer:
                    return _text(answer.read(MOST_BYTES)), ""
            except HTTPError as error:
                problem = f"{self._address} answered {error.code}: {_line(error.read(MOST_BYTES))}"
                if error.code < 500 and error.code not in (408, 429):
                    break  # asking again would not help
            except (URLError, OSError, ValueError) as error:  # away, too slow, or no JSON of this API
                problem = f"{self._address}: {getattr(error, 'reason', error) or type(error).__name__}"
        return "", problem


def _about_tokens(text: str) -> int:
    return -(-len(text) // CHARACTERS_A_TOKEN)


def _content(video: Video | None, prompt: str) -> list[dict[str, Any]]:
    """Frames as pictures behind their times, then the prompt."""
    found: list[dict[str, Any]] = []
    for frame, seconds in [] if video is None else zip(video.frames, video.views.timestamps, strict=True):
        held = io.BytesIO()
        Image.fromarray(frame).save(held, "JPEG", quality=90)
        picture = f"data:image/jpeg;base64,{base64.b64encode(held.getvalue()).decode()}"
        found += [
            {"type": "text", "text": f"<{seconds:.1f} seconds>"},
            {"type": "image_url", "image_url": {"url": picture}},
        ]
    return [*found, {"type": "text", "text": VIDEO_PROMPT + prompt}]


def _text(answer: bytes) -> str:
    try:
        text = json.loads(answer)["choices"][0]["message"]["content"]
    except (ValueError, KeyError, IndexError, TypeError):
        raise ValueError(f"no answer of a chat: {_line(answer)}") from None
    if not isinstance(text, str):
        raise ValueError(f"no text in its answer: {_line(answer)}")
    return text


def _line(answer: bytes) -> str:
    return " ".join(answer[:200].decode("utf8", "replace").split())
