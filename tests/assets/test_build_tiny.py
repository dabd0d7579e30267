from importlib.resources import files
from pathlib import Path

import pytest
from transformers import AutoTokenizer

from lightning_ouro.assets.build_tiny import SPECIAL_TOKENS, main

SHIPPED = Path(str(files("lightning_ouro") / "assets" / "tiny"))


@pytest.fixture(scope="module")
def tokenizer():
    return AutoTokenizer.from_pretrained(SHIPPED)


def test_the_script_makes_the_shipped_files_to_the_bit(tmp_path):
    main(tmp_path)
    names = sorted(path.name for path in SHIPPED.iterdir())
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    for name in names:
        assert (tmp_path / name).read_bytes() == (SHIPPED / name).read_bytes(), name


def test_special_tokens_are_single_and_digits_stand_alone(tokenizer):
    assert tokenizer.convert_tokens_to_ids(SPECIAL_TOKENS) == list(range(len(SPECIAL_TOKENS)))
    assert [tokenizer.decode([i]) for i in tokenizer("103.5")["input_ids"]] == ["1", "0", "3", ".", "5"]


@pytest.mark.parametrize("text", ["naïve\n\n  x", "日本語 🪑", "def answer(scene):\n    return count(3)\n", "\x00\t "])
def test_any_text_comes_back_as_it_was(tokenizer, text):
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


def test_words_are_split_as_the_real_tokenizer_splits_them(tokenizer, shared_data):
    real = AutoTokenizer.from_pretrained(shared_data / "qwen3_vl_4b")
    text = "How many chair(s) are in this room?\nOptions:\nA. front-left\nI'm 12.5 m away,  isn't it?\n\n def f(x)"
    split = [word for word, _ in real.backend_tokenizer.pre_tokenizer.pre_tokenize_str(text)]
    mine = [word for word, _ in tokenizer.backend_tokenizer.pre_tokenizer.pre_tokenize_str(text)]
    assert mine == split
