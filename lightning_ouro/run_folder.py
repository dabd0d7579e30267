"""Where a run keeps its config, checkpoints and rounds, whichever loggers it has.

The run folder belongs to the checkpoints' folder, which `config.<command>.yaml` records (`checkpoint.dirpath`),
so that a run is resumed in its folder with any logger, several, or none. A new run takes the folder of its
first logger (`runs/<name>/version_N` with TensorBoard); without a logger it takes the first free
`runs/version_N` of `trainer.default_root_dir`.
"""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import lightning as L
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger

from lightning_ouro.errors import InputError

CHECKPOINTS = "checkpoints"


class RunCheckpoint(ModelCheckpoint):
    """The `checkpoint` group, told apart from checkpoints among trainer.callbacks, which are a person's own."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restores which checkpoints there are, where they are now if the run was moved or copied."""
        began = state_dict.get("dirpath")
        if isinstance(began, str) and self.dirpath is not None:
            state_dict = _replaced(state_dict, began, str(self.dirpath))
        super().load_state_dict(state_dict)

    @property
    def _legacy_state_key(self) -> str:  # type: ignore[override]
        """Where Lightning finds its state in a checkpoint that was written before it had a class of its own."""
        return self.state_key.replace(type(self).__qualname__, ModelCheckpoint.__qualname__, 1)


def _replaced(value: Any, began: str, now: str) -> Any:
    """A value of plain types with another beginning of all paths in it."""
    if isinstance(value, str) and (value == began or value.startswith(f"{began}/")):
        return now + value.removeprefix(began)
    if isinstance(value, dict):
        return {_replaced(key, began, now): _replaced(item, began, now) for key, item in value.items()}
    return value


def run_checkpoint(trainer: L.Trainer) -> RunCheckpoint | None:
    """The checkpoints that the run folder belongs to; None where there is no `checkpoint` group."""
    return next((each for each in trainer.checkpoint_callbacks if isinstance(each, RunCheckpoint)), None)


def run_folder(trainer: L.Trainer) -> Path | None:
    """The run's folder, the same on every rank; None in a development run, which keeps nothing.

    The first call chooses the folder and is a collective. Call it in `setup` or later, once Lightning has
    created the loggers' experiments.
    """
    checkpoint = run_checkpoint(trainer)
    if trainer.fast_dev_run or checkpoint is None:  # type: ignore[attr-defined]
        return None
    if checkpoint.dirpath is None:
        chosen = str(_choose(trainer)) if trainer.is_global_zero else ""
        checkpoint.dirpath = str(Path(trainer.strategy.broadcast(chosen)) / CHECKPOINTS)
    return folder_of(Path(checkpoint.dirpath))


def folder_of(checkpoints: Path) -> Path:
    """The run folder that a folder of checkpoints belongs to.

    The parent if the folder is named `checkpoints`; otherwise (a user-chosen checkpoint.dirpath) the folder
    itself: runs with checkpoints in `mine/a` and `mine/b` must not share a folder.
    """
    return checkpoints.parent if checkpoints.name == CHECKPOINTS else checkpoints


def checkpoints_of(trainer: L.Trainer) -> Path | None:
    """Where `--ckpt_path last` looks before a run begins.

    None where the config names no folder of an earlier run.
    """
    checkpoint = run_checkpoint(trainer)
    if checkpoint is not None and checkpoint.dirpath is not None:
        return Path(checkpoint.dirpath)
    if isinstance(trainer.logger, TensorBoardLogger | CSVLogger):
        return Path(trainer.logger.log_dir) / CHECKPOINTS
    return None


def check_loggers(trainer: L.Trainer) -> None:
    """Refuses a folder that a logger would fail to write to, after all the reading.

    Raises:
        InputError: TensorBoard, which encodes its files' names, is to write to a folder whose name is no UTF-8.
    """
    for logger in trainer.loggers:
        if isinstance(logger, TensorBoardLogger):
            try:
                str(Path(logger.log_dir).absolute()).encode("utf8")
            except UnicodeEncodeError:
                raise InputError(
                    f"trainer.logger: TensorBoard cannot write to {logger.log_dir}, whose name is no UTF-8; choose "
                    "another folder (trainer.logger.init_args.save_dir), or --trainer.logger false"
                ) from None


def newest_checkpoint(folder: Path | None) -> Path | None:
    """The newest `last` checkpoint of a folder, or None."""
    found = [] if folder is None else list(folder.glob("last*.ckpt"))
    return max(found, key=lambda file: file.stat().st_mtime, default=None)


def check_checkpoint(path: str, root: str) -> None:
    """Refuses a --ckpt_path on which Lightning would fail without a clear message.

    Where `last` lies is known later.

    Raises:
        InputError: there is no such checkpoint, or it is none.
    """
    if path == "best":
        raise InputError(
            "ckpt_path=best: a command knows only what it saved itself; give last, or a file in <run>/checkpoints"
        )
    if path == "hpc" and not any(Path(root).glob("hpc_ckpt_*.ckpt")):
        raise InputError(
            f"ckpt_path=hpc: {Path(root).resolve()} holds no hpc_ckpt_*.ckpt; give last, or a file"
        )
    if path in ("last", "hpc") or "://" in path:
        return
    try:
        is_folder, is_file = Path(path).is_dir(), Path(path).is_file()
    except OSError:  # such as a name that is too long
        is_folder = is_file = False
    if not is_folder and not is_file:
        raise InputError(
            f"ckpt_path={path}: there is no such file; a run's checkpoints are in <run>/checkpoints"
        )
    if is_folder and not ((Path(path) / "meta.pt").is_file() or (Path(path) / "checkpoint").is_dir()):
        raise InputError(f"ckpt_path={path} is a folder, and not one of FSDP's or DeepSpeed's; give a file")
    if is_file and not _is_torch_file(path):
        raise InputError(f"ckpt_path={path} is not a checkpoint, or is truncated; use another one")


def _is_torch_file(path: str) -> bool:
    """Whether a file is an archive with a pickle, as torch writes it."""
    try:
        with ZipFile(path) as archive:
            return any(name.endswith("data.pkl") for name in archive.namelist())
    except (OSError, BadZipFile, ValueError, NotImplementedError):
        return False


def _choose(trainer: L.Trainer) -> Path:
    if trainer.logger is not None:
        return _folder_of(trainer.logger, Path(trainer.default_root_dir)).resolve()
    parent = Path(trainer.default_root_dir).resolve() / "runs"
    for number in count():
        try:
            (folder := parent / f"version_{number}").mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise AssertionError("count() does not end")


def _folder_of(logger: Logger, root: Path) -> Path:
    if isinstance(logger, TensorBoardLogger | CSVLogger):
        return Path(logger.log_dir)
    version = logger.version if isinstance(logger.version, str) else f"version_{logger.version}"
    return Path(logger.save_dir or root) / str(logger.name) / version
