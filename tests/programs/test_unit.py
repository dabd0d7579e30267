"""A scene's unit, told from what has the same size everywhere and from who holds the camera."""

import dataclasses

import numpy as np
import pytest

from lightning_ouro.programs.questions import Proposal
from lightning_ouro.programs.scene_geometry import scene_geometry
from lightning_ouro.programs.unit import no_metres
from lightning_ouro.programs.verification import Verified, Verifier
from lightning_ouro.scenes.synthetic.procedural import procedural_scenes
from lightning_ouro.scenes.types import FrameBudget, Views


def held_at(height, objects):
    """Two frames that show some objects, from a camera at a height."""
    poses = np.tile(np.eye(4), (2, 1, 1))
    poses[:, 2, 3] = height
    return Views(np.arange(2.0), np.tile(np.eye(3), (2, 1, 1)), poses, np.full((2, objects), 0.1, np.float32))


def scaled(scene, views, times):
    """The scene, and its cameras, in a unit of which there are so many in a metre."""
    objects = tuple(
        dataclasses.replace(item, center=times * item.center, size=times * item.size)
        for item in scene.objects
    )
    poses = views.poses.copy()
    poses[:, :3, 3] *= times
    larger = dataclasses.replace(scene, objects=objects, floor_area=times**2 * scene.floor_area)
    return larger, dataclasses.replace(views, poses=poses, path=None)


@pytest.mark.parametrize("times", [100, 39.4, 10, 3.28, 0.3048])
def test_procedural_rooms_are_in_metres_and_in_no_other_unit(times):
    for scene in procedural_scenes(670_000, 10):
        views = scene.footage.load(scene, FrameBudget(num_frames=2)).views
        assert no_metres(scene_geometry(scene, views)) is None
        assert "is the unit the metre?" in no_metres(scene_geometry(*scaled(scene, views, times)))


def test_official_layouts_are_in_metres(official_scenes):
    assert [scene.id for scene in official_scenes.values() if no_metres(scene_geometry(scene))] == []


@pytest.mark.parametrize(("height", "is_known"), [(1.5, True), (2.9, True), (3.1, False), (15, False)])
def test_nobody_holds_a_camera_three_metres_above_the_floor(make_scene, height, is_known):
    scene = make_scene(
        [(name, (x, 0, 0.2), (0.4, 0.4, 0.4)) for x, name in enumerate(("vase", "box", "crate"))]
    )
    problem = no_metres(scene_geometry(scene, held_at(height, 3)))
    assert problem is None if is_known else f"{height:.1f} m above the floor" in problem


@pytest.mark.parametrize(
    ("name", "length", "is_known"),
    [("bed", 2.0, True), ("bed", 4.4, False), ("bed", 1.0, False), ("rug", 9.0, True), ("chair", 0.5, True)],
)
def test_one_thing_of_a_usual_size_is_enough(make_scene, name, length, is_known):
    geometry = scene_geometry(make_scene([(name, (0, 0, 0.2), (length, 0.4, 0.4))]))
    assert (no_metres(geometry) is None) == is_known


def test_only_answers_that_are_lengths_need_a_unit(sandbox, make_scene):
    boxes = [(name, (9 * x, 4.0, 1.0), (6.0, 1.0, 2.0)) for x, name in enumerate(("bed", "bed", "bathtub"))]
    scene = make_scene(boxes, floor_area=90.0)
    views = held_at(5, 3)
    count = "def answer(scene):\n    return count(scene.count('bed'))\n"
    area = "def answer(scene):\n    return square_metres(scene.floor_area)\n"
    texts = (("object_counting", "How many bed(s) are in this room?", count),)
    texts += (
        ("room_size_estimation", "Estimate the floor area of the space in the video in square meters.", area),
    )
    proposals = [Proposal(scene.id, *rest, "test", 0, slot) for slot, rest in enumerate(texts)]
    counted, measured = Verifier(sandbox).verify(scene, views, proposals)
    assert isinstance(counted, Verified), counted
    assert (
        measured.reason == "rules"
        and measured.detail == "bathtub, bed of 2.8 times the usual size: is the unit the metre?"
    )
