"""A job that SLURM requeues runs its command once more, which goes on with the run that it began.

A start in a job leaves a note of its run's folder, by the job's number and the command. When the job is restarted
(`SLURM_RESTART_COUNT`), the same command finds it and takes over checkpoint, folder and loggers of the run's record.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import Namespace

from lightning_ouro.atomic_files import write_atomic
from lightning_ouro.errors import InputError
from lightning_ouro.run_folder import newest_checkpoint
from lightning_ouro.run_record import IDENTITIES, logger_settings

JOB, RESTARTS = "SLURM_JOB_ID", "SLURM_RESTART_COUNT"
_FOLDER = Path("runs") / "slurm"


def note_run(command: str, words: Sequence[str], folder: Path) -> None:
    """Notes which run a command of this job is; does nothing outside of a job."""
    if JOB in os.environ:
        write_atomic(_note(command, words), f"{folder.resolve()}\n".encode())


def follow_job(settings: Namespace, command: str, words: Sequence[str]) -> str | None:
    """Makes the options of a restarted job's command go on with its run; returns a line about it, or None.

    Args:
        settings: The parsed options, changed in place.
        command: The command, which trains.
        words: Its arguments.
    """
    if (
        os.environ.get(RESTARTS, "0") in ("", "0")
        or JOB not in os.environ
        or not _note(command, words).is_file()
    ):
        return None
    folder = Path(_note(command, words).read_text("utf8").strip())
    record = folder / f"config.{command}.yaml"
    if not record.is_file():
        return None
    recorded: Any = yaml.safe_load(record.read_text("utf8"))
    settings.checkpoint.dirpath = recorded["checkpoint"]["dirpath"]
    pairs = zip(
        logger_settings(settings.trainer.logger), logger_settings(recorded["trainer"]["logger"]), strict=False
    )
    for mine, theirs in pairs:
        identity = {name: theirs.get("init_args", {}).get(name) for name in IDENTITIES}
        for name, value in identity.items():
            if value is not None:
                mine.init_args[name] = value
    newest = newest_checkpoint(Path(settings.checkpoint.dirpath))
    settings.ckpt_path = None if newest is None else str(newest)
    place = "where it began" if newest is None else f"from {newest}"
    return f"SLURM restarted job {os.environ[JOB]}: the run in {folder} goes on {place}"


def refuse_other_checkpoints(root: Path) -> None:
    """Refuses to start where Lightning, in a job of SLURM, would load a checkpoint that nobody asked for.

    Raises:
        InputError: there is one in the folder.
    """
    found = sorted(root.glob("hpc_ckpt_*.ckpt"))
    if found and JOB in os.environ:
        raise InputError(
            f"{found[-1]}: in a job of SLURM, Lightning loads this checkpoint of another run without being asked; "
            "move it away, or name it by --ckpt_path"
        )


def _note(command: str, words: Sequence[str]) -> Path:
    digest = hashlib.sha256("\0".join([command, *words]).encode("utf8", "surrogateescape")).hexdigest()[:12]
    return _FOLDER / f"{os.environ[JOB]}-{digest}"
