"""A filmed room and briefs about it."""

from dataclasses import replace

import pytest

from lightning_ouro.programs.families import FAMILIES
from lightning_ouro.programs.scene_geometry import scene_geometry
from lightning_ouro.proposer.protocol import Brief
from lightning_ouro.scenes.synthetic.procedural import procedural_scene
from lightning_ouro.scenes.types import FrameBudget


@pytest.fixture(scope="session")
def filmed():
    scene = procedural_scene(5)
    return scene, scene.footage.load(scene, FrameBudget())


@pytest.fixture(scope="session")
def brief(filmed):
    scene, video = filmed
    equal = dict.fromkeys(FAMILIES, 1.0)
    return Brief(scene, video.views, 8, 0, 0, equal, {"common": 12}, {}, frozenset(), lambda: video)


@pytest.fixture(scope="session")
def geometry(brief):
    return scene_geometry(brief.scene, brief.views)


def renamed(brief, old, new):
    """The same brief with one category under another name."""
    scene = brief.scene
    objects = tuple(
        replace(item, category=new if item.category == old else item.category) for item in scene.objects
    )
    counts = {new if name == old else name: count for name, count in scene.counts.items()}
    return replace(brief, scene=replace(scene, objects=objects, counts=counts, complete=frozenset(counts)))
