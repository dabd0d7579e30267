"""Checkpoints that transformers loads, but not as the frozen base of full precision that training needs.

Each is told apart by its files. An adapter beside the weights would be added to the base without a word; one of
quantised weights would be trained as if they were the weights themselves.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers import Qwen3VLConfig
from transformers.utils import ADAPTER_CONFIG_NAME, find_adapter_config_file

from lightning_ouro.errors import InputError
from lightning_ouro.solver.weight_files import named_files, stored_tensors

# How quantised checkpoints describe themselves: in config.json (MLX says `quantization`), or, older GPTQ and AWQ and
# NVIDIA's, in a file of their own.
FIELDS = ("quantization_config", "quantization")
FILES = ("quantize_config.json", "quant_config.json", "hf_quant_config.json")
FULL_PRECISION = ("F64", "F32", "F16", "BF16")  # types as safetensors writes them


def refuse_adapter(checkpoint: str, source: str) -> None:
    """Refuses a checkpoint with an adapter beside its weights, which transformers would load into the base.

    Args:
        checkpoint: Its name, for the message.
        source: Its folder or hub name.

    Raises:
        InputError: there is an adapter.
    """
    if find_adapter_config_file(source) is not None:
        raise InputError(
            f"model.checkpoint={checkpoint!r} has an {ADAPTER_CONFIG_NAME}: transformers would load that adapter into "
            "the base, which has to stay frozen; move the adapter's files elsewhere, or merge it into the weights "
            "(PEFT's merge_and_unload) and name the merged checkpoint"
        )


def refuse_quantised_config(checkpoint: str, config: Qwen3VLConfig) -> None:
    """Refuses a config that describes quantised weights.

    Raises:
        InputError: it does.
    """
    for part in (config, config.text_config, config.vision_config):
        for field in FIELDS:
            if (settings := getattr(part, field, None)) is not None:
                raise InputError(_quantised(checkpoint, f"its config.json has {field}{_method(settings)}"))


def refuse_quantised_files(checkpoint: str, folder: Path) -> None:
    """Refuses a local folder whose files are of quantised weights, though its config does not say so.

    Raises:
        InputError: they are, or a weight file is broken.
    """
    if found := [name for name in FILES if (folder / name).is_file()]:
        raise InputError(_quantised(checkpoint, f"it has a {found[0]}"))
    if not named_files(folder) and (ggufs := sorted(folder.glob("*.gguf"))):
        raise InputError(_quantised(checkpoint, f"its weights are {ggufs[0].name}"))
    for name, tensor in stored_tensors(folder).items():
        if "weight" in name.rpartition(".")[2] and tensor.dtype not in FULL_PRECISION:
            raise InputError(_quantised(checkpoint, f"{name} is of type {tensor.dtype}"))


def _quantised(checkpoint: str, sign: str) -> str:
    return (
        f"model.checkpoint={checkpoint!r} is quantised ({sign}); choose the checkpoint of full precision that it was "
        "made from, in bfloat16 or float32"
    )


def _method(settings: Any) -> str:
    if not isinstance(settings, dict):
        return ""
    kind = settings.get("quant_method", settings.get("mode"))
    return "" if kind is None else f" {kind!s:.40}"
