"""`~` at the beginning of a path, wherever one may be given.

A shell expands it in `--out ~/a`, but neither in `--out=~/a` nor in quotes, and nobody does in YAML.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any


def in_home(path: Path) -> Path:
    """The path with a leading `~` or `~name` replaced by that home, unless something is called so."""
    return Path(_in_home(str(path)))


def expanded_options(value: Any) -> Any:
    """Parsed options with every text that begins with a home, at any depth, expanded; namespaces in place.

    Every option counts, so that those of a logger, a proposer or somebody's own class do as well.
    """
    if isinstance(value, str):
        return _in_home(value)
    if isinstance(value, Path):
        return in_home(value)
    if isinstance(value, argparse.Namespace):
        for key, item in vars(value).items():
            setattr(value, key, expanded_options(item))
    if isinstance(value, dict):
        return {key: expanded_options(item) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(expanded_options(item) for item in value)
    return value


def with_expanded_options(function: Callable[..., None]) -> Callable[..., None]:
    """The function, of the same signature, called with its arguments expanded."""

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> None:
        function(
            *map(expanded_options, args), **{key: expanded_options(item) for key, item in kwargs.items()}
        )

    return call


def _in_home(text: str) -> str:
    if not text.startswith("~") or os.path.lexists(text):
        return text
    return os.path.expanduser(text)  # noqa: PTH111  unlike pathlib, leaves the name of an unknown user
