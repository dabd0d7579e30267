import dataclasses
import math
import subprocess
import sys

import numpy as np
import pytest

from lightning_ouro.scenes.readers.meta_info import read_meta_info
from lightning_ouro.scenes.synthetic.procedural import procedural_scene, procedural_scenes
from lightning_ouro.scenes.synthetic.walks import rendered_walk
from lightning_ouro.scenes.types import FrameBudget, Scene, SceneObject

BUDGET = FrameBudget()
SMALL = FrameBudget(4, 32, 64)
SCENES = procedural_scenes(0, 40)


def load(scene, budget=BUDGET):
    return scene.footage.load(scene, budget)


@pytest.fixture(scope="module")
def small_videos():
    return [load(scene, SMALL) for scene in SCENES]


def layout(*boxes, floor_area=20.0, scene_id="layout"):
    """A scene without a floor outline, of boxes given as (centre, size)."""
    objects = tuple(
        SceneObject(index, "chair", np.array(center, dtype=float), np.array(size, dtype=float), np.eye(3))
        for index, (center, size) in enumerate(boxes)
    )
    footage = SCENES[0].footage
    return Scene(scene_id, "test", objects, {"chair": len(objects)}, frozenset(), floor_area, None, footage)


def path_extent(video):
    """Extents of the camera's path seen from above, metres."""
    return np.ptp(video.views.poses[:, :2, 3], axis=0)


@pytest.mark.parametrize("budget", [SMALL, FrameBudget(1, 32, 32), FrameBudget(32, 32, 64)])
def test_shapes_and_dtypes_follow_the_budget(budget):
    video, frames = load(SCENES[0], budget), budget.num_frames
    assert video.frames.shape == (frames, budget.height, budget.width, 3) and video.frames.dtype == np.uint8
    assert video.views.timestamps.shape == (frames,) and video.views.timestamps.dtype == np.float64
    assert video.views.intrinsics.shape == (frames, 3, 3) and video.views.poses.shape == (frames, 4, 4)
    assert video.views.visibility.shape == (frames, len(SCENES[0].objects))
    assert video.views.visibility.dtype == np.float32


def test_times_are_uniform_and_span_20_to_40_seconds(small_videos):
    for times in (video.views.timestamps for video in small_videos):
        np.testing.assert_allclose(np.diff(times), times[-1] / (len(times) - 1))
        assert times[0] == 0 and 20 <= times[-1] <= 40


def test_more_frames_sample_the_same_walk():
    few, many = load(SCENES[1], FrameBudget(4, 32, 64)), load(SCENES[1], FrameBudget(7, 32, 64))
    np.testing.assert_allclose(many.views.poses[::2], few.views.poses, atol=1e-12)
    np.testing.assert_allclose(many.views.timestamps[::2], few.views.timestamps)


def test_the_path_is_the_walk_ten_times_a_second():
    few, many = load(SCENES[1], FrameBudget(5, 32, 64)).views, load(SCENES[1], FrameBudget(257, 32, 32)).views
    for views in (few, many):
        assert 0.05 < np.diff(views.path.times).max() <= 0.1 + 1e-9
        at_frames = np.searchsorted(views.path.times, views.timestamps)
        np.testing.assert_array_equal(views.path.times[at_frames], views.timestamps)
        np.testing.assert_array_equal(views.path.poses[at_frames], views.poses)
    for axis in range(3):
        between = np.interp(few.path.times, many.timestamps, many.poses[:, axis, 3])
        np.testing.assert_allclose(few.path.poses[:, axis, 3], between, atol=0.02)


def test_cameras_are_level_look_down_and_are_inside_the_room(small_videos):
    for scene, video in zip(SCENES, small_videos, strict=True):
        rotation, position = video.views.poses[:, :3, :3], video.views.poses[:, :3, 3]
        identity = np.tile(np.eye(3), (4, 1, 1))
        np.testing.assert_allclose(rotation @ rotation.transpose(0, 2, 1), identity, atol=1e-12)
        np.testing.assert_allclose(np.linalg.det(rotation), 1)
        np.testing.assert_allclose(rotation[:, 2, 0], 0, atol=1e-12)
        assert (rotation[:, 2, 2] < -0.05).all() and (rotation[:, 2, 1] < 0).all()
        assert (position[:, :2] > 0.2).all() and (position[:, :2] < scene.floor.max(axis=0) - 0.2).all()
        assert (position[:, 2] > 1.5).all() and (position[:, 2] < 2.31).all()


