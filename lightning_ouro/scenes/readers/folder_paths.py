"""The files that a plain folder names. They lie in it: what a file says shall not lead to others of this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lightning_ouro.errors import BadSceneError
from lightning_ouro.scenes.readers.files import path_exists, short_repr


def path_below(folder: Path, where: str, name: Any) -> Path:
    """The path of a file that a plain folder names; links in the folder may lead anywhere.

    Args:
        folder: The folder.
        where: File, frame and field, for error messages.
        name: What the field holds.

    Raises:
        BadSceneError: it is no path, or one that leads out of the folder.
    """
    if not isinstance(name, str) or not name or any(character < " " for character in name):
        raise BadSceneError(f"{where} is {short_repr(name)}, expected a file below the folder")
    is_in_home = name.startswith("~") and not path_exists(folder / name)
    if Path(name).is_absolute() or ".." in Path(name).parts or is_in_home:
        raise BadSceneError(f"{where} is {short_repr(name)}, which lies outside of the folder")
    return folder / name
