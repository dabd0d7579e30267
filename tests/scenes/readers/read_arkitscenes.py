"""Reads and edits the folders that `write_arkitscenes` writes."""

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
KITCHEN = 29  # has an oven, which is dropped, a washer, a trash bin, tables and stools
LOWRES, VGA = (192, 256), (480, 640)


def open_scene(path):
    (location,) = READER.find(path)
    scene = READER.read(location)
    return scene, scene.footage.open(scene)


def load(path, size=LOWRES, frames=6):
    (location,) = READER.find(path)
    scene = READER.read(location)
    return scene, scene.footage.load(scene, FrameBudget(frames, *size))


def kept(scene):
    return [item for item in scene.objects if item.category not in ("oven", "cabinet", "sink", "shelf")]


def tiny(root, video=VIDEO, frames=3, names=None, small_mesh=True):
    """One small video of `3dod`."""
    kitchen = film(KITCHEN, frames, 48, 64)
    folder = write_3dod(root, kitchen, video=video, **({} if names is None else {"names": names}))
    if small_mesh:
        x, y = np.meshgrid(np.arange(0, 2, 0.05), np.arange(0, 3, 0.05))
        write_mesh(folder / f"{video}_3dod_mesh.ply", np.stack([x.ravel(), y.ravel(), 0 * x.ravel()], axis=1))
    return folder


def frames_of(folder):
    return folder / f"{VIDEO}_frames"


def annotation_of(folder):
    return folder / f"{VIDEO}_3dod_annotation.json"


def shift_time(folder, kind, index, seconds):
    """Shifts the time in the name of a file; `index` is in order of time."""
    path = sorted((frames_of(folder) / kind).iterdir())[index]
    time = float(path.stem.split("_")[1]) + seconds
    path.rename(path.with_name(f"{VIDEO}_{time:.3f}{path.suffix}"))
