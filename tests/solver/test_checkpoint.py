"""Checkpoints that cannot be loaded: each ends in one line that names what is wrong and what to change."""

import json
import shutil

import pytest
from safetensors.torch import load_file, save_file

from lightning_ouro.errors import InputError
from lightning_ouro.solver.checkpoint import INDEX, WEIGHTS, checkpoint_folder, patch_spec, read_config
from lightning_ouro.solver.loading import load
from lightning_ouro.solver.patches import PatchSpec

A_LAYER = "model.language_model.layers.2.mlp.up_proj.weight"
SETTINGS = "video_preprocessor_config.json"


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    """A whole checkpoint in one file of weights, and one in several."""
    folder = tmp_path_factory.mktemp("checkpoints")
    model = load("tiny", "random", None, seed=0).qwen
    for name, size in (("whole", "1GB"), ("sharded", "2MB")):
        shutil.copytree(checkpoint_folder("tiny"), folder / name, ignore=shutil.ignore_patterns(WEIGHTS))
        model.save_pretrained(folder / name, max_shard_size=size)
    return folder


def remove(*names):
    return lambda folder: [(folder / name).unlink() for name in names]


def write(name, content):
    return lambda folder: (folder / name).write_text(
        content if isinstance(content, str) else json.dumps(content)
    )


def edit(name, **changes):
    """Sets fields of a JSON file; None removes one."""

    def do(folder):
        fields = json.loads((folder / name).read_text()) | changes
        write(name, {key: value for key, value in fields.items() if value is not None})(folder)

    return do


def cut(name):
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:5000])


def tensors(change):
    def do(folder):
        held = load_file(folder / WEIGHTS)
        change(held)
        save_file(held, folder / WEIGHTS, {"format": "pt"})

    return do


def narrow(held):
    held[A_LAYER] = held[A_LAYER][:-1].contiguous()


