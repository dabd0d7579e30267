"""What a run's checkpoint holds of the solver: trained weights only, and a record of the base that they belong to."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lightning_ouro.errors import InputError
from lightning_ouro.solver.base_identity import Fingerprint
from lightning_ouro.solver.checkpoint import checkpoint_folder
from lightning_ouro.solver.loading import Init, Lora
from lightning_ouro.solver.prompt_form import PromptForm

# What each part of a fingerprint stands for, as an error says that it differs.
DIFFERENT = {
    "config": "its config.json differs",
    "weights": "its weights differ",
    "seed": "its random weights have another --seed_everything",
    "vocabulary": "its tokenizer has other words",
    "chat_template": "its chat template differs",
    "pictures": "its video processor scales pixels otherwise",
}

READ_WITH = ("vocabulary", "chat_template", "pictures")


def base_record(
    checkpoint: str,
    init: Init,
    lora: Lora | None,
    fingerprint: Fingerprint,
    form: PromptForm = PromptForm(),  # noqa: B008  frozen
) -> dict[str, Any]:
    """What trained weights depend on, in plain types: settings, what the base is by its content, how it is asked."""
    adapter = None if lora is None else asdict(lora) | {"targets": list(lora.targets)}
    base = {"checkpoint": checkpoint, "init": init, "lora": adapter, "fingerprint": fingerprint}
    return base | {"prompt": asdict(form)}


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
    _check_base(state.get("base") or {}, base)
    # Strategies that take the weights out before this is called leave the names.
    names = state.get("state_dict", state.get("trained", ()))
    if missing := sorted(set(trained) - set(names)):
        raise InputError(
            f"ckpt_path: the checkpoint lacks {len(missing)} trained weights, the first is {missing[0]}"
        )


def _check_base(saved: Mapping[str, Any], base: Mapping[str, Any]) -> None:
    settings = ("init", "lora")
    if any(saved.get(name) != base[name] for name in settings):
        then, now = ({name: each.get(name) for name in settings} for each in (saved, base))
        raise InputError(
            f"ckpt_path: the checkpoint was trained on {then}, but this run has {now}; set model.init and model.lora "
            "as they were"
        )
    names = f"{saved.get('checkpoint')!r}, but model.checkpoint={base['checkpoint']!r}"
    if "fingerprint" not in saved:  # written before bases were known by their content
        if _place(str(saved.get("checkpoint"))) != _place(base["checkpoint"]):
            raise InputError(
                f"ckpt_path: the checkpoint was trained on {names} is called otherwise, and this checkpoint is too old "
                "to know its base by content; set model.checkpoint as it was"
            )
        return
    then, now = saved["fingerprint"], base["fingerprint"]
    compared = {*then, *(name for name in now if name not in READ_WITH)}  # older checkpoints lack these
    if differ := sorted(name for name in compared if then.get(name) != now.get(name)):
        raise InputError(
            f"ckpt_path: the checkpoint was trained on {names} has other content: "
            f"{' and '.join(DIFFERENT[name] for name in differ)}; name the base that it was trained on, wherever it "
            "lies"
        )


def _place(checkpoint: str) -> str:
    """A name by which two spellings of one folder are the same; that of a hub's checkpoint as it is."""
    source = checkpoint_folder(checkpoint)
    return os.path.realpath(source) if Path(source).is_dir() else os.path.normpath(source)
