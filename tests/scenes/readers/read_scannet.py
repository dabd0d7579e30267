"""Reads what `write_scannet` laid out, the way a user's run does."""

from lightning_ouro.scenes.readers.scannet.reader import ScanNetReader
from lightning_ouro.scenes.types import FrameBudget

WHOLE = FrameBudget(6, 240, 320, token=16)


def scene_of(root, **options):
    reader = ScanNetReader(**options)
    (found,) = reader.find(root)
    return reader.read(found)


def video_of(root, frames=WHOLE):
    scene = scene_of(root)
    return scene.footage.load(scene, frames)