SHARDS = [f"model-0000{number}-of-00007.safetensors" for number in (2, 5)]
AGAIN = "complete the folder or set --model.init random"
BROKEN = {
    "shards missing": (
        "sharded",
        remove(*SHARDS),
        f"lacks 2 of 7 files that {INDEX} names: {', '.join(SHARDS)}; {AGAIN}",
    ),
    "a shard cut off": (
        "sharded",
        cut(SHARDS[0]),
        f"{SHARDS[0]} was cut off or is no safetensors file; fetch it again",
    ),
    "an index that is none": ("sharded", write(INDEX, "{"), f"{INDEX} lists no weights"),
    "an index without its list": ("sharded", write(INDEX, {}), f"{INDEX} lists no weights"),
    "weights cut off": ("whole", cut(WEIGHTS), f"{WEIGHTS} was cut off"),
    "empty weights": ("whole", write(WEIGHTS, ""), f"{WEIGHTS} was cut off"),
    "a pointer instead of weights": (
        "whole",
        write(WEIGHTS, "version https://git-lfs.github.com/spec/v1\n"),
        "cut off",
    ),
    "no weights": ("whole", remove(WEIGHTS), f"has no weights that can be read; {AGAIN}"),
    "a tensor missing": (
        "whole",
        tensors(lambda held: held.pop(A_LAYER)),
        f"lacks {A_LAYER}; fetch weights and config",
    ),
    "a tensor of another shape": (
        "whole",
        tensors(narrow),
        f"{A_LAYER} is (447, 160), not (448, 160); fetch weights",
    ),
    "another's config": (
        "whole",
        edit("config.json", video_token_id=14),
        "<|video_pad|> is 13, in its config.json 14",
    ),
    "config cut off": ("whole", write("config.json", "{"), "its config.json cannot be read, fetch it again"),
    "config of the wrong type": (
        "whole",
        write("config.json", {"model_type": "qwen3_vl", "text_config": {"hidden_size": "big"}}),
        "'hidden_size' expected int, got str",
    ),
    "config without model_type": ("whole", write("config.json", {}), "its config.json cannot be read"),
    "an unknown architecture": ("whole", write("config.json", {"model_type": "qwen9"}), "model type `qwen9`"),
    "no config": (
        "whole",
        remove("config.json"),
        "is neither `tiny`, a folder with a config.json, nor a hub name",
    ),
    "no tokenizer": (
        "whole",
        remove("tokenizer.json", "tokenizer_config.json"),
        "fetch tokenizer.json and tokenizer_c",
    ),
    "half a tokenizer": (
        "whole",
        remove("tokenizer.json"),
        "its tokenizer cannot be read; fetch tokenizer.json and",
    ),
    "tokenizer cut off": (
        "whole",
        cut("tokenizer.json"),
        "its tokenizer cannot be read; fetch tokenizer.json and",
    ),
    "a tokenizer that is none": (
        "whole",
        write("tokenizer.json", "{}"),
        "its tokenizer cannot be read; fetch tokenizer",
    ),
    "no chat template": (
        "whole",
        remove("chat_template.jinja"),
        "has no chat template; fetch chat_template.jinja",
    ),
    "settings cut off": (
        "whole",
        write(SETTINGS, "{"),
        f"cannot be read or lack a list; fetch {SETTINGS} again",
    ),
    "settings without a mean": (
        "whole",
        edit(SETTINGS, image_mean=None),
        "lack a list; fetch video_preprocessor_config",
    ),
    "a mean that is no list": (
        "whole",
        edit(SETTINGS, image_mean=0.5),
        "lack a list; fetch video_preprocessor_config",
    ),
    "a mean of words": ("whole", edit(SETTINGS, image_mean=["a"] * 3), "say image_mean ['a', 'a', 'a']"),
    "a mean by channel": (
        "whole",
        edit(SETTINGS, image_mean=[0.4, 0.5, 0.6]),
        "say image_mean [0.4, 0.5, 0.6]",
    ),
    "no deviation": ("whole", edit(SETTINGS, image_std=[0, 0, 0]), "one deviation above 0 for all channels"),
    "another patch size": (
        "whole",
        edit(SETTINGS, patch_size=14),
        "say patch_size=14, its config.json 16; fetch both",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_named_on_one_line(checkpoints, tmp_path, name):
    kind, breaks, named = BROKEN[name]
    shutil.copytree(checkpoints / kind, tmp_path / "mine")
    breaks(tmp_path / "mine")
    with pytest.raises(InputError) as stop:
        load(str(tmp_path / "mine"), "pretrained", None, seed=0)
    message = str(stop.value)
    assert named in message
    assert str(tmp_path / "mine") in message
    assert "\n" not in message


@pytest.mark.parametrize("kind", ["qwen2_vl", "qwen2_5_vl", "qwen3_vl_moe", "qwen3", "llama"])
def test_another_architecture_is_named(tmp_path, kind):
    write("config.json", {"model_type": kind})(tmp_path)
    with pytest.raises(
        InputError, match=f"is a {kind}; a qwen3_vl checkpoint is needed, such as Qwen/Qwen3-VL-4B"
    ):
        load(str(tmp_path), "pretrained", None, seed=0)


def test_a_name_that_no_file_system_takes_is_not_found():
    with pytest.raises(InputError, match="is neither `tiny`, a folder"):
        read_config("x" * 5000)


def test_settings_are_the_checkpoints_own(checkpoints, tmp_path):
    shutil.copytree(checkpoints / "whole", tmp_path / "mine")
    edit(SETTINGS, image_mean=[0.25] * 3, image_std=[0.125] * 3)(tmp_path / "mine")
    config = read_config(str(tmp_path / "mine"))
    assert patch_spec(str(tmp_path / "mine"), config) == PatchSpec(16, 2, 2, 0.25, 0.125)
    (tmp_path / "mine" / SETTINGS).unlink()
    assert patch_spec(str(tmp_path / "mine"), config) == PatchSpec()


def test_the_real_settings_are_read(shared_data):
    folder = str(shared_data / "qwen3_vl_4b")
    assert patch_spec(folder, read_config(folder)) == PatchSpec(16, 2, 2, 0.5, 0.5)
