"""What a checkpoint is made of besides its weights: config, tokenizer, processor settings; and whether it is whole.

A checkpoint is a local folder or a hub name; `tiny` names the configuration that ships with the package.
"""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError, safe_open
from transformers import AutoConfig, AutoTokenizer, PreTrainedTokenizerBase, Qwen3VLConfig
from transformers.models.auto.video_processing_auto import get_video_processor_config

from lightning_ouro.errors import InputError
from lightning_ouro.solver.encoding import VIDEO_PAD
from lightning_ouro.solver.patches import PatchSpec

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"


def checkpoint_folder(checkpoint: str) -> str:
    """The folder of the configuration that ships with the package for `tiny`, else the name itself."""
    return str(files("lightning_ouro") / "assets" / "tiny") if checkpoint == "tiny" else checkpoint


def read_config(checkpoint: str) -> Qwen3VLConfig:
    """A checkpoint's config; weighs nothing.

    Raises:
        InputError: it is not to be had, or is no Qwen3-VL's.
    """
    source = checkpoint_folder(checkpoint)
    try:
        config = AutoConfig.from_pretrained(source)
    except (OSError, ValueError, TypeError, StrictDataclassError) as error:
        if _is_file(Path(source) / "config.json"):
            raise InputError(
                f"model.checkpoint={checkpoint!r}: its config.json cannot be read, fetch it again: {reason(error)}"
            ) from error
        raise InputError(
            f"model.checkpoint={checkpoint!r} is neither `tiny`, a folder with a config.json, nor a hub name that can "
            f"be reached: {reason(error)}"
        ) from error
    if not isinstance(config, Qwen3VLConfig):
        raise InputError(
            f"model.checkpoint={checkpoint!r} is a {config.model_type}; a qwen3_vl checkpoint is needed, such as "
            "Qwen/Qwen3-VL-4B-Instruct"
        )
    return config


def check_files(checkpoint: str) -> None:
    """Names what a folder lacks of its weights, or what was cut off, where transformers names one file or none.

    Raises:
        InputError: files of weights that the folder itself speaks of are missing or broken.
    """
    folder = Path(checkpoint_folder(checkpoint))
    names = [WEIGHTS] if (folder / WEIGHTS).is_file() else []
    if not names and (folder / INDEX).is_file():
        try:
            names = sorted(set(json.loads((folder / INDEX).read_text("utf8"))["weight_map"].values()))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(
                f"{folder / INDEX} lists no weights ({reason(error)}); fetch it again"
            ) from error
    if missing := [name for name in names if not (folder / name).is_file()]:
        raise InputError(
            f"model.checkpoint={checkpoint!r} lacks {len(missing)} of {len(names)} files that {INDEX} names: "
            f"{', '.join(missing)}; complete the folder or set --model.init random"
        )
    for name in names:
        try:
            with safe_open(folder / name, framework="pt"):
                pass
        except (SafetensorError, OSError) as error:
            raise InputError(
                f"{folder / name} was cut off or is no safetensors file; fetch it again"
            ) from error


def read_tokenizer(checkpoint: str, config: Qwen3VLConfig) -> PreTrainedTokenizerBase:
    """A checkpoint's tokenizer with its chat template.

    Raises:
        InputError: it cannot be read, is not the config's, or has no chat template.
    """
    try:
        tokenizer = AutoTokenizer.from_pretrained(checkpoint_folder(checkpoint))
    except Exception as error:  # the Rust library behind it raises no narrower one
        raise InputError(
            f"model.checkpoint={checkpoint!r}: its tokenizer cannot be read; fetch tokenizer.json and "
            f"tokenizer_config.json again: {reason(error)}"
        ) from error
    found = tokenizer.convert_tokens_to_ids(VIDEO_PAD)
    if found != config.video_token_id:  # without any file transformers makes an empty tokenizer
        raise InputError(
            f"model.checkpoint={checkpoint!r}: in its tokenizer {VIDEO_PAD} is {found}, in its config.json "
            f"{config.video_token_id}; fetch tokenizer.json and tokenizer_config.json, which are missing or another's"
        )
    if tokenizer.chat_template is None:
        raise InputError(f"model.checkpoint={checkpoint!r} has no chat template; fetch chat_template.jinja")
    return tokenizer


def patch_spec(checkpoint: str, config: Qwen3VLConfig) -> PatchSpec:
    """Patch sizes from the vision config, mean and deviation from the checkpoint's video processor settings.

    Where there are none, they are Qwen3-VL's own 0.5.

    Raises:
        InputError: the settings cannot be read, contradict the config, or differ by channel in mean or deviation.
    """
    vision, owner = config.vision_config, f"model.checkpoint={checkpoint!r}: its video processor settings"
    sizes = {"patch_size": vision.patch_size, "temporal_patch_size": vision.temporal_patch_size}
    sizes["merge_size"] = vision.spatial_merge_size
    try:
        settings = get_video_processor_config(checkpoint_folder(checkpoint))
        means, deviations = (
            set(settings[name]) if settings else {0.5} for name in ("image_mean", "image_std")
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{owner} cannot be read or lack a list; fetch video_preprocessor_config.json again: {reason(error)}"
        ) from error
    for name, size in sizes.items():
        if settings.get(name, size) != size:
            raise InputError(f"{owner} say {name}={settings[name]}, its config.json {size}; fetch both again")
    values = (*means, *deviations)
    if len(values) != 2 or not all(isinstance(value, float | int) for value in values) or not values[1] > 0:
        read = f"image_mean {settings['image_mean']} and image_std {settings['image_std']}"
        raise InputError(
            f"{owner} say {read}; Qwen3-VL has one mean and one deviation above 0 for all channels"
        )
    return PatchSpec(**sizes, mean=values[0], std=values[1])


def reason(error: Exception) -> str:
    """The gist of a library's error on one line."""
    text = " ".join(str(error).split())
    return text if len(text) <= 160 else f"{text[:160]}..."


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that no file system takes
        return False
