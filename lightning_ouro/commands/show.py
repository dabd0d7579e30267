"""`python -m lightning_ouro show SCENES`: draws one scene as a contact sheet (`scenes.contact_sheet`)."""

from __future__ import annotations

import io
import math
import os
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from lightning_ouro.atomic_files import write_atomic
from lightning_ouro.commands import function_command
from lightning_ouro.errors import InputError
from lightning_ouro.scenes.contact_sheet import contact_sheet
from lightning_ouro.scenes.reading import read_one
from lightning_ouro.scenes.types import FrameBudget


def main(args: Sequence[str]) -> None:
    """Runs the command."""
    function_command.run(show, args)


def show(
    scenes: Path,
    id: str | None = None,
    out: Path = Path("scene.png"),
    overwrite: bool = False,
    num_frames: int = 9,
    width: int = 1600,
) -> None:
    """Draws a contact sheet of one scene: frames with the projected boxes, and a labelled floor plan.

    Args:
        scenes: Where the scene is: a store, the root folder of a data set, or a single scene, in any
            supported layout (lightning_ouro/scenes/README.md).
        id: Id of the scene to draw; null: the first one.
        out: Image file to write; its suffix selects the format, such as .png or .jpg. Missing folders are
            created.
        overwrite: Replace the image file if it exists, which is refused otherwise.
        num_frames: Frames to draw, at least 1, sampled uniformly over the recording; all of them if it has
            fewer.
        width: Approximate width of the image in pixels, at least 400.

    Raises:
        InputError: the scene does not exist or is unusable, or the image cannot be written or already exists.
    """
    _check_options(out, overwrite, num_frames, width)
    # The grid of frames, each 4:3, takes two thirds of the width.
    side = width * 2 // 3 // math.ceil(math.sqrt(num_frames)) // 4
    if side < 1:
        raise InputError(
            f"num_frames={num_frames} do not fit in width={width} pixels; draw fewer or raise width"
        )
    scene = read_one(scenes, id)
    video = scene.footage.load(scene, FrameBudget(num_frames, 3 * side, 4 * side, token=4))
    replaces = out.exists()
    _write(contact_sheet(scene, video, width), out)
    for label, category in scene.unified.items():
        print(f"{label} is called {category}")
    what = f"scene {scene.id}, {len(scene.objects)} objects, {len(video.frames)} frames"
    print(f"{out}{' (replaced)' if replaces else ''}: {what}")


def _check_options(out: Path, overwrite: bool, num_frames: int, width: int) -> None:
    if num_frames < 1:
        raise InputError(f"num_frames={num_frames} must be at least 1")
    if width < 400:
        raise InputError(f"width={width} must be at least 400 pixels")
    if not overwrite and os.path.lexists(out):
        raise InputError(f"{out} already exists; choose another --out, or add --overwrite to replace it")


def _write(image: Image.Image, out: Path) -> None:
    """Writes an image in the format that the file's suffix names, whole or not at all."""
    buffer = io.BytesIO()
    try:
        image.save(buffer, Image.registered_extensions()[out.suffix.lower()])
        write_atomic(out, buffer.getbuffer())
    except (KeyError, OSError, ValueError) as error:
        problem = f"unknown file extension: {out.suffix}" if isinstance(error, KeyError) else error
        raise InputError(f"{out}: cannot be written as an image ({problem}); choose another --out") from None