def test_cameras_look_inwards(small_videos):
    for scene, video in zip(SCENES, small_videos, strict=True):
        inwards = scene.floor.mean(axis=0) - video.views.poses[:, :2, 3]
        assert ((inwards * video.views.poses[:, :2, 2]).sum(axis=1) > 0).all()


def test_the_field_of_view_is_80_to_90_degrees(small_videos):
    for matrix in (video.views.intrinsics[0] for video in small_videos):
        assert 80 <= 2 * math.degrees(math.atan(SMALL.width / 2 / matrix[0, 0])) <= 90
        assert matrix[0, 0] == matrix[1, 1] and (matrix[0, 2], matrix[1, 2]) == (32, 16)


def test_different_scenes_have_different_walks(small_videos):
    poses = [video.views.poses for video in small_videos]
    offsets = [(pose[:, :2, 3] - scene.floor.mean(axis=0)) for scene, pose in zip(SCENES, poses, strict=True)]
    starts = np.array([math.atan2(*offset[0]) for offset in offsets])
    turns = np.array([np.sign(first[0] * second[1] - first[1] * second[0]) for first, second, *_ in offsets])
    assert np.count_nonzero(np.histogram(starts, 8, (-math.pi, math.pi))[0]) >= 6
    assert 0.2 < (turns > 0).mean() < 0.8
    assert np.ptp([pose[0, 2, 3] for pose in poses]) > 0.3


def test_footage_is_bit_identical_in_another_process():
    program = (
        "import hashlib; from lightning_ouro.scenes.synthetic.procedural import procedural_scene as make\n"
        "from lightning_ouro.scenes.types import FrameBudget\n"
        "s = make(5); v = s.footage.load(s, FrameBudget(4, 32, 64))\n"
        "print(hashlib.sha256(v.frames.tobytes() + v.views.poses.tobytes() + v.views.visibility.tobytes()).hexdigest())"
    )
    command = [sys.executable, "-c", program]
    runs = [subprocess.run(command, capture_output=True, text=True, check=True) for _ in range(2)]
    assert runs[0].stdout == runs[1].stdout != ""
    first, second = load(SCENES[5], SMALL), load(procedural_scene(5), SMALL)
    np.testing.assert_array_equal(first.frames, second.frames)
    np.testing.assert_array_equal(first.views.poses, second.views.poses)


def test_visibilities_are_shares_that_sum_to_at_most_one():
    for scene in SCENES[:10]:
        visibility = load(scene).views.visibility
        assert (visibility >= 0).all() and (visibility.sum(axis=1) <= 1 + 1e-6).all()
        pixels = visibility * BUDGET.height * BUDGET.width
        np.testing.assert_allclose(pixels, pixels.round(), atol=1e-2)


def test_visible_objects_project_into_the_frame_and_none_is_behind():
    for scene in SCENES[:10]:
        video = load(scene)
        corners = np.stack([item.corners() for item in scene.objects])  # (n, 8, 3)
        views = (video.views.poses, video.views.intrinsics, video.views.visibility)
        for pose, matrix, shares in zip(*views, strict=True):
            in_camera = (corners - pose[:3, 3]) @ pose[:3, :3]
            partly_in_front = in_camera[..., 2].max(axis=1) > 0
            assert (shares[~partly_in_front] == 0).all()
            in_front = in_camera[..., 2].min(axis=1) > 0.1
            points = (in_camera @ matrix.T)[..., :2] / np.maximum(in_camera[..., 2:], 0.1)
            low, high = points.min(axis=1).clip(0, [128, 96]), points.max(axis=1).clip(0, [128, 96])
            bound = ((high - low).prod(axis=1) + (high - low).sum(axis=1) + 1) / (128 * 96)
            assert (shares[in_front] <= bound[in_front] + 1e-6).all()


def test_85_percent_of_procedural_objects_are_visible():
    visible = np.concatenate([(load(scene).views.visibility >= 0.003).any(axis=0) for scene in SCENES])
    assert visible.mean() >= 0.85


