import hashlib
import subprocess
import sys
import time
from itertools import combinations

import numpy as np
import pytest

from lightning_ouro.scenes.room_kinds import absent_categories
from lightning_ouro.scenes.synthetic.furniture import FURNITURE
from lightning_ouro.scenes.synthetic.procedural import procedural_scene, procedural_scenes

SCENES = procedural_scenes(0, 100)


def digest(scene):
    parts = [scene.id, repr(scene.counts), repr(scene.floor_area), scene.floor.tobytes()]
    for item in scene.objects:
        parts += [item.category, item.center.tobytes(), item.size.tobytes(), item.rotation.tobytes()]
    content = b"".join(part if isinstance(part, bytes) else part.encode() for part in parts)
    return hashlib.sha256(content).hexdigest()


def separation(a, b):
    """The largest gap between two boxes over the 15 separating axes, metres; negative if they overlap."""
    edges = [*a.rotation.T, *b.rotation.T]
    crosses = [np.cross(u, v) for u in a.rotation.T for v in b.rotation.T]
    axes = edges + [axis / np.linalg.norm(axis) for axis in crosses if np.linalg.norm(axis) > 1e-6]
    spans = [(a.corners() @ axis, b.corners() @ axis) for axis in axes]
    return max(max(v.min() - u.max(), u.min() - v.max()) for u, v in spans)


def stands_on(top, under):
    level = abs(top.corners()[:, 2].min() - under.corners()[:, 2].max()) < 1e-9
    return level and under.category in FURNITURE[top.category].supports


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.id)
def test_boxes_do_not_overlap_and_only_stacked_ones_touch(scene):
    for a, b in combinations(scene.objects, 2):
        gap = separation(a, b)
        assert gap > -1e-9, (a.category, b.category)
        assert gap >= 0.02 - 1e-9 or stands_on(a, b) or stands_on(b, a), (a.category, b.category)


def test_everything_is_inside_the_room_and_above_the_floor():
    for scene in SCENES:
        corners = np.concatenate([item.corners() for item in scene.objects])
        assert (corners.min(axis=0) >= -1e-9).all()
        assert (corners[:, :2].max(axis=0) <= scene.floor.max(axis=0) + 1e-9).all()
        assert corners[:, 2].max() < 2.45


def test_objects_that_are_neither_hung_nor_stacked_stand_on_the_floor():
    for scene in SCENES:
        for item in scene.objects:
            bottom = item.corners()[:, 2].min()
            if item.category == "door" or FURNITURE[item.category].place in ("wall", "floor"):
                assert abs(bottom) < 1e-9


def test_every_stacked_object_has_a_support_under_it():
    for scene in SCENES:
        for item in scene.objects:
            if FURNITURE[item.category].place == "surface":
                assert any(stands_on(item, support) for support in scene.objects)


def test_hung_objects_are_at_a_wall():
    for scene in SCENES:
        for item in scene.objects:
            if FURNITURE[item.category].place == "hung":
                corners = item.corners()[:, :2]
                assert min(corners.min(), (scene.floor.max(axis=0) - corners).min()) < 0.05


def test_sizes_are_within_the_ranges_of_their_category():
    for scene in SCENES:
        for item in scene.objects:
            furniture = FURNITURE[item.category]
            ranges = (furniture.width, furniture.depth, furniture.height)
            assert all(low <= extent <= high for extent, (low, high) in zip(item.size, ranges, strict=True))


def test_the_floor_area_is_the_area_of_the_polygon():
    for scene in SCENES:
        x, y = scene.floor.T
        shoelace = (x * np.roll(y, -1) - y * np.roll(x, -1)).sum() / 2
        assert scene.floor.shape == (4, 2)
        assert scene.floor_area == pytest.approx(shoelace, rel=1e-12)
        assert 8 <= scene.floor_area <= 45


def test_counts_are_exact_and_every_category_is_complete():
    for scene in SCENES:
        categories = [item.category for item in scene.objects]
        absent = {category for category, count in scene.counts.items() if count == 0}
        assert scene.counts == {category: categories.count(category) for category in {*categories, *absent}}
        assert scene.complete == {*categories, *absent} and absent == absent_categories(
            FURNITURE.keys(), categories
        )
        assert [item.id for item in scene.objects] == list(range(len(categories)))
        assert all(count <= FURNITURE[category].most for category, count in scene.counts.items())


def test_rooms_have_6_to_16_objects_and_most_have_4_unique_categories():
    assert all(6 <= len(scene.objects) <= 16 for scene in SCENES)
    unique = [sum(count == 1 for count in scene.counts.values()) for scene in SCENES]
    repeated = [max(scene.counts.values()) > 1 for scene in SCENES]
    assert np.mean(np.array(unique) >= 4) >= 0.75
    assert np.mean(repeated) >= 0.75


def test_all_categories_occur():
    scenes = procedural_scenes(0, 400)
    assert {category for scene in scenes for category in scene.counts} == set(FURNITURE)


def test_free_angles_occur_but_most_boxes_are_parallel_to_the_walls():
    rotations = [item.rotation for scene in SCENES for item in scene.objects]
    turned = [abs(rotation[0, 0] * rotation[1, 0]) > 1e-6 for rotation in rotations]
    assert 0.02 < np.mean(turned) < 0.5


def test_a_room_is_bit_identical_in_any_order_and_process():
    program = (
        "import hashlib; from lightning_ouro.scenes.synthetic.procedural import procedural_scene as make\n"
        "print([[hashlib.sha256(t.center.tobytes() + t.rotation.tobytes()).hexdigest() for t in make(i).objects]"
        " for i in (7, 3)])"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    here = [
        [hashlib.sha256(t.center.tobytes() + t.rotation.tobytes()).hexdigest() for t in SCENES[index].objects]
        for index in (7, 3)
    ]
    assert ran.stdout.strip() == str(here)
    assert [digest(scene) for scene in procedural_scenes(5, 3)] == [digest(scene) for scene in SCENES[5:8]]


def test_different_indices_give_different_rooms():
    assert len({digest(scene) for scene in SCENES}) == len(SCENES)


def test_ids_contain_the_index():
    assert procedural_scene(2_000_000).id == "procedural-2000000"
    assert SCENES[3].id == "procedural-000003" and SCENES[3].source == "procedural"


def test_generating_a_scene_takes_less_than_20_ms():
    start = time.process_time()
    procedural_scenes(200, 50)
    assert (time.process_time() - start) / 50 < 0.02
