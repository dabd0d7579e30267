from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from transformers import AutoTokenizer

from lightning_ouro.assets.build_tiny import SPECIAL_TOKENS, main
from lightning_ouro.bootstrap import orders
from lightning_ouro.bootstrap.layouts import layout
from lightning_ouro.bootstrap.lessons import GLANCE
from lightning_ouro.programs.scene_geometry import scene_geometry
from lightning_ouro.proposer.metadata import References
from lightning_ouro.scenes.synthetic.walks import rendered_walk

SHIPPED = Path(str(files("lightning_ouro") / "assets" / "tiny"))


@pytest.fixture(scope="module")
def tokenizer():
    return AutoTokenizer.from_pretrained(SHIPPED)


def test_the_script_makes_the_shipped_files_to_the_bit(tmp_path):
    main(tmp_path)
    names = {path.name for path in SHIPPED.iterdir()}
    assert names == {path.name for path in tmp_path.iterdir()} | {"README.md", "model.safetensors"}
    for name in sorted(names - {"README.md", "model.safetensors"}):
        assert (tmp_path / name).read_bytes() == (SHIPPED / name).read_bytes(), name


def test_special_tokens_are_single_and_digits_stand_alone(tokenizer):
    assert tokenizer.convert_tokens_to_ids(SPECIAL_TOKENS) == list(range(len(SPECIAL_TOKENS)))
    assert [tokenizer.decode([i]) for i in tokenizer("103.5")["input_ids"]] == ["1", "0", "3", ".", "5"]


def test_a_proposal_is_a_family_a_form_and_the_names_between_words_that_always_stand_together(tokenizer):
    reply = "depth_order: At #3 seconds, which is nearer to the camera: the @7 or the @m12?\n```python\ndef"
    pieces = [tokenizer.decode([i]) for i in tokenizer(reply)["input_ids"]]
    assert pieces[:7] == [
        *(
            "depth_order",
            ": At ",
            "#3",
            " seconds, which is nearer to the camera: the ",
            "@7",
            " or the ",
            "@m12",
        )
    ]


@pytest.mark.parametrize("proposal_seed", range(3))
def test_what_a_proposer_reads_and_writes_is_short(tokenizer, proposal_seed):
    rng, scene = np.random.default_rng(proposal_seed), layout(proposal_seed)
    views = rendered_walk(scene, GLANCE)[1]
    room, short = scene_geometry(scene, views), References.of(scene_geometry(scene, views), 64)
    order = orders.brief(scene, views, room, rng, False)
    replies = [answer.reply for answer in orders.answers(order, room, short, 40, rng)]
    assert np.mean([len(tokenizer(reply)["input_ids"]) for reply in replies]) < 16
    assert all(tokenizer.decode(tokenizer(reply)["input_ids"]) == reply for reply in replies)


@pytest.mark.parametrize(
    "text", ["naïve\n\n  x", "日本語 🪑", "def answer(scene):\n    return count(3)\n", "\x00\t "]
)
def test_any_text_comes_back_as_it_was(tokenizer, text):
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


def test_words_are_split_as_the_real_tokenizer_splits_them(tokenizer, shared_data):
    real = AutoTokenizer.from_pretrained(shared_data / "qwen3_vl_4b")
    text = "How many chair(s) are in this room?\nOptions:\nA. front-left\nI'm 12.5 m away,  isn't it?\n\n def f(x)"
    split = [word for word, _ in real.backend_tokenizer.pre_tokenizer.pre_tokenize_str(text)]
    mine = [word for word, _ in tokenizer.backend_tokenizer.pre_tokenizer.pre_tokenize_str(text)]
    assert mine == split
