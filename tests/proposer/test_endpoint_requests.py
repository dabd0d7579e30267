"""When requests are sent, repeated and waited with, and what is read of replies that never end."""

import gzip
import json
import logging
import os
import signal
import socket
import threading
import time
from email.utils import formatdate

import pytest

pytest.importorskip("openai", reason='the openai client is an extra: pip install ".[endpoint]"')

from lightning_ouro.proposer import endpoint_client
from lightning_ouro.proposer.endpoint_failures import ServerSettings, retry_after
from lightning_ouro.proposer.endpoint_replies import Reply
from lightning_ouro.proposer.endpoint_requests import History, Request, replies

from .asking import KEY, always, ask, quick, stops  # noqa: F401  a fixture
from .fake_server import QUESTION, message, serving

pytestmark = pytest.mark.usefixtures("quick")


def test_requests_say_what_the_settings_say_and_nothing_of_the_environment(monkeypatch):
    for name, value in {
        "API_KEY": KEY,
        "ORG_ID": "org",
        "PROJECT_ID": "proj",
        "BASE_URL": "http://x/",
    }.items():
        monkeypatch.setenv(f"OPENAI_{name}", value)
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", f"Authorization: Bearer {KEY}")
    with serving(always(message())) as (url, asked):
        assert ask(url) == {(0, 0): Reply(QUESTION)}
    assert asked.paths == ["/v1/chat/completions"]
    assert asked.bodies == [
        {
            "model": "tiny",
            "messages": [{"role": "user", "content": [{"type": "text", "text": "0"}]}],
            "temperature": 1.0,
            "max_tokens": 64,
            "seed": 0,
        }
    ]
    sent = {name.lower() for name in asked.headers[0]}
    assert not sent & {"authorization", "openai-organization", "openai-project"}
    assert KEY not in str(asked.headers)


def test_at_most_so_many_are_on_their_way_and_more_are_made_as_answers_are_read():
    made, read = [], []

    def requests():
        for slot in range(20):
            made.append(slot)
            assert len(made) - len(read) <= 4, "made before an answer was read"
            yield Request(0, slot, [], slot)

    with serving(lambda asked, number: time.sleep(0.01) or message()) as (url, asked):
        settings = ServerSettings(url, "tiny", 1.0, 64, 3, 5.0, 5.0)
        for pair in replies(settings, None, requests(), 3, History()):
            read.append(pair)
    assert len(read) == 20 and asked.most_open <= 3


@pytest.fixture
def interruptible():
    """SIGINT as an interactive process has it."""
    if threading.current_thread() is not threading.main_thread():
        pytest.skip("signals reach the main thread only")
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_one_ctrl_c_ends_all_at_once_sends_nothing_more_and_keeps_answers(interruptible):
    def answer(asked, number):
        if number < 5:
            return message()
        if number == 8:
            os.kill(os.getpid(), signal.SIGINT)
        asked.end.wait(20)
        return message()

    read = []
    with serving(answer) as (url, asked):
        settings = ServerSettings(url, "tiny", 1.0, 64, 3, 30.0, 5.0)
        requests = (Request(0, slot, [], slot) for slot in range(100))
        started = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            for pair in replies(settings, None, requests, 4, History()):
                read.append(pair)
        assert time.monotonic() - started < 1.5
        sent = len(asked.bodies)
        assert [type(result) for _, result in read] == [Reply] * 5 and sent == 9
        assert not any(thread.name == "requests to a server" for thread in threading.enumerate())
        time.sleep(0.05)
        assert len(asked.bodies) == sent


def test_what_was_answered_but_not_read_when_it_ends_is_yielded_first():
    answered = threading.Semaphore(0)

    def requests():
        yield from (Request(0, slot, [], slot) for slot in range(2))
        assert answered.acquire(timeout=5) and answered.acquire(timeout=5)
        time.sleep(0.1)  # on its way to the client
        raise KeyboardInterrupt

    def write(handler):
        body = message().encode()
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        answered.release()

    read = []
    with serving(always(write)) as (url, _), pytest.raises(KeyboardInterrupt):
        for pair in replies(
            ServerSettings(url, "tiny", 1.0, 64, 3, 5.0, 5.0), None, requests(), 4, History()
        ):
            read.append(pair)
    assert [request.slot for request, _ in read] == [0, 1]


def test_a_consumer_that_stops_reading_stops_the_requests():
    with serving(lambda asked, number: message() if number == 0 else asked.end.wait(20) and message()) as (
        url,
        asked,
    ):
        settings = ServerSettings(url, "tiny", 1.0, 64, 3, 30.0, 5.0)
        pairs = replies(settings, None, (Request(0, slot, [], slot) for slot in range(100)), 2, History())
        next(pairs)
        started = time.monotonic()
        pairs.close()
        assert time.monotonic() - started < 0.8 and len(asked.bodies) <= 2


