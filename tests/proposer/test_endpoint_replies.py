"""Replies as servers write them; the formats are those of OpenAI's reference, of vLLM, OpenRouter and Mistral."""

import json

import pytest

from lightning_ouro.proposer.endpoint_replies import NoReply, Reply, complaint, error_message, read_reply

from .fake_server import QUESTION, message


def read(*args, **fields):
    return read_reply(message(*args, **fields).encode())


@pytest.mark.parametrize(
    "before",
    [
        "<think>\nA draft: ```python\nx = 1\n```\n</think>\n\n",
        "Okay, let me see.\n</think>\n\n",
        "<think></think>",
        "<think>one</think><think>two ```x``` </think>",
        "<THINKING>a</THINKING>",
        "<thought>a</thought>",
        "<reasoning>a</reasoning>",
        "<seed:think>a</seed:think>",
        "[THINK]a[/THINK]",
        "◁think▷a◁/think▷",
        "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>",
    ],
)
def test_what_is_read_stands_behind_the_last_thought(before):
    assert read(before + QUESTION).text.strip() == QUESTION.strip()


@pytest.mark.parametrize("text", ["<think>I could ask\n" + QUESTION, "a</think>b<think>c", "[THINK]a"])
def test_a_thought_that_does_not_end_is_no_answer(text):
    assert read(text, "length") == Reply("", "only a thought that does not end", True)


@pytest.mark.parametrize("text", [QUESTION, "  a \n\n", "Is x < think > y?", "</thinker>"])
def test_text_without_thoughts_is_left_as_it_is(text):
    assert read(text) == Reply(text)


@pytest.mark.parametrize("mark", ["<|im_end|>", "</s>", "<|endoftext|>\n", "\n<|eot_id|>", "<|return|>"])
def test_a_stop_token_at_the_end_is_no_text(mark):
    assert read(QUESTION + mark).text.strip() == QUESTION.strip()


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "ab"),
        ([{"text": "a"}, "b", None, 3, {"type": "text", "text": None}], "ab"),
        (
            [
                {"type": "thinking", "thinking": [{"type": "text", "text": "t"}]},
                {"type": "text", "text": "a"},
            ],
            "a",
        ),
        ([{"type": "text", "text": "<think>"}, {"type": "text", "text": "t</think>a"}], "a"),
    ],
)
def test_parts_of_content_are_joined(content, text):
    assert read(content) == Reply(text)


def test_a_thought_in_a_field_of_its_own_is_not_the_answer():
    assert read(QUESTION, reasoning_content="```python\nx\n```") == Reply(QUESTION)
    assert read(None, "length", reasoning_content=QUESTION) == Reply("", "only a thought", True)
    assert read("", reasoning=QUESTION).problem == "only a thought"


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        (message(None), "no text in its answer"),
        (message("  \n"), "only a thought"),
        (message({"text": "a"}), "no text in its answer"),
        (message(None, refusal="I can't\x1b[2J help"), "refused: I can't?[2J help"),
        (message(None, refusal=[[["x"]]]), "no text in its answer"),
        (message("", "content_filter"), "held back by the server's content filter"),
        (message(None, "tool_calls", tool_calls=[{"id": "x"}]), "a call of a tool instead of text"),
        ('{"choices": []}', "its answer has no choices"),
    ],
)
def test_an_answer_without_text_says_why(reply, problem):
    assert read_reply(reply.encode()) == Reply("", problem)


def test_an_answer_that_was_cut_off_is_still_read_and_marked():
    assert read(QUESTION, "length") == Reply(QUESTION, "", True)


def events(*items, end="data: [DONE]\n\n"):
    return "".join(f"data: {json.dumps(item)}\n\n" for item in items) + end


def piece(text, finish_reason=None):
    return {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish_reason}]}


@pytest.mark.parametrize(
    ("stream", "reply"),
    [
        (events(piece("a "), piece("b"), {"choices": [], "usage": {}}), Reply("a b")),
        (": PROCESSING\n\n" + events(piece("<think>x</think>"), piece("b", "stop"), end=""), Reply("b")),
        ("event: x\nid: 1\n" + events(piece("a", "length")), Reply("a", "", True)),
        (events(piece("a"), piece(None), {"choices": None}, {"choices": [None]}), Reply("a")),
        (events(piece("a"), piece("b")).replace("\n", "\r\n"), Reply("ab")),
    ],
)
def test_a_stream_is_put_together(stream, reply):
    assert read_reply(stream.encode()) == reply


@pytest.mark.parametrize("stream", [events(piece("a"), end=""), "data: {\n\ndata: [DONE]", "data: [1]\n"])
def test_a_stream_that_breaks_off_is_no_answer(stream):
    assert isinstance(read_reply(stream.encode()), NoReply)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ({"error": {"message": "slow down", "code": 429}}, 429),
        ({"error": {"message": "slow down", "code": "503"}, "choices": None}, 503),
        ({"choices": [{"error": {"message": "slow down", "code": 502}, "message": {"content": ""}}]}, 502),
        ({"error": "slow down"}, None),
        ({"error": {"message": "slow down", "code": 7}}, None),
        ({"error": {"message": "slow down", "code": [[]]}}, None),
    ],
)
def test_an_error_with_status_200_is_found(error, status):
    assert read_reply(json.dumps(error).encode()) == NoReply("an error: slow down", status)
    if "choices" not in error:
        assert read_reply(events(error).encode()) == NoReply("an error: slow down", status)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>\xff\x1b[2J login",
        b"[" * 1_000_000,
        b'{"a":' * 200_000,
        b'{"choices": [{"message": {"content": ' + b"[" * 100_000,
        b"1" * 100_000,
        b'{"outputs": ["text"]}',
        b'{"choices": {"0": 1}}',
        b'{"choices": [[1]]}',
        b'{"choices": [{"message": 3}]}',
        b"\xff\xfe\x00\x00",
        b'"\\ud800"',
        b"null",
        b"NaN",
    ],
)
def test_any_other_bytes_are_named_in_one_printable_line(body):
    reply = read_reply(body)
    assert isinstance(reply, NoReply) and reply.problem.startswith("no answer of a chat: ")
    assert reply.problem.isprintable() and len(reply.problem) < 250
    assert error_message(body).isprintable() and isinstance(complaint(body), str)


def test_a_complaint_has_the_names_of_parameters_and_not_what_was_sent():
    openai = {"error": {"message": "Unsupported parameter", "param": "max_tokens", "code": "x"}}
    fastapi = {
        "detail": [
            {"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "Extra", "input": "temperature"}
        ]
    }
    assert "max_tokens" in complaint(json.dumps(openai).encode())
    said = complaint(json.dumps(fastapi).encode())
    assert "seed" in said and "extra_forbidden" in said and "temperature" not in said
