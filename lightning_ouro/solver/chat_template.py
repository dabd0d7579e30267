"""How a checkpoint's own chat template writes a user's turn and opens the reply.

Judged by what it renders, not by the checkpoint's name. Questions are answered in a word right after the
opening; a template that opens a thought there, as those of Qwen3-VL's Thinking checkpoints do
(vllm-project/vllm#26239), would have the answer trained and read inside it.
"""

from __future__ import annotations

import re

from transformers import PreTrainedTokenizerBase

from lightning_ouro.errors import InputError, on_one_line
from lightning_ouro.programs.questions import VIDEO_PROMPT

END_OF_TURN = "<|im_end|>"
VISION_START, VISION_END = "<|vision_start|>", "<|vision_end|>"  # which stand around each picture
IMAGE_PAD, VIDEO_PAD = "<|image_pad|>", "<|video_pad|>"  # each stands for one token of a picture
SYSTEM_MARK = "What the system says."  # stands for it where templates are tried out
TAG = re.compile(r"([<\[])(/?)(\w+)[>\]]")  # <think> or [THINK], not <|im_start|>
REPLY = "4"


def turn_parts(
    tokenizer: PreTrainedTokenizerBase, owner: str, has_system_turn: bool = False
) -> tuple[str, str]:
    """What stands before a user's words, and what stands between them and the reply.

    Args:
        tokenizer: A checkpoint's tokenizer, with its chat template.
        owner: What error messages call it.
        has_system_turn: Whether a system turn comes first; `SYSTEM_MARK` then stands for what it says.

    Raises:
        InputError: the template fails, leaves the words out, opens a thought, or continues a reply otherwise.
    """
    user = {"role": "user", "content": VIDEO_PROMPT}
    before = [{"role": "system", "content": SYSTEM_MARK}] if has_system_turn else []
    asked = _rendered(tokenizer, [*before, user], True, owner)
    opening, found, closing = asked.partition(VIDEO_PROMPT)
    if not found or VIDEO_PROMPT in closing:
        raise InputError(
            f"{owner}: its chat template does not write a user's words once; download the template of Qwen3-VL-Instruct"
        )
    if has_system_turn and (opening.count(SYSTEM_MARK) != 1 or SYSTEM_MARK in closing):
        raise InputError(
            f"{owner}: its chat template writes no system turn before the user's; leave model.system_prompt out"
        )
    if thought := _left_open(closing):
        raise InputError(
            f"{owner}: its chat template opens {thought} before the reply, so it is a Thinking checkpoint, whose "
            "answers would be trained and read inside a thought; choose an Instruct checkpoint, such as "
            "Qwen/Qwen3-VL-4B-Instruct"
        )
    whole = _rendered(tokenizer, [*before, user, {"role": "assistant", "content": REPLY}], False, owner)
    if not whole.startswith(f"{asked}{REPLY}{END_OF_TURN}"):
        raise InputError(
            f"{owner}: its chat template writes a reply as {_after(whole, opening)!r}, not as {REPLY}{END_OF_TURN} "
            f"right after {closing!r}; choose an Instruct checkpoint of Qwen3-VL, or its template"
        )
    return opening, closing


def _rendered(
    tokenizer: PreTrainedTokenizerBase, turns: list[dict[str, str]], opens_reply: bool, owner: str
) -> str:
    try:
        return str(tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=opens_reply))
    except Exception as error:  # a template is a program of its own
        raise InputError(
            f"{owner}: its chat template fails: {on_one_line(error)}; download it again"
        ) from error


def _left_open(text: str) -> str | None:
    """The last tag that a text opens and does not close."""
    opened: list[str] = []
    for bracket, slash, name in TAG.findall(text):
        if not slash:
            opened.append(f"{bracket}{name}{'>' if bracket == '<' else ']'}")
        else:
            opened = [tag for tag in opened if tag[1:-1] != name]
    return opened[-1] if opened else None


def _after(whole: str, opening: str) -> str:
    return whole.removeprefix(opening).removeprefix(VIDEO_PROMPT)[:80]
