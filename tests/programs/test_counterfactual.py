import numpy as np

from lightning_ouro.programs.counterfactual import WORLDS, other_worlds
from lightning_ouro.programs.scene_geometry import scene_geometry


def test_every_category_stays_and_single_objects_stay_single(room):
    exact = scene_geometry(room)
    worlds = list(other_worlds(exact))
    assert len(worlds) == WORLDS
    for world in worlds:
        assert world.categories() == exact.categories()
        assert set(exact.unique_categories()) <= set(world.unique_categories())
        assert all(world.count(name) == len(world.indices(name)) for name in world.categories())


def test_every_second_world_has_all_objects(room):
    worlds = list(other_worlds(scene_geometry(room)))
    assert all(len(world.centers) == len(room.objects) for world in worlds[1::2])
    assert any(len(world.centers) < len(room.objects) for world in worlds[::2])


def test_places_sizes_floor_and_numbers_change(room):
    exact = scene_geometry(room)
    worlds = list(other_worlds(exact))
    for world in worlds:
        assert world.floor_area != exact.floor_area
        assert not {tuple(size) for size in world.sizes} & {tuple(size) for size in exact.sizes}
        assert {tuple(center) for center in world.centers} <= {tuple(center) for center in exact.centers}
    assert {world.count("chair") for world in worlds} == {1, 2}
    sofas = [tuple(world.centers[world.indices("sofa")[0]]) for world in worlds]
    assert len(set(sofas)) > len(exact.centers) // 2


def test_a_camera_that_filmed_was_elsewhere_and_saw_the_boxes_where_they_are(room, walk):
    exact = scene_geometry(room, walk)
    columns = zip(exact.centers, walk.visibility.T, strict=True)
    seen = {tuple(center): sorted(column) for center, column in columns}
    moved = 0
    for world in other_worlds(exact):
        moved += not np.array_equal(world.views.poses, exact.views.poses)
        for center, column in zip(world.centers, world.views.visibility.T, strict=True):
            assert sorted(column) == seen[tuple(center)]
    assert moved > WORLDS // 2


def test_the_same_scene_has_the_same_worlds(room):
    first, again = (list(other_worlds(scene_geometry(room))) for _ in range(2))
    assert all(np.array_equal(one.sizes, other.sizes) for one, other in zip(first, again, strict=True))
