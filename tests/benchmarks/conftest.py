"""Makes the scripts importable as they import each other: from their own folder."""

import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"
sys.path.insert(0, str(FOLDER))


@pytest.fixture(scope="session")
def benchmarks_folder() -> Path:
    return FOLDER
