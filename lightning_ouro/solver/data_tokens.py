"""Tokens of text that comes from data: names, questions, answers, prompts, replies.

A tokenizer turns `<|im_end|>` into the token that ends a turn wherever it stands. Only the conversation's own
structure may do that; in data it is nothing but characters.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise

from transformers import PreTrainedTokenizerBase


def data_tokens(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    """Token ids of a text in which no markup is a token of its own.

    Each marker is cut behind its first character, and the parts are encoded one by one; other texts are encoded
    as a whole. (The option `split_special_tokens` would leave out markers that tokenizers do not list as
    special: Qwen3-VL's `<think>`, `<tool_call>` or `<|fim_prefix|>`.)
    """
    text = (
        text if text.isascii() else text.encode("utf8", "replace").decode("utf8")
    )  # half a surrogate pair raises
    cuts = [0, *(match.start() + 1 for match in _markers(tokenizer).finditer(text)), len(text)]
    parts = [text[start:end] for start, end in pairwise(cuts)]
    return [token for part in parts for token in tokenizer(part, add_special_tokens=False)["input_ids"]]


@lru_cache(maxsize=4)  # tokenizers are compared by identity
def _markers(tokenizer: PreTrainedTokenizerBase) -> re.Pattern[str]:
    """Finds where a special token, or another one in angle brackets, begins; they may overlap."""
    added = tokenizer.added_tokens_decoder.values()
    markers = [token.content for token in added if token.special or re.fullmatch("<.+>", token.content)]
    return re.compile(f"(?={'|'.join(map(re.escape, markers))})" if markers else r"(?!)")
