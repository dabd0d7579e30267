"""Masks, against the hull of the box's part in front of the camera, and against what the renderer draws."""

from itertools import combinations

import numpy as np
import pytest
import shapely
from scipy.spatial.transform import Rotation

from lightning_ouro.scenes.footage.masking import GREY, masked
from lightning_ouro.scenes.footage.recorded_footage import RecordedFootage
from lightning_ouro.scenes.synthetic.procedural import procedural_scenes
from lightning_ouro.scenes.synthetic.walks import RenderedFootage, rendered_walk
from lightning_ouro.scenes.types import FrameBudget, Scene, SceneObject, Video, Views

HEIGHT, WIDTH = 48, 64
PINHOLE = np.array([[40.0, 0.0, 31.0], [0.0, 42.0, 25.0], [0.0, 0.0, 1.0]])
NEAR = 1e-6  # metres, of the plane that the hull's corners are cut off at


def box(center, size, rotation=None, index=0):
    axes = np.eye(3) if rotation is None else rotation
    return SceneObject(index, "chair", np.array(center, float), np.array(size, float), axes)


def scene_of(*boxes):
    return Scene("s", "test", tuple(boxes), {}, frozenset(), 9.0, None, RenderedFootage())


def film(poses, num_objects):
    """Noise, without a grey pixel, from these poses."""
    shape = (len(poses), HEIGHT, WIDTH, 3)
    frames = np.random.default_rng(0).integers(0, 100, shape, dtype=np.uint8)
    intrinsics = np.tile(PINHOLE, (len(poses), 1, 1))
    visibility = np.full((len(poses), num_objects), 0.1, np.float32)
    return Video(frames, Views(np.arange(len(poses)), intrinsics, np.array(poses), visibility))


def pose(rotation, position=(0, 0, 0)):
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = rotation, position
    return matrix


def hull(item, camera):
    """The outline of a box's part in front of the camera: its corners, and its edges' points on the near plane."""
    corners = (item.corners() - camera[:3, 3]) @ camera[:3, :3]
    signs = (item.corners() - item.center) @ item.rotation > 0
    points = [corner for corner in corners if corner[2] >= NEAR]
    for a, b in combinations(range(8), 2):
        if (signs[a] != signs[b]).sum() == 1 and (corners[a, 2] - NEAR) * (corners[b, 2] - NEAR) < 0:
            share = (NEAR - corners[a, 2]) / (corners[b, 2] - corners[a, 2])
            points.append(corners[a] + share * (corners[b] - corners[a]))
    projected = [(PINHOLE @ point)[:2] / point[2] for point in points]
    return shapely.MultiPoint(projected).convex_hull


def grey(video):
    return (video.frames == GREY).all(-1)


def assert_is_hull(mask, outline):
    rows, columns = np.indices((HEIGHT, WIDTH))
    centres = shapely.points(columns + 0.5, rows + 0.5)
    clear = shapely.distance(outline.boundary, centres) > 1e-3
    np.testing.assert_array_equal(mask[clear], shapely.contains(outline, centres)[clear])


def test_the_mask_is_the_boxs_convex_hull_wherever_the_camera_stands():
    rng = np.random.default_rng(1)
    crossing = partly = 0
    for turn in Rotation.random(150, random_state=2).as_matrix():
        item = box(
            rng.uniform(-2, 2, 3), rng.uniform(0.2, 2, 3), Rotation.random(random_state=rng).as_matrix()
        )
        if (np.abs((np.zeros(3) - item.center) @ item.rotation) < item.size / 2 + 0.01).all():
            continue  # the camera is inside: see below
        camera = pose(turn)
        depths = (item.corners() @ turn)[:, 2]
        mask = grey(masked(scene_of(item), film([camera], 1), [0]))[0]
        if depths.max() <= 0:
            assert not mask.any()
            continue
        assert_is_hull(mask, hull(item, camera))
        crossing += depths.min() < 0 and mask.any()
        partly += 0 < mask.mean() < 1
    assert crossing >= 10 and partly >= 20


def test_all_is_masked_from_within_a_box_and_nothing_behind_the_camera():
    around, behind = box((0, 0, 0.1), (1, 1, 1)), box((0, 0, -2), (1, 1, 1), index=1)
    video = film([pose(np.eye(3))], 2)
    assert grey(masked(scene_of(around, behind), video, [0])).all()
    assert not grey(masked(scene_of(around, behind), video, [1])).any()


def test_every_frame_and_every_object_is_masked_and_the_rest_is_left_alone():
    boxes = [
        box((0, 0, 3), (1, 1, 1)),
        box((1, 0, 3), (0.4, 1, 1), index=1),
        box((-1, 0, 3), (0.4, 1, 1), index=2),
    ]
    cameras = [pose(np.eye(3)), pose(np.eye(3), (0.3, 0.2, -0.5))]
    video = film(cameras, 3)
    before = video.frames.copy()
    covered = masked(scene_of(*boxes), video, {0, 2})
    for frame, camera in enumerate(cameras):
        assert_is_hull(grey(covered)[frame], shapely.union(hull(boxes[0], camera), hull(boxes[2], camera)))
    np.testing.assert_array_equal(covered.frames[~grey(covered)], before[~grey(covered)])
    np.testing.assert_array_equal(video.frames, before)
    assert covered.views.visibility.tolist() == pytest.approx(np.tile([0, 0.1, 0], (2, 1)))


def test_no_pixel_of_a_recording_shows_what_is_masked():
    """Walks drawn by the renderer stand for recordings: it knows what each pixel shows."""
    budget = FrameBudget(6, 96, 128)
    for scene in procedural_scenes(20, 4):
        rendering, views = rendered_walk(scene, budget)
        category = max(scene.counts, key=lambda name: scene.counts[name])
        dropped = [item.id for item in scene.objects if item.category == category]
        footage = RecordedFootage(lambda scene: pytest.fail("masking opens no file"))
        covered = footage.without(scene, Video(rendering.rgb, views), dropped)
        shown = np.isin(rendering.ids, dropped)
        assert shown.any() and (covered.frames[shown] == GREY).all()
        assert (covered.views.visibility[:, dropped] == 0).all()
        assert not grey(covered).all()