def test_80_percent_of_the_objects_of_real_layouts_are_visible(shared_data):
    for file in sorted((shared_data / "scenes" / "vsi_bench_meta").glob("*.json")):
        scenes = read_meta_info(file)[0][::3]
        visible = [(load(scene).views.visibility >= 0.003).any(axis=0) for scene in scenes]
        assert np.concatenate(visible).mean() >= 0.8, file.name


def test_a_layouts_walk_stays_within_its_floor_area():
    for area in (6.0, 20.0, 60.0):
        scene = layout(([0, 0, 0.5], [1, 1, 1]), ([3, 2, 0.5], [1, 1, 1]), floor_area=area)
        assert path_extent(load(scene, FrameBudget(60, 32, 32))).prod() < area
    single = load(layout(([0, 0, 1.0], [1.5, 0.05, 0.8]), floor_area=20.0), FrameBudget(60, 32, 32))
    assert (single.views.visibility > 0).any()
    assert path_extent(single).min() > 1.0


def test_the_walk_turns_with_the_layout():
    upright = layout(([0, 0, 0.5], [1, 1, 1]), ([4, 2, 0.5], [1, 2, 1]), ([1, 3, 0.3], [0.5, 0.4, 0.6]))
    turn = np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1.0]])
    objects = tuple(
        dataclasses.replace(item, center=turn @ item.center, rotation=turn @ item.rotation)
        for item in upright.objects
    )
    turned = dataclasses.replace(upright, objects=objects)
    extents = np.array([5.0, 3.7])  # of the upright layout, from (-0.5, -0.5) to (4.5, 3.2)
    half = extents / 2 * math.sqrt(20.0 / extents.prod())
    path = load(turned, FrameBudget(60, 32, 32)).views.poses[:, :3, 3] @ turn
    assert (np.abs(path[:, :2] - [2.0, 1.35]) < half - 0.25).all()


def test_objects_outside_the_walls_are_visible():
    video = load(layout(([0, 0, 0.5], [1, 1, 1]), ([6, 5, 0.5], [1, 1, 1]), floor_area=5.0))
    assert np.isfinite(video.views.poses).all() and (video.views.visibility.max(axis=0) > 0).all()


def test_tiny_and_tall_rooms_can_be_walked():
    assert np.isfinite(load(layout(([0, 0, 0.5], [1, 1, 1]), floor_area=0.3), SMALL).views.poses).all()
    assert np.isfinite(load(layout(([0, 0, 4.0], [1, 1, 8.0])), SMALL).views.poses).all()


def test_the_same_walk_without_some_objects_is_that_of_a_room_without_them():
    for scene in SCENES[:6]:
        full = load(scene)
        dropped = {item.id for item in scene.objects if item.category == scene.objects[0].category}
        without = scene.footage.without(scene, full, dropped)
        rendering, _ = rendered_walk(scene, BUDGET)
        differs = (without.frames != full.frames).any(-1)
        assert not differs[~np.isin(rendering.ids, list(dropped))].any()
        kept = [item.id for item in scene.objects if item.id not in dropped]
        assert (without.views.visibility[:, list(dropped)] == 0).all()
        assert (without.views.visibility[:, kept] >= full.views.visibility[:, kept]).all()
        for name in ("timestamps", "poses", "intrinsics"):
            np.testing.assert_array_equal(getattr(without.views, name), getattr(full.views, name))
        assert without.views.size == full.views.size and without.views.path is full.views.path


def test_what_a_dropped_object_hid_is_shown_by_its_own_colours():
    """One box before another: without the front one, the picture is that of the room with the back one alone."""
    front, back = ([0, 0, 0.9], [1.2, 1.2, 1.8]), ([0, 0.9, 0.4], [0.5, 0.5, 0.8])
    both = layout(front, back)
    alone = dataclasses.replace(both, objects=(dataclasses.replace(both.objects[1], category="sofa"),))
    both = dataclasses.replace(both, objects=(both.objects[0], *alone.objects))
    full = load(both)
    without = both.footage.without(both, full, {0})
    assert without.views.visibility[:, 1].sum() > full.views.visibility[:, 1].sum()
    empty = both.footage.without(both, full, {0, 1})
    assert (empty.views.visibility == 0).all()
    shows_sofa = (without.frames != empty.frames).any(-1)
    np.testing.assert_allclose(shows_sofa.mean((1, 2)), without.views.visibility[:, 1], atol=0.004)
