"""A base is known by its content: the same wherever it lies, and another one under the same name is another one."""

import json
import os
import shutil
from pathlib import Path

import huggingface_hub
import pytest
import torch
from safetensors.torch import load_file, save_file

from lightning_ouro.errors import InputError
from lightning_ouro.solver.base_identity import fingerprint, reading_of
from lightning_ouro.solver.checkpoint import checkpoint_folder, patch_spec, read_config, read_tokenizer
from lightning_ouro.solver.loading import Lora, load
from lightning_ouro.solver.run_checkpoint import base_record, check_loadable
from lightning_ouro.solver.weight_files import INDEX, WEIGHTS, stored_tensors

LARGEST = "model.language_model.embed_tokens.weight"


@pytest.fixture
def base(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return shutil.copytree(checkpoint_folder("tiny"), tmp_path / "base" / "m")


def of(name, init="pretrained", seed=None):
    return fingerprint(str(name), init, seed)


def record(name, **changes):
    return base_record(str(name), "pretrained", Lora(), of(name)) | changes


def check(saved, now):
    check_loadable({"base": saved, "state_dict": {}}, (), now)


def test_headers_say_what_safetensors_reads(base):
    weights = load_file(base / WEIGHTS)
    tensors = stored_tensors(base)
    assert tensors.keys() == weights.keys()
    for name, value in weights.items():
        stored = tensors[name]
        with stored.file.open("rb") as file:
            file.seek(stored.start)
            raw = torch.frombuffer(bytearray(file.read(stored.num_bytes)), dtype=value.dtype)
        assert torch.equal(raw.reshape(stored.shape), value)


@pytest.mark.parametrize("spelling", ["base/m", "./base/m", "base/m/", "base/../base/m", "absolute", "link"])
def test_every_path_to_a_base_is_that_base(base, spelling):
    (base.parents[1] / "link").symlink_to(base)
    name = str(base) if spelling == "absolute" else spelling
    check(record("base/m"), record(name))


def test_a_base_that_was_moved_copied_or_links_to_its_files_is_the_same(base, tmp_path):
    first = of(base)
    copied = shutil.copytree(base, tmp_path / "copy")
    linked = tmp_path / "linked"
    linked.mkdir()
    for path in base.iterdir():
        (linked / path.name).symlink_to(path)
    moved = base.rename(tmp_path / "moved")
    for path in linked.iterdir():
        path.unlink()
    for path in moved.iterdir():
        (linked / path.name).symlink_to(path)
        os.utime(path, (0, 0))
    assert of(copied) == of(moved) == of(linked) == of("tiny") == first


def test_a_base_in_several_files_is_the_same_as_in_one(base, tmp_path):
    sharded = shutil.copytree(base, tmp_path / "sharded")
    (sharded / WEIGHTS).unlink()
    weights = load_file(base / WEIGHTS)
    shards = {f"{number}.safetensors": dict(list(weights.items())[number::3]) for number in range(3)}
    for name, part in shards.items():
        save_file(part, sharded / name)
    listed = {key: name for name, part in shards.items() for key in part}
    (sharded / INDEX).write_text(json.dumps({"weight_map": listed}))
    assert of(sharded)["weights"] == of(base)["weights"]


def test_what_wrote_a_config_is_no_part_of_the_base(base):
    first = of(base)
    config = json.loads((base / "config.json").read_text())
    written = config | {"transformers_version": "9.9", "_name_or_path": "/elsewhere"}
    (base / "config.json").write_text(json.dumps(dict(reversed(written.items())), indent=8))
    assert of(base) == first


def nudge(weights):
    weights[LARGEST] += 1e-3


def rename(weights):
    weights["renamed"] = weights.pop(LARGEST)


def reshape(weights):
    weights[LARGEST] = weights[LARGEST].reshape(-1)


def cast(weights):
    weights[LARGEST] = weights[LARGEST].view(torch.int16)


def last_row(weights):
    weights[LARGEST][-1] += 1


@pytest.mark.parametrize("change", [nudge, rename, reshape, cast, last_row])
def test_other_weights_are_another_base(base, change):
    first, weights = of(base), load_file(base / WEIGHTS)
    change(weights)
    save_file(weights, base / WEIGHTS, {"format": "pt"})
    assert of(base)["weights"] != first["weights"] and of(base)["config"] == first["config"]


def test_another_config_is_another_base(base):
    saved = record(base)
    config = json.loads((base / "config.json").read_text())
    config["text_config"]["rms_norm_eps"] = 1e-5
    (base / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match=r"its config\.json differs;"):
        check(saved, record(base))


def test_another_base_under_the_same_name_is_refused_with_both_names(base):
    saved = record("base/m")
    weights = load_file(base / WEIGHTS)
    nudge(weights)
    save_file(weights, base / WEIGHTS)
    with pytest.raises(InputError) as stop:
        check(saved, record("./base/m"))
    message = str(stop.value)
    assert "trained on 'base/m', but model.checkpoint='./base/m' has other content" in message
    assert "its weights differ" in message


def test_weights_of_pytorchs_own_format_are_told_apart(base):
    torch.save(load_file(base / WEIGHTS), base / "pytorch_model.bin")
    (base / WEIGHTS).unlink()
    first = of(base)
    data = bytearray((base / "pytorch_model.bin").read_bytes())
    data[len(data) // 2] ^= 1
    (base / "pytorch_model.bin").write_bytes(bytes(data))
    assert of(base) != first


@pytest.mark.parametrize(
    ("then", "now"), [("base/m", "./base/m"), ("base/m/", "base/m"), ("Qwen/Qwen3-VL", "Qwen/Qwen3-VL")]
)
def test_a_checkpoint_of_before_fingerprints_is_compared_by_names(base, then, now):
    saved = record(base, checkpoint=then)
    del saved["fingerprint"]
    check(saved, record(base, checkpoint=now))
    with pytest.raises(InputError, match=r"trained on .* is called otherwise"):
        check(saved, record(base, checkpoint="base/other"))


def test_a_hub_name_is_what_its_snapshot_is(base, tmp_path, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    commit, repository = "0123456789" * 4, tmp_path / "hub" / "models--someone--tiny"
    shutil.copytree(base, repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    check(record(base), record("someone/tiny"))
    with pytest.raises(InputError, match="'someone/none'"):
        of("someone/none")


def test_drawn_weights_that_stay_are_known_by_their_seed(base):
    assert of(base, "random", 1) != of(base, "random", 2)
    assert of(base, "random", None).keys() == {"config"}
    drawn = [load(str(base), "random", None, seed).net.state_dict()[LARGEST] for seed in (1, 2)]
    assert not torch.equal(*drawn)
    saved = base_record("base/m", "random", Lora(), of(base, "random", 1))
    with pytest.raises(InputError, match="another --seed_everything"):
        check(saved, saved | {"fingerprint": of(base, "random", 2)})


def test_a_home_folder_is_found(base, monkeypatch):
    monkeypatch.setenv("HOME", str(base.parent))
    assert of("~/m") == of(base)
    assert Path(checkpoint_folder("~/m")) == base


def exchanged(base):
    path = base / "tokenizer.json"
    saved = json.loads(path.read_text())
    words = saved["model"]["vocab"]
    first, second = [word for word in words if word.isalpha()][:2]
    words[first], words[second] = words[second], words[first]
    path.write_text(json.dumps(saved))


def other_template(base):
    path = base / "chat_template.jinja"
    path.write_text("{{ 'Be brief.' }}" + path.read_text())


def other_pixels(base):
    path = base / "video_preprocessor_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"image_mean": [0.4] * 3}))


READ_OTHERWISE = {
    "its tokenizer has other words": exchanged,
    "its chat template differs": other_template,
    "its video processor scales pixels otherwise": other_pixels,
}


@pytest.mark.parametrize("said", READ_OTHERWISE)
def test_a_base_that_reads_its_input_otherwise_is_another_one(base, said):
    def recorded():
        config = read_config(str(base))
        read_as = reading_of(read_tokenizer(str(base), config), patch_spec(str(base), config))
        return record(base, fingerprint=of(base) | read_as)

    saved, older = recorded(), record(base)
    check(saved, recorded())
    READ_OTHERWISE[said](base)
    with pytest.raises(InputError, match=said):
        check(saved, recorded())
    check(older, recorded())  # a checkpoint of an earlier version does not know
