"""Makes the configuration and tokenizer of the tiny Qwen3-VL in `assets/tiny`.

    python -m lightning_ouro.assets.build_tiny [--anew]

The model is transformers' own class, small enough for two cores. The tokenizer is a byte-level BPE with
single digits and with Qwen's pre-tokenization and special tokens, trained on names of objects. On top of
that, text that never varies is one token: what the families' sentences and programs say between the names,
the families' names, the short names and positions of compact metadata, and the categories of procedural
rooms. A proposal then takes about 11 tokens instead of 100, most of them names to choose, and choosing is
what a small model can learn. The same command gives the same files, bit for bit. The weights come from
`configs/bootstrap.yaml`.

The shipped weights know each such text by its index among those of their time, which `phrases.json` keeps: a
sentence that is changed or added since then is spelled, and costs more tokens. `--anew` collects the texts of
today, for weights that are made anew.
"""

from __future__ import annotations

import json
import string
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, Qwen3VLConfig

from lightning_ouro.bootstrap import open_questions
from lightning_ouro.bootstrap.briefs import WrittenProposal
from lightning_ouro.bootstrap.names import invented_name
from lightning_ouro.curriculum.skill import BANDS
from lightning_ouro.programs.families import FAMILIES, Form, Roles
from lightning_ouro.programs.families.forms import SECONDS
from lightning_ouro.programs.questions import CHOICE_PROMPT, LETTERS, NUMBER_PROMPT, REASONS, VIDEO_PROMPT
from lightning_ouro.proposer.prompt import prompt_words
from lightning_ouro.scenes.synthetic.furniture import FURNITURE, LOOKS
from lightning_ouro.solver.prompt_form import KEY, PromptForm

PHRASES = Path(__file__).parent / "phrases.json"
# All sizes are chosen by hand; a change of any makes the shipped weights useless.
BPE_SIZE = 1024  # vocabulary of the byte-level BPE
NUM_INVENTED = 4096  # invented names that the BPE is trained on
# How many numbers have a token, for short names, frames, grid positions and directions in tens of degrees.
MAX_NAMES, MAX_FRAMES, MAX_STEPS, MAX_DIRECTIONS = 64, 32, 128, 36
HIDDEN_SIZE = 160  # of the language model
MAX_LENGTH = 32768  # tokens
PATCH_SIZE = 16  # pixels; Qwen3-VL's, like the temporal patch and the merge of 2
SHIPPED_FORM = PromptForm("plain")  # in which the shipped weights were taught
NAME_MARK, TIME_MARK = "\N{CURRENCY SIGN}", "\N{SECTION SIGN}"  # stand for the names and times in a sentence

# Those of Qwen/Qwen3-VL-4B-Instruct's tokenizer_config.json, in the order of their ids.
SPECIAL_TOKENS = [
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|object_ref_start|>",
    "<|object_ref_end|>",
    "<|box_start|>",
    "<|box_end|>",
    "<|quad_start|>",
    "<|quad_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
]

# Qwen2's pre-tokenization: words with one leading character, single digits, punctuation with its newlines,
# newlines, spaces.
SPLIT = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
SPLIT += r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"

