"""Rooms in ARKitScenes' layout."""

import shutil

import pytest

from tests.scenes.readers.film import film
from tests.scenes.readers.read_arkitscenes import KITCHEN, LOWRES, VGA, tiny
from tests.scenes.readers.write_arkitscenes import VIDEO


@pytest.fixture(scope="module")
def kitchen():
    return film(KITCHEN, 6, *LOWRES)


@pytest.fixture(scope="module")
def kitchen_vga():
    return film(KITCHEN, 3, *VGA)


@pytest.fixture(scope="module")
def kitchen_small():
    return film(KITCHEN, 3, *LOWRES)


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    return tiny(tmp_path_factory.mktemp("pristine"))


@pytest.fixture
def folder(pristine, tmp_path):
    copy = tmp_path / "3dod" / "Training" / VIDEO
    shutil.copytree(pristine, copy)
    return copy
