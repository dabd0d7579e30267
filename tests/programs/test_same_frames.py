"""Worlds that the frames can't tell apart. What has to stay is computed here from the boxes and poses alone."""

import dataclasses
from itertools import combinations

import numpy as np
import pytest

from lightning_ouro.programs.loaded_scene import plain_data
from lightning_ouro.programs.same_frames import (
    SHAKES,
    fuller_worlds,
    moved_worlds,
    resampled_world,
    shaken_worlds,
    shown_world,
)
from lightning_ouro.programs.scene_geometry import scene_geometry
from lightning_ouro.scenes.types import CameraPath, Views


@pytest.fixture
def bend():
    """Three frames at 0, 2 and 4 s, on a path that goes 1 m aside and back between any two of them."""
    times = np.linspace(0, 4, 41)
    poses = np.tile(np.eye(4), (41, 1, 1))
    poses[:, 0, 3], poses[:, 1, 3] = times, np.abs(np.sin(times * np.pi / 2))
    path = CameraPath(times, poses)
    at = path.indices(np.array([0.0, 2.0, 4.0]))
    visibility = np.full((3, 9), 0.05, np.float32)
    return Views(
        times[at], np.tile(np.eye(3), (3, 1, 1)), poses[at], visibility, (96, 128), CameraPath(times, poses)
    )


def apart(points):
    return [float(np.linalg.norm(a - b)) for a, b in combinations(points, 2)]


def in_order(points):
    """Points sorted by their coordinates, to the millimetre."""
    return points[np.lexsort(np.round(points, 3).T)]


def test_a_moved_world_keeps_all_distances_heights_and_what_cameras_see(room, bend):
    exact = scene_geometry(room, bend)
    worlds = list(moved_worlds(exact))
    for world in worlds:
        everything = [*exact.centers, *exact.corners.reshape(-1, 3), *bend.path.poses[:, :3, 3]]
        moved = [*world.centers, *world.corners.reshape(-1, 3), *world.views.path.poses[:, :3, 3]]
        assert sorted(apart(moved)) == pytest.approx(sorted(apart(everything)))
        heights = (np.sort(np.ptp(corners[..., 2], axis=1)) for corners in (world.corners, exact.corners))
        assert next(heights) == pytest.approx(next(heights))
        for frame, pose in enumerate(world.views.poses):
            seen = (world.centers - pose[:3, 3]) @ pose[:3, :3]
            before = (exact.centers - bend.poses[frame, :3, 3]) @ bend.poses[frame, :3, :3]
            assert in_order(seen) == pytest.approx(in_order(before), abs=1e-9)
    sides = [world.centers[:, 0] < world.centers[1, 0] for world in worlds]
    assert (sides[0] != (exact.centers[:, 0] < exact.centers[1, 0]))[[2, 3, 4]].all()


def test_no_place_in_a_list_and_no_axis_is_the_same_in_all_moved_worlds(make_scene, bend):
    chairs = [("chair", (x, 0, 0.5), (0.3, 0.4, 1 + x / 10)) for x in range(4)]
    visibility = np.tile(np.arange(5, dtype=np.float32) / 50, (3, 1))
    scene = make_scene([*chairs, ("tv", (9, 9, 1), (1.0, 0.2, 0.6))])
    worlds = list(moved_worlds(scene_geometry(scene, dataclasses.replace(bend, visibility=visibility))))
    for place in range(4):
        heights = [round(float(np.ptp(world.corners[place, :, 2])), 3) for world in worlds]
        assert set(heights) != {1 + place / 10}
    for world in worlds:
        assert [item.id for item in world.scene.objects] == list(range(5)) and world.count("chair") == 4
        heights = np.ptp(world.corners[:4, :, 2], axis=1)  # each has its own share of the pixels still
        assert world.views.visibility[0, :4] == pytest.approx((heights - 1) * 10 / 50)
    first_sides = {tuple(world.scene.objects[4].size) for world in worlds}
    assert first_sides == {(1.0, 0.2, 0.6), (0.2, 0.6, 1.0), (0.6, 1.0, 0.2)}


def test_a_fuller_world_has_unnamed_things_beside_what_is_there(room, bend):
    for world in fuller_worlds(scene_geometry(room, bend)):
        assert np.array_equal(world.centers[:9], [item.center for item in room.objects])
        assert len(world.centers) == 18 and world.count("chair") == 2
        assert {item.category for item in world.scene.objects[9:]}.isdisjoint(room.counts)
        assert world.seen == set(range(18))


