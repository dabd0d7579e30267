"""Sharding of weights over ranks by FSDP2 (`torch.distributed.fsdp.fully_shard`), under ModelParallelStrategy.

Each layer is a group whose weights are gathered for its forward and its backward pass and freed afterwards; embeddings,
last norm and LM head belong to the root. Within a group only trained weights need one type, so a float32 adapter may
sit beside frozen bfloat16 weights. A frozen vision tower is not sharded: ranks meet new videos at different times, so
calling it must not wait for the others; it is a tenth of Qwen3-VL-4B.

Every pass through a sharded model waits for all ranks, and outside of training ranks differ in how many passes they
make: their shares of questions, batches and replies differ in length. There, weights are gathered once and stay
unsharded until the phase ends, at the price of one copy in the type of computation. (Filling up with empty passes would
need the number of decoding steps in advance; a second, unsharded model would have to be kept current.)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import final

import lightning as L
import torch
from lightning.pytorch.strategies import DeepSpeedStrategy, FSDPStrategy, ModelParallelStrategy, Strategy
from lightning.pytorch.utilities import rank_zero_warn
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard, register_fsdp_forward_method
from transformers import Qwen3VLForConditionalGeneration

from lightning_ouro.errors import InputError


@dataclass(frozen=True)
class Sharding:
    """How this rank shards the model.

    Attributes:
        device: This rank's device.
        precision: The trainer's precision.
        is_fit: Whether the run trains, rather than evaluates.
    """

    device: torch.device
    precision: str
    is_fit: bool


def sharding_of(trainer: L.Trainer, stage: str) -> Sharding | None:
    """How the trainer's strategy shards weights; None where it does not."""
    if not is_sharded(trainer.strategy):
        return None
    return Sharding(trainer.strategy.root_device, str(trainer.precision), stage == "fit")


def is_sharded(strategy: Strategy) -> bool:
    return isinstance(strategy, ModelParallelStrategy)


def check_trainer(trainer: L.Trainer) -> None:
    """Refuses strategies that would train something else, or hang; warns about a precision that hardly learns.

    Raises:
        InputError: the strategy is Lightning's FSDP1, ZeRO stage 3, or DeepSpeed with accumulated batches or without a
            batch size.
    """
    strategy = trainer.strategy
    if str(trainer.precision) == "bf16-true":
        rank_zero_warn(
            "trainer.precision=bf16-true keeps trained weights in bfloat16, which rounds small updates away; "
            "bf16-mixed with model.dtype=bfloat16 keeps an adapter in float32"
        )
    if isinstance(
        strategy, FSDPStrategy
    ):  # cannot clip by norm, and wastes memory where some weights are frozen
        raise InputError(
            "trainer.strategy=FSDPStrategy is not supported; use its successor: --config configs/strategy/fsdp2.yaml"
        )
    if isinstance(strategy, DeepSpeedStrategy):
        _check_deepspeed(strategy, trainer.accumulate_grad_batches)


def _check_deepspeed(strategy: DeepSpeedStrategy, accumulate_grad_batches: int) -> None:
    if strategy.zero_stage_3:  # shards weights, which nothing gathers where ranks differ in passes
        raise InputError(
            "trainer.strategy: ZeRO stage 3 is not supported; use stage 2, or configs/strategy/fsdp2.yaml"
        )
    # Without this setting Lightning reads it from a batch, before the loop has one.
    if "train_micro_batch_size_per_gpu" not in (strategy.config or {}):
        raise InputError(
            "trainer.strategy: DeepSpeed needs logging_batch_size_per_gpu; use configs/strategy/deepspeed.yaml"
        )
    if accumulate_grad_batches > 1:  # Lightning would count each batch as a step
        raise InputError(
            f"trainer.accumulate_grad_batches={accumulate_grad_batches} must be 1 under DeepSpeed; use more devices, "
            "fewer data.questions_per_step, or configs/strategy/fsdp2.yaml"
        )


def check_resume(sharding: Sharding | None, was_sharded: bool) -> None:
    """Refuses to resume with sharded weights where a run began with unsharded ones; the other way works.

    Raises:
        InputError: Lightning would look up the optimizer's state by number among all weights, and lose what was
            numbered among the trained ones.
    """
    if sharding is not None and sharding.is_fit and not was_sharded:
        raise InputError(
            "ckpt_path: this run began with unsharded weights, and its optimizer's state cannot be sharded; resume "
            "under the strategy that it began with"
        )


def shard(
    module: nn.Module,
    qwen: Qwen3VLForConditionalGeneration,
    sharding: Sharding,
    forward_methods: Sequence[str],
) -> None:
    """Shards the weights of `module` over all ranks.

    Args:
        module: The root, which contains `qwen`.
        qwen: The model whose layers become groups.
        sharding: Device and precision.
        forward_methods: Names of the root's methods that run the model.
    """
    # Over all ranks, not on the strategy's own mesh, which also serves tensor parallelism.
    mesh = init_device_mesh(sharding.device.type, (torch.distributed.get_world_size(),))
    policy, visual = mixed_precision(sharding.precision), qwen.model.visual
    is_frozen = not any(weight.requires_grad for weight in visual.parameters())
    for layer in (*qwen.model.language_model.layers, *(() if is_frozen else visual.blocks)):
        fully_shard(layer, mesh=mesh, mp_policy=policy)
    ignored = set(visual.parameters()) if is_frozen else set()
    # The backward pass begins with the root's weights, so they stay gathered after the forward pass.
    fully_shard(module, mesh=mesh, mp_policy=policy, ignored_params=ignored, reshard_after_forward=False)
    for name in forward_methods:
        register_fsdp_forward_method(module, name)


def mixed_precision(precision: str) -> MixedPrecisionPolicy:
    """The type in which weights are gathered; gradients are summed in float32.

    Under bf16-mixed that is bfloat16: with autocast alone, weights would be gathered in float32 and the copies that it
    makes kept too, which together are a whole model again. The type of activations remains autocast's decision.
    """
    param_dtype = torch.bfloat16 if precision == "bf16-mixed" else None
    return MixedPrecisionPolicy(
        param_dtype=param_dtype, reduce_dtype=torch.float32, cast_forward_inputs=False
    )


def gather(module: nn.Module) -> None:
    """Unshards weights until `split`; every rank must call it. Does nothing where they are not sharded."""
    for group in _groups(module):
        group.set_reshard_after_forward(False, recurse=False)
        group.unshard()


def split(module: nn.Module) -> None:
    """Frees what `gather` gathered."""
    for group in _groups(module):
        group.reshard()
        group.set_reshard_after_forward(group is not module, recurse=False)


@contextmanager
def unsharded(module: nn.Module) -> Iterator[None]:
    """Unsharded weights inside, so that ranks may differ in their passes; every rank must enter."""
    gather(module)
    try:
        yield
    finally:
        split(module)


@final
class UnshardDuringEval(L.Callback):
    """Unshards weights while held-out scenes are evaluated, where ranks differ in their passes."""

    def on_validation_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        gather(pl_module)

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        split(pl_module)

    on_test_start = on_predict_start = on_validation_start
    on_test_end = on_predict_end = on_validation_end


def _groups(module: nn.Module) -> list[FSDPModule]:
    return [part for part in module.modules() if isinstance(part, FSDPModule)]