def test_requests_run_where_an_event_loop_runs_already():
    import asyncio

    async def notebook():
        with serving(always(message())) as (url, _):
            return ask(url)

    assert asyncio.run(notebook()) == {(0, 0): Reply(QUESTION)}


def test_bursts_of_failures_are_repeated():
    statuses = iter([500, 503, 504, 408, 500, 429, 502])
    lost = iter([True, False])

    def answer(asked, number):
        if number >= 4 and next(lost, False):
            return lambda handler: handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
        status = next(statuses, 200)
        return message() if status == 200 else (status, "busy", {})

    with serving(answer) as (url, _):
        results = ask(url, number=12, concurrent=2, tries=5)
    assert len(results) == 12 and all(isinstance(result, Reply) for result in results.values())


def test_all_requests_wait_as_long_as_a_busy_server_asks(monkeypatch):
    monkeypatch.setattr(endpoint_client, "SPOKEN_OF", 0.1)

    def answer(asked, number):
        return (429, "slow down", {"Retry-After": "0.3"}) if number == 3 else message()

    with (
        serving(answer) as (url, asked),
        pytest.warns(UserWarning, match="429: slow down; waiting") as warned,
    ):
        results = ask(url, number=12, concurrent=1, tries=1)
    assert len(results) == 12 and len(asked.bodies) == 13 and len(warned) == 1
    assert asked.times[4] - asked.times[3] >= 0.29


def test_waiting_does_not_count_as_a_try_while_others_are_answered():
    def answer(asked, number):
        return message() if number % 4 == 0 else (429, "slow down", {"Retry-After": "0"})

    with serving(answer) as (url, _):
        results = ask(url, number=6, concurrent=6, tries=1)
    assert all(isinstance(result, Reply) for result in results.values())


def test_a_server_that_loads_is_waited_for_and_one_that_never_ends_loading_is_not():
    loaded = time.monotonic() + 0.2
    with serving(lambda *_: message() if time.monotonic() > loaded else (503, "loading", {})) as (url, _):
        assert ask(url, tries=1) == {(0, 0): Reply(QUESTION)}
    with serving(always(503, "loading", {})) as (url, _):
        stops(
            url,
            r"503: loading; nothing was answered within loop.proposer.patience=0.2 s",
            number=9,
            patience=0.2,
        )


def test_a_wait_beyond_all_patience_is_refused_at_once():
    with serving(always(429, "daily limit", {"Retry-After": "86400"})) as (url, asked):
        stops(url, "429: daily limit; it asks to wait for 86400 s, above loop.proposer.patience=5", number=50)
        assert len(asked.bodies) <= 4


def test_an_error_inside_of_a_reply_counts_as_its_status():
    error = '{"error": {"code": 429, "message": "slow down"}}'
    with serving(lambda asked, number: error if number == 0 else message()) as (url, _):
        assert ask(url, tries=1) == {(0, 0): Reply(QUESTION)}


def test_a_server_that_went_away_and_comes_back_is_waited_for():
    with serving(always(message())) as (url, _):
        history = History()
        ask(url, history=history)
    results = []
    thread = threading.Thread(target=lambda: results.append(ask(url, tries=1, history=history)))
    thread.start()
    time.sleep(0.05)
    port = int(url.split(":")[2].split("/")[0])
    with socket.create_server(("127.0.0.1", port)) as listener:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            body = message().encode()
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
            thread.join(5)
    assert results == [{(0, 0): Reply(QUESTION)}]


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "20"}, 20),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "-5"}, 0),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after": "inf"}, float("inf")),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "9" * 1000}, float("9" * 100)),
        ({"retry-after": "Fri, 99 Foo 99999 00:00:00 GMT"}, None),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0),
        ({}, None),
    ],
)
def test_the_wait_that_a_server_asks_for_is_read(headers, seconds):
    assert retry_after(headers) == seconds


def test_a_wait_may_be_a_date():
    date = formatdate(time.time() + 30, usegmt=True)
    assert 25 < retry_after({"retry-after": date}) <= 30


def drip(handler):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    for _ in range(1000):
        handler.wfile.write(b" ")
        time.sleep(0.02)


def endless(handler):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        handler.wfile.write(b"x" * 65536)


def endless_header(handler):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        handler.wfile.write(b"X-Long: " + b"x" * 65536 + b"\r\n")


