"""A scene in ScanNet++'s layout."""

import shutil

import pytest

from tests.scenes.readers.write_scannetpp import ID, write_filmed


@pytest.fixture(scope="module")
def scene_folder(tmp_path_factory):
    return write_filmed(tmp_path_factory.mktemp("scannetpp"), depth=None)


@pytest.fixture
def folder(scene_folder, tmp_path):
    """A copy of the scene that a test may change, in a root of its own."""
    return shutil.copytree(scene_folder, tmp_path / "data" / ID)
