"""Reads what a server of OpenAI's chat API answered; whatever the bytes are, nothing is raised.

Servers differ: content comes as a string or as a list of parts, in one piece or as a stream of events though none
was asked for, with a model's thoughts before the answer, and errors come with status 200.
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from lightning_ouro.plain_text import printable

MAX_REPLY_BYTES = 4 << 20  # of a server's reply, more is not read; chosen by hand, far above any proposal
LONGEST_QUOTE = 200  # bytes of a reply that are quoted; chosen by hand

# Thoughts as models mark them: Qwen, DeepSeek and GLM (think), Magistral, Kimi-VL, Seed-OSS, gpt-oss, and what
# prompts ask for. Templates may write the opening mark themselves, so that only the closing one is in the reply.
_NAMES = "think|thinking|thought|thoughts|reasoning|seed:think"
_OPENING = re.compile(rf"<(?:{_NAMES})>|\[THINK\]|◁think▷|<\|channel\|>analysis", re.IGNORECASE)
_CLOSING = re.compile(rf"</(?:{_NAMES})>|\[/THINK\]|◁/think▷|<\|channel\|>final<\|message\|>", re.IGNORECASE)
_END = re.compile(r"(?:<\|(?:im_end|endoftext|eot_id|end|return)\|>|</s>)\Z")  # a stop token left in the text
_EVENT = re.compile(rb"\s*(?:data|event|id|retry)?:")  # a line of a stream, or its comment
_STATUS = re.compile(r"[45][0-9]{2}", re.ASCII)


class Reply(NamedTuple):
    """An answer of the chat API.

    Attributes:
        text: What the model wrote, without its thoughts; "" if it wrote nothing.
        problem: Why there is no text, in one line; "" if there is.
        is_cut: Whether the model was stopped at its limit of tokens.
    """

    text: str
    problem: str = ""
    is_cut: bool = False


class NoReply(NamedTuple):
    """Something else than an answer of the chat API.

    Attributes:
        problem: What it is, in one line.
        status: The HTTP status that an error inside of a reply claims, or None.
    """

    problem: str
    status: int | None = None


def read_reply(body: bytes) -> Reply | NoReply:
    """Reads the body of a reply that came with a status of success."""
    data = _streamed(body) if _EVENT.match(body) else _json(body)
    choices = data.get("choices") if isinstance(data, dict) else None
    error = data.get("error") if isinstance(data, dict) else None
    if isinstance(choices, list) and choices and isinstance(choices[0], dict):
        error = error or choices[0].get("error")
        message = choices[0].get("message")
        if not error and isinstance(message, dict):
            return _read_message(message, choices[0].get("finish_reason"))
    if error:
        code = str(error.get("code")) if isinstance(error, dict) else ""
        status = int(code) if _STATUS.fullmatch(code) else None
        return NoReply(f"an error: {quoted(_message(error) or body)}", status)
    if choices == []:
        return Reply("", "its answer has no choices")
    return NoReply(f"no answer of a chat: {quoted(body)}")


def quoted(said: bytes | str) -> str:
    """The beginning of what a server said on one line, without characters that a terminal acts on."""
    text = said[:LONGEST_QUOTE].decode("utf8", "replace") if isinstance(said, bytes) else said[:LONGEST_QUOTE]
    return printable(text) or "nothing"


def error_message(body: bytes) -> str:
    """What the body of an error says on one line: the message of its JSON, or its beginning."""
    return quoted(_message(_json(body)) or body)


def complaint(body: bytes) -> str:
    """All that an error says about parameters: their names and its messages, of a list of errors those of each."""
    data = _json(body)
    items = [data]
    for key in ("error", "detail"):
        items += [item[key] for item in items if isinstance(item, dict) and key in item]
        items += [part for item in items if isinstance(item, list) for part in item[:20]]
    said = [
        item.get(key) for item in items if isinstance(item, dict) for key in ("param", "type", "loc", "msg")
    ]
    said.append(_message(data))
    parts = [part for words in said for part in (words if isinstance(words, list) else [words])]
    return " ".join(part for part in parts if isinstance(part, str) and part) or error_message(body)


def _message(data: Any) -> str:
    for key in ("error", "message", "detail"):
        data = data.get(key, data) if isinstance(data, dict) else data
    return data if isinstance(data, str) else ""


def without_thoughts(text: str) -> str | None:
    """What is written behind a model's thoughts; None if they do not end."""
    end = 0
    for mark in _CLOSING.finditer(text):
        end = mark.end()
    rest = text[end:]
    if _OPENING.search(rest):
        return None
    stripped = rest.rstrip()
    return _END.sub("", stripped) if _END.search(stripped) else rest


def _read_message(message: dict[str, Any], finish_reason: object) -> Reply:
    is_cut = finish_reason == "length"
    written = _joined(message.get("content"))
    text = without_thoughts(written)
    if text and text.strip():
        return Reply(text, "", is_cut)
    if text is None:
        problem = "only a thought that does not end"
    elif isinstance(refusal := message.get("refusal"), str) and refusal:
        problem = f"refused: {quoted(refusal)}"
    elif finish_reason == "content_filter":
        problem = "held back by the server's content filter"
    elif message.get("tool_calls") or message.get("function_call"):
        problem = "a call of a tool instead of text"
    elif written or message.get("reasoning_content") or message.get("reasoning"):
        problem = "only a thought"
    else:
        problem = "no text in its answer"
    return Reply("", problem, is_cut)


def _joined(content: object) -> str:
    """The text of a message's content; of a list of parts, that of all parts which are text."""
    if isinstance(content, str):
        return content
    pieces = []
    for part in content if isinstance(content, list) else []:
        text = part.get("text") if isinstance(part, dict) and part.get("type", "text") == "text" else part
        pieces += [text] if isinstance(text, str) else []
    return "".join(pieces)


def _json(body: bytes) -> Any:
    """The body's JSON; None if it is none, is too deep, or has a number that is too long."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _streamed(body: bytes) -> Any:
    """The same as JSON in one piece, put together from the events of a stream."""
    pieces, finish_reason, is_done = list[str](), None, False
    for line in body.splitlines():
        field, _, value = line.partition(b":")
        if field != b"data":
            continue
        if value.strip() == b"[DONE]":
            is_done = True
            break
        event = _json(value)
        if not isinstance(event, dict) or event.get("error"):
            return event
        choices = event.get("choices")
        for choice in choices[:1] if isinstance(choices, list) else []:
            if isinstance(choice, dict):
                delta = choice.get("delta") or choice.get("message")
                pieces.append(_joined(delta.get("content")) if isinstance(delta, dict) else "")
                finish_reason = choice.get("finish_reason") or finish_reason
    if not is_done and finish_reason is None:
        return None
    message = {"content": "".join(pieces)}
    return {"choices": [{"message": message, "finish_reason": finish_reason}]}