def test_a_moved_floor_moves_with_its_objects(room, bend):
    outline = np.array([(-5.0, -4), (5, -4), (5, 5), (-5, 5)])
    exact = scene_geometry(dataclasses.replace(room, floor=outline), bend)
    for world in moved_worlds(exact):
        for corner, before in zip(world.scene.floor, outline, strict=True):
            assert np.sort(np.hypot(*(world.centers[:, :2] - corner).T)) == pytest.approx(
                np.sort(np.hypot(*(exact.centers[:, :2] - before).T))
            )


def test_heights_are_above_the_floor_wherever_the_source_has_its_origin(make_scene, bend):
    boxes = [
        ("bed", (0, 0, 0.3), (1, 1, 0.6)),
        ("sofa", (3, 0, 0.4), (1, 1, 0.8)),
        ("tv", (0, 3, 1), (1, 1, 0.6)),
    ]
    standing = [*boxes, ("chair", (3, 3, 0.45), (0.5, 0.5, 0.9))]
    raised = [(name, (x, y, z + 1.2), size) for name, (x, y, z), size in standing]
    assert scene_geometry(make_scene(standing)).ground == 0
    assert scene_geometry(make_scene(raised)).ground == pytest.approx(1.2)
    visibility = np.full((3, 4), 0.05, np.float32)
    raising = np.outer(np.eye(4)[2], np.eye(4)[3])  # a pose by 1 m
    views = dataclasses.replace(bend, visibility=visibility, poses=bend.poses + 1.5 * raising, path=None)
    up = dataclasses.replace(views, poses=views.poses + 1.2 * raising)
    low, high = (
        plain_data([scene_geometry(make_scene(boxes), seen)])
        for boxes, seen in ((standing, views), (raised, up))
    )
    for one, other in zip(low["draws"][0][0], high["draws"][0][0], strict=True):
        assert one == pytest.approx(other)
    heights = ([position[2] for _, _, position, *_ in data["shared"][2]] for data in (low, high))
    assert next(heights) == pytest.approx(next(heights))


def test_the_shown_world_has_what_frames_show_and_its_counts(room, bend):
    assert shown_world(scene_geometry(room, bend)) is None
    visibility = bend.visibility.copy()
    visibility[:, [1, 6]] = 0.0029  # the tv and one of the two chairs
    exact = scene_geometry(room, dataclasses.replace(bend, visibility=visibility))
    world = shown_world(exact)
    kept = [0, 2, 3, 4, 5, 7, 8]
    assert np.array_equal(world.centers, exact.centers[kept])
    assert [item.id for item in world.scene.objects] == list(range(7))
    assert (world.count("tv"), world.count("chair"), world.count("table")) == (0, 1, 2)


def test_shaken_cameras_are_off_by_centimetres_and_degrees(room, bend):
    level = np.eye(4)
    level[:3, :3] = [[1, 0, 0], [0, 0, 1], [0, -1, 0]]
    bend = dataclasses.replace(
        bend, poses=bend.poses @ level, path=CameraPath(bend.path.times, bend.path.poses @ level)
    )
    exact = scene_geometry(room, bend)
    worlds = list(shaken_worlds(exact))
    assert len(worlds) == SHAKES
    steps = np.stack([world.views.poses[:, :3, 3] - bend.poses[:, :3, 3] for world in worlds])
    assert 0.02 < steps.std() < 0.04
    cosines = [(world.forwards * exact.forwards).sum(axis=1) for world in worlds]
    turns = np.degrees(np.arccos(np.clip(cosines, -1, 1)))
    assert 1 < np.sqrt((turns**2).mean()) < 3
    assert all(np.array_equal(world.centers, exact.centers) for world in worlds)


def test_further_moments_lie_on_the_path_and_show_nothing(room, bend):
    world = resampled_world(scene_geometry(room, bend))
    assert set(bend.timestamps) < set(world.views.timestamps)
    new = ~np.isin(world.views.timestamps, bend.timestamps)
    assert (world.views.visibility[new] == 0).all() and (world.views.visibility[~new] == 0.05).all()
    x, y = world.views.poses[:, :2, 3].T
    assert y == pytest.approx(np.abs(np.sin(x * np.pi / 2)))
    assert y.max() == pytest.approx(1)


def test_without_a_path_moments_are_left_out(room, bend):
    still = dataclasses.replace(bend, path=None)
    assert list(resampled_world(scene_geometry(room, still)).views.timestamps) == [0, 4]