@pytest.mark.parametrize(
    ("write", "match"),
    [
        (drip, "no answer within loop.proposer.timeout=0.3 s"),
        (lambda handler: time.sleep(0.5), "no answer within loop.proposer.timeout=0.3 s"),
        (endless, "its reply is longer than 4 MiB"),
        (endless_header, "."),
        (
            lambda handler: handler.wfile.write(b"HTTP/1.1 500 No\r\n\r\n" + b"x" * (5 << 20)),
            "longer than 4 MiB",
        ),
        (lambda handler: handler.wfile.write(b"hello\r\nworld\r\n"), "hello|illegal|disconnected"),
        (lambda handler: None, "."),
        (lambda handler: handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"), "."),
        (
            lambda handler: handler.wfile.write(
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"
            ),
            ".",
        ),
    ],
)
def test_no_reply_of_whatever_kind_takes_longer_or_more_than_allowed(write, match):
    with serving(always(write)) as (url, _):
        assert f"{url}/chat/completions: " in stops(
            url, match, number=3, timeout=0.3 if "timeout" in match else 2.0
        )


def test_a_reply_that_unpacks_to_more_than_is_read_is_no_answer():
    bomb = gzip.compress(b" " * (50 << 20))
    with serving(always(200, bomb, {"Content-Encoding": "gzip"})) as (url, _):
        stops(url, "no answer of a chat: nothing")
    packed = gzip.compress(message().encode())
    with serving(always(200, packed, {"Content-Encoding": "gzip"})) as (url, _):
        assert ask(url) == {(0, 0): Reply(QUESTION)}
    with serving(always(200, b"no gzip", {"Content-Encoding": "gzip"})) as (url, _):
        stops(url, "no answer of a chat: no gzip")


def without(*names):
    """A server that refuses these parameters, as OpenAI, litellm or Mistral's API do."""

    def answer(asked, number):
        refused = [name for name in names if name in asked.bodies[number]]
        if not refused:
            return message()
        name = refused[0]
        if name == "max_tokens":
            text = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
            return 400, json.dumps({"error": {"message": text, "param": "max_tokens"}}), {}
        detail = [{"type": "extra_forbidden", "loc": ["body", name], "msg": "Extra inputs are not permitted"}]
        return 422, json.dumps({"detail": detail}), {}

    return answer


def test_a_server_that_refuses_max_tokens_gets_max_completion_tokens():
    with serving(without("max_tokens")) as (url, asked):
        results = ask(url, number=8, concurrent=1, tries=1)
    assert all(isinstance(result, Reply) for result in results.values())
    assert len(asked.bodies) == 9
    assert all(body["max_completion_tokens"] == 64 and "max_tokens" not in body for body in asked.bodies[1:])


def test_a_server_that_takes_no_seed_is_asked_without_and_that_is_said():
    said = "takes no seed: its replies can't be repeated"
    with (
        serving(without("seed", "max_tokens")) as (url, asked),
        pytest.warns(UserWarning, match=said) as warned,
    ):
        ask(url, number=4, concurrent=2, tries=1)
    assert len(warned) == 1 and "seed" not in asked.bodies[-1]


def test_a_temperature_that_has_no_effect_is_said():
    with serving(without("temperature")) as (url, _):
        assert ask(url) == {(0, 0): Reply(QUESTION)}
        with pytest.warns(UserWarning, match="takes no temperature: loop.proposer.temperature has no effect"):
            ask(url, temperature=0.5)


def test_a_server_that_refuses_both_names_is_not_asked_for_ever():
    with serving(without("max_tokens", "max_completion_tokens")) as (url, asked):
        stops(url, "answered 422", number=50)
        assert len(asked.bodies) <= 12


def test_the_key_is_sent_and_stands_nowhere_else(caplog, capfd):
    caplog.set_level(logging.DEBUG)
    said = []
    answers = [message(f"your key is {KEY}"), (401, f'{{"error": {{"message": "bad key {KEY}"}}}}', {})]
    with serving(lambda asked, number: answers[number]) as (url, asked):
        (reply,) = ask(url, key=KEY).values()
        said.append(reply.text)
        said.append(stops(url, "401: bad key .*; check loop.proposer.key_file", key=KEY))
    assert [headers["authorization"] for headers in asked.headers] == [f"Bearer {KEY}"] * 2
    output = capfd.readouterr()
    assert KEY not in f"{said} {caplog.text} {output.out} {output.err}" and "***" in said[0]


def test_nothing_is_printed_or_logged_unasked(capfd, caplog):
    with serving(lambda asked, number: (500, "no", {}) if number == 1 else message()) as (url, _):
        ask(url, number=8)
    assert capfd.readouterr() == ("", "")
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
