"""Boxes in other conventions are told by depth, else by how furniture stands and how large it is."""

import json
from dataclasses import replace

import imageio.v3 as iio
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from lightning_ouro.errors import BadSceneError, InputError
from lightning_ouro.scenes.footage.box_conventions import check_boxes_by_depth, check_boxes_by_shape
from lightning_ouro.scenes.footage.recording import Recording, Shots
from lightning_ouro.scenes.readers.meta_info import read_meta_info
from lightning_ouro.scenes.synthetic.procedural import procedural_scene
from lightning_ouro.scenes.types import FrameBudget, SceneObject
from tests.scenes.readers.film import film
from tests.scenes.readers.write_plain_folder import read, write

BUDGET = FrameBudget(6, 96, 128)
ROOMS = (1, 3, 4, 8)


@pytest.fixture(scope="module")
def films():
    return {index: film(index, frames=6, height=60, width=80) for index in ROOMS}


def on_each(change):
    def apply(scene, frames):
        for item in scene["objects"]:
            change(item)

    return apply


def halved(item):
    item["size"] = [side / 2 for side in item["size"]]


def lowered(item):
    """The bottom's centre; the boxes of the rendered rooms are upright."""
    item["center"][2] -= item["size"][2] / 2


def in_order(*order):
    def change(item):
        item["size"] = [item["size"][axis] for axis in order]

    return change


def by_columns(item):
    item["axes"] = np.transpose(item["axes"]).tolist()


def shrunk(factor):
    """All lengths of the scene in another unit."""

    def change(scene, frames):
        for item in scene["objects"]:
            item["size"] = [factor * side for side in item["size"]]
            item["center"] = [factor * side for side in item["center"]]
        scene["floor"] = [[factor * side for side in point] for point in scene["floor"]]
        for frame in frames["frames"]:
            pose = np.array(frame["pose"])
            pose[:3, 3] *= factor
            frame["pose"] = pose.tolist()

    return change


MISTAKES = {
    "half extents": (on_each(halved), "size held half extents"),
    "bottoms": (on_each(lowered), "center were the bottom's centre"),
    "height second": (on_each(in_order(0, 2, 1)), "size were in the order"),
    "height first": (on_each(in_order(2, 0, 1)), "size were in the order"),
    "width and depth exchanged": (on_each(in_order(1, 0, 2)), "size were in the order y x z"),
}
WITHOUT_DEPTH = [name for name in MISTAKES if name != "width and depth exchanged"]  # which can't be told


def loaded(scene):
    scene.footage.load(scene, BUDGET)


@pytest.mark.parametrize("name", MISTAKES)
def test_depth_tells_the_convention_of_boxes(tmp_path, films, name):
    change, message = MISTAKES[name]
    for index in ROOMS[1:3]:
        with pytest.raises(
            InputError, match=rf"boxes and depth do not belong together: .*% would if {message}"
        ):
            loaded(read(write(tmp_path / str(index), films[index], True, change)))


@pytest.mark.parametrize("name", WITHOUT_DEPTH)
def test_furniture_tells_the_convention_of_boxes_without_depth(tmp_path, films, name):
    change, message = MISTAKES[name]
    told = 0
    for index in ROOMS:
        try:
            loaded(read(write(tmp_path / str(index), films[index], False, change)))
        except InputError as problem:
            assert "boxes do not look like those of a room: " in str(problem) and "\n" not in str(problem)
            told += message in str(problem)
    assert told >= 3


def test_a_whole_scene_of_half_the_size_is_told_by_its_furniture(tmp_path, films):
    with pytest.raises(InputError, match=r"have a usual size as given, .* or lengths were not in metres"):
        loaded(read(write(tmp_path / "room", films[3], False, shrunk(0.45))))


def turned(scene, degrees, walls=True):
    """A scene whose furniture, and walls if any, are turned about the vertical."""
    turn = Rotation.from_euler("z", degrees, True).as_matrix()
    items = tuple(
        replace(item, center=turn @ item.center, rotation=turn @ item.rotation) for item in scene.objects
    )
    floor = scene.floor @ turn[:2, :2].T if walls else None
    return replace(scene, objects=items, floor=floor)


def transposed(scene):
    return replace(scene, objects=tuple(replace(item, rotation=item.rotation.T) for item in scene.objects))


