"""Where points lie in pictures and what hides them, compared with the renderer's map of objects."""

import numpy as np
import pytest
from scipy.optimize import lsq_linear

from lightning_ouro.programs.scene_geometry import scene_geometry
from lightning_ouro.scenes.synthetic.procedural import procedural_scene
from lightning_ouro.scenes.synthetic.walks import rendered_walk
from lightning_ouro.scenes.types import FrameBudget

FINE = FrameBudget(num_frames=4, height=384, width=512)  # a pixel is small beside BORDER


@pytest.fixture(scope="module", params=range(660_000, 660_006))
def film(request):
    scene = procedural_scene(request.param)
    rendering, views = rendered_walk(scene, FINE)
    return scene_geometry(scene, views), rendering


def pixel_of(geometry, frame, point):
    x, y, z = np.linalg.inv(geometry.views.poses[frame])[:3] @ np.append(point, 1)
    column, row, _ = geometry.views.intrinsics[frame] @ (x / z, y / z, 1)
    return column, row, z


def test_the_nearest_points_are_those_of_least_squares(film):
    geometry, _ = film
    for frame, points in enumerate(geometry.pictures.nearest):
        eye = geometry.views.poses[frame, :3, 3]
        for obj, point in zip(geometry.scene.objects, points, strict=True):
            half = obj.size / 2
            along = lsq_linear(obj.rotation, eye - obj.center, (-half, half), tol=1e-14).x
            assert point == pytest.approx(obj.rotation @ along + obj.center, abs=1e-5)
            assert np.linalg.norm(point - eye) == pytest.approx(geometry.camera_distances[frame, obj.id])


def test_how_far_inside_is_measured_from_the_pixel_to_the_nearest_border(film):
    geometry, _ = film
    for frame, (points, inside) in enumerate(
        zip(geometry.pictures.nearest, geometry.pictures.nearest_inside, strict=True)
    ):
        for point, share in zip(points, inside, strict=True):
            column, row, depth = pixel_of(geometry, frame, point)
            borders = (column, row, 512 - column, 384 - row)
            assert share == pytest.approx(min(borders) / 384) if depth > 0 else share < -1000


def test_hidden_points_have_another_object_at_their_pixel_and_seen_ones_their_own(film):
    geometry, rendering = film
    compared = {True: 0, False: 0}
    for frame, index in np.argwhere(geometry.pictures.nearest_inside > 0.02):
        column, row, _ = pixel_of(geometry, frame, geometry.pictures.nearest[frame, index])
        around = rendering.ids[frame][int(row) - 2 : int(row) + 3, int(column) - 2 : int(column) + 3]
        hidden = bool(geometry.pictures.nearest_hidden[frame, index])
        compared[hidden] += 1
        if not hidden:
            assert (around == index).any(), (frame, index)
        else:
            assert (around != index).any(), (frame, index)
    assert compared[False] >= 5


def test_what_is_framed_lies_on_a_pixel_of_a_frame_that_shows_it(film):
    geometry, rendering = film
    for obj in geometry.scene.objects:
        shows = [frame for frame in range(4) if (rendering.ids[frame] == obj.id).mean() >= 0.003]
        pixels = [pixel_of(geometry, frame, obj.center) for frame in shows]
        framed = any(0 <= column <= 512 and 0 <= row <= 384 and depth > 0 for column, row, depth in pixels)
        assert geometry.pictures.centers_framed[obj.id] == framed


def test_without_frames_or_their_size_there_are_no_pictures(film):
    geometry, _ = film
    assert scene_geometry(geometry.scene).pictures is None
