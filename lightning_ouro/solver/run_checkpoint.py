"""What a run's checkpoint holds of the solver: trained weights only, and a record of the base that they belong to."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from typing import Any

from lightning_ouro.errors import InputError
from lightning_ouro.solver.loading import Init, Lora


def base_record(checkpoint: str, init: Init, lora: Lora | None) -> dict[str, Any]:
    """The settings on which trained weights depend, in plain types."""
    adapter = None if lora is None else asdict(lora) | {"targets": list(lora.targets)}
    return {"checkpoint": checkpoint, "init": init, "lora": adapter}


def keep_trained(
    state: dict[str, Any],
    trained: Collection[str],
    buffers: Collection[str],
    base: dict[str, Any],
    is_sharded: bool,
) -> None:
    """Drops frozen weights from a checkpoint and adds what `check_loadable` and `check_resume` need.

    Args:
        state: Lightning's checkpoint, changed in place.
        trained: Names of the trained weights.
        buffers: Names of further tensors to keep.
        base: The base's record.
        is_sharded: Whether weights are sharded.
    """
    kept = {*trained, *buffers}
    state["state_dict"] = {name: value for name, value in state["state_dict"].items() if name in kept}
    state["trained"], state["sharded"], state["base"] = sorted(trained), is_sharded, base


def check_loadable(state: dict[str, Any], trained: Collection[str], base: dict[str, Any]) -> None:
    """Refuses a checkpoint that does not fit this run; Lightning's own check is off, since frozen weights are missing.

    Raises:
        InputError: the checkpoint has another base, or lacks trained weights.
    """
    if state.get("base") != base:
        raise InputError(
            f"ckpt_path: the checkpoint was trained on {state.get('base')}, but this run has {base}; set "
            "model.checkpoint, model.init and model.lora as they were"
        )
    # Strategies that take the weights out before this is called leave the names.
    names = state.get("state_dict", state.get("trained", ()))
    if missing := sorted(set(trained) - set(names)):
        raise InputError(
            f"ckpt_path: the checkpoint lacks {len(missing)} trained weights, the first is {missing[0]}"
        )