def in_line(scene):
    """The scene with furniture that stands along the walls only."""
    items = tuple(replace(item, rotation=np.eye(3)) for item in scene.objects)
    return replace(scene, objects=items)


@pytest.mark.parametrize("degrees", [15, 30, 65])
def test_axes_by_columns_are_told_by_the_walls(degrees):
    room = turned(in_line(procedural_scene(3)), degrees)
    check_boxes_by_shape(room)
    with pytest.raises(
        BadSceneError, match=r"0 of \d+ stand along the walls as given, and \d+ would if axes"
    ):
        check_boxes_by_shape(transposed(room))
    check_boxes_by_shape(transposed(turned(in_line(procedural_scene(3)), degrees, walls=False)))  # none


def test_axes_by_columns_of_boxes_whose_second_axis_is_vertical_are_told():
    lie = Rotation.from_euler("xz", [90, 40], True).as_matrix()  # the second axis points up
    items = tuple(
        replace(item, rotation=lie, size=item.size[[0, 2, 1]]) for item in procedural_scene(3).objects
    )
    room = replace(procedural_scene(3), objects=items, floor=None)
    assert all(item.rotation[2, 1] == pytest.approx(1) for item in items)
    check_boxes_by_shape(room)
    with pytest.raises(BadSceneError, match="would if axes were written by columns"):
        check_boxes_by_shape(transposed(room))


def test_right_rooms_are_left_alone():
    for index in range(60):
        check_boxes_by_shape(procedural_scene(index))


def test_three_boxes_tell_nothing():
    room = procedural_scene(3)
    check_boxes_by_shape(
        replace(room, objects=tuple(replace(one, size=one.size / 2) for one in room.objects[:3]))
    )


def test_real_layouts_are_left_alone_and_half_extents_told_in_most(shared_data):
    told, number = 0, 0
    for path in sorted((shared_data / "scenes" / "vsi_bench_meta").glob("*.json")):
        for scene in read_meta_info(path)[0]:
            check_boxes_by_shape(scene)
            if len(scene.objects) >= 4 and scene.source == "arkitscenes":
                number += 1
                half = replace(scene, objects=tuple(replace(one, size=one.size / 2) for one in scene.objects))
                try:
                    check_boxes_by_shape(half)
                except BadSceneError:
                    told += 1
    assert number > 80 and told >= 0.7 * number


class Office(Recording):
    """The depth maps of a real walk."""

    def __init__(self, folder, turn):
        names = (folder / "frame_names.txt").read_text().split()
        poses = turn @ np.loadtxt(folder / "poses.txt").reshape(-1, 4, 4)
        kept = [place for place, name in enumerate(names) if (folder / "depth" / f"{name}.png").exists()]
        self._paths = [folder / "depth" / f"{names[place]}.png" for place in kept]
        lenses = np.repeat(np.loadtxt(folder / "K.txt")[None], len(kept), axis=0)
        self.shots = Shots(np.arange(len(kept)) / 10, lenses, poses[kept], (360, 540))

    def images(self, frame_indices):
        raise AssertionError("not needed")

    def depth(self, frame_index):
        return iio.imread(self._paths[frame_index]).astype(np.float32) / 1000


def test_real_boxes_are_told_apart_from_mistaken_ones_by_depth(shared_data):
    folder = shared_data / "scenes" / "hololens_office"
    record = json.loads((folder / "boxes.json").read_text())
    items = tuple(
        SceneObject(
            place,
            box["category"],
            np.array(box["centroid"]),
            np.array(box["axesLengths"]),
            np.reshape(box["normalizedAxes"], (3, 3)).T,
        )
        for place, box in enumerate(record["objects"])
    )
    office = Office(folder, np.array(record["Z"]))
    room = replace(procedural_scene(0), objects=items)
    for number in (6, 20, len(office.shots.times)):
        frames = np.linspace(0, len(office.shots.times) - 1, number, dtype=int).tolist()
        assert check_boxes_by_depth(room, office, frames)
    frames = list(range(len(office.shots.times)))
    half = replace(room, objects=tuple(replace(one, size=one.size / 2) for one in items))
    columns = replace(room, objects=tuple(replace(one, rotation=one.rotation.T) for one in items))
    for wrong, message in ((half, "size held half extents"), (columns, "axes were written by columns")):
        with pytest.raises(BadSceneError, match=message):
            check_boxes_by_depth(wrong, office, frames)
