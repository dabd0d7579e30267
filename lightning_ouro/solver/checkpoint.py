"""A checkpoint's config, tokenizer and processor settings, and whether its weights are complete.

A checkpoint is a local folder or a hub name; `tiny` names the configuration that ships with the package.
"""

from __future__ import annotations

import json
import os
from functools import cache
from importlib.resources import files
from pathlib import Path

from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError, safe_open
from transformers import AutoConfig, AutoTokenizer, PreTrainedTokenizerBase, Qwen3VLConfig
from transformers.models.auto.video_processing_auto import get_video_processor_config
from transformers.utils import ADAPTER_CONFIG_NAME

from lightning_ouro.errors import InputError, on_one_line
from lightning_ouro.solver.chat_template import VIDEO_PAD, turn_parts
from lightning_ouro.solver.patches import PatchSpec
from lightning_ouro.solver.unsupported import refuse_adapter, refuse_quantised_config, refuse_quantised_files
from lightning_ouro.solver.weight_files import INDEX, named_files


def checkpoint_folder(checkpoint: str) -> str:
    """For `tiny`, the folder of the configuration that ships with the package; else the name, with `~` expanded."""
    if checkpoint == "tiny":
        return str(files("lightning_ouro") / "assets" / "tiny")
    return os.path.expanduser(checkpoint)  # noqa: PTH111  unlike pathlib, leaves the name of an unknown user


def read_config(checkpoint: str) -> Qwen3VLConfig:
    """A checkpoint's config; no weights are read.

    Raises:
        InputError: it cannot be found or read, or is not that of a Qwen3-VL.
    """
    source = checkpoint_folder(checkpoint)
    if "/" not in source and not os.path.lexists(
        source
    ):  # the hub would be asked again and again, for half a minute
        raise InputError(
            f"model.checkpoint={checkpoint!r} is neither `tiny`, nor a folder with a config.json, nor a hub name "
            "such as Qwen/Qwen3-VL-4B-Instruct"
        )
    try:
        config = AutoConfig.from_pretrained(source)
    except (OSError, ValueError, TypeError, StrictDataclassError) as error:
        if _is_file(Path(source) / ADAPTER_CONFIG_NAME):
            refuse_adapter(checkpoint, source)
        if _is_file(Path(source) / "config.json"):
            raise InputError(
                f"model.checkpoint={checkpoint!r}: its config.json cannot be read; download it again: "
                f"{on_one_line(error)}"
            ) from error
        raise InputError(
            f"model.checkpoint={checkpoint!r} is neither `tiny`, nor a folder with a config.json, nor a reachable hub "
            f"name: {on_one_line(error)}"
        ) from error
    if not isinstance(config, Qwen3VLConfig):
        raise InputError(
            f"model.checkpoint={checkpoint!r} is a {config.model_type}, not a qwen3_vl; choose a checkpoint such as "
            "Qwen/Qwen3-VL-4B-Instruct"
        )
    refuse_quantised_config(checkpoint, config)
    return config


def check_files(checkpoint: str) -> None:
    """Names missing and truncated weight files of a folder, where transformers would name one of them or none.

    Raises:
        InputError: weight files that the folder's own index names are missing or broken, there is an adapter beside
            them, or they are quantised.
    """
    refuse_adapter(checkpoint, checkpoint_folder(checkpoint))
    folder = Path(checkpoint_folder(checkpoint))
    names = named_files(folder)
    if missing := [name for name in names if not (folder / name).is_file()]:
        raise InputError(
            f"model.checkpoint={checkpoint!r} lacks {len(missing)} of the {len(names)} files that {INDEX} names: "
            f"{', '.join(missing)}; complete the folder, or set --model.init random"
        )
    for name in names:
        try:
            with safe_open(folder / name, framework="pt"):
                pass
        except (SafetensorError, OSError) as error:
            raise InputError(
                f"{folder / name} is truncated or not a safetensors file; download it again"
            ) from error
    refuse_quantised_files(checkpoint, folder)


def read_tokenizer(checkpoint: str, config: Qwen3VLConfig) -> PreTrainedTokenizerBase:
    """A checkpoint's tokenizer with its chat template.

    Raises:
        InputError: it cannot be read, does not belong to the config, or has no chat template.
    """
    try:
        tokenizer = AutoTokenizer.from_pretrained(checkpoint_folder(checkpoint))
    except Exception as error:  # the Rust library underneath raises nothing narrower
        raise InputError(
            f"model.checkpoint={checkpoint!r}: its tokenizer cannot be read; download tokenizer.json and "
            f"tokenizer_config.json again: {on_one_line(error)}"
        ) from error
    video_token = tokenizer.convert_tokens_to_ids(VIDEO_PAD)
    if video_token != config.video_token_id:  # transformers makes an empty tokenizer without any file
        raise InputError(
            f"model.checkpoint={checkpoint!r}: {VIDEO_PAD} is token {video_token} in its tokenizer, but "
            f"{config.video_token_id} in its config.json; tokenizer.json or tokenizer_config.json is missing or "
            "belongs to another checkpoint: download both"
        )
    if tokenizer.chat_template is None:
        raise InputError(
            f"model.checkpoint={checkpoint!r} has no chat template; download chat_template.jinja"
        )
    turn_parts(tokenizer, f"model.checkpoint={checkpoint!r}")
    return tokenizer


def has_tiny_vocabulary(tokenizer: PreTrainedTokenizerBase) -> bool:
    """Whether a tokenizer is that of the tiny model, wherever its files lie; only that model has learned its words."""
    return tokenizer.get_vocab() == _tiny_vocabulary()


@cache
def _tiny_vocabulary() -> dict[str, int]:
    saved = json.loads((Path(checkpoint_folder("tiny")) / "tokenizer.json").read_text("utf8"))
    added = {token["content"]: token["id"] for token in saved["added_tokens"]}
    return saved["model"]["vocab"] | added


def patch_spec(checkpoint: str, config: Qwen3VLConfig) -> PatchSpec:
    """Patch sizes from the vision config; mean and std from the video processor's settings, or Qwen3-VL's own 0.5.

    Raises:
        InputError: the settings cannot be read, contradict the config, or have a mean or std per channel.
    """
    vision, owner = config.vision_config, f"model.checkpoint={checkpoint!r}: its video processor settings"
    sizes = {
        "patch_size": vision.patch_size,
        "temporal_patch_size": vision.temporal_patch_size,
        "merge_size": vision.spatial_merge_size,
    }
    try:
        settings = get_video_processor_config(checkpoint_folder(checkpoint))
        means, stds = (set(settings[name]) if settings else {0.5} for name in ("image_mean", "image_std"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{owner} cannot be read, or image_mean or image_std is not a list; download "
            f"video_preprocessor_config.json again: {on_one_line(error)}"
        ) from error
    for name, size in sizes.items():
        if settings.get(name, size) != size:
            raise InputError(
                f"{owner} have {name}={settings[name]}, but its config.json has {size}; download both again"
            )
    values = (*means, *stds)
    if len(values) != 2 or not all(isinstance(value, float | int) for value in values) or not values[1] > 0:
        raise InputError(
            f"{owner} have image_mean {settings['image_mean']} and image_std {settings['image_std']}, but Qwen3-VL has "
            "one mean, and one std above 0, for all channels; download video_preprocessor_config.json again"
        )
    return PatchSpec(**sizes, mean=values[0], std=values[1])


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that no file system allows
        return False
