"""Proposals and second programs from a server; `test_endpoint_requests.py` has the ways in which servers fail."""

import json
import time
from dataclasses import replace

import pytest

from lightning_ouro.errors import InputError
from lightning_ouro.programs.questions import Proposal, Rejection
from lightning_ouro.proposer import endpoint_requests
from lightning_ouro.proposer.endpoint import EndpointProposer
from lightning_ouro.proposer.protocol import OpenProposal

from .fake_server import message, serving


@pytest.fixture(autouse=True)
def needs_the_client(request):
    if "brief" in request.fixturenames:
        pytest.importorskip("openai", reason='the openai client is an extra: pip install ".[endpoint]"')


def numbered(asked, number):
    """An answer that depends on the request alone."""
    content = asked.prompt(number)
    images = sum(part["type"] == "image_url" for part in content)
    seed = asked.bodies[number]["seed"]
    time.sleep(seed % 7 / 1000)  # so that answers come in another order
    return message(f"How many {images} {seed}?\n```python\ndef answer(scene):\n    return count(1)\n```")


def test_each_proposal_is_a_request_with_all_frames_and_a_seed_of_its_own(brief):
    briefs = [replace(brief, slots=6), replace(brief, slots=0), replace(brief, slots=2, round=1)]
    briefs = [replace(item, scene=replace(item.scene, id=f"s{index}")) for index, item in enumerate(briefs)]
    with serving(numbered) as (url, asked):
        proposals = EndpointProposer(url, "tiny").propose(briefs)
        assert [(item.scene_id, item.slot) for item in proposals] == [
            *(("s0", slot) for slot in range(6)),
            ("s2", 0),
            ("s2", 1),
        ]
        assert all(isinstance(item, Proposal) for item in proposals)
        assert all(item.text.startswith("How many 8 ") for item in proposals), "eight frames were sent"
        assert len({item.text for item in proposals}) == 8
        assert EndpointProposer(url, "tiny", concurrent=1).propose(briefs) == proposals
        gradually = list(EndpointProposer(url, "tiny").propose_gradually(briefs))
    assert sorted(gradually, key=lambda item: (item.scene_id, item.slot)) == proposals
    parts = asked.prompt(0)
    assert parts[0]["text"] == f"<{brief.views.timestamps[0]:.1f} seconds>"
    assert parts[1]["image_url"]["url"].startswith("data:image/jpeg;base64,/9j/")


def test_no_briefs_ask_nobody():
    assert EndpointProposer("http://nowhere.invalid/v1", "tiny").propose([]) == []
    assert EndpointProposer("http://nowhere.invalid/v1", "tiny").derive([]) == []


def test_a_proposal_without_an_answer_is_a_rejection_among_the_others(brief):
    def answer(asked, number):
        return (400, "odd \x1b[2J", {}) if number == 1 else numbered(asked, number)

    with serving(answer) as (url, _):
        proposals = EndpointProposer(url, "tiny", concurrent=1).propose([replace(brief, slots=2)])
    assert [isinstance(item, Rejection) for item in proposals] == [False, True]
    assert (
        proposals[1].reason == "unusable"
        and proposals[1].detail == f"{url}/chat/completions answered 400: odd ?[2J"
    )


@pytest.mark.parametrize(
    ("reply", "detail"),
    [
        (message("How many chairs", "length"), "cut off at loop.proposer.max_new_tokens=9: 0 whole fenced"),
        (
            message("<think>a", "length"),
            "cut off at loop.proposer.max_new_tokens=9: only a thought that does not end",
        ),
        (message(None, refusal="no"), "refused: no"),
        (message("x" * 50_000), "the reply has 50000 characters"),
        ('{"choices": []}', "its answer has no choices"),
    ],
)
def test_replies_that_hold_no_proposal_are_rejections_and_one_warning(brief, reply, detail):
    with (
        serving(lambda *_: reply) as (url, asked),
        pytest.warns(UserWarning, match="none of 3 replies") as warned,
    ):
        rejections = EndpointProposer(url, "tiny", max_new_tokens=9).propose([replace(brief, slots=3)])
    assert all(item.reason == "unusable" and item.detail.startswith(detail) for item in rejections)
    assert len(warned) == 1 and len(asked.bodies) == 3, "an answer is not asked for again"


def test_a_whole_proposal_is_read_though_the_rest_was_cut_off(brief):
    text = "How many?\n```python\ndef answer(scene):\n    return count(1)\n```"
    with serving(lambda *_: message(text, "length")) as (url, _):
        (proposal,) = EndpointProposer(url, "tiny").propose([replace(brief, slots=1)])
    assert isinstance(proposal, Proposal)


