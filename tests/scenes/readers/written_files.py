"""Files with given bytes, and how reading them is refused."""

import resource

import pytest

from lightning_ouro.errors import BadSceneError


def refusal(read, path, *args, **kwargs):
    """The message with which a file is refused: one line that begins with its path."""
    with pytest.raises(BadSceneError) as error:
        read(path, *args, **kwargs)
    message = str(error.value)
    assert message.startswith(f"{path}: ") and "\n" not in message
    return message


def peak_memory():
    """The most memory that this process has used, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def written(path, content):
    path.write_bytes(content)
    return path
