"""Reads what `write_scannet` wrote, as a user's run does."""

from lightning_ouro.scenes.readers.scannet.reader import ScanNetReader
from lightning_ouro.scenes.types import FrameBudget

FULL_SIZE = FrameBudget(6, 240, 320, token=16)


def scene_of(root, **options):
    reader = ScanNetReader(**options)
    (location,) = reader.find(root)
    return reader.read(location)


def video_of(root, frames=FULL_SIZE):
    scene = scene_of(root)
    return scene.footage.load(scene, frames)
