"""What ends asking, with the address and what to do: servers that fail in each way."""

import os

import pytest

pytest.importorskip("openai", reason='the openai client is an extra: pip install ".[endpoint]"')

from lightning_ouro.proposer.endpoint_failures import Failure
from lightning_ouro.proposer.endpoint_replies import Reply
from lightning_ouro.proposer.endpoint_requests import History

from .asking import always, ask, quick, stops  # noqa: F401  a fixture
from .fake_server import CERTIFICATE, QUESTION, dead_port, message, serving

pytestmark = pytest.mark.usefixtures("quick")


def test_a_dead_port_is_named_at_once():
    with dead_port() as url:
        assert "start the server" in stops(url, "Connection refused", number=50)


def test_a_host_that_does_not_exist_is_named_at_once():
    stops("http://nowhere.invalid/v1", "nowhere.invalid/v1/chat/completions: ", number=50)


@pytest.mark.parametrize(
    ("status", "body", "match"),
    [
        (
            401,
            '{"error": {"message": "invalid key"}}',
            "401: invalid key; name a file with the key by .*key_file",
        ),
        (404, '{"detail": "Not Found"}', "404: Not Found; check loop.proposer.model, and loop.proposer.url"),
        (
            404,
            '{"error": {"message": "The model `tiny` does not exist."}}',
            "404: The model `tiny` does not exist",
        ),
        (400, '{"message": "model tiny not found"}', "400: model tiny not found"),
        (405, "", "405: nothing; check"),
        (501, "<html>Unsupported method", "501: <html>Unsupported method; check"),
        (
            429,
            '{"error": {"message": "Broke", "code": "insufficient_quota"}}',
            "429: Broke; the account has no quota",
        ),
        (500, "crash", "500: crash"),
        (200, "<html>\x1b[31m login", r"no answer of a chat: <html>\?\[31m login; check loop.proposer.url"),
        (200, '{"outputs": []}', "no answer of a chat"),
        (200, '{"error": "no such model"}', "an error: no such model"),
        (
            400,
            '{"message": "At most 1 image(s) may be provided in one request."}',
            "At most 1 image.*num_frames",
        ),
        (500, "[" * 100_000, r"500: \[\[\["),
    ],
)
def test_a_server_that_answers_nothing_ends_it_with_address_and_remedy(status, body, match):
    with serving(always(status, body, {})) as (url, asked):
        assert f"{url}/chat/completions" in stops(url, match, number=100)
        assert len(asked.bodies) <= 4 * 3 + 4


def test_one_request_that_fails_as_the_only_one_ends_it_too():
    with serving(always(400, "no", {})) as (url, _):
        stops(url, "400: no", number=1)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_named_and_not_followed(status):
    to = {"Location": "https://elsewhere.invalid/v1/chat/completions?key=secret"}
    with serving(always(status, "", to)) as (url, asked):
        said = stops(
            url, f"answered {status} and leads to https://elsewhere.invalid/v1/chat/completions; set "
        )
        assert "secret" not in said and len(asked.bodies) == 1


def test_a_certificate_signed_by_itself_is_refused_and_taken_where_it_is_named(monkeypatch):
    with serving(always(message()), with_tls=True) as (url, asked):
        assert "SSL_CERT_FILE" in stops(url, "self.signed certificate")
        assert not asked.bodies
        monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
        assert ask(url) == {(0, 0): Reply(QUESTION)}
        monkeypatch.setenv("SSL_CERT_FILE", "/nowhere.pem")
        stops(url, "can't be asked from here .FileNotFoundError")


def test_http_and_https_taken_for_each_other_are_named():
    with serving(always(message())) as (url, _):
        stops(url.replace("http", "https"), "https://.*check loop.proposer.url")
    with serving(always(message()), with_tls=True) as (url, _):
        stops(url.replace("https", "http"), "http://127")


def test_a_proxy_of_the_environment_is_named_without_its_password(monkeypatch):
    with dead_port() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.replace("//", "//me:secret@").removesuffix("/v1"))
        monkeypatch.setenv("http_proxy", os.environ["HTTP_PROXY"])
        said = stops(
            "http://10.0.0.1:9/v1", "asked through the proxy of HTTP_PROXY; NO_PROXY=10.0.0.1 goes around it"
        )
        assert "secret" not in said


def test_a_prompt_that_is_refused_for_itself_is_not_sent_again():
    def answer(asked, number):
        too_long = asked.prompt(number)[0]["text"] == "1"
        return (400, '{"message": "maximum context length is 4096 tokens"}', {}) if too_long else message()

    with serving(answer) as (url, asked):
        results = ask(url, number=10, prompts=3, concurrent=2)
    assert {key[0] for key, result in results.items() if isinstance(result, Failure)} == {1}
    assert all("metadata_tokens" in results[1, slot].problem for slot in range(10))
    assert len(results) == 30 and len(asked.bodies) <= 22


def test_prompts_that_are_all_too_long_end_it():
    history = History()
    with serving(always(413, "too large", {})) as (url, asked):
        assert isinstance(ask(url, number=5, prompts=2, history=history)[1, 4], Failure)
        stops(url, "413: too large.*metadata_tokens", number=5, prompts=2, history=history)
        assert len(asked.bodies) <= 12


def test_failures_in_a_row_end_it_later_too():
    with serving(lambda asked, number: message() if number < 5 else (500, "crashed", {})) as (url, asked):
        stops(url, "500: crashed", number=100, concurrent=1)
        assert len(asked.bodies) == 5 + 3 * 3


@pytest.mark.parametrize("status", [422, 500])
def test_some_failures_among_answers_do_not_end_it(status):
    with serving(lambda asked, number: (status, "odd", {}) if number % 3 == 1 else message()) as (url, _):
        results = ask(url, prompts=24, concurrent=1, tries=1)
    assert sum(isinstance(result, Failure) for result in results.values()) == 8
