"""Makes `assets/tiny`: the configuration and tokenizer of the small Qwen3-VL that ships with the package.

    python -m lightning_ouro.assets.build_tiny

The model is transformers' own class, small enough for two cores. The tokenizer is a byte-level BPE with single
digits, Qwen's way of splitting words and Qwen's special tokens, trained on the names of things. On top, what always
stands together is one token: what the families' sentences and programs say between the things that they name, the
families' names, the short names and places that compact metadata use, and the categories of procedural rooms. A
proposal is then some 11 tokens instead of 100, most of them names to choose, and a small model learns to choose. The
same command gives the same files to the bit.
"""

from __future__ import annotations

import json
import string
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import numpy as np
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, Qwen3VLConfig

from lightning_ouro.bootstrap import open_questions
from lightning_ouro.bootstrap.names import invented
from lightning_ouro.bootstrap.orders import WrittenProposal
from lightning_ouro.curriculum.skill import BANDS
from lightning_ouro.programs.families import FAMILIES, Form, Roles
from lightning_ouro.programs.families.forms import SECONDS
from lightning_ouro.programs.questions import CHOICE_PROMPT, LETTERS, NUMBER_PROMPT, REASONS, VIDEO_PROMPT
from lightning_ouro.proposer.prompt import prompt_words
from lightning_ouro.scenes.synthetic.furniture import FURNITURE, LOOKS

WORDS = 1024  # of the byte-level BPE
INVENTED = 4096  # names that it is trained on
MOST_NAMES, MOST_FRAMES, MOST_STEPS = 64, 32, 128  # that have a token
NAME, TIME = "\N{CURRENCY SIGN}", "\N{SECTION SIGN}"  # stand for what a sentence names

# Qwen/Qwen3-VL-4B-Instruct's tokenizer_config.json, in the order of their ids.
SPECIAL_TOKENS = [
    *(
        "<|endoftext|>",
        "<|im_start|>",
        "<|im_end|>",
        "<|object_ref_start|>",
        "<|object_ref_end|>",
        "<|box_start|>",
    ),
    *(
        "<|box_end|>",
        "<|quad_start|>",
        "<|quad_end|>",
        "<|vision_start|>",
        "<|vision_end|>",
        "<|vision_pad|>",
    ),
    *("<|image_pad|>", "<|video_pad|>"),
]

# As Qwen2 splits: words with one leading character, single digits, punctuation with its newlines, newlines, space.
SPLIT = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
SPLIT += r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"

# Renders conversations of system, user and assistant turns, with images and videos, as Qwen3-VL's template does.
CHAT_TEMPLATE = """\
{%- macro parts(content) -%}
{%- if content is string -%}{{ content }}{%- else -%}
{%- for part in content -%}
{%- if part.type == 'image' -%}<|vision_start|><|image_pad|><|vision_end|>
{%- elif part.type == 'video' -%}<|vision_start|><|video_pad|><|vision_end|>
{%- else -%}{{ part.text }}{%- endif -%}
{%- endfor -%}{%- endif -%}
{%- endmacro -%}
{%- for message in messages -%}
{{- '<|im_start|>' + message.role + '\\n' + parts(message.content) + '<|im_end|>\\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}
"""


