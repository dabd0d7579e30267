import numpy as np

from lightning_ouro.bootstrap.cells import CATEGORIES, by_token, places
from lightning_ouro.scenes.synthetic.procedural import procedural_scene
from lightning_ouro.scenes.synthetic.walks import rendered_walk
from lightning_ouro.solver.patches import PatchSpec, frames_to_patches

from .conftest import PLAN, SMALL


def test_pixels_are_grouped_into_the_tokens_of_the_model():
    rendering, _ = rendered_walk(procedural_scene(PLAN.first), SMALL)
    tokens = by_token(rendering.rgb[..., 0], SMALL) / 127.5 - 1
    patches = frames_to_patches(rendering.rgb, PatchSpec()).reshape(len(tokens), 4, 3, 2, 16, 16)[:, :, 0]
    np.testing.assert_allclose(np.sort(tokens), np.sort(patches.reshape(len(tokens), -1).numpy()), atol=1e-6)


def test_categories_in_cells_are_those_of_the_room(four_lessons):
    for number, lesson in enumerate(four_lessons, PLAN.first):
        cells = lesson.cells
        shown = {CATEGORIES[index] for index in np.flatnonzero(cells.categories.any(axis=0))}
        assert shown and shown <= set(procedural_scene(number).counts)
        assert np.isfinite(cells.depth).all() and len(cells.depth) == len(cells.categories)


def test_places_contain_the_cameras_relative_to_the_first():
    rendering, views = rendered_walk(procedural_scene(PLAN.first), SMALL)
    by_frame = places(rendering, views, SMALL).reshape(2, -1, 2, 9)
    for pair, half in np.ndindex(2, 2):
        expected = np.linalg.inv(views.poses[0]) @ views.poses[2 * pair + half]
        position, direction = by_frame[pair, :, half, 0:6:2], by_frame[pair, :, half, 1:6:2]
        np.testing.assert_allclose(position, np.tile(expected[:3, 3], (6, 1)), atol=1e-5)
        np.testing.assert_allclose(direction, np.tile(expected[:3, 2], (6, 1)), atol=1e-5)


def test_places_contain_positions_near_the_centers_of_the_objects_shown():
    """Checked for tokens that show almost nothing but one object, by the renderer's ids."""
    scene = procedural_scene(PLAN.first)
    rendering, views = rendered_walk(scene, SMALL)
    by_frame = places(rendering, views, SMALL).reshape(2, -1, 2, 9)
    ids = by_token(rendering.ids, SMALL).reshape(2, 6, 2, -1)
    to_first = np.linalg.inv(views.poses[0])
    num_checked = 0
    for pair, token, half in np.ndindex(2, 6, 2):
        values, counts = np.unique(ids[pair, token, half], return_counts=True)
        index = int(values[counts.argmax()])
        if index >= 0 and counts.max() > 0.9 * counts.sum():
            item = scene.objects[index]
            center = to_first[:3, :3] @ item.center + to_first[:3, 3]
            distance = np.linalg.norm(by_frame[pair, token, half, 6:] - center)
            assert distance <= 0.5 * np.linalg.norm(item.size) + 0.05
            num_checked += 1
    assert num_checked > 0
