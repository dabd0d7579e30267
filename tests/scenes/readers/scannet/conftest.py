"""A small scan in all of ScanNet's layouts."""

import shutil

import pytest

from tests.scenes.readers.film import film
from tests.scenes.readers.write_scannet import write_everything


@pytest.fixture(scope="module")
def small():
    return film(frames=3, height=60, width=80)


@pytest.fixture(scope="module")
def good(small, tmp_path_factory):
    return write_everything(tmp_path_factory.mktemp("good"), small)


@pytest.fixture
def root(good, tmp_path):
    """A copy of the scan that a test may change."""
    return shutil.copytree(good, tmp_path / "scannet")
