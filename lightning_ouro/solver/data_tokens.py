"""Tokens of a conversation: its own markup, and text from data, such as names, questions, answers, prompts, replies.

A tokenizer turns `<|im_end|>` into the token that ends a turn wherever it stands. Only the conversation's own
structure may do that; in data it is nothing but characters.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from transformers import PreTrainedTokenizerBase


class Written(NamedTuple):
    """A piece of a conversation: `text` of its own structure, in which markup is what it says, or from data."""

    text: str
    is_data: bool = False


def tokens_of(tokenizer: PreTrainedTokenizerBase, pieces: Sequence[Written]) -> list[int]:
    """Token ids of the pieces, which are one text to the tokenizer, as they are to a model's own processor.

    Each marker in data is cut behind its first character, and the parts are encoded one by one; other texts are
    encoded as a whole. (The option `split_special_tokens` would leave out markers that tokenizers do not list as
    special: Qwen3-VL's `<think>`, `<tool_call>` or `<|fim_prefix|>`.) No marker begins in data and ends in what
    follows it, since structure begins with a whole marker or a time.
    """
    markers = _markers(tokenizer)
    texts, cuts, start = list[str](), [0], 0
    for piece in pieces:
        text = _encodable(piece.text)
        if piece.is_data:
            cuts += [start + match.start() + 1 for match in markers.finditer(text)]
        texts.append(text)
        start += len(text)
    whole = "".join(texts)
    parts = [whole[begin:end] for begin, end in pairwise([*cuts, len(whole)])]
    return [token for part in parts for token in tokenizer(part, add_special_tokens=False)["input_ids"]]


def data_tokens(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    """Token ids of a text from data, in which no markup is a token of its own."""
    return tokens_of(tokenizer, [Written(text, is_data=True)])


def _encodable(text: str) -> str:
    """The text with `?` for half a surrogate pair, on which tokenizers raise."""
    return text if text.isascii() else text.encode("utf8", "replace").decode("utf8")


@lru_cache(maxsize=4)  # tokenizers are compared by identity
def _markers(tokenizer: PreTrainedTokenizerBase) -> re.Pattern[str]:
    """Finds where a special token, or another one in angle brackets, begins; they may overlap."""
    added = tokenizer.added_tokens_decoder.values()
    markers = [token.content for token in added if token.special or re.fullmatch("<.+>", token.content)]
    return re.compile(f"(?={'|'.join(map(re.escape, markers))})" if markers else r"(?!)")
