"""Files of given bytes, and how they are refused."""

import resource

import pytest

from lightning_ouro.errors import BadSceneError


def refused(read, path, *more, **other):
    with pytest.raises(BadSceneError) as error:
        read(path, *more, **other)
    message = str(error.value)
    assert message.startswith(f"{path}: ") and "\n" not in message
    return message


def peak():
    """Megabytes of memory that were in use at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def written(path, content):
    path.write_bytes(content)
    return path
