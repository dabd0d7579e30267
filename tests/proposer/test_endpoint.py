"""Against a server process that answers with the tiny model, and against servers that fail in each way."""

import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from lightning_ouro.errors import InputError
from lightning_ouro.programs.questions import Proposal, Rejection
from lightning_ouro.proposer import endpoint
from lightning_ouro.proposer.endpoint import EndpointProposer

SERVER = Path(__file__).parent / "serve_tiny.py"


@pytest.fixture(scope="module")
def url():
    """The address of the server for each of its behaviours."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, SERVER, str(port)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "ready\n"
        yield lambda behaviour: f"http://127.0.0.1:{port}/{behaviour}/v1"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    monkeypatch.setattr(endpoint, "FIRST_PAUSE", 0.01)


def test_a_server_with_the_tiny_model_proposes(url, brief):
    briefs = [replace(brief, slots=6)]
    proposals = EndpointProposer(url("model"), "tiny").propose(briefs)
    assert [item.slot for item in proposals] == list(range(6))
    assert all(isinstance(item, Proposal) for item in proposals)
    assert all(item.text.startswith("How many 8 ") for item in proposals), "eight frames were sent"
    assert len({item.text for item in proposals}) == 6, "each request has a seed of its own"
    again = EndpointProposer(url("model"), "tiny", concurrent=1).propose(briefs)
    assert again == proposals


def test_a_request_to_a_busy_server_is_repeated(url, brief):
    proposals = EndpointProposer(url("busy"), "tiny").propose([replace(brief, slots=3)])
    assert all(isinstance(item, Proposal) for item in proposals)


def test_tries_limits_how_often_a_request_is_sent(url, brief):
    proposer = EndpointProposer(url("busy"), "tiny", tries=1)
    with pytest.warns(UserWarning, match=r"none of 2 requests was answered \(.* answered 503: busy\)"):
        proposals = proposer.propose([replace(brief, slots=2, seed=7)])
    assert all(isinstance(item, Rejection) and "busy" in item.detail for item in proposals)


@pytest.mark.parametrize(
    ("behaviour", "detail"),
    [
        ("garbage", "no answer of a chat: <html>"),
        ("foreign", 'no answer of a chat: {"outputs"'),
        ("refuse", "answered 401: .*invalid key"),
        ("slow", "timed out"),
        ("dies", "IncompleteRead"),
        ("refuses_and_dies", r"answered 500: .*IncompleteRead"),
        ("nested", r"no answer of a chat: \[\[\["),
        ("endless", "no answer of a chat: xxx"),
        ("no_http", "hello"),
    ],
)
def test_a_server_that_always_fails_is_one_warning_and_only_rejections(url, brief, behaviour, detail):
    proposer = EndpointProposer(url(behaviour), "tiny", tries=2, timeout=0.8)
    with pytest.warns(UserWarning, match=detail) as warned:
        rejections = proposer.propose([replace(brief, slots=2)])
    assert [(item.reason, item.proposal.slot) for item in rejections] == [("unusable", 0), ("unusable", 1)]
    assert len(warned) == 1 and "\n" not in str(warned[0].message)


def test_a_server_that_is_down_is_named(brief):
    with socket.socket() as bound:  # but nobody listens
        bound.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}/v1"
        with pytest.warns(UserWarning, match=r"127\.0\.0\.1:\d+/v1/chat/completions: .*refused"):
            EndpointProposer(url, "tiny", tries=2).propose([replace(brief, slots=2)])


def test_a_proposal_without_an_answer_is_a_rejection_among_the_others(url, brief, monkeypatch):
    request = EndpointProposer._request

    def fail_in_slot_1(self, key, content, brief, slot):
        return ("", "away") if slot == 1 else request(self, key, content, brief, slot)

    monkeypatch.setattr(EndpointProposer, "_request", fail_in_slot_1)
    proposals = EndpointProposer(url("model"), "tiny").propose([replace(brief, slots=3)])
    assert [isinstance(item, Rejection) for item in proposals] == [False, True, False]
    assert proposals[1].reason == "unusable" and proposals[1].detail == "away"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"url": "localhost:8000"}, "is not an http or https address"),
        ({"url": "file:///etc/passwd"}, "is not an http or https address"),
        ({"url": "http://[::1"}, "is not an http or https address"),
        ({"concurrent": 0}, r"loop\.proposer\.concurrent=0"),
        ({"tries": 0}, r"loop\.proposer\.tries=0"),
        ({"timeout": 0.0}, r"loop\.proposer\.timeout=0"),
    ],
)
def test_bad_settings_are_refused_by_name(options, message):
    with pytest.raises(InputError, match=message):
        EndpointProposer(**{"url": "http://localhost/v1", "model": "tiny"} | options)


def test_a_missing_key_file_is_named(brief, tmp_path):
    proposer = EndpointProposer("http://localhost/v1", "tiny", key_file=str(tmp_path / "key"))
    with pytest.raises(InputError, match=r"key_file=.*key cannot be read"):
        proposer.propose([brief])


@pytest.mark.parametrize("content", [b"\xff\xfe", b"sk-1\nsk-2", "schlüssel".encode()])
def test_a_key_file_that_holds_no_key_is_named_and_never_quoted(brief, tmp_path, content):
    (tmp_path / "key").write_bytes(content)
    proposer = EndpointProposer("http://localhost/v1", "tiny", key_file=str(tmp_path / "key"))
    with pytest.raises(InputError, match=r"loop\.proposer\.key_file=\S+key ") as error:
        proposer.propose([brief])
    assert "sk-" not in str(error.value)
