"""From a checkpoint to a model, its tokenizer and how it cuts frames.

`tiny` names the configuration that ships with the package; any other name is a local folder or a hub name, and all go
through the same transformers calls. LoRA, where asked for, sits on the linear layers of the language model.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, cast

import torch
from torch import nn
from transformers import (
    AutoConfig,
    AutoTokenizer,
    PreTrainedTokenizerBase,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
)

from lightning_ouro.errors import InputError
from lightning_ouro.solver.patches import PatchSpec

LORA_TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


@dataclass(frozen=True)
class Lora:
    """A low-rank adapter on the language model (arXiv 2106.09685).

    Attributes:
        rank: Rank of each update.
        alpha: Updates are scaled by alpha / rank.
        targets: Names of the linear layers that get one.
    """

    rank: int = 8
    alpha: int = 16
    targets: tuple[str, ...] = LORA_TARGETS


@dataclass(frozen=True)
class Loaded:
    """A model ready to be trained, and what belongs to it."""

    net: nn.Module
    tokenizer: PreTrainedTokenizerBase
    spec: PatchSpec

    @property
    def qwen(self) -> Qwen3VLForConditionalGeneration:
        """The Qwen3-VL inside, with or without an adapter around it."""
        return cast(Any, self.net).get_base_model() if hasattr(self.net, "peft_config") else self.net


def load(checkpoint: str, init: Literal["pretrained", "random"], lora: Lora | None, seed: int) -> Loaded:
    """Builds the solver in train mode, so that gradient checkpointing and dropout obey the trainer.

    Args:
        checkpoint: `tiny`, a local folder or a hub name.
        init: Read the checkpoint's weights, or draw them.
        lora: Freeze all weights and add an adapter; None trains all.
        seed: Of drawn weights and of the adapter.

    Raises:
        InputError: the checkpoint is not to be had, is no Qwen3-VL, or has no weights.
    """
    source = checkpoint_folder(checkpoint)
    config = _config(checkpoint, source)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net: nn.Module = _weights(checkpoint, source, config, init)
        if lora is not None:
            net = with_adapter(net, lora)
    net.train()
    return Loaded(net, AutoTokenizer.from_pretrained(source), patch_spec(source, config))


def checkpoint_folder(checkpoint: str) -> str:
    """The folder of the configuration that ships with the package for `tiny`, else the name itself."""
    return str(files("lightning_ouro") / "assets" / "tiny") if checkpoint == "tiny" else checkpoint


def _config(checkpoint: str, source: str) -> Qwen3VLConfig:
    try:
        config = AutoConfig.from_pretrained(source)
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"model.checkpoint={checkpoint!r} is neither `tiny`, a folder with a config.json, nor a hub name that can "
            f"be reached: {reason}"
        ) from error
    if not isinstance(config, Qwen3VLConfig):
        raise InputError(f"model.checkpoint={checkpoint!r} is a {config.model_type}; a qwen3_vl checkpoint is needed")
    return config


def _weights(checkpoint: str, source: str, config: Qwen3VLConfig, init: str) -> Qwen3VLForConditionalGeneration:
    if init == "random":
        return Qwen3VLForConditionalGeneration(config)
    try:
        return Qwen3VLForConditionalGeneration.from_pretrained(source, config=config, dtype="auto")
    except OSError as error:
        if checkpoint == "tiny":
            raise InputError(
                "model.checkpoint='tiny' ships without weights yet: add --model.init random, or take configs/tiny.yaml"
            ) from error
        reason = str(error).splitlines()[0]
        raise InputError(
            f"model.checkpoint={checkpoint!r} has no weights that can be read; complete the folder or set "
            f"--model.init random: {reason}"
        ) from error


def with_adapter(model: Qwen3VLForConditionalGeneration, lora: Lora) -> nn.Module:
    """The model behind PEFT's LoRA, all else frozen.

    Raises:
        InputError: the rank is below 1, or a target names no linear layer of the language model.
    """
    from peft import LoraConfig, get_peft_model  # late: peft's import takes a second that `--help` need not pay

    if lora.rank < 1:
        raise InputError(f"model.lora.rank={lora.rank} must be at least 1")
    names = {
        name.rsplit(".", 1)[-1]
        for name, part in model.model.language_model.named_modules()
        if isinstance(part, nn.Linear)
    }
    if missing := [target for target in lora.targets if target not in names]:
        raise InputError(
            f"model.lora.targets: {missing} name no linear layer of the language model; it has {sorted(names)}"
        )
    pattern = rf".*language_model.*\.({'|'.join(lora.targets)})"
    return get_peft_model(
        model, LoraConfig(r=lora.rank, lora_alpha=lora.alpha, target_modules=pattern, lora_dropout=0.0)
    )


def patch_spec(source: str, config: Qwen3VLConfig) -> PatchSpec:
    """Patch sizes from the vision config, mean and deviation from the checkpoint folder's video processor settings.

    Where there is no such file, as for a hub name, they are Qwen3-VL's own 0.5.

    Raises:
        InputError: the channels differ in mean or deviation, which no Qwen3-VL checkpoint does.
    """
    vision = config.vision_config
    sizes = (vision.patch_size, vision.temporal_patch_size, vision.spatial_merge_size)
    settings = Path(source) / "video_preprocessor_config.json"
    if not settings.is_file():
        return PatchSpec(*sizes)
    read = json.loads(settings.read_text("utf8"))
    mean, std = set(read["image_mean"]), set(read["image_std"])
    if len(mean) != 1 or len(std) != 1:
        raise InputError(
            f"{settings}: image_mean {read['image_mean']} and image_std {read['image_std']} differ by channel"
        )
    return PatchSpec(*sizes, mean=mean.pop(), std=std.pop())


@contextmanager
def as_base(net: nn.Module) -> Iterator[None]:
    """The model as the frozen base: adapter off, evaluation mode, no gradients; all is put back on the way out."""
    modes = [(module, module.training) for module in net.modules()]
    adapter_off = cast(Any, net).disable_adapter() if hasattr(net, "peft_config") else nullcontext()
    net.eval()
    try:
        with adapter_off, torch.no_grad():
            yield
    finally:
        for module, mode in modes:
            module.training = mode
