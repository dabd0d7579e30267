"""Checkpoints that cannot be loaded: each error names on one line what is wrong and what to do."""

import json
import shutil

import pytest
from safetensors.torch import load_file, save_file

from lightning_ouro.errors import InputError
from lightning_ouro.solver.checkpoint import checkpoint_folder, patch_spec, read_config
from lightning_ouro.solver.loading import load
from lightning_ouro.solver.patches import PatchSpec
from lightning_ouro.solver.weight_files import INDEX, WEIGHTS

A_LAYER = "model.language_model.layers.2.mlp.up_proj.weight"
SETTINGS = "video_preprocessor_config.json"


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    """A complete checkpoint with its weights in one file, and one with several."""
    folder = tmp_path_factory.mktemp("checkpoints")
    model = load("tiny", "random", None, seed=0).qwen
    for name, size in (("single", "1GB"), ("sharded", "2MB")):
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


def truncate(name):
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:5000])


def tensors(change):
    def do(folder):
        weights = load_file(folder / WEIGHTS)
        change(weights)
        save_file(weights, folder / WEIGHTS, {"format": "pt"})

    return do


def narrow(weights):
    weights[A_LAYER] = weights[A_LAYER][:-1].contiguous()


SHARDS = [f"model-0000{number}-of-00007.safetensors" for number in (2, 5)]
COMPLETE = "complete the folder, or set --model.init random"
BROKEN = {  # the checkpoint, what is done to it, and a part of the error
    "missing shards": (
        "sharded",
        remove(*SHARDS),
        f"lacks 2 of the 7 files that {INDEX} names: {', '.join(SHARDS)}; {COMPLETE}",
    ),
    "truncated shard": (
        "sharded",
        truncate(SHARDS[0]),
        f"{SHARDS[0]} is truncated or not a safetensors file; download it again",
    ),
    "index that is not JSON": ("sharded", write(INDEX, "{"), f"{INDEX} does not list weight files"),
    "index without its list": ("sharded", write(INDEX, {}), f"{INDEX} does not list weight files"),
    "truncated weights": ("single", truncate(WEIGHTS), f"{WEIGHTS} is truncated"),
    "empty weights": ("single", write(WEIGHTS, ""), f"{WEIGHTS} is truncated"),
    "pointer instead of weights": (
        "single",
        write(WEIGHTS, "version https://git-lfs.github.com/spec/v1\n"),
        "is truncated or not a safetensors file",
    ),
    "no weights": ("single", remove(WEIGHTS), f"has no readable weights; {COMPLETE}"),
    "missing tensor": (
        "single",
        tensors(lambda weights: weights.pop(A_LAYER)),
        f"lacks {A_LAYER}; download weights and config",
    ),
    "tensor of another shape": (
        "single",
        tensors(narrow),
        f"{A_LAYER} is (447, 160), not (448, 160); download weights",
    ),
    "config of another checkpoint": (
        "single",
        edit("config.json", video_token_id=14),
        "<|video_pad|> is token 13 in its tokenizer, but 14 in its config.json",
    ),
    "truncated config": (
        "single",
        write("config.json", "{"),
        "its config.json cannot be read; download it again",
    ),
    "config of the wrong type": (
        "single",
        write("config.json", {"model_type": "qwen3_vl", "text_config": {"hidden_size": "big"}}),
        "'hidden_size' expected int, got str",
    ),
    "config without model_type": ("single", write("config.json", {}), "its config.json cannot be read"),
    "unknown architecture": (
        "single",
        write("config.json", {"model_type": "qwen9"}),
        "model type `qwen9`",
    ),
    "no config": (
        "single",
        remove("config.json"),
        "is neither `tiny`, nor a folder with a config.json, nor a reachable hub name",
    ),
    "no tokenizer": (
        "single",
        remove("tokenizer.json", "tokenizer_config.json"),
        "tokenizer.json or tokenizer_config.json is missing or belongs to another checkpoint: download both",
    ),
    "half a tokenizer": (
        "single",
        remove("tokenizer.json"),
        "its tokenizer cannot be read; download tokenizer.json and",
    ),
    "truncated tokenizer": (
        "single",
        truncate("tokenizer.json"),
        "its tokenizer cannot be read; download tokenizer.json and",
    ),
    "empty tokenizer": (
        "single",
        write("tokenizer.json", "{}"),
        "its tokenizer cannot be read; download tokenizer.json and",
    ),
    "no chat template": (
        "single",
        remove("chat_template.jinja"),
        "has no chat template; download chat_template.jinja",
    ),
    "truncated settings": ("single", write(SETTINGS, "{"), f"is not a list; download {SETTINGS} again"),
    "settings without a mean": (
        "single",
        edit(SETTINGS, image_mean=None),
        "image_mean or image_std is not a list",
    ),
    "mean that is not a list": (
        "single",
        edit(SETTINGS, image_mean=0.5),
        f"image_mean or image_std is not a list; download {SETTINGS} again",
    ),
    "mean of words": ("single", edit(SETTINGS, image_mean=["a"] * 3), "have image_mean ['a', 'a', 'a']"),
    "mean per channel": (
        "single",
        edit(SETTINGS, image_mean=[0.4, 0.5, 0.6]),
        "have image_mean [0.4, 0.5, 0.6]",
    ),
    "std of zero": (
        "single",
        edit(SETTINGS, image_std=[0, 0, 0]),
        "one mean, and one std above 0, for all channels",
    ),
    "another patch size": (
        "single",
        edit(SETTINGS, patch_size=14),
        "have patch_size=14, but its config.json has 16; download both again",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_named_on_one_line(checkpoints, tmp_path, name):
    kind, damage, expected = BROKEN[name]
    shutil.copytree(checkpoints / kind, tmp_path / "broken")
    damage(tmp_path / "broken")
    with pytest.raises(InputError) as stop:
        load(str(tmp_path / "broken"), "pretrained", None, seed=0)
    message = str(stop.value)
    assert expected in message
    assert str(tmp_path / "broken") in message
    assert "\n" not in message


@pytest.mark.parametrize("kind", ["qwen2_vl", "qwen2_5_vl", "qwen3_vl_moe", "qwen3", "llama"])
def test_another_architecture_is_named(tmp_path, kind):
    write("config.json", {"model_type": kind})(tmp_path)
    with pytest.raises(InputError, match=f"is a {kind}, not a qwen3_vl; choose .* such as Qwen/Qwen3-VL-4B"):
        load(str(tmp_path), "pretrained", None, seed=0)


def test_a_name_that_no_file_system_allows_is_not_found():
    with pytest.raises(InputError, match="is neither `tiny`, nor a folder"):
        read_config("x" * 5000)


def test_mean_and_std_come_from_the_checkpoints_own_settings(checkpoints, tmp_path):
    shutil.copytree(checkpoints / "single", tmp_path / "own")
    edit(SETTINGS, image_mean=[0.25] * 3, image_std=[0.125] * 3)(tmp_path / "own")
    config = read_config(str(tmp_path / "own"))
    assert patch_spec(str(tmp_path / "own"), config) == PatchSpec(16, 2, 2, 0.25, 0.125)
    (tmp_path / "own" / SETTINGS).unlink()
    assert patch_spec(str(tmp_path / "own"), config) == PatchSpec()


def test_the_settings_of_the_real_checkpoint_are_read(shared_data):
    folder = str(shared_data / "qwen3_vl_4b")
    assert patch_spec(folder, read_config(folder)) == PatchSpec(16, 2, 2, 0.5, 0.5)


def test_a_head_that_the_config_leaves_out_is_refused_unless_it_is_the_embedding(tmp_path):
    base = shutil.copytree(checkpoint_folder("tiny"), tmp_path / "base")
    weights = load_file(base / WEIGHTS)
    weights["lm_head.weight"] = weights["model.language_model.embed_tokens.weight"].clone()
    save_file(weights, base / WEIGHTS, {"format": "pt"})
    load(str(base), "pretrained", None, seed=0)
    weights["lm_head.weight"][-1, -1] += 1
    save_file(weights, base / WEIGHTS, {"format": "pt"})
    with pytest.raises(InputError, match="of its own, but its config"):
        load(str(base), "pretrained", None, seed=0)
