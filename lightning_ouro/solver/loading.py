"""From a checkpoint to a model, its tokenizer and how it cuts frames.

`tiny` names the configuration that ships with the package; any other name is a local folder or a hub name, and all go
through the same transformers calls. LoRA, where asked for, sits on the linear layers of the language model; vision
tower and merger get it on request.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, cast

import torch
import transformers
from safetensors import SafetensorError
from torch import Tensor, nn
from transformers import (
    AutoModelForImageTextToText,
    PreTrainedTokenizerBase,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
)

from lightning_ouro.errors import InputError
from lightning_ouro.solver.checkpoint import (
    check_files,
    checkpoint_folder,
    patch_spec,
    read_config,
    read_tokenizer,
    reason,
)
from lightning_ouro.solver.patches import PatchSpec

Init = Literal["pretrained", "random"]
Trained = Literal["all", "language_model"]
Precision = Literal["auto", "float32", "bfloat16"]

LORA_TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


@dataclass(frozen=True)
class Lora:
    """A low-rank adapter (arXiv 2106.09685).

    Attributes:
        rank: Rank of each update, at least 1.
        alpha: Updates are scaled by alpha / rank.
        targets: Names of the language model's linear layers that get one.
        vision: Whether all linear layers of the vision tower's blocks get one too; its features are then computed anew
            in every pass.
        merger: Whether those of the merger and of DeepStack's mergers do, likewise.
    """

    rank: int = 8
    alpha: int = 16
    targets: tuple[str, ...] = LORA_TARGETS
    vision: bool = False
    merger: bool = False


@dataclass(frozen=True)
class LoadedModel:
    """A model ready to be trained, and what belongs to it."""

    net: nn.Module
    tokenizer: PreTrainedTokenizerBase
    spec: PatchSpec

    @property
    def qwen(self) -> Qwen3VLForConditionalGeneration:
        """The Qwen3-VL inside, with or without an adapter around it."""
        return cast(Any, self.net).get_base_model() if hasattr(self.net, "peft_config") else self.net


def load(
    checkpoint: str,
    init: Init,
    lora: Lora | None,
    seed: int,
    train: Trained = "all",
    dtype: Precision = "auto",
) -> LoadedModel:
    """Builds the solver in train mode, so that gradient checkpointing and dropout obey the trainer.

    Args:
        checkpoint: `tiny`, a local folder or a hub name.
        init: Read the checkpoint's weights, or draw them.
        lora: Freeze all weights and add an adapter; None trains weights themselves.
        seed: Of drawn weights and of the adapter.
        train: Which weights are trained without an adapter: all, or those of the language model.
        dtype: Of the weights; auto: as the checkpoint has them.

    Raises:
        InputError: the checkpoint is not to be had, is no Qwen3-VL, or lacks something.
    """
    config = read_config(checkpoint)
    tokenizer, spec = read_tokenizer(checkpoint, config), patch_spec(checkpoint, config)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = _drawn(config, dtype) if init == "random" else _read(checkpoint, config, dtype)
        keep_rope_in_float32(model)
        net = choose_trained(model, lora, train)
    net.train()
    return LoadedModel(net, tokenizer, spec)


def weight_dtype(config: Qwen3VLConfig, dtype: Precision) -> torch.dtype:
    """The type that weights will have; auto: what the config says, or float32."""
    if dtype != "auto":
        return cast(torch.dtype, getattr(torch, dtype))
    return config.dtype or config.text_config.dtype or torch.float32


def _drawn(config: Qwen3VLConfig, dtype: Precision) -> Qwen3VLForConditionalGeneration:
    return AutoModelForImageTextToText.from_config(config, dtype=weight_dtype(config, dtype))


def _read(checkpoint: str, config: Qwen3VLConfig, dtype: Precision) -> Qwen3VLForConditionalGeneration:
    check_files(checkpoint)
    try:
        with _without_reports():
            model, found = Qwen3VLForConditionalGeneration.from_pretrained(
                checkpoint_folder(checkpoint),
                config=config,
                dtype=dtype,
                output_loading_info=True,
                ignore_mismatched_sizes=True,
            )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise InputError(
            f"model.checkpoint={checkpoint!r} has no weights that can be read; complete the folder or set "
            f"--model.init random: {reason(error)}"
        ) from error
    wrong = [f"{name} is {tuple(has)}, not {tuple(needs)}" for name, has, needs in found["mismatched_keys"]]
    for what, names in (("lacks", found["missing_keys"]), ("does not fit its config.json:", wrong)):
        if names:  # which transformers would draw at random
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            raise InputError(
                f"model.checkpoint={checkpoint!r} {what} {min(names)}{more}; fetch weights and config.json again"
            )
    return model


@contextmanager
def _without_reports() -> Iterator[None]:
    """Keeps transformers' tables of what did not fit to itself: an error that says so follows."""
    before = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity_error()
    try:
        yield
    finally:
        transformers.logging.set_verbosity(before)


