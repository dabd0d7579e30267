"""Two recorded rooms."""

import pytest

from tests.scenes.readers.film import film
from tests.scenes.readers.write_plain_folder import write


@pytest.fixture(scope="module")
def filmed():
    return film(3, frames=4, height=60, width=80)


@pytest.fixture
def rooms(tmp_path, filmed):
    """Two recordings, a and b."""
    for name in "ab":
        write(tmp_path / "rooms" / name, filmed, depth=True)
    return tmp_path / "rooms"
