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
def serving():
    """Gives the address of a way to answer."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, SERVER, str(port)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "ready\n"
        yield lambda mode: f"http://127.0.0.1:{port}/{mode}/v1"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture
def server(serving):
    return serving("model")


@pytest.fixture(autouse=True)
def no_pause(monkeypatch):
    monkeypatch.setattr(endpoint, "FIRST_PAUSE", 0.01)


def test_a_server_that_serves_the_tiny_model_proposes(server, brief):
    found = EndpointProposer(server, "tiny").propose([replace(brief, slots=6)])
    assert [item.slot for item in found] == list(range(6)) and all(
        isinstance(item, Proposal) for item in found
    )
    assert all(item.text.startswith("How many 8 ") for item in found), "eight frames were sent"
    assert len({item.text for item in found}) == 6, "each has a seed of its own"
    again = EndpointProposer(server, "tiny", concurrent=1).propose([replace(brief, slots=6)])
    assert again == found


def test_a_busy_server_is_asked_again(serving, brief):
    found = EndpointProposer(serving("busy"), "tiny").propose([replace(brief, slots=3)])
    assert all(isinstance(item, Proposal) for item in found)
    few = EndpointProposer(serving("busy"), "tiny", tries=1)
    with pytest.warns(UserWarning, match=r"none of 2 requests was answered; .* answered 503: busy"):
        found = few.propose([replace(brief, slots=2, seed=7)])
    assert all(isinstance(item, Rejection) and "busy" in item.detail for item in found)


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("garbage", "no answer of a chat: <html>"),
        ("foreign", 'no answer of a chat: {"outputs"'),
        ("refuse", "answered 401: .*invalid key"),
        ("slow", "timed out"),
    ],
)
def test_a_server_that_fails_always_is_told_in_one_line_and_the_round_goes_on(serving, brief, mode, said):
    with pytest.warns(UserWarning, match=said) as caught:
        found = EndpointProposer(serving(mode), "tiny", tries=2, timeout=0.8).propose(
            [replace(brief, slots=2)]
        )
    assert [(item.reason, item.proposal.slot) for item in found] == [("unusable", 0), ("unusable", 1)]
    assert len(caught) == 1 and "\n" not in str(caught[0].message)


def test_a_server_that_is_down_is_named(brief):
    with socket.socket() as taken:  # bound, but nobody listens
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        with pytest.warns(UserWarning, match=r"127\.0\.0\.1:\d+/v1/chat/completions: .*refused"):
            EndpointProposer(url, "tiny", tries=2).propose([replace(brief, slots=2)])


def test_what_stays_without_an_answer_is_a_rejection_beside_the_others(server, brief, monkeypatch):
    asked = EndpointProposer._answer

    def sometimes(self, key, content, brief, slot):
        return ("", "away") if slot == 1 else asked(self, key, content, brief, slot)

    monkeypatch.setattr(EndpointProposer, "_answer", sometimes)
    found = EndpointProposer(server, "tiny").propose([replace(brief, slots=3)])
    assert [isinstance(item, Rejection) for item in found] == [False, True, False]
    assert found[1].reason == "unusable" and found[1].detail == "away"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"url": "localhost:8000"}, "is no http address"),
        ({"url": "file:///etc/passwd"}, "is no http address"),
        ({"concurrent": 0}, r"loop\.proposer\.concurrent=0"),
        ({"tries": 0}, r"loop\.proposer\.tries=0"),
        ({"timeout": 0.0}, r"loop\.proposer\.timeout=0"),
    ],
)
def test_bad_settings_are_refused(options, said):
    with pytest.raises(InputError, match=said):
        EndpointProposer(**{"url": "http://localhost/v1", "model": "tiny"} | options)


def test_a_key_file_that_is_missing_is_named(brief, tmp_path):
    proposer = EndpointProposer("http://localhost/v1", "tiny", key_file=str(tmp_path / "key"))
    with pytest.raises(InputError, match=r"key_file=.*key: cannot be read"):
        proposer.propose([brief])
