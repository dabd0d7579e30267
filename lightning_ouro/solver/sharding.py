"""Weights split over ranks by FSDP2 (`torch.distributed.fsdp.fully_shard`), under Lightning's ModelParallelStrategy.

Each layer is a group that is gathered for its forward and its backward pass and freed behind them; embeddings, last
norm and LM head are the root's. Within a group only trained weights need one type, so a float32 adapter may sit beside
frozen bfloat16 weights. A frozen vision tower stays whole on every rank: ranks meet new videos at different times, so
a call of it must not wait for the others; it is a tenth of Qwen3-VL-4B.

Every pass through a split model waits for all ranks, and outside of training ranks differ in how many they make:
shares of questions, batches and replies end earlier on one than on another. So there weights are gathered once and
stay whole until the phase ends, at the price of one copy in the type that they compute in. (Making up the number with
empty passes would need the number of decoding steps beforehand; a second, whole model would have to be kept current.)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import lightning as L
import torch
from lightning.pytorch.strategies import DeepSpeedStrategy, FSDPStrategy, ModelParallelStrategy, Strategy
from lightning.pytorch.utilities import rank_zero_warn
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard, register_fsdp_forward_method
from transformers import Qwen3VLForConditionalGeneration

from lightning_ouro.errors import InputError


def check_trainer(trainer: L.Trainer) -> None:
    """Refuses strategies that would train something else, or hang; warns of a precision that learns next to nothing.

    Raises:
        InputError: it is Lightning's first FSDP, ZeRO stage 3, or DeepSpeed with accumulated batches or no batch size.
    """
    strategy = trainer.strategy
    if str(trainer.precision) == "bf16-true":
        rank_zero_warn(
            "trainer.precision=bf16-true keeps trained weights in bfloat16, which rounds small updates away; "
            "bf16-mixed with model.dtype=bfloat16 keeps an adapter in float32"
        )
    if isinstance(
        strategy, FSDPStrategy
    ):  # it cannot clip by norm, and wastes memory where some weights are frozen
        raise InputError(
            "trainer.strategy=FSDPStrategy is not supported; take its successor: --config configs/strategy/fsdp2.yaml"
        )
    if not isinstance(strategy, DeepSpeedStrategy):
        return
    if strategy.zero_stage_3:  # splits weights, and nothing gathers them where ranks differ in passes
        raise InputError(
            "trainer.strategy: ZeRO stage 3 is not supported; take stage 2, or configs/strategy/fsdp2.yaml"
        )
    if "train_micro_batch_size_per_gpu" not in (
        strategy.config or {}
    ):  # Lightning looks for it in a batch, too early
        raise InputError(
            "trainer.strategy: DeepSpeed needs logging_batch_size_per_gpu; take configs/strategy/deepspeed.yaml"
        )
    if (batches := trainer.accumulate_grad_batches) > 1:  # Lightning then calls each batch a step
        raise InputError(
            f"trainer.accumulate_grad_batches={batches}: DeepSpeed takes 1 here; take more devices, fewer "
            "data.questions_per_step, or configs/strategy/fsdp2.yaml"
        )


def check_resume(trainer: L.Trainer, was_sharded: bool) -> None:
    """Refuses to go on with split weights where a run began with whole ones; the other way works.

    Raises:
        InputError: Lightning would look for the optimizer's state by number among all weights, and lose what was
            numbered among the trained ones.
    """
    if trainer.state.fn == "fit" and is_sharded(trainer.strategy) and not was_sharded:
        raise InputError(
            "ckpt_path: this run began with whole weights, and its optimizer's state cannot be split; go on under the "
            "strategy that it began with"
        )


def is_sharded(strategy: Strategy) -> bool:
    """Whether weights are split over the ranks."""
    return isinstance(strategy, ModelParallelStrategy)


def shard(
    module: nn.Module,
    qwen: Qwen3VLForConditionalGeneration,
    device: torch.device,
    precision: str,
    passes: Sequence[str],
) -> None:
    """Splits the weights of `module` over all ranks.

    Args:
        module: The root; `qwen` is in it.
        qwen: Whose layers become groups.
        device: This rank's.
        precision: The trainer's.
        passes: Names of the root's methods that go through the model.
    """
    # Over all ranks, whatever sizes the strategy has: its mesh is for tensor parallelism besides, which is not used.
    mesh = init_device_mesh(device.type, (torch.distributed.get_world_size(),))
    policy, visual = mixed_precision(precision), qwen.model.visual
    frozen = not any(weight.requires_grad for weight in visual.parameters())
    for layer in (*qwen.model.language_model.layers, *(() if frozen else visual.blocks)):
        fully_shard(layer, mesh=mesh, mp_policy=policy)
    unsplit = set(visual.parameters()) if frozen else set()
    # The backward pass begins with the root's weights, so they are kept from the forward pass on.
    fully_shard(module, mesh=mesh, mp_policy=policy, ignored_params=unsplit, reshard_after_forward=False)
    for name in passes:
        register_fsdp_forward_method(module, name)


def mixed_precision(precision: str) -> MixedPrecisionPolicy:
    """In which type weights are gathered; gradients are summed in float32.

    Under bf16-mixed that is bfloat16: autocast alone would have them gathered in float32 and keep the copies that it
    makes of them, which together are a whole model again. What becomes of activations autocast still decides.
    """
    gathered = torch.bfloat16 if precision == "bf16-mixed" else None
    return MixedPrecisionPolicy(param_dtype=gathered, reduce_dtype=torch.float32, cast_forward_inputs=False)


def gather(module: nn.Module) -> None:
    """Makes weights whole until `split`; every rank must call it. Does nothing where they are not split."""
    for part in _groups(module):
        part.set_reshard_after_forward(False, recurse=False)
        part.unshard()


def split(module: nn.Module) -> None:
    """Frees what `gather` gathered."""
    for part in _groups(module):
        part.reshard()
        part.set_reshard_after_forward(part is not module, recurse=False)


@contextmanager
def unsharded(module: nn.Module) -> Iterator[None]:
    """Whole weights inside, so that ranks may differ in their passes; every rank must enter."""
    gather(module)
    try:
        yield
    finally:
        split(module)


class UnshardDuringEval(L.Callback):
    """Whole weights while held-out scenes are evaluated."""

    def on_validation_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Gathers."""
        gather(pl_module)

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Splits again."""
        split(pl_module)

    on_test_start = on_predict_start = on_validation_start
    on_test_end = on_predict_end = on_validation_end


def _groups(module: nn.Module) -> list[FSDPModule]:
    return [part for part in module.modules() if isinstance(part, FSDPModule)]
