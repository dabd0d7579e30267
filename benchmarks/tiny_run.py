"""Runs `configs/tiny.yaml` in a process of its own and reads the curves that the run leaves."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from record import ROOT
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

CONFIG = ROOT / "configs" / "tiny.yaml"


def fit(folder: Path, *options: str, threads: int | None = None) -> Path:
    """Trains in `folder`, with what it prints going to stderr.

    Args:
        folder: Where the run's folder is made.
        options: Of the command line, after the config.
        threads: Of torch; None: as many as there are cores.

    Returns:
        The run's folder.
    """
    command = [sys.executable, "-m", "lightning_ouro", "fit", "--config", str(CONFIG), *options]
    limit = {} if threads is None else dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
    subprocess.run(command, cwd=folder, env=os.environ | limit, check=True, stdout=sys.stderr)
    return folder / "runs" / "tiny" / "version_0"


def read_curves(run: Path) -> EventAccumulator:
    """The events of a run, every point of every curve."""
    return EventAccumulator(str(run), size_guidance={"scalars": 0}).Reload()
