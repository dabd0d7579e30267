"""Templates are judged by what they render before a reply and around it."""

import copy
import json

import pytest
from transformers import AutoTokenizer

from lightning_ouro.errors import InputError
from lightning_ouro.programs.questions import VIDEO_PROMPT
from lightning_ouro.solver.chat_template import turn_parts
from lightning_ouro.solver.checkpoint import checkpoint_folder
from lightning_ouro.solver.encoding import RowEncoder

TURNS = (
    "{%- for message in messages -%}{{- '<|im_start|>' + message.role + '\n' + BODY + '<|im_end|>\n' -}}{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\n' + OPENED -}}{%- endif -%}"
)


@pytest.fixture
def with_template(loaded):
    """The tiny tokenizer with a chat template."""

    def make(template):
        tokenizer = copy.deepcopy(loaded.tokenizer)
        tokenizer.chat_template = template
        return tokenizer

    return make


def template(opened="''", body="message.content"):
    return TURNS.replace("BODY", body).replace("OPENED", opened)


THINKS_BY_ITSELF = "((('<think>\n\n</think>\n\n' if message.role == 'assistant' else '') + message.content))"


@pytest.mark.parametrize(
    ("opened", "tag"),
    [
        (r"'<think>\n'", "<think>"),
        (r"'<think>'", "<think>"),
        (r"'<THOUGHT>\n'", "<THOUGHT>"),
        (r"'[THINK]'", "[THINK]"),
        (r"'<think>\n</think>\n<analysis>'", "<analysis>"),
    ],
)
def test_a_template_that_opens_a_thought_is_refused(with_template, opened, tag):
    with pytest.raises(InputError) as stop:
        turn_parts(with_template(template(opened)), "model.checkpoint='x'")
    message = str(stop.value)
    assert message.startswith(f"model.checkpoint='x': its chat template opens {tag} before the reply")
    assert "Qwen/Qwen3-VL-4B-Instruct" in message


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (template(body=THINKS_BY_ITSELF), r"writes a reply as .*<think>"),
        (template().replace("<|im_end|>", "</s>"), "writes a reply as"),
        (template(body="''"), "does not write a user's words once"),
        (template(body="message.content + message.content"), "does not write a user's words once"),
        (template(body="message.content[0].text"), "does not write a user's words once|fails"),
        ("{{ raise_exception('no system turn') }}", "fails: no system turn"),
        ("{% for %}", "its chat template fails"),
    ],
)
def test_a_template_that_writes_no_plain_turn_is_named_on_one_line(with_template, text, problem):
    with pytest.raises(InputError, match=problem) as stop:
        turn_parts(with_template(text), "model.checkpoint='x'")
    assert "\n" not in str(stop.value)


def test_a_thought_that_is_closed_is_part_of_the_opening(with_template):
    body = "((('<think>\n\n</think>\n\n' if message.role == 'assistant' else '') + message.content))"
    tokenizer = with_template(template(r"'<think>\n\n</think>\n\n'", body))
    assert turn_parts(tokenizer, "x")[1].endswith("<|im_start|>assistant\n<think>\n\n</think>\n\n")


def test_a_default_system_turn_is_part_of_the_opening(with_template):
    tokenizer = with_template(r"{{- '<|im_start|>system\nBe brief.<|im_end|>\n' -}}" + template())
    assert turn_parts(tokenizer, "x")[0] == "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n"


def test_the_real_instruct_template_passes_and_its_thinking_variant_does_not(shared_data, encoder):
    folder = shared_data / "qwen3_vl_4b"
    tokenizer = AutoTokenizer.from_pretrained(folder)
    instruct = json.loads((folder / "chat_template.json").read_text("utf8"))["chat_template"]
    tokenizer.chat_template = instruct
    assert turn_parts(tokenizer, "x")[1] == "<|im_end|>\n<|im_start|>assistant\n"
    tokenizer.chat_template = instruct.replace(r"assistant\n' }}", r"assistant\n<think>\n' }}")
    assert tokenizer.chat_template != instruct
    with pytest.raises(InputError, match="opens <think> before the reply"):
        RowEncoder(tokenizer, encoder.config, encoder.spec)


def test_the_tiny_template_puts_the_reply_where_a_whole_conversation_has_it():
    tokenizer = AutoTokenizer.from_pretrained(checkpoint_folder("tiny"))
    opening, closing = turn_parts(tokenizer, "tiny")
    turns = [{"role": "user", "content": VIDEO_PROMPT}, {"role": "assistant", "content": "2"}]
    whole = tokenizer.apply_chat_template(turns, tokenize=False)
    assert whole == f"{opening}{VIDEO_PROMPT}{closing}2<|im_end|>\n"
