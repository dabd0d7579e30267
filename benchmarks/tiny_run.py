"""Runs `configs/tiny.yaml` in a process of its own and reads the curves that the run leaves."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from record import ROOT
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

CONFIG = ROOT / "configs" / "tiny.yaml"


def fit(folder: Path, *options: str) -> Path:
    """Trains in `folder`, what it prints going to stderr, and returns the run's folder."""
    command = [sys.executable, "-m", "lightning_ouro", "fit", "--config", str(CONFIG), *options]
    subprocess.run(command, cwd=folder, check=True, stdout=sys.stderr)
    return folder / "runs" / "tiny" / "version_0"


def read_curves(run: Path) -> EventAccumulator:
    """The events of a run, every point of every curve."""
    return EventAccumulator(str(run), size_guidance={"scalars": 0}).Reload()
