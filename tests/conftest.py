"""Fixtures that every folder of tests shares."""

import os
import shutil
import sys
from pathlib import Path

import pytest

# Before torch is imported: tests run on all cores, and threads of several processes would wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from lightning_ouro.cli import main

from .small_run import SMALL, TINY


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data beside the project; a user has only the project, so its tests skip without it."""
    folder = Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"real data is not at hand: no folder {folder}")
    return folder


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs a command in a folder of its own, as a shell would."""
    monkeypatch.chdir(tmp_path)

    def command(*args):
        monkeypatch.setattr(sys, "argv", ["lightning_ouro", *args])
        main()

    return command


@pytest.fixture(scope="session")
def fitted(tmp_path_factory):
    """One small run of two rounds."""
    folder = tmp_path_factory.mktemp("fitted")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["lightning_ouro", "fit", "--config", TINY, *SMALL])
        main()
    return folder / "runs" / "tiny" / "version_0"


@pytest.fixture
def own_fitted(fitted, tmp_path):
    """A copy of the small run, for commands that add to a run's folder."""
    folder = tmp_path / fitted.relative_to(fitted.parents[2])
    shutil.copytree(fitted, folder)
    return folder
