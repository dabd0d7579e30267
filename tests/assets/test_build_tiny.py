from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from transformers import AutoTokenizer

from lightning_ouro.assets.build_tiny import SPECIAL_TOKENS, main
from lightning_ouro.bootstrap.briefs import draw_brief, obedient_proposals
from lightning_ouro.bootstrap.layouts import layout
from lightning_ouro.bootstrap.lessons import LAYOUT_FRAMES
from lightning_ouro.programs.scene_geometry import scene_geometry
from lightning_ouro.proposer.short_names import ShortNames
from lightning_ouro.scenes.synthetic.walks import rendered_walk

SHIPPED = Path(str(files("lightning_ouro") / "assets" / "tiny"))


@pytest.fixture(scope="module")
def tokenizer():
    return AutoTokenizer.from_pretrained(SHIPPED)


def test_the_script_reproduces_the_shipped_files_bit_for_bit(tmp_path):
    main(tmp_path)
    names = {path.name for path in SHIPPED.iterdir()}
    assert names == {path.name for path in tmp_path.iterdir()} | {"README.md", "model.safetensors"}
    for name in sorted(names - {"README.md", "model.safetensors"}):
        assert (tmp_path / name).read_bytes() == (SHIPPED / name).read_bytes(), name


def test_special_tokens_and_digits_are_single_tokens(tokenizer):
    assert tokenizer.convert_tokens_to_ids(SPECIAL_TOKENS) == list(range(len(SPECIAL_TOKENS)))
    assert [tokenizer.decode([i]) for i in tokenizer("103.5")["input_ids"]] == ["1", "0", "3", ".", "5"]


def test_all_text_between_the_names_of_a_proposal_is_one_token_each(tokenizer):
    reply = "depth_order: At #3 seconds, which is nearer to the camera: the @7 or the @m12?\n```python\ndef"
    pieces = [tokenizer.decode([i]) for i in tokenizer(reply)["input_ids"]]
    expected = ["depth_order", ": At ", "#3", " seconds, which is nearer to the camera: the ", "@7"]
    assert pieces[:7] == [*expected, " or the ", "@m12"]


@pytest.mark.parametrize("index", range(3))
def test_proposals_take_few_tokens_and_survive_the_tokenizer(tokenizer, index):
    rng, scene = np.random.default_rng(index), layout(index)
    views = rendered_walk(scene, LAYOUT_FRAMES)[1]
    geometry = scene_geometry(scene, views)
    brief = draw_brief(scene, views, geometry, rng, False)
    proposals = obedient_proposals(brief, geometry, ShortNames.of(geometry, 64), 40, rng)
    replies = [proposal.reply for proposal in proposals]
    assert np.mean([len(tokenizer(reply)["input_ids"]) for reply in replies]) < 16
    assert all(tokenizer.decode(tokenizer(reply)["input_ids"]) == reply for reply in replies)


@pytest.mark.parametrize(
    "text", ["naïve\n\n  x", "日本語 🪑", "def answer(scene):\n    return count(3)\n", "\x00\t "]
)
def test_any_text_survives_the_tokenizer(tokenizer, text):
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


def test_words_are_split_like_those_of_the_real_tokenizer(tokenizer, shared_data):
    real = AutoTokenizer.from_pretrained(shared_data / "qwen3_vl_4b")
    text = "How many chair(s) are in this room?\nOptions:\nA. front-left\nI'm 12.5 m away,  isn't it?\n\n def f(x)"
    expected = [word for word, _ in real.backend_tokenizer.pre_tokenizer.pre_tokenize_str(text)]
    split = [word for word, _ in tokenizer.backend_tokenizer.pre_tokenizer.pre_tokenize_str(text)]
    assert split == expected