def main(folder: Path) -> None:
    """Writes all files of the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = build_tokenizer(corpus())
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        chat_template=CHAT_TEMPLATE,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        model_max_length=32768,
    )
    wrapped.save_pretrained(folder)
    settings = json.loads(config(wrapped).to_json_string())
    del settings["transformers_version"]  # the files depend on what they say, not on who wrote them
    (folder / "config.json").write_text(json.dumps(settings, indent=2) + "\n", "utf8")
    frames = {
        "image_mean": [0.5] * 3,
        "image_std": [0.5] * 3,
        "patch_size": 16,
        "temporal_patch_size": 2,
        "merge_size": 2,
    }
    (folder / "video_preprocessor_config.json").write_text(json.dumps(frames, indent=2) + "\n", "utf8")


def corpus() -> Iterator[str]:
    """What the words of the tokenizer are trained on."""
    names = sorted({*FURNITURE, *LOOKS}) + [invented(np.random.default_rng(seed)) for seed in range(INVENTED)]
    yield from (f"{space}{name}" for name in names for space in ("", " "))
    yield f"\nOptions:\n{CHOICE_PROMPT}{NUMBER_PROMPT}"
    yield from (f"<{seconds / 10:.1f} seconds>" for seconds in range(600))


def phrases() -> list[str]:
    """What is one token each, sorted; the shipped weights know them by their places in this order."""
    found = {
        *FAMILIES,
        *BANDS,
        *REASONS,
        f"\nOptions:\n{LETTERS[0]}. ",
        f"\n{CHOICE_PROMPT}",
        f"\n{NUMBER_PROMPT}",
    }
    found |= {f"\n{letter}. " for letter in LETTERS}
    found |= {f"@{kind}{number}" for kind in ("", "m", "o") for number in range(MOST_NAMES)}
    found |= {f"#{number}" for number in range(MOST_FRAMES)} | {f"d{number}" for number in range(36)}
    found |= {f"{axis}{number}" for axis in "xy" for number in range(MOST_STEPS)}
    found |= {VIDEO_PROMPT, *prompt_words("compact"), " seconds>", "% "}
    for family in FAMILIES.values():
        for form in family.forms:
            for roles in _examples(form):
                found |= _between(form.write(roles))
                found |= _between(WrittenProposal("", form.write(roles), family.program(roles)).reply)
    for kind in open_questions.KINDS:
        text, program = kind(NAME, NAME)
        found |= _between(text) | _between(WrittenProposal("", text, program).reply)
    return sorted(phrase for phrase in found if len(phrase) > 1)


def _examples(form: Form) -> Iterator[Roles]:
    """Roles of marks in place of names and times, with each word that a field allows."""
    choices = {}
    for _, name, allowed, _ in string.Formatter().parse(form.template):
        if name is not None:
            marks = [NAME] if not allowed else [TIME] if allowed == SECONDS else allowed.split("|")
            choices[name.partition("[")[0]] = marks
    most = max(map(len, choices.values()), default=1)
    for place in range(most):
        yield {role: (marks[place % len(marks)],) * form.sizes[role] for role, marks in choices.items()}


def _between(text: str) -> set[str]:
    """What stands between the marks."""
    return set(text.replace(TIME, NAME).split(NAME))


def build_tokenizer(texts: Iterator[str]) -> Tokenizer:
    """A byte-level BPE trained on the texts, with a token for each phrase."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(SPLIT), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=WORDS,
        special_tokens=[AddedToken(token, special=True, normalized=False) for token in SPECIAL_TOKENS],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_tokens([AddedToken(phrase, normalized=False) for phrase in phrases()])
    tokenizer.add_tokens([AddedToken(name, normalized=False, single_word=True) for name in sorted(FURNITURE)])
    return tokenizer


def config(tokenizer: PreTrainedTokenizerFast) -> Qwen3VLConfig:
    """A Qwen3-VL of the same parts as the 4B, narrower and shallower; the vocabulary is a multiple of 64."""
    ids = {token: tokenizer.convert_tokens_to_ids(token) for token in SPECIAL_TOKENS}
    return Qwen3VLConfig(
        text_config={
            "vocab_size": -(-len(tokenizer) // 64) * 64,
            "hidden_size": 160,
            "intermediate_size": 448,
            "num_hidden_layers": 4,
            "num_attention_heads": 5,
            "num_key_value_heads": 5,
            "head_dim": 32,
            "max_position_embeddings": 32768,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 10000.0,
                "mrope_section": [6, 5, 5],
                "mrope_interleaved": True,
            },
            "eos_token_id": ids["<|im_end|>"],
            "pad_token_id": ids["<|endoftext|>"],
            "tie_word_embeddings": True,
            "dtype": "float32",
        },
        vision_config={
            "depth": 3,
            "hidden_size": 96,
            "intermediate_size": 256,
            "num_heads": 3,
            "out_hidden_size": 160,
            "patch_size": 16,
            "temporal_patch_size": 2,
            "spatial_merge_size": 2,
            "num_position_embeddings": 256,
            "deepstack_visual_indexes": [0, 1],
        },
        image_token_id=ids["<|image_pad|>"],
        video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
        tie_word_embeddings=True,
        dtype="float32",
    )


if __name__ == "__main__":
    main(Path(str(files("lightning_ouro") / "assets" / "tiny")))
