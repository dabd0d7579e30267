"""How tests read what `write_arkitscenes` wrote."""

import numpy as np

from lightning_ouro.scenes.readers.arkitscenes.reader import ARKitScenesReader
from lightning_ouro.scenes.types import FrameBudget
from tests.scenes.readers.film import film
from tests.scenes.readers.write_arkitscenes import (
    VIDEO,
    write_3dod,
    write_mesh,
)

READER = ARKitScenesReader()
KITCHEN = 29  # has an oven, which is not kept, a washer, a trash bin, tables and stools
LOWRES, VGA = (192, 256), (480, 640)


def open_scene(path):
    (found,) = READER.find(path)
    scene = READER.read(found)
    return scene, scene.footage.open(scene)


def load(path, size=LOWRES, frames=6):
    (found,) = READER.find(path)
    scene = READER.read(found)
    return scene, scene.footage.load(scene, FrameBudget(frames, *size))


def kept(scene):
    return [thing for thing in scene.objects if thing.category not in ("oven", "cabinet", "sink", "shelf")]


def tiny(root, video=VIDEO, frames=3, names=None, small_mesh=True):
    """One small video of `3dod`."""
    made = film(KITCHEN, frames, 48, 64)
    folder = write_3dod(root, made, video=video, **({} if names is None else {"names": names}))
    if small_mesh:
        x, y = np.meshgrid(np.arange(0, 2, 0.05), np.arange(0, 3, 0.05))
        write_mesh(folder / f"{video}_3dod_mesh.ply", np.stack([x.ravel(), y.ravel(), 0 * x.ravel()], axis=1))
    return folder


def frames_of(folder):
    return folder / f"{VIDEO}_frames"


def annotation_of(folder):
    return folder / f"{VIDEO}_3dod_annotation.json"


def rename(folder, kind, place, seconds):
    """Moves the time in a file's name; `place` is by time."""
    path = sorted((frames_of(folder) / kind).iterdir())[place]
    time = float(path.stem.split("_")[1]) + seconds
    path.rename(path.with_name(f"{VIDEO}_{time:.3f}{path.suffix}"))
