"""A run that was copied or moved goes on where it lies now.

`config.<command>.yaml` records where a run began: the checkpoints' folder and each logger's. Whoever passes the record
of a copy means the copy, and what they then do must not change the original; and a folder that was moved is not where
its record says. So these options follow the record, unless the command line sets others. What lies outside of the
run's folder (scenes, a base) is recorded by its absolute path and stays where it was.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import Namespace

from lightning_ouro.run_folder import folder_of

_LEFT_BEHIND = ("rounds", "checkpoints", "*.ckpt")  # of which a run's folder holds at least one


def follow_record(settings: Namespace, configs: Iterable[Path]) -> str | None:
    """Makes options point to the folder in which the run's record lies; returns a line about it, or None.

    Args:
        settings: The parsed options of a command, changed in place.
        configs: The configs that it read, of which the last record counts.
    """
    for path in reversed(list(configs)):
        began, now = _began(path), path.resolve().parent
        if began is None or began == now:
            continue
        if settings.checkpoint.dirpath not in (str(began), str(began / "checkpoints")):
            return None  # the command line says where
        settings.checkpoint.dirpath = str(now / Path(settings.checkpoint.dirpath).relative_to(began))
        for logger in _loggers(settings.trainer.logger):
            _follow(logger.get("init_args"), began, now)
        return f"the run of {path} began in {began}; it goes on in {now}"
    return None


def _began(path: Path) -> Path | None:
    """Where a run began, by its record in the run's folder; None for any other config."""
    if not (path.name.startswith("config.") and path.suffix == ".yaml"):
        return None
    if not any(any(path.parent.glob(pattern)) for pattern in _LEFT_BEHIND):
        return None
    recorded: Any = yaml.safe_load(path.read_text("utf8"))
    for key in ("checkpoint", "dirpath"):
        recorded = recorded.get(key) if isinstance(recorded, dict) else None
    return folder_of(Path(recorded)) if isinstance(recorded, str) else None


def _loggers(loggers: Any) -> list[Namespace]:
    return [
        item for item in (loggers if isinstance(loggers, list) else [loggers]) if isinstance(item, Namespace)
    ]


def _follow(init: Namespace | None, began: Path, now: Path) -> None:
    """Lets a logger that logged into the run's folder, in `save_dir/name/version`, log into the folder as it is now."""
    if init is None or not isinstance(init.get("save_dir"), str):
        return
    parts = {key: _folder(init.get(key)) for key in ("name", "version") if init.get(key) not in (None, "")}
    if Path(init.save_dir, *parts.values()) != began or len(now.parts) <= len(parts):
        return
    kept = len(now.parts) - len(parts)
    init.save_dir = str(Path(*now.parts[:kept]))
    for key, part in zip(parts, now.parts[kept:], strict=True):
        init[key] = part


def _folder(part: str | int) -> str:
    """The folder that a logger makes of its name or version."""
    return f"version_{part}" if isinstance(part, int) else part
