"""Loading: from a checkpoint to a model that is ready to be trained, its tokenizer, and how it cuts frames.

`tiny` names the configuration that ships with the package; any other name is a local folder or a hub name. All names
go through the same transformers calls. LoRA, if any, is added to linear layers of the language model, and on request to
those of vision tower and merger.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
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

from lightning_ouro.errors import InputError, on_one_line
from lightning_ouro.solver.checkpoint import (
    check_files,
    checkpoint_folder,
    patch_spec,
    read_config,
    read_tokenizer,
)
from lightning_ouro.solver.patches import PatchSpec
from lightning_ouro.solver.weight_files import refuse_other_head

Init = Literal["pretrained", "random"]
Trained = Literal["all", "language_model"]
Precision = Literal["auto", "float32", "bfloat16"]

LORA_TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


@dataclass(frozen=True)
class Lora:
    """Low-rank adapter (LoRA, arXiv 2106.09685).

    Attributes:
        rank: Rank of each weight update, at least 1.
        alpha: Scale of the updates, at least 1: they are multiplied by alpha / rank.
        targets: Names of the language model's linear layers that get an adapter.
        vision: Whether all linear layers of the vision tower's blocks get one too. Features of videos then change with
            every step and are computed in every pass.
        merger: Whether the linear layers of the merger and of DeepStack's mergers get one too, at the same cost.
    """

    rank: int = 8
    alpha: int = 16
    targets: tuple[str, ...] = LORA_TARGETS
    vision: bool = False
    merger: bool = False


@dataclass(frozen=True)
class LoadedModel:
    """A model ready to be trained, its tokenizer, and how it cuts frames."""

    net: nn.Module
    tokenizer: PreTrainedTokenizerBase
    spec: PatchSpec

    @property
    def qwen(self) -> Qwen3VLForConditionalGeneration:
        """The Qwen3-VL in `net`, with or without an adapter around it."""
        return cast(Any, self.net).get_base_model() if hasattr(self.net, "peft_config") else self.net


def load(
    checkpoint: str,
    init: Init,
    lora: Lora | None,
    seed: int,
    train: Trained = "all",
    dtype: Precision = "auto",
) -> LoadedModel:
    """Builds the solver, in train mode: gradient checkpointing and dropout depend on it, and the trainer switches it.

    Args:
        checkpoint: `tiny`, a local folder or a hub name.
        init: Whether to read the checkpoint's weights or to initialize them randomly.
        lora: Adapter to add, which freezes all other weights; None trains the weights themselves.
        seed: Seed of random weights and of the adapter.
        train: Weights that are trained without an adapter: all, or those of the language model.
        dtype: Type of the weights; auto keeps the checkpoint's.

    Raises:
        InputError: the checkpoint cannot be found or read, is not a Qwen3-VL, or is incomplete.
    """
    config = read_config(checkpoint)
    tokenizer, spec = read_tokenizer(checkpoint, config), patch_spec(checkpoint, config)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = _initialize(config, dtype) if init == "random" else _read(checkpoint, config, dtype)
        keep_rope_in_float32(model)
        net = choose_trained(model, lora, train)
    net.train()
    return LoadedModel(net, tokenizer, spec)


def weight_dtype(config: Qwen3VLConfig, dtype: Precision) -> torch.dtype:
    """The type of the weights; auto: the config's, or float32 where it names none."""
    if dtype != "auto":
        return cast(torch.dtype, getattr(torch, dtype))
    return config.dtype or config.text_config.dtype or torch.float32


def _initialize(config: Qwen3VLConfig, dtype: Precision) -> Qwen3VLForConditionalGeneration:
    return AutoModelForImageTextToText.from_config(config, dtype=weight_dtype(config, dtype))


