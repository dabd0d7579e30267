"""Asks a server as EndpointProposer does; `quick` makes its pauses short and forgets the environment."""

import os
import time

import pytest

from lightning_ouro.errors import InputError
from lightning_ouro.proposer import endpoint_client
from lightning_ouro.proposer.endpoint_failures import ServerSettings
from lightning_ouro.proposer.endpoint_requests import History, Request, replies

KEY = "sk-secret-0123456789"


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(endpoint_client, "FIRST_PAUSE", 0.01)
    for name in [
        name for name in os.environ if name.lower().endswith("_proxy") or name.startswith("OPENAI_")
    ]:
        monkeypatch.delenv(name)


def ask(url, number=1, prompts=1, key=None, concurrent=4, history=None, **options):
    """The results by prompt and slot."""
    settings = {
        "temperature": 1.0,
        "max_new_tokens": 64,
        "tries": 3,
        "timeout": 5.0,
        "patience": 5.0,
    } | options
    requests = [
        Request(prompt, slot, [{"type": "text", "text": str(prompt)}], 100 * prompt + slot)
        for prompt in range(prompts)
        for slot in range(number)
    ]
    settings = ServerSettings(url, "tiny", **settings)
    pairs = list(replies(settings, key, requests, concurrent, history or History()))
    return {(request.prompt, request.slot): result for request, result in pairs}


def always(*answer):
    return lambda asked, number: answer if len(answer) > 1 else answer[0]


def stops(url, match, **options):
    started = time.monotonic()
    with pytest.raises(InputError, match=match) as error:
        ask(url, **options)
    assert url in str(error.value) or "://" not in match
    assert str(error.value).isprintable() and time.monotonic() - started < 3
    return str(error.value)
