"""Checkpoints that transformers would load, but not as a frozen base of full precision, are refused by name."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from lightning_ouro.errors import InputError
from lightning_ouro.solver.checkpoint import checkpoint_folder
from lightning_ouro.solver.loading import Lora, load
from lightning_ouro.solver.weight_files import WEIGHTS

LAYER = "model.language_model.layers.1.mlp.up_proj.weight"


@pytest.fixture
def base(tmp_path):
    return shutil.copytree(checkpoint_folder("tiny"), tmp_path / "base")


def refusal(folder):
    with pytest.raises(InputError) as stop:
        load(str(folder), "pretrained", None, seed=0)
    assert str(folder) in str(stop.value) and "\n" not in str(stop.value)
    return str(stop.value)


@pytest.fixture(scope="module")
def adapter(tmp_path_factory):
    """An adapter as PEFT saves it."""
    folder = tmp_path_factory.mktemp("saved") / "adapter"
    load("tiny", "pretrained", Lora(rank=2), seed=0).net.save_pretrained(folder)
    return folder


def test_an_adapter_beside_the_base_is_refused(base, adapter):
    before = load(str(base), "pretrained", None, seed=0)
    assert not any("lora" in name for name, _ in before.net.named_parameters())
    shutil.copytree(adapter, base, dirs_exist_ok=True)
    assert "has an adapter_config.json" in refusal(base)


def test_an_adapter_without_its_base_is_called_an_adapter(adapter):
    assert "has an adapter_config.json" in refusal(adapter)


def test_an_adapter_beside_the_base_does_not_matter_where_weights_are_drawn(base, adapter):
    shutil.copytree(adapter, base, dirs_exist_ok=True)
    drawn = load(str(base), "random", None, seed=0)
    assert not any("lora" in name for name, _ in drawn.net.named_parameters())


def in_config(**fields):
    def change(folder):
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(config | fields))

    return change


def in_text_config(**fields):
    def change(folder):
        config = json.loads((folder / "config.json").read_text())
        config["text_config"] |= fields
        (folder / "config.json").write_text(json.dumps(config))

    return change


def beside(name, text="{}"):
    return lambda folder: (folder / name).write_text(text)


def in_weights(change):
    def do(folder):
        weights = load_file(folder / WEIGHTS)
        change(weights)
        save_file(weights, folder / WEIGHTS, {"format": "pt"})

    return do


def packed(dtype, name):
    def change(weights):
        weights[LAYER.replace("weight", name)] = weights.pop(LAYER).to(dtype)

    return in_weights(change)


def only_gguf(folder):
    (folder / WEIGHTS).rename(folder / "Qwen3VL-4B-Instruct-Q4_K_M.gguf")


QUANTISED = {
    "GPTQ": (in_config(quantization_config={"quant_method": "gptq", "bits": 4}), "quantization_config gptq"),
    "AWQ": (in_config(quantization_config={"quant_method": "awq", "bits": 4}), "quantization_config awq"),
    "FP8": (
        in_config(quantization_config={"quant_method": "fp8", "weight_block_size": [128, 128]}),
        "quantization_config fp8",
    ),
    "bitsandbytes": (
        in_config(quantization_config={"quant_method": "bitsandbytes", "load_in_4bit": True}),
        "quantization_config bitsandbytes",
    ),
    "only the language model": (
        in_text_config(quantization_config={"quant_method": "compressed-tensors"}),
        "quantization_config compressed-tensors",
    ),
    "a method of no name": (in_config(quantization_config={"bits": 4}), "has quantization_config"),
    "MLX": (in_config(quantization={"group_size": 64, "bits": 4}), "has quantization"),
    "GPTQ of old": (beside("quantize_config.json"), "it has a quantize_config.json"),
    "NVIDIA's": (beside("hf_quant_config.json"), "it has a hf_quant_config.json"),
    "FP8 that no config tells": (packed(torch.float8_e4m3fn, "weight"), "up_proj.weight is of type F8_E4M3"),
    "GPTQ that no config tells": (packed(torch.int32, "qweight"), "up_proj.qweight is of type I32"),
    "bytes that no config tells": (packed(torch.uint8, "weight"), "up_proj.weight is of type U8"),
    "llama.cpp's": (only_gguf, "its weights are Qwen3VL-4B-Instruct-Q4_K_M.gguf"),
}


@pytest.mark.parametrize("kind", QUANTISED)
def test_quantised_weights_are_refused(base, kind):
    change, sign = QUANTISED[kind]
    change(base)
    message = refusal(base)
    assert "is quantised" in message and sign in message and "full precision" in message


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_every_type_of_full_precision_is_loaded(base, dtype):
    in_weights(lambda weights: weights.update({name: w.to(dtype) for name, w in weights.items()}))(base)
    assert load(str(base), "pretrained", None, seed=0, dtype="float32").net.dtype == torch.float32


def test_an_integer_tensor_that_is_no_weight_is_no_sign_of_quantised_ones(base):
    in_weights(lambda weights: weights.update({"position_ids": torch.arange(3)}))(base)
    assert load(str(base), "pretrained", None, seed=0).net is not None