def _read(checkpoint: str, config: Qwen3VLConfig, dtype: Precision) -> Qwen3VLForConditionalGeneration:
    check_files(checkpoint)
    if config.tie_word_embeddings:
        refuse_other_head(checkpoint, Path(checkpoint_folder(checkpoint)))
    try:
        with _without_reports():
            model, info = Qwen3VLForConditionalGeneration.from_pretrained(
                checkpoint_folder(checkpoint),
                config=config,
                dtype=dtype,
                output_loading_info=True,
                ignore_mismatched_sizes=True,
            )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise InputError(
            f"model.checkpoint={checkpoint!r} has no readable weights; complete the folder, or set "
            f"--model.init random: {on_one_line(error)}"
        ) from error
    mismatched = [
        f"{name} is {tuple(has)}, not {tuple(needs)}" for name, has, needs in info["mismatched_keys"]
    ]
    for problem, names in (("lacks", info["missing_keys"]), ("does not fit its config.json:", mismatched)):
        if names:  # transformers would initialise these randomly
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            raise InputError(
                f"model.checkpoint={checkpoint!r} {problem} {min(names)}{more}; download weights and config.json again"
            )
    return model


@contextmanager
def _without_reports() -> Iterator[None]:
    """Silences transformers' tables of weights that do not fit: an error that names them follows."""
    verbosity = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity_error()
    try:
        yield
    finally:
        transformers.logging.set_verbosity(verbosity)


def keep_rope_in_float32(model: nn.Module) -> None:
    """Keeps rotary frequencies in float32 when the model is cast.

    `Module.to(bfloat16)`, which Lightning's bf16-true and DeepSpeed's bf16 call, rounds them: with Qwen3-VL-4B, an
    angle is then 3.9 radians off at position 4,400 (cf. https://github.com/NVIDIA-NeMo/Automodel/pull/2549).
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
    """The model with an adapter and everything else frozen; or without one, and only what `train` names not frozen."""
    if lora is not None:
        return with_adapter(model, lora)
    if train == "language_model":
        model.model.visual.requires_grad_(False)
    return model


def with_adapter(model: Qwen3VLForConditionalGeneration, lora: Lora) -> nn.Module:
    """The model wrapped in PEFT's LoRA, everything else frozen; adapters of half-precision weights are in float32.

    Raises:
        InputError: rank or alpha is below 1, a target is not a linear layer of the language model, or there is none.
    """
    from peft import LoraConfig, get_peft_model  # late: it takes a second, which `--help` can do without

    for name, value in (("rank", lora.rank), ("alpha", lora.alpha)):
        if value < 1:
            raise InputError(f"model.lora.{name}={value} must be at least 1")
    patterns = "|".join(_target_patterns(model, lora))
    config = LoraConfig(r=lora.rank, lora_alpha=lora.alpha, target_modules=patterns, lora_dropout=0.0)
    return get_peft_model(model, config)


def _target_patterns(model: Qwen3VLForConditionalGeneration, lora: Lora) -> list[str]:
    """Regular expressions for the names of layers that get an adapter."""
    visual, names = model.model.visual, _linear_names(model.model.language_model)
    if unknown := [target for target in lora.targets if target not in names]:
        raise InputError(
            f"model.lora.targets: {unknown} are not linear layers of the language model; choose from {names}"
        )
    patterns = [rf".*language_model\..*\.({'|'.join(lora.targets)})"] if lora.targets else []
    if lora.vision:
        patterns.append(rf".*visual\.blocks\..*\.({'|'.join(_linear_names(visual.blocks))})")
    if lora.merger:
        linear = "|".join(_linear_names(visual.merger))
        patterns.append(rf".*visual\.(merger|deepstack_merger_list\.\d+)\.({linear})")
    if not patterns:
        raise InputError(
            f"model.lora.targets=[] leaves nothing to train; choose from {names}, or set model.lora.vision or "
            "model.lora.merger"
        )
    return patterns


def _linear_names(module: nn.Module) -> list[str]:
    """Last part of the names of linear layers (a convolution is not one), sorted."""
    linear = (name for name, part in module.named_modules() if isinstance(part, nn.Linear))
    return sorted({name.rsplit(".", 1)[-1] for name in linear})


@contextmanager
def as_base(net: nn.Module) -> Iterator[None]:
    """The model as the frozen base: adapter off, evaluation mode, no gradients; all of it is restored at the end."""
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
    """Recomputes layers in the backward pass; transformers renamed the method that switches this on."""
    enable = getattr(model, "activation_checkpointing_enable", None) or model.gradient_checkpointing_enable
    enable({"use_reentrant": False})
