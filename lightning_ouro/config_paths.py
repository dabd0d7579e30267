"""Configs by name: a `--config` that is not an existing path is looked up among those of the package."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from lightning_ouro.home_paths import in_home

CONFIG_OPTIONS = ("--config", "-c")


def resolve_configs(words: Sequence[str]) -> list[str]:
    """The arguments, with each config that is not an existing path replaced by the package's of that name."""
    resolved: list[str] = []
    for index, word in enumerate(words):
        option, equals, value = word.partition("=")
        if option in CONFIG_OPTIONS and equals:
            word = f"{option}={_config_path(value)}"
        elif index and words[index - 1] in CONFIG_OPTIONS:
            word = _config_path(word)
        resolved.append(word)
    return resolved


def _config_path(value: str) -> str:
    packaged = Path(str(files("lightning_ouro"))) / "configs" / value.removeprefix("configs/")
    value = str(in_home(Path(value))) if value.startswith("~") else value
    try:
        return value if Path(value).exists() or not packaged.is_file() else str(packaged)
    except OSError:  # too long for a name: YAML itself
        return value
