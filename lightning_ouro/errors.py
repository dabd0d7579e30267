"""Exceptions for problems that the user has to fix.

`InputError` is for bad input: files, configs, checkpoints. Its message is one line that says what was wrong,
where (file, field, scene) and what to do; `cli.main` prints it without a traceback. What a *model* wrote wrong
is never an exception: it is a `Rejection` with a reason. Broken invariants of our own code are `assert`s.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from typing import Any

# What a disk may refuse at any moment, with or without a name of the file: full, over quota, over a limit, broken,
# read-only.
DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)
# What a path may be wrong about: said only of a file that the error names.
PATH_ERRORS = (
    *(errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EISDIR, errno.ENOENT, errno.EEXIST, errno.ENOTEMPTY),
    *(errno.ENAMETOOLONG, errno.ELOOP, errno.EMFILE, errno.ENFILE, errno.ETXTBSY, errno.EBUSY, errno.ESTALE),
)


class InputError(ValueError):
    """Input that the user has to fix; the message says what is wrong, where, and what to do."""


class BadSceneError(Exception):
    """Why one scene cannot be used, in one line; becomes a `SkippedScene`, and the run goes on without it."""


def file_problem(error: OSError) -> str | None:
    """What is wrong with a file, in a few words; None where it is not the user's disk or path."""
    name = error.filename2 or error.filename
    if error.errno in DISK_ERRORS:
        free = "; free some space, or choose another folder" if error.errno != errno.EROFS else ""
        return f"{_shown(name or 'a file')}: cannot be written ({error.strerror}){free}"
    if error.errno in PATH_ERRORS and name is not None:
        return f"{_shown(name)}: cannot be read or written ({error.strerror})"
    return None


def _shown(name: str | bytes | int) -> str:
    return os.fsdecode(name) if isinstance(name, str | bytes) else f"file {name}"


def on_one_line(error: Exception) -> str:
    """The start of a library's error message, on one line."""
    return shortened(str(error))


def shortened(text: str) -> str:
    """The start of a text, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= 160 else f"{line[:160]}..."


def check_fields(owner: str, state: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """Refuses a checkpoint's state that has other fields than expected, and names them.

    Raises:
        InputError: fields are unexpected or missing.
    """
    unexpected, missing = sorted(state.keys() - expected.keys()), sorted(expected.keys() - state.keys())
    if unexpected or missing:
        raise InputError(
            f"{owner}: the checkpoint's state has unexpected fields {unexpected} and lacks fields {missing}"
        )


def check_same(owner: str, state: Mapping[str, Any], mine: Mapping[str, Any]) -> None:
    """Refuses a checkpoint's state that was kept under another setting.

    Raises:
        InputError: a setting differs; the message has both values.
    """
    for name, value in mine.items():
        if state[name] != value:
            raise InputError(
                f"{owner}: the checkpoint has {name}={state[name]!r}, this run {value!r}; use the original value"
            )


def check_least(group: str, limits: Mapping[str, tuple[float | None, float]]) -> None:
    """Refuses options below their smallest value; None is allowed, NaN is not.

    Raises:
        InputError: an option is too small; the message names it as the command line does.
    """
    for name, (value, least) in limits.items():
        if value is not None and not value >= least:
            raise InputError(f"{group}.{name}={value} must be at least {least}")