def keep_rope_in_float32(model: nn.Module) -> None:
    """Holds rotary frequencies in float32 whatever the model is cast to.

    `Module.to(bfloat16)`, which Lightning's bf16-true and DeepSpeed's bf16 call, rounds them: of Qwen3-VL-4B an angle
    is then 3.9 radians off at position 4,400 (cf. https://github.com/NVIDIA-NeMo/Automodel/pull/2549).
    """
    for module in model.modules():
        if "inv_freq" in dict(module.named_buffers(recurse=False)):
            exact = cast(Tensor, module.inv_freq).detach().clone()
            module.register_forward_pre_hook(partial(_restore_frequencies, exact=exact))


def _restore_frequencies(module: nn.Module, _: Any, exact: Tensor) -> None:
    current = cast(Tensor, module.inv_freq)
    if current.dtype != exact.dtype:
        module.inv_freq = exact.to(current.device)


def choose_trained(model: Qwen3VLForConditionalGeneration, lora: Lora | None, train: Trained) -> nn.Module:
    """The model with an adapter and all else frozen, or without one and what `train` names not frozen."""
    if lora is not None:
        return with_adapter(model, lora)
    if train == "language_model":
        model.model.visual.requires_grad_(False)
    return model


def with_adapter(model: Qwen3VLForConditionalGeneration, lora: Lora) -> nn.Module:
    """The model behind PEFT's LoRA, all else frozen; adapters are float32 beside weights of half precision.

    Raises:
        InputError: rank or alpha is below 1, a target names no linear layer of the language model, or there is none.
    """
    from peft import (
        LoraConfig,
        get_peft_model,
    )  # late: peft's import takes a second that `--help` need not pay

    for name, value in (("rank", lora.rank), ("alpha", lora.alpha)):
        if value < 1:
            raise InputError(f"model.lora.{name}={value} must be at least 1")
    visual, names = model.model.visual, _linear_names(model.model.language_model)
    if missing := [target for target in lora.targets if target not in names]:
        raise InputError(
            f"model.lora.targets: {missing} name no linear layer of the language model; it has {names}"
        )
    places = [rf".*language_model\..*\.({'|'.join(lora.targets)})"] if lora.targets else []
    if lora.vision:
        places.append(rf".*visual\.blocks\..*\.({'|'.join(_linear_names(visual.blocks))})")
    if lora.merger:
        fitted = "|".join(_linear_names(visual.merger))
        places.append(rf".*visual\.(merger|deepstack_merger_list\.\d+)\.({fitted})")
    if not places:
        raise InputError(
            f"model.lora.targets=[] leaves nothing to train; name some of {names}, or set model.lora.vision or "
            "model.lora.merger"
        )
    return get_peft_model(
        model,
        LoraConfig(r=lora.rank, lora_alpha=lora.alpha, target_modules="|".join(places), lora_dropout=0.0),
    )


def _linear_names(module: nn.Module) -> list[str]:
    """Last names of the linear layers; a convolution is none."""
    found = {name.rsplit(".", 1)[-1] for name, part in module.named_modules() if isinstance(part, nn.Linear)}
    return sorted(found)


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


def enable_gradient_checkpointing(model: Qwen3VLForConditionalGeneration) -> None:
    """Lets layers be computed again in the backward pass, under the name that this transformers has for it."""
    turn_on = getattr(model, "activation_checkpointing_enable", None) or model.gradient_checkpointing_enable
    turn_on({"use_reentrant": False})