def test_programs_for_open_questions_are_asked_for_without_frames(brief):
    item = OpenProposal(brief, Proposal(brief.scene.id, "open", "How high?", "secret", "endpoint", 0, 3))

    def answer(asked, number):
        seed = asked.bodies[number]["seed"]
        return (400, "odd", {}) if number == 1 else message(f"<think>a</think>```python\nx = {seed}\n```")

    with serving(answer) as (url, asked):
        proposer = EndpointProposer(url, "tiny", concurrent=1, second_programs=2)
        first, second = proposer.derive([item, item._replace(proposal=replace(item.proposal, slot=4))])
    assert first[0].startswith("x = ") and first[1] == "" and len(set(second)) == 2
    assert all(
        len(body["messages"][0]["content"]) == 1 and "secret" not in str(body) for body in asked.bodies
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"url": "localhost:8000"}, "is not an http or https address"),
        ({"url": "file:///etc/passwd"}, "is not an http or https address"),
        ({"url": "http://[::1"}, "is not an http or https address"),
        ({"url": "http:///v1"}, "is not an http or https address"),
        ({"url": "http://localhost:99999/v1"}, "is not an http or https address"),
        ({"url": "http://localhost/v1/chat/completions"}, "give its root: http://localhost/v1$"),
        ({"url": "http://localhost/v1/completions/"}, "give its root: http://localhost/v1$"),
        ({"concurrent": 0}, r"loop\.proposer\.concurrent=0"),
        ({"tries": 0}, r"loop\.proposer\.tries=0"),
        ({"timeout": 0.0}, r"loop\.proposer\.timeout=0"),
        ({"timeout": float("nan")}, r"loop\.proposer\.timeout=nan"),
        ({"patience": -1.0}, r"loop\.proposer\.patience=-1"),
        ({"max_new_tokens": 0}, r"loop\.proposer\.max_new_tokens=0"),
        ({"second_programs": -1}, r"loop\.proposer\.second_programs=-1"),
    ],
)
def test_bad_settings_are_refused_by_name(options, message):
    with pytest.raises(InputError, match=message):
        EndpointProposer(**{"url": "http://localhost/v1", "model": "tiny"} | options)


@pytest.mark.parametrize(
    "options",
    [
        {"url": "https://me:sk-1@host/v1"},
        {"url": "https://host/v1?key=sk-1"},
        {"url": "https://host/v1#sk-1"},
        {"key_file": "sk-1"},
        {"key_file": "hf_sk-1"},
        {"key_file": "0123456789abcdef0123456789sk-1"},
    ],
)
def test_a_key_among_the_settings_is_refused_and_not_quoted(options):
    with pytest.raises(InputError, match=r"loop\.proposer\.(url|key_file).*record") as error:
        EndpointProposer(**{"url": "http://localhost/v1", "model": "tiny"} | options)
    assert "sk-1" not in str(error.value)


def test_a_missing_key_file_is_named_before_anything_runs(tmp_path):
    pytest.importorskip("openai")
    proposer = EndpointProposer("http://localhost/v1", "tiny", key_file=str(tmp_path / "key"))
    with pytest.raises(InputError, match=r"key_file=.*key cannot be read: No such file"):
        proposer.attach(None)


def test_a_key_file_may_lie_in_the_home_folder(brief, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "key").write_text("sk-home\n")
    with serving(numbered) as (url, asked):
        EndpointProposer(url, "tiny", key_file="~/key").propose([replace(brief, slots=1)])
    assert asked.headers[0]["authorization"] == "Bearer sk-home"


@pytest.mark.parametrize("content", [b"\xff\xfe", b"sk-1\nsk-2", "schlüssel".encode(), b" \n"])
def test_a_key_file_that_holds_no_key_is_named_and_never_quoted(brief, tmp_path, content):
    (tmp_path / "key").write_bytes(content)
    proposer = EndpointProposer("http://localhost/v1", "tiny", key_file=str(tmp_path / "key"))
    with pytest.raises(InputError, match=r"loop\.proposer\.key_file=\S+key ") as error:
        proposer.propose([brief])
    assert "sk-" not in str(error.value)


def test_without_the_client_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setattr(endpoint_requests, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r'pip install "lightning_ouro\[endpoint\]"'):
        EndpointProposer("http://localhost/v1", "tiny").attach(None)


def test_requests_are_json_that_any_server_reads(brief):
    with serving(numbered) as (url, asked):
        EndpointProposer(url, "tiny").propose([replace(brief, slots=1)])
    assert json.loads(json.dumps(asked.bodies[0])).keys() == {
        "model",
        "messages",
        "temperature",
        "max_tokens",
        "seed",
    }