# Like Qwen3-VL's own template, for system, user and assistant turns with images and videos.
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
    """Writes the files into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = build_tokenizer(corpus(), json.loads(PHRASES.read_text("utf8")))
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        chat_template=CHAT_TEMPLATE,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        model_max_length=MAX_LENGTH,
    )
    wrapped.save_pretrained(folder)
    settings = json.loads(config(wrapped).to_json_string())
    del settings["transformers_version"]  # so that the file is the same whichever version writes it
    (folder / "config.json").write_text(json.dumps(settings, indent=2) + "\n", "utf8")
    frames = {
        "image_mean": [0.5] * 3,
        "image_std": [0.5] * 3,
        "patch_size": PATCH_SIZE,
        "temporal_patch_size": 2,
        "merge_size": 2,
    }
    (folder / "video_preprocessor_config.json").write_text(json.dumps(frames, indent=2) + "\n", "utf8")


def corpus() -> Iterator[str]:
    """The texts that the byte-level BPE is trained on."""
    invented = [invented_name(np.random.default_rng(seed)) for seed in range(NUM_INVENTED)]
    names = sorted({*FURNITURE, *LOOKS}) + invented
    yield from (f"{space}{name}" for name in names for space in ("", " "))
    yield f"\nOptions:\n{CHOICE_PROMPT}{NUMBER_PROMPT}"
    yield from (f"<{seconds / 10:.1f} seconds>" for seconds in range(600))


def phrases_of_today() -> list[str]:
    """The texts that are one token each, sorted."""
    fixed = {
        *FAMILIES,
        *BANDS,
        *REASONS,
        *prompt_words("compact"),
        VIDEO_PROMPT,
        " seconds>",
        "% ",
        f"\nOptions:\n{LETTERS[0]}. ",
        f"\n{CHOICE_PROMPT}",
        f"\n{NUMBER_PROMPT}",
    }
    fixed |= {f"\n{letter}. " for letter in LETTERS}
    fixed |= {f"@{kind}{number}" for kind in ("", "m", "o") for number in range(MAX_NAMES)}
    fixed |= {f"#{number}" for number in range(MAX_FRAMES)}
    fixed |= {f"d{number}" for number in range(MAX_DIRECTIONS)}
    fixed |= {f"{axis}{number}" for axis in "xy" for number in range(MAX_STEPS)}
    return sorted(phrase for phrase in fixed | _between_names() if len(phrase) > 1)


def _between_names() -> set[str]:
    """What the sentences, programs and replies of all families say between the names."""
    pieces: set[str] = set()
    for family in FAMILIES.values():
        for form in family.forms:
            for roles in _examples(form):
                text = form.write(roles)
                pieces |= _split_at_marks(text)
                pieces |= _split_at_marks(WrittenProposal("", text, family.program(roles)).reply)
    for write in open_questions.KINDS.values():
        text, program = write(NAME_MARK, NAME_MARK)
        pieces |= _split_at_marks(text) | _split_at_marks(WrittenProposal("", text, program).reply)
    return pieces


def _examples(form: Form) -> Iterator[Roles]:
    """Roles with marks in place of names and times; together they use each word that a field allows."""
    choices = {}
    for _, name, allowed, _ in string.Formatter().parse(form.template):
        if name is not None:
            marks = [NAME_MARK] if not allowed else [TIME_MARK] if allowed == SECONDS else allowed.split("|")
            choices[name.partition("[")[0]] = marks
    most_choices = max(map(len, choices.values()), default=1)
    for index in range(most_choices):
        yield {role: (marks[index % len(marks)],) * form.sizes[role] for role, marks in choices.items()}


def _split_at_marks(text: str) -> set[str]:
    return set(text.replace(TIME_MARK, NAME_MARK).split(NAME_MARK))


def build_tokenizer(texts: Iterator[str], phrases: Sequence[str]) -> Tokenizer:
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
        vocab_size=BPE_SIZE,
        special_tokens=[AddedToken(token, special=True, normalized=False) for token in SPECIAL_TOKENS],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_tokens([AddedToken(phrase, normalized=False) for phrase in phrases])
    tokenizer.add_tokens([AddedToken(name, normalized=False, single_word=True) for name in sorted(FURNITURE)])
    return tokenizer


def config(tokenizer: PreTrainedTokenizerFast) -> Qwen3VLConfig:
    """A Qwen3-VL with the parts of the 4B model, narrower and shallower; the sizes are chosen by hand."""
    ids = {token: tokenizer.convert_tokens_to_ids(token) for token in SPECIAL_TOKENS}
    return Qwen3VLConfig(
        text_config=_text_config(len(tokenizer), ids),
        vision_config=_vision_config(),
        image_token_id=ids["<|image_pad|>"],
        video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
        tie_word_embeddings=True,
        dtype="float32",
        **{KEY: asdict(SHIPPED_FORM)},
    )


def _text_config(vocabulary: int, ids: dict[str, int]) -> dict[str, Any]:
    return {
        "vocab_size": -(-vocabulary // 64) * 64,  # rounded up to a multiple of 64
        "hidden_size": HIDDEN_SIZE,
        "intermediate_size": 448,
        "num_hidden_layers": 4,
        "num_attention_heads": 5,
        "num_key_value_heads": 5,
        "head_dim": 32,
        "max_position_embeddings": MAX_LENGTH,
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
    }


def _vision_config() -> dict[str, Any]:
    return {
        "depth": 3,
        "hidden_size": 96,
        "intermediate_size": 256,
        "num_heads": 3,
        "out_hidden_size": HIDDEN_SIZE,
        "patch_size": PATCH_SIZE,
        "temporal_patch_size": 2,
        "spatial_merge_size": 2,
        "num_position_embeddings": 256,
        "deepstack_visual_indexes": [0, 1],
    }


if __name__ == "__main__":
    if sys.argv[1:] == ["--anew"]:
        PHRASES.write_text(json.dumps(phrases_of_today(), indent=1) + "\n", "utf8")
    main(Path(str(files("lightning_ouro") / "assets" / "tiny")))
